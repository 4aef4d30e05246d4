{{/*
The generated password is made by a hook, once, and not by a template: two renders of the same values are equal, upgrades keep it, and the
workspace itself needs no rights. Everything of the hook is gone when it has succeeded.
*/}}
{{- define "inpod.makesLoginSecret" -}}
{{- if and (eq .Values.auth.mode "password") (not .Values.auth.existingSecret) -}}true{{- end -}}
{{- end -}}

{{/* dict "root" $ "weight" N */}}
{{- define "inpod.hookMetadata" -}}
name: {{ include "inpod.fullname" .root }}-make-login
labels:
  {{- include "inpod.hookLabels" .root | nindent 2 }}
annotations:
  helm.sh/hook: pre-install,pre-upgrade
  helm.sh/hook-weight: {{ .weight | quote }}
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}

{{/* Of the Secret too, which outlives the hook: it isn't Helm's. */}}
{{- define "inpod.loginSecretLabels" -}}
app.kubernetes.io/name: inpod
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: login-secret
{{- end -}}

{{- define "inpod.hookLabels" -}}
{{ include "inpod.loginSecretLabels" . }}
{{ include "inpod.commonLabels" . }}
{{- end -}}
