{{/*
Between the app's Service and the app: holds requests while the app's process restarts. `kit init` starts it again in place: a pod is NotReady
while any of its containers is down. A uid of its own; its socket is on a volume that only the helper mounts besides.
*/}}
{{- define "inpod.front" -}}
{{- $front := .Values.front -}}
- name: front
  image: {{ $front.image | quote }}
  imagePullPolicy: {{ $front.imagePullPolicy }}
  command:
    - /inpod/bin/kit
    - init
    - --
    - /usr/local/bin/node
    - /opt/inpod/router.mjs
    - front
  env:
    - name: INPOD_FRONT_PORT
      value: {{ include "inpod.frontPort" . | quote }}
    - name: INPOD_FRONT_TARGETS
      value: {{ include "inpod.frontTargets" . | quote }}
    - name: INPOD_FRONT_PROTOCOL
      value: {{ $front.protocol }}
    - name: INPOD_FRONT_SOCKET
      value: /inpod/run-front/front.sock
    - name: INPOD_FRONT_WAITING_REQUESTS
      value: {{ int $front.waiting.requests | quote }}
    - name: INPOD_FRONT_WAITING_BYTES
      value: {{ int $front.waiting.bytes | quote }}
    - name: INPOD_FRONT_WAITING_SECONDS
      value: {{ int $front.waiting.seconds | quote }}
  # Of itself, never of the app behind it.
  readinessProbe:
    tcpSocket:
      port: {{ include "inpod.frontPort" . }}
    periodSeconds: 2
  resources:
    {{- toYaml $front.resources | nindent 4 }}
  securityContext:
    {{- include "inpod.ownSecurityContext" (dict "root" . "uid" 64001) | nindent 4 }}
  volumeMounts:
    - name: kit
      mountPath: /inpod/bin
      readOnly: true
    - name: run-front
      mountPath: /inpod/run-front
{{- end -}}
