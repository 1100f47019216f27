{{/* Parts of pods that several components have in common. */}}

{{/* The pod's half of "restricted": user and group of the image. */}}
{{- define "daytrader.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* The container's half. */}}
{{- define "daytrader.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Image, and how it is pulled: list of root context and the component's values. */}}
{{- define "daytrader.containerImage" -}}
image: {{ include "daytrader.image" . | quote }}
imagePullPolicy: {{ (first .).Values.image.pullPolicy }}
{{- end -}}

{{- define "daytrader.pullSecrets" -}}
{{- with .Values.image.pullSecrets -}}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Where pods go, as far as the component's values say anything about it: the component's values. */}}
{{- define "daytrader.placement" -}}
{{- $said := dict -}}
{{- range $key, $value := pick . "nodeSelector" "tolerations" "affinity" "priorityClassName" -}}
{{- if $value }}{{ $_ := set $said $key $value }}{{ end -}}
{{- end -}}
{{- if $said }}{{ toYaml $said }}{{ end -}}
{{- end -}}

{{/*
Likewise for pods that may be anywhere, which leave a node that is lost sooner than Kubernetes has it: list of root context
and the component's values. Members of the sets are none of them: each waits for the node that has its volume.
*/}}
{{- define "daytrader.movable" -}}
{{- $tolerations := list -}}
{{- range list "not-ready" "unreachable" -}}
{{- $tolerations = append $tolerations (dict "key" (printf "node.kubernetes.io/%s" .) "operator" "Exists" "effect" "NoExecute" "tolerationSeconds" (int64 (first $).Values.nodeLossSeconds)) -}}
{{- end -}}
{{- include "daytrader.placement" (merge (dict "tolerations" (concat $tolerations (last .).tolerations)) (last .)) -}}
{{- end -}}

{{/* Replicas on different nodes as far as there are nodes: list of root context and component. */}}
{{- define "daytrader.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "daytrader.selector" . | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
{{- end -}}

{{/* What tells Prometheus where a pod's metrics are, and the component's own annotations. */}}
{{- define "daytrader.podAnnotations" -}}
prometheus.io/scrape: "true"
prometheus.io/port: "9100"
prometheus.io/path: /metrics
{{- with .podAnnotations }}
{{ toYaml . }}
{{- end }}
{{- end -}}
