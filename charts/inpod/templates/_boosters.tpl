{{/*
Boot boosters of an app: what its supervisor gives the process, each unless the image or the user has set it or speaks against it. JSON
{"env": ["NAME,UNLESS=VALUE", ...], "files": true where one needs the ConfigMap}. dict "root" $ "app" one of inpod.apps.
*/}}
{{- define "inpod.boosters" -}}
{{- $on := .root.Values.restart.boosters -}}
{{- $env := list -}}
{{- $files := false -}}
{{- if .app.supervised -}}
  {{- /* Under Node's permission model our file could not be read, and the app would not start. */ -}}
  {{- $confined := regexMatch "(^| )--(experimental-)?permission( |$)" (concat .app.command (.app.args | default list) | join " ") -}}
  {{- if and $on.node (not $confined) -}}
    {{- $files = true -}}
    {{- $env = append $env "NODE_OPTIONS,NODE_COMPILE_CACHE,NODE_DISABLE_COMPILE_CACHE=--require=/inpod/boosters/node-flush.cjs" -}}
    {{- $env = append $env "NODE_COMPILE_CACHE,NODE_DISABLE_COMPILE_CACHE=/inpod/cache/node" -}}
  {{- end -}}
  {{- if $on.python -}}
    {{- /* With both, Python would neither write there nor read what the image has beside its modules. */ -}}
    {{- $env = append $env "PYTHONPYCACHEPREFIX,PYTHONDONTWRITEBYTECODE=/inpod/cache/python" -}}
  {{- end -}}
  {{- if $on.java -}}
    {{- $env = append $env "JAVA_TOOL_OPTIONS=-XX:+IgnoreUnrecognizedVMOptions -XX:+AutoCreateSharedArchive -XX:SharedArchiveFile=/inpod/cache/app.jsa" -}}
  {{- end -}}
{{- end -}}
{{- dict "env" $env "files" $files | toJson -}}
{{- end -}}

{{/* What the workspace needs for the boosters of all its apps: JSON {"cache": bool, "files": bool}. */}}
{{- define "inpod.boosted" -}}
{{- $cache := false -}}
{{- $files := false -}}
{{- range (include "inpod.apps" . | fromJson).apps -}}
  {{- $boosters := include "inpod.boosters" (dict "root" $ "app" .) | fromJson -}}
  {{- if $boosters.env -}}{{- $cache = true -}}{{- end -}}
  {{- if $boosters.files -}}{{- $files = true -}}{{- end -}}
{{- end -}}
{{- dict "cache" $cache "files" $files | toJson -}}
{{- end -}}
