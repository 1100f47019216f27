{{/*
The Deployment of one of our three HTTP services. Takes a dict:
  root       the root context
  component  web, transaction or audit
  scaled     whether an autoscaler rules the number of replicas
  tls        the value that says whether its HTTP port speaks TLS, and with which Secret
  callsTls   whether it calls others over TLS (mounts the CA of internal certificates)
  env        further environment variables, as YAML
*/}}
{{- define "daytrader.service" -}}
{{- $root := .root -}}
{{- $values := index $root.Values .component -}}
{{- $scheme := ternary "HTTPS" "HTTP" .tls.enabled -}}
{{- $fullname := include "daytrader.fullname" $root -}}
{{- $signsIn := and (eq .component "web") (include "daytrader.auth.required" $root) -}}
{{- $breaks := and (eq .component "web") $root.Values.operations.breaking -}}
{{- $mongodbTls := and $root.Values.tls.mongodb.enabled (or $signsIn (ne .component "web")) -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "daytrader.metadata" (list $root .component) | nindent 2 }}
spec:
  {{- if not .scaled }}
  replicas: {{ $values.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  selector:
    matchLabels:
      {{- include "daytrader.selector" (list $root .component) | nindent 6 }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  template:
    metadata:
      labels:
        {{- include "daytrader.labels" (list $root .component) | nindent 8 }}
      annotations:
        {{- include "daytrader.podAnnotations" $values | nindent 8 }}
    spec:
      automountServiceAccountToken: {{ $breaks }}
      serviceAccountName: {{ $fullname }}{{ if $breaks }}-web{{ end }}
      enableServiceLinks: false
      terminationGracePeriodSeconds: 35
      {{- with include "daytrader.pullSecrets" $root }}{{- . | nindent 6 }}{{- end }}
      securityContext:
        {{- include "daytrader.podSecurity" 10001 | nindent 8 }}
      {{- include "daytrader.movable" (list $root $values) | nindent 6 }}
      {{- include "daytrader.spread" (list $root .component) | nindent 6 }}
      containers:
        - name: {{ .component }}
          {{- include "daytrader.containerImage" (list $root $values) | nindent 10 }}
          args: [serve, {{ .component }}]
          ports:
            - name: http
              containerPort: 8080
            - name: metrics
              containerPort: 9100
          env:
            - name: POD_IP
              valueFrom:
                fieldRef:
                  fieldPath: status.podIP
            - name: DAYTRADER_REPLICA
              valueFrom:
                fieldRef:
                  fieldPath: metadata.name
            - name: DAYTRADER_HOST
              value: 0.0.0.0
            - name: DAYTRADER_PORT
              value: "8080"
            - name: DAYTRADER_OWN_URL
              value: {{ lower $scheme }}://$(POD_IP):8080
            - name: DAYTRADER_METRICS_PORT
              value: "9100"
            - name: DAYTRADER_LOG_LEVEL
              value: {{ $root.Values.logLevel }}
            - name: DAYTRADER_INTERNAL_TOKEN_FILE
              value: /etc/daytrader/internal/tokens
            {{- if .tls.enabled }}
            - name: DAYTRADER_TLS_CERT
              value: /etc/daytrader/tls/tls.crt
            - name: DAYTRADER_TLS_KEY
              value: /etc/daytrader/tls/tls.key
            {{- end }}
            {{- if .callsTls }}
            - name: DAYTRADER_TLS_CA
              value: /etc/daytrader/internal-ca/ca.crt
            {{- end }}
            {{- .env | nindent 12 }}
            {{- range $name, $value := merge (dict) $values.settings $root.Values.settings }}
            - name: {{ $name }}
              value: {{ $value | quote }}
            {{- end }}
          startupProbe:
            httpGet: {path: /live, port: http, scheme: {{ $scheme }}}
            periodSeconds: 1
            timeoutSeconds: 5
            failureThreshold: 120
          readinessProbe:
            httpGet: {path: /ready, port: http, scheme: {{ $scheme }}}
            periodSeconds: 2
            timeoutSeconds: 3
            failureThreshold: 2
          livenessProbe:
            httpGet: {path: /live, port: http, scheme: {{ $scheme }}}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 3
          lifecycle:
            preStop:
              sleep:
                seconds: 5
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          securityContext:
            {{- include "daytrader.containerSecurity" $root | nindent 12 }}
          volumeMounts:
            - name: tmp
              mountPath: /tmp
            - name: internal
              mountPath: /etc/daytrader/internal
              readOnly: true
            {{- if .tls.enabled }}
            - name: tls
              mountPath: /etc/daytrader/tls
              readOnly: true
            {{- end }}
            {{- if .callsTls }}
            - name: internal-ca
              mountPath: /etc/daytrader/internal-ca
              readOnly: true
            {{- end }}
            {{- if $mongodbTls }}
            - name: mongodb-ca
              mountPath: /etc/daytrader/mongodb-ca
              readOnly: true
            {{- end }}
            {{- if $signsIn }}
            - name: auth
              mountPath: /etc/daytrader/auth
              readOnly: true
            {{- end }}
            {{- if and (eq .component "transaction") $root.Values.tls.redis.enabled }}
            - name: redis-ca
              mountPath: /etc/daytrader/redis-ca
              readOnly: true
            {{- end }}
      volumes:
        - name: tmp
          emptyDir: {}
        - name: internal
          secret:
            secretName: {{ $fullname }}-internal
            defaultMode: 0440
        {{- if .tls.enabled }}
        - name: tls
          secret:
            secretName: {{ .tls.secretName }}
            defaultMode: 0440
            items:
              - {key: tls.crt, path: tls.crt}
              - {key: tls.key, path: tls.key}
        {{- end }}
        {{- if .callsTls }}
        {{- include "daytrader.caVolume" (list "internal-ca" $root.Values.tls.internal.secretName) | nindent 8 }}
        {{- end }}
        {{- if $mongodbTls }}
        {{- include "daytrader.caVolume" (list "mongodb-ca" $root.Values.tls.mongodb.secretName) | nindent 8 }}
        {{- end }}
        {{- if $signsIn }}
        {{- include "daytrader.auth.volume" $root | nindent 8 }}
        {{- end }}
        {{- if and (eq .component "transaction") $root.Values.tls.redis.enabled }}
        {{- include "daytrader.caVolume" (list "redis-ca" $root.Values.tls.redis.secretName) | nindent 8 }}
        {{- end }}
{{- end -}}

{{/* A volume with nothing of a TLS Secret but its CA: list of the volume's and the Secret's names. */}}
{{- define "daytrader.caVolume" -}}
- name: {{ first . }}
  secret:
    secretName: {{ last . }}
    defaultMode: 0440
    items:
      - {key: ca.crt, path: ca.crt}
{{- end -}}

{{/*
A headless Service of a component's replicas, each by its own address, ready or not: list of root context, what follows the
release in its name, component, and the port's name and number.
*/}}
{{- define "daytrader.replicas" -}}
{{- $root := first . -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "daytrader.fullname" $root }}-{{ index . 1 }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "daytrader.labels" (list $root (index . 2)) | nindent 4 }}
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector:
    {{- include "daytrader.selector" (list $root (index . 2)) | nindent 4 }}
  ports:
    - name: {{ index . 3 }}
      port: {{ last . }}
      targetPort: {{ index . 3 }}
{{- end -}}

{{/* Whose metrics the operations page is made of, as web takes it. */}}
{{- define "daytrader.metricsUrls" -}}
{{- $targets := list -}}
{{- range $role, $service := dict "web" "web-pods" "transaction" "transaction" "audit" "audit-pods" "operator" "operator" -}}
{{- $targets = append $targets (printf "%s=dns://%s:9100" $role (include "daytrader.host" (list $ $service))) -}}
{{- end -}}
{{ join "," $targets }}
{{- end -}}

{{/* The variable with the URI of a replica set: list of root context, variable and set. */}}
{{- define "daytrader.uriFrom" -}}
- name: {{ index . 1 }}
  valueFrom:
    secretKeyRef:
      name: {{ include "daytrader.fullname" (first .) }}-{{ index . 2 }}-user
      key: uri
{{- end -}}

{{/* How long a component may be without one of its replicas, when nodes are drained: list of root context and component. */}}
{{- define "daytrader.disruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "daytrader.metadata" . | nindent 2 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "daytrader.selector" . | nindent 6 }}
{{- end -}}
