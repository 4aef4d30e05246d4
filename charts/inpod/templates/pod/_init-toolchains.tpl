{{/* Copies each toolchain out of its official image, for the IDE to mount at the same path. */}}
{{- define "inpod.initToolchains" -}}
{{- range $index, $toolchain := .Values.ide.toolchains }}
- name: toolchain-{{ $index }}
  image: {{ $toolchain.image | quote }}
  imagePullPolicy: {{ $.Values.ide.imagePullPolicy }}
  command:
    - /inpod/bin/kit
    - copy
    - --image
    - {{ $toolchain.image | quote }}
    - {{ clean $toolchain.path | quote }}
    - /inpod/toolchain
  resources:
    {{- toYaml $.Values.kit.resources | nindent 4 }}
  securityContext:
    {{- include "inpod.ownSecurityContext" (dict "root" $ "uid" (include "inpod.ideUid" $)) | nindent 4 }}
  volumeMounts:
    - name: kit
      mountPath: /inpod/bin
      readOnly: true
    - name: toolchain-{{ $index }}
      mountPath: /inpod/toolchain
{{- end }}
{{- end -}}
