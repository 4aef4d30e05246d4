{{- define "inpod.loginSecret" -}}
{{- .Values.auth.existingSecret | default (printf "%s-login" (include "inpod.fullname" .)) -}}
{{- end -}}

{{/* The path under which the front door is reached, without a slash at its end; empty at the root of its host. */}}
{{- define "inpod.basePath" -}}
{{- $path := "/" -}}
{{- if .Values.ingress.enabled -}}{{- $path = .Values.ingress.path -}}{{- end -}}
{{- if .Values.httpRoute.enabled -}}{{- $path = .Values.httpRoute.path -}}{{- end -}}
{{- trimSuffix "/" (clean $path) -}}
{{- end -}}

{{/* Origins that a browser may come from, besides that of the address it asked on localhost; comma-separated. */}}
{{- define "inpod.origins" -}}
{{- $origins := list -}}
{{- if .Values.ingress.enabled -}}{{- $origins = append $origins (printf "https://%s" .Values.ingress.host) -}}{{- end -}}
{{- if .Values.httpRoute.enabled -}}
  {{- range .Values.httpRoute.hostnames -}}{{- $origins = append $origins (printf "https://%s" .) -}}{{- end -}}
{{- end -}}
{{- join "," (uniq (concat $origins .Values.auth.origins)) -}}
{{- end -}}
