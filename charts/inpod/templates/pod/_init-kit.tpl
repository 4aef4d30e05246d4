{{/* Puts the kit, and a liveness file for each app, onto their volumes. */}}
{{- define "inpod.initKit" -}}
- name: kit
  image: {{ .Values.kit.image | quote }}
  imagePullPolicy: {{ .Values.kit.imagePullPolicy }}
  command:
    - /kit
    - install
    - /inpod/bin
    {{- range (include "inpod.apps" . | fromJson).apps }}
    - /inpod/app/{{ .name }}/liveness
    {{- end }}
  resources:
    {{- toYaml .Values.kit.resources | nindent 4 }}
  securityContext:
    {{- include "inpod.ownSecurityContext" (dict "root" . "uid" 65532) | nindent 4 }}
  volumeMounts:
    - name: kit
      mountPath: /inpod/bin
    {{- if eq .Values.mode "sidecar" }}
    - name: control
      mountPath: /inpod/app
    {{- end }}
{{- end -}}
