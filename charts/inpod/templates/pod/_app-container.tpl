{{/* One app container, as the user wrote it, with our volumes and our livenessProbe: dict "root" $ "app" one of inpod.apps. */}}
{{- define "inpod.appContainer" -}}
{{- $app := .app -}}
{{- $restart := .root.Values.restart -}}
{{- $boosters := include "inpod.boosters" . | fromJson -}}
- name: {{ $app.name }}
  image: {{ $app.image | quote }}
  {{- with $app.imagePullPolicy }}
  imagePullPolicy: {{ . }}
  {{- end }}
  {{- if $app.supervised }}
  command:
    - /inpod/bin/kit
    - supervise
    - --dir
    - /inpod/app/{{ $app.name }}
    - --on-crash
    - {{ $restart.onCrash }}
    {{- if and $restart.swap.enabled (eq $app.name (dig "name" "" (include "inpod.frontedApp" .root | fromJson))) }}
    - --swap-port
    - {{ include "inpod.frontTargets" .root | quote }}
    {{- with $restart.swap.env }}
    - --swap-env
    - {{ . }}
    {{- end }}
    {{- end }}
    {{- range $boosters.env }}
    - --default-env
    - {{ . | quote }}
    {{- end }}
    - --
    {{- toYaml $app.command | nindent 4 }}
  {{- else if $app.command }}
  command:
    {{- toYaml $app.command | nindent 4 }}
  {{- end }}
  {{- range $field := list "args" "workingDir" "ports" "env" "envFrom" "resources" "readinessProbe" "startupProbe" "lifecycle" }}
  {{- with get $app $field }}
  {{- toYaml (dict $field .) | nindent 2 }}
  {{- end }}
  {{- end }}
  # Never asks the app: it fails when a restart is requested, and at no other time.
  livenessProbe:
    httpGet:
      path: /live/{{ $app.name }}
      port: {{ int $restart.probe.port }}
    periodSeconds: 1
    timeoutSeconds: 5
    failureThreshold: {{ int $restart.probe.failureThreshold }}
    terminationGracePeriodSeconds: 2
  securityContext:
    {{- $ours := include "inpod.restricted" . | fromYaml }}
    {{- toYaml (mergeOverwrite $ours (deepCopy ($app.securityContext | default dict))) | nindent 4 }}
  volumeMounts:
    - name: kit
      mountPath: /inpod/bin
      readOnly: true
    - name: control
      mountPath: /inpod/app/{{ $app.name }}
      subPath: {{ $app.name }}
    {{- if $boosters.env }}
    - name: boosters-cache
      mountPath: /inpod/cache
      subPath: {{ $app.name }}
    {{- end }}
    {{- if $boosters.files }}
    - name: boosters
      mountPath: /inpod/boosters
      readOnly: true
    {{- end }}
    {{- with $app.sourcePath }}
    - name: source
      mountPath: {{ . | quote }}
    {{- end }}
    {{- with $app.volumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
