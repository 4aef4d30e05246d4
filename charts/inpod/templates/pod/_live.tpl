{{/*
Answers the kubelet's liveness probes. A container of its own, so that an IDE without memory can't take the app down. A native sidecar, so
that it answers before the app's first probe; without a startupProbe: with one, app containers may stay down after the kubelet was
restarted (https://github.com/kubernetes/kubernetes/issues/137146).
*/}}
{{- define "inpod.live" -}}
- name: live
  image: {{ .Values.kit.image | quote }}
  imagePullPolicy: {{ .Values.kit.imagePullPolicy }}
  restartPolicy: Always
  command:
    - /kit
    - live
    - --port
    - {{ int .Values.restart.probe.port | quote }}
    - --threshold
    - {{ int .Values.restart.probe.failureThreshold | quote }}
    {{- range (include "inpod.apps" . | fromJson).apps }}
    - {{ .name }}=/inpod/app/{{ .name }}/liveness
    {{- end }}
  ports:
    - name: live
      containerPort: {{ int .Values.restart.probe.port }}
  resources:
    {{- toYaml .Values.restart.probe.resources | nindent 4 }}
  securityContext:
    {{- include "inpod.ownSecurityContext" (dict "root" . "uid" 65532) | nindent 4 }}
  volumeMounts:
    - name: control
      mountPath: /inpod/app
{{- end -}}
