{{/* Fills the source volume, once: what is there already stays. */}}
{{- define "inpod.initSource" -}}
{{- if eq .Values.source.from "git" -}}
{{- include "inpod.initSourceFromGit" . -}}
{{- else if and (eq .Values.source.from "image") (eq .Values.mode "sidecar") -}}
{{- include "inpod.initSourceFromImage" . -}}
{{- end -}}
{{- end -}}

{{/* Runs in the app's own image, as the app's user: it can read what the app can, and needs no shell. */}}
{{- define "inpod.initSourceFromImage" -}}
{{- $app := include "inpod.sourceApp" . | fromJson -}}
- name: source
  image: {{ $app.image | quote }}
  {{- with $app.imagePullPolicy }}
  imagePullPolicy: {{ . }}
  {{- end }}
  command:
    - /inpod/bin/kit
    - copy
    - --image
    - {{ $app.image | quote }}
    - {{ $app.sourcePath | quote }}
    - /inpod/source
  resources:
    {{- toYaml .Values.kit.resources | nindent 4 }}
  securityContext:
    {{- include "inpod.restricted" . | nindent 4 }}
    readOnlyRootFilesystem: true
    {{- with pick ($app.securityContext | default dict) "runAsUser" "runAsGroup" "runAsNonRoot" }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumeMounts:
    - name: kit
      mountPath: /inpod/bin
      readOnly: true
    - name: source
      mountPath: /inpod/source
{{- end -}}

{{- define "inpod.initSourceFromGit" -}}
{{- $git := .Values.source.git -}}
- name: source
  image: {{ .Values.ide.image | quote }}
  imagePullPolicy: {{ .Values.ide.imagePullPolicy }}
  command:
    - /bin/sh
    - -c
    - |
      {{- .Files.Get "files/clone-source.sh" | trim | nindent 6 }}
  env:
    - name: HOME
      value: /tmp
    - name: GIT_URL
      value: {{ $git.url | quote }}
    - name: GIT_REF
      value: {{ $git.ref | quote }}
    - name: GIT_DEPTH
      value: {{ int $git.depth | quote }}
  resources:
    {{- toYaml .Values.ide.resources | nindent 4 }}
  securityContext:
    {{- include "inpod.ownSecurityContext" (dict "root" . "uid" (include "inpod.ideUid" .)) | nindent 4 }}
  volumeMounts:
    - name: source
      mountPath: /inpod/source
    - name: tmp
      mountPath: /tmp
    {{- if $git.credentialsSecret }}
    - name: git-credentials
      mountPath: /inpod/secrets/git
      readOnly: true
    {{- end }}
{{- end -}}
