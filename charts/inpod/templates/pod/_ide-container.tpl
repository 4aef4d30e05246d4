{{/* What the source agent is set to: `restart` of the values, and the apps that share the source. */}}
{{- define "inpod.sourceAgentEnv" -}}
{{- if eq .Values.mode "sidecar" -}}
{{- $restart := .Values.restart -}}
{{- $apps := list -}}
{{- range (include "inpod.apps" . | fromJson).apps -}}
  {{- if and .sourcePath .supervised -}}{{- $apps = append $apps .name -}}{{- end -}}
{{- end -}}
- name: INPOD_SOURCE_PATH
  value: {{ include "inpod.folder" . | quote }}
{{- if $restart.onSave }}
- name: INPOD_RESTART_ON_SAVE
  value: "true"
- name: INPOD_RESTART_APPS
  value: {{ join "," $apps | quote }}
{{- with $restart.include }}
- name: INPOD_RESTART_INCLUDE
  value: {{ toJson . | replace "$" "$$" | quote }}
{{- end }}
{{- with $restart.ignore }}
- name: INPOD_RESTART_IGNORE
  value: {{ toJson . | replace "$" "$$" | quote }}
{{- end }}
{{- if $restart.polling }}
- name: INPOD_RESTART_POLLING
  value: "true"
{{- end }}
{{- end }}
{{- with $restart.build }}
- name: INPOD_RESTART_BUILD
  {{- /* To the kubelet `$(X)` is a variable and `$$` a dollar. */}}
  value: {{ kindIs "string" . | ternary . (toJson .) | replace "$" "$$" | quote }}
- name: INPOD_RESTART_BUILD_TIMEOUT
  value: {{ int $restart.buildTimeoutSeconds | quote }}
{{- end }}
{{- end -}}
{{- end -}}

{{/*
code-server on a Unix socket. `kit init` is PID 1 and never ends: a pod is NotReady while any of its containers is down, so code-server is
restarted in place. Never the app's envFrom: its secrets are not the IDE's, and code-server reads PORT and PASSWORD.
*/}}
{{- define "inpod.ideContainer" -}}
{{- $bins := list -}}
{{- range .Values.ide.toolchains -}}{{- $bins = append $bins (printf "%s/bin" (clean .path)) -}}{{- end -}}
- name: ide
  image: {{ .Values.ide.image | quote }}
  imagePullPolicy: {{ .Values.ide.imagePullPolicy }}
  command:
    - /inpod/bin/kit
    - init
    - --guard
    - "90"
    - --umask
    - "0002"
    - --
    - /opt/inpod/ide
    - {{ include "inpod.folder" . | quote }}
    {{- range .Values.ide.extraArgs }}
    - {{ . | quote }}
    {{- end }}
    {{- if eq .Values.mode "sidecar" }}
    - --
    - /opt/inpod/source-agent
    {{- end }}
  env:
    - name: INPOD_HOME
      value: /inpod
    - name: INPOD_RELEASE
      value: {{ include "inpod.fullname" . | quote }}
    {{- if eq .Values.mode "sidecar" }}
    - name: INPOD_LIVE_PORT
      value: {{ int .Values.restart.probe.port | quote }}
    {{- end }}
    - name: HOME
      value: /home/inpod
    {{- with include "inpod.sourceAgentEnv" . }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- if $bins }}
    - name: PATH
      value: {{ join ":" (append $bins "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin") | quote }}
    {{- end }}
    {{- with .Values.extraEnv }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  resources:
    {{- toYaml .Values.ide.resources | nindent 4 }}
  securityContext:
    {{- include "inpod.ownSecurityContext" (dict "root" . "uid" (include "inpod.ideUid" .)) | nindent 4 }}
  volumeMounts:
    - name: kit
      mountPath: /inpod/bin
      readOnly: true
    - name: run
      mountPath: /inpod/run
    {{- if eq .Values.mode "sidecar" }}
    - name: control
      mountPath: /inpod/app
    {{- end }}
    {{- range (include "inpod.sourcePaths" . | fromJson).paths }}
    - name: source
      mountPath: {{ . | quote }}
    {{- end }}
    - name: home
      mountPath: /home/inpod
    - name: tmp
      mountPath: /tmp
    {{- range $index, $toolchain := .Values.ide.toolchains }}
    - name: toolchain-{{ $index }}
      mountPath: {{ clean $toolchain.path | quote }}
    {{- end }}
    {{- with .Values.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
