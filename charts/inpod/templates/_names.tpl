{{/*
The release's name, so that the pod of `helm install hello` is hello-0. 52 characters: a StatefulSet's pods carry its name and a hash in a
label. Dots are allowed in a release's name, not in a Service's.
*/}}
{{- define "inpod.fullname" -}}
{{- default .Release.Name .Values.fullnameOverride | replace "." "-" | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{/* What selects the workspace's pod, and never a pod of the hook that makes the login secret. */}}
{{- define "inpod.selectorLabels" -}}
app.kubernetes.io/name: inpod
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: workspace
inpod.dev/workspace: {{ include "inpod.fullname" . }}
{{- end -}}

{{/* The service account of the pod where the helper may change its image's tag; inpod-admin's policy knows it by this ending. */}}
{{- define "inpod.restartAccount" -}}
{{ include "inpod.fullname" . }}-inpod-restart
{{- end -}}

{{/* Not empty where the helper may change the tag of the app's image. */}}
{{- define "inpod.patchesImage" -}}
{{- if and .Values.rbac.restartWithoutBackoff (eq .Values.mode "sidecar") -}}true{{- end -}}
{{- end -}}

{{- define "inpod.commonLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "inpod.labels" -}}
{{ include "inpod.selectorLabels" . }}
{{ include "inpod.commonLabels" . }}
{{- end -}}
