{{/* The helper: front door, API, restart controller. Only it mounts the login secret; no other container runs as its uid. */}}
{{- define "inpod.inpodContainer" -}}
- name: inpod
  image: {{ .Values.helper.image | quote }}
  imagePullPolicy: {{ .Values.helper.imagePullPolicy }}
  env:
    - name: INPOD_HOME
      value: /inpod
    - name: INPOD_PORT
      value: {{ int .Values.helper.port | quote }}
    - name: INPOD_RELEASE
      value: {{ include "inpod.fullname" . | quote }}
    - name: INPOD_MODE
      value: {{ .Values.mode }}
    - name: INPOD_APPS
      value: {{ include "inpod.appsForHelper" . | squote }}
    {{- if .Values.front.enabled }}
    - name: INPOD_FRONT_SOCKET
      value: /inpod/run-front/front.sock
    {{- end }}
    - name: INPOD_AUTH_MODE
      value: {{ .Values.auth.mode }}
    {{- if eq .Values.auth.mode "password" }}
    - name: INPOD_PASSWORD_FILE
      value: /inpod/secrets/login/password
    {{- end }}
    - name: INPOD_STATE_DIR
      value: /inpod/helper
    - name: INPOD_SOURCE_PATH
      value: {{ include "inpod.folder" . | quote }}
    - name: INPOD_SOURCE_DURABLE
      value: {{ include "inpod.sourceDurable" . | quote }}
    {{- if .Values.restart.build }}
    - name: INPOD_BUILDS
      value: "true"
    {{- end }}
    {{- with include "inpod.origins" . }}
    - name: INPOD_ORIGINS
      value: {{ . | quote }}
    {{- end }}
    {{- with .Values.auth.proxy.trusted }}
    - name: INPOD_TRUSTED_PROXIES
      value: {{ join "," . | quote }}
    {{- end }}
    {{- with include "inpod.basePath" . }}
    - name: INPOD_BASE_PATH
      value: {{ . | quote }}
    {{- end }}
  {{- if include "inpod.patchesImage" . }}
    - name: INPOD_KUBE_ACCOUNT
      value: /inpod/secrets/kube
    - name: INPOD_KUBE_NAMESPACE
      valueFrom:
        fieldRef:
          fieldPath: metadata.namespace
    - name: INPOD_KUBE_POD
      valueFrom:
        fieldRef:
          fieldPath: metadata.name
  {{- end }}
  ports:
    - name: ide
      containerPort: {{ int .Values.helper.port }}
  readinessProbe:
    httpGet:
      path: /-/healthz
      port: ide
    periodSeconds: 2
    timeoutSeconds: 5
  resources:
    {{- toYaml .Values.helper.resources | nindent 4 }}
  securityContext:
    {{- include "inpod.ownSecurityContext" (dict "root" . "uid" 64000) | nindent 4 }}
  volumeMounts:
    - name: run
      mountPath: /inpod/run
    {{- if eq .Values.mode "sidecar" }}
    - name: kit
      mountPath: /inpod/bin
      readOnly: true
    - name: control
      mountPath: /inpod/app
    {{- end }}
    {{- if .Values.front.enabled }}
    - name: run-front
      mountPath: /inpod/run-front
    {{- end }}
    - name: helper
      mountPath: /inpod/helper
    {{- if eq .Values.auth.mode "password" }}
    - name: login
      mountPath: /inpod/secrets/login
      readOnly: true
    {{- end }}
    {{- if include "inpod.patchesImage" . }}
    - name: kube
      mountPath: /inpod/secrets/kube
      readOnly: true
    {{- end }}
{{- end -}}
