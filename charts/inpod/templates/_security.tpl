{{/* What Pod Security "restricted" asks of each container. */}}
{{- define "inpod.restricted" -}}
allowPrivilegeEscalation: false
capabilities:
  drop:
    - ALL
{{- end -}}

{{/* The workspace's pod; the user's fields win. JSON. */}}
{{- define "inpod.podSecurityContext" -}}
{{- $ours := dict "runAsNonRoot" true "fsGroupChangePolicy" "OnRootMismatch" "seccompProfile" (dict "type" "RuntimeDefault") -}}
{{- $context := mergeOverwrite $ours (deepCopy .Values.podSecurityContext) -}}
{{- $low := lt (int .Values.helper.port) 1024 -}}
{{- range (include "inpod.apps" . | fromJson).apps -}}
  {{- if lt (int $.Values.restart.probe.port) 1024 -}}{{- $low = true -}}{{- end -}}
  {{- if $.Values.restart.swap.enabled -}}{{- range $.Values.restart.swap.ports -}}{{- if lt (int .) 1024 -}}{{- $low = true -}}{{- end -}}{{- end -}}{{- end -}}
  {{- if and $.Values.front.enabled (lt (int $.Values.front.port) 1024) -}}{{- $low = true -}}{{- end -}}
  {{- range .ports -}}{{- if lt (int .containerPort) 1024 -}}{{- $low = true -}}{{- end -}}{{- end -}}
{{- end -}}
{{- if $low -}}
  {{- /* A port below 1024 without a capability; a safe sysctl, allowed in "restricted". */ -}}
  {{- $_ := set $context "sysctls" (append ($context.sysctls | default list) (dict "name" "net.ipv4.ip_unprivileged_port_start" "value" "0")) -}}
{{- end -}}
{{- $context | toJson -}}
{{- end -}}

{{/* One of our containers: dict "root" $ "uid" N. Its group is the one that owns the volumes. */}}
{{- define "inpod.ownSecurityContext" -}}
{{ include "inpod.restricted" . }}
readOnlyRootFilesystem: true
runAsUser: {{ int64 .uid }}
runAsGroup: {{ int64 (.root.Values.podSecurityContext.fsGroup | default 0) }}
{{- end -}}

{{/* The IDE's uid: asked for, or the app's, so that both may write the same files. */}}
{{- define "inpod.ideUid" -}}
{{- $app := include "inpod.sourceApp" . | fromJson -}}
{{- $given := .Values.ide.runAsUser -}}
{{- if not (kindIs "invalid" $given) -}}
{{- int64 $given -}}
{{- else -}}
{{- $uid := dig "securityContext" "runAsUser" (dig "runAsUser" 1000 .Values.podSecurityContext) $app | int64 -}}
{{- /* An app that is allowed to be root: the IDE isn't, and shares the group. */ -}}
{{- eq $uid 0 | ternary 1000 $uid -}}
{{- end -}}
{{- end -}}
