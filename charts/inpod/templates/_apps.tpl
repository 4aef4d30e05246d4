{{/*
The app containers, one shape for `app` and `apps`: JSON {"apps": [...]}, in the order of their names. To Kubernetes' own fields it adds
`name`, `supervised` (the app's command runs under `kit supervise`) and a cleaned `sourcePath`.
*/}}
{{- define "inpod.apps" -}}
{{- $apps := list -}}
{{- if eq .Values.mode "sidecar" -}}
  {{- $given := dict -}}
  {{- if .Values.apps -}}
    {{- $given = .Values.apps -}}
  {{- else -}}
    {{- $given = dict .Values.app.name (omit .Values.app "name") -}}
  {{- end -}}
  {{- range $name := keys $given | sortAlpha -}}
    {{- $app := get $given $name | default dict -}}
    {{- $supervised := and (not (empty $app.command)) $.Values.restart.process -}}
    {{- $path := $app.sourcePath | default "" -}}
    {{- $clean := ternary "" (clean $path) (empty $path) -}}
    {{- $apps = append $apps (merge (dict "name" $name "supervised" $supervised "sourcePath" $clean) $app) -}}
  {{- end -}}
{{- end -}}
{{- dict "apps" $apps | toJson -}}
{{- end -}}

{{/* The app container that the source volume is filled from and whose uid the IDE takes: the first with a sourcePath; JSON, or {}. */}}
{{- define "inpod.sourceApp" -}}
{{- $found := dict -}}
{{- range (include "inpod.apps" . | fromJson).apps -}}
  {{- if and .sourcePath (empty $found) -}}{{- $found = . -}}{{- end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* Every place where the IDE mounts the source volume: the apps' own paths, and /workspace. JSON {"paths": [...]}. */}}
{{- define "inpod.sourcePaths" -}}
{{- $paths := list -}}
{{- $besideWorkspace := true -}}
{{- range (include "inpod.apps" . | fromJson).apps -}}
  {{- with .sourcePath -}}
    {{- $paths = append $paths . -}}
    {{- /* A mount inside the other would show as a folder in the source. */ -}}
    {{- if hasPrefix "/workspace/" (printf "%s/" .) -}}{{- $besideWorkspace = false -}}{{- end -}}
  {{- end -}}
{{- end -}}
{{- if $besideWorkspace -}}{{- $paths = append $paths "/workspace" -}}{{- end -}}
{{- dict "paths" (uniq $paths) | toJson -}}
{{- end -}}

{{/* The folder that the IDE opens. */}}
{{- define "inpod.folder" -}}
{{- (include "inpod.sourceApp" . | fromJson).sourcePath | default "/workspace" -}}
{{- end -}}

{{/* The first TCP port of an app, as in the container: dict "app" one of inpod.apps. JSON, or {}. */}}
{{- define "inpod.firstPort" -}}
{{- $found := dict -}}
{{- range .app.ports -}}
  {{- if and (empty $found) (eq (.protocol | default "TCP") "TCP") -}}{{- $found = . -}}{{- end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* The app that the front stands before, with `frontedPort`; JSON, or {} where there is no front. */}}
{{- define "inpod.frontedApp" -}}
{{- $found := dict -}}
{{- if .Values.front.enabled -}}
  {{- range (include "inpod.apps" . | fromJson).apps -}}
    {{- $port := include "inpod.firstPort" (dict "app" .) | fromJson -}}
    {{- if and (empty $found) $port (has $.Values.front.app (list "" .name)) -}}
      {{- $found = merge (dict "frontedPort" (int $port.containerPort)) . -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* Where the front listens: on a port of its own, or, with swap, in the place of the app. */}}
{{- define "inpod.frontPort" -}}
{{- if .Values.restart.swap.enabled -}}
{{- int (include "inpod.frontedApp" . | fromJson).frontedPort -}}
{{- else -}}
{{- int .Values.front.port -}}
{{- end -}}
{{- end -}}

{{/* Where the front sends to: the app's port, or the two that its processes take turns on. */}}
{{- define "inpod.frontTargets" -}}
{{- if .Values.restart.swap.enabled -}}
{{- range $index, $port := .Values.restart.swap.ports -}}{{- if $index -}},{{- end -}}{{- int $port -}}{{- end -}}
{{- else -}}
{{- int (include "inpod.frontedApp" . | fromJson).frontedPort -}}
{{- end -}}
{{- end -}}

{{/*
What the helper knows of the apps (INPOD_APPS): name, port (its first TCP port; null for a worker), process, container, threshold, image,
sourcePath and, where the readiness probe asks that port, readyPath; front where the front stands before it, swap where its processes take turns. Where they aren't as by default: alias (its image's tag may be changed) and
maxRestartPeriod (milliseconds).
*/}}
{{- define "inpod.appsForHelper" -}}
{{- $list := list -}}
{{- $fronted := include "inpod.frontedApp" . | fromJson -}}
{{- range $app := (include "inpod.apps" . | fromJson).apps -}}
  {{- $entry := dict "name" .name "process" .supervised "container" true "threshold" (int $.Values.restart.probe.failureThreshold) "image" .image "port" nil -}}
  {{- with .sourcePath -}}{{- $_ := set $entry "sourcePath" . -}}{{- end -}}
  {{- if $.Values.rbac.restartWithoutBackoff -}}{{- $_ := set $entry "alias" true -}}{{- end -}}
  {{- $longest := trimSuffix "s" $.Values.restart.maxContainerRestartPeriod | int -}}
  {{- if ne $longest 300 -}}{{- $_ := set $entry "maxRestartPeriod" (mul $longest 1000) -}}{{- end -}}
  {{- if eq .name (dig "name" "" $fronted) -}}{{- $_ := set $entry "front" (dict "drainMs" (mul 1000 (int $.Values.front.drainSeconds))) -}}
    {{- if $.Values.restart.swap.enabled -}}
      {{- $_ := set $entry "swap" (dict "ports" (list (int (first $.Values.restart.swap.ports)) (int (last $.Values.restart.swap.ports)))) -}}
    {{- end -}}
  {{- end -}}
  {{- $port := include "inpod.firstPort" (dict "app" .) | fromJson -}}
  {{- if $port -}}
    {{- $_ := set $entry "port" (int $port.containerPort) -}}
    {{- $get := dig "httpGet" dict (.readinessProbe | default dict) -}}
    {{- $asked := toString ($get.port | default "") -}}
    {{- if and $get (ne ($get.scheme | default "HTTP") "HTTPS") (not $get.host) (has $asked (list (toString $port.containerPort) ($port.name | default "-"))) -}}
      {{- $_ := set $entry "readyPath" (printf "/%s" (trimPrefix "/" ($get.path | default "/"))) -}}
    {{- end -}}
  {{- end -}}
  {{- $list = append $list $entry -}}
{{- end -}}
{{- $list | toJson -}}
{{- end -}}
