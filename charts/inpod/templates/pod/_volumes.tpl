{{/* "true" where edits outlive the pod. */}}
{{- define "inpod.sourceDurable" -}}
{{- or (eq .Values.source.from "claim") (not (empty .Values.source.size)) -}}
{{- end -}}

{{- define "inpod.volumes" -}}
- name: kit
  emptyDir:
    sizeLimit: 4Mi
# Sockets between the IDE and the helper; no other container mounts it.
- name: run
  emptyDir:
    medium: Memory
    sizeLimit: 8Mi
{{- if .Values.front.enabled }}
# The front's control socket; only the front and the helper mount it.
- name: run-front
  emptyDir:
    medium: Memory
    sizeLimit: 1Mi
{{- end }}
# Sessions and restart history. In memory: every restart waits for a write here, and a disk's rename over a file takes milliseconds.
- name: helper
  emptyDir:
    medium: Memory
    sizeLimit: 32Mi
- name: tmp
  emptyDir: {}
{{- if eq .Values.mode "sidecar" }}
# Restart requests, state and the last output of each app.
- name: control
  emptyDir:
    medium: Memory
    sizeLimit: 32Mi
{{- end }}
{{- $boosted := include "inpod.boosted" . | fromJson }}
{{- if $boosted.cache }}
# What an app's language keeps from one boot to the next; a folder for each app.
- name: boosters-cache
  {{- if .Values.restart.boosters.sizeLimit }}
  emptyDir:
    sizeLimit: {{ .Values.restart.boosters.sizeLimit | quote }}
  {{- else }}
  emptyDir: {}
  {{- end }}
{{- end }}
{{- if $boosted.files }}
- name: boosters
  configMap:
    name: {{ include "inpod.fullname" . }}-boosters
{{- end }}
{{- if eq .Values.source.from "claim" }}
- name: source
  persistentVolumeClaim:
    claimName: {{ .Values.source.claim | quote }}
{{- else if not .Values.source.size }}
- name: source
  emptyDir: {}
{{- end }}
{{- with .Values.ide.persistence.existingClaim }}
- name: home
  persistentVolumeClaim:
    claimName: {{ . | quote }}
{{- else }}
{{- if not .Values.ide.persistence.size }}
- name: home
  emptyDir: {}
{{- end }}
{{- end }}
{{- range $index, $toolchain := .Values.ide.toolchains }}
- name: toolchain-{{ $index }}
  emptyDir: {}
{{- end }}
{{- if eq .Values.auth.mode "password" }}
- name: login
  secret:
    secretName: {{ include "inpod.loginSecret" . | quote }}
    defaultMode: 288 # 0440
    items:
      - key: {{ .Values.auth.secretKeys.password | quote }}
        path: password
{{- end }}
{{- if include "inpod.patchesImage" . }}
# One verb on this pod. Only the helper mounts it.
- name: kube
  projected:
    defaultMode: 288 # 0440
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3600
      - configMap:
          name: kube-root-ca.crt
          items:
            - key: ca.crt
              path: ca.crt
{{- end }}
{{- if eq .Values.source.from "git" }}
{{- with .Values.source.git.credentialsSecret }}
- name: git-credentials
  secret:
    secretName: {{ . | quote }}
    defaultMode: 288 # 0440
{{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{- toYaml . | nindent 0 }}
{{- end }}
{{- end -}}

{{/* Claims of the StatefulSet: they are kept when the release is uninstalled, so that edits can't be lost by a command. */}}
{{- define "inpod.claim" -}}
- metadata:
    name: {{ .name }}
  spec:
    accessModes:
      - ReadWriteOnce
    {{- with .storageClassName }}
    storageClassName: {{ . | quote }}
    {{- end }}
    resources:
      requests:
        storage: {{ .size | quote }}
{{- end -}}

{{- define "inpod.volumeClaimTemplates" -}}
{{- $source := .Values.source -}}
{{- $home := .Values.ide.persistence -}}
{{- if and $source.size (ne $source.from "claim") }}
{{ include "inpod.claim" (dict "name" "source" "size" $source.size "storageClassName" $source.storageClassName) }}
{{- end }}
{{- if and $home.size (not $home.existingClaim) }}
{{ include "inpod.claim" (dict "name" "home" "size" $home.size "storageClassName" $home.storageClassName) }}
{{- end }}
{{- end -}}
