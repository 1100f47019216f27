{{/* Names, labels, addresses and images. */}}

{{/* The release's name where it says "daytrader", else with that behind it. */}}
{{- define "daytrader.fullname" -}}
{{- if contains "daytrader" .Release.Name -}}
{{ .Release.Name }}
{{- else -}}
{{ .Release.Name }}-daytrader
{{- end -}}
{{- end -}}

{{/* What selects a component's pods, and never changes: list of root context and component. */}}
{{- define "daytrader.selector" -}}
{{- $root := first . -}}
app.kubernetes.io/name: daytrader
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ last . }}
{{- end -}}

{{/* All labels of an object: list of root context and component. */}}
{{- define "daytrader.labels" -}}
{{- $root := first . -}}
{{ include "daytrader.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: daytrader
{{- end -}}

{{/* metadata of an object named after its component: list of root context and component. */}}
{{- define "daytrader.metadata" -}}
{{- $root := first . -}}
name: {{ include "daytrader.fullname" $root }}-{{ last . }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "daytrader.labels" . | nindent 2 }}
{{- end -}}

{{/* Our image for a component: list of root context and the component's values. */}}
{{- define "daytrader.image" -}}
{{- $root := first . -}}
{{- $image := $root.Values.image -}}
{{ $image.repository }}:{{ (last .).image.tag | default $image.tag | default $root.Chart.AppVersion }}
{{- end -}}

{{/* A component's address within the cluster: list of root context and component. */}}
{{- define "daytrader.host" -}}
{{- $root := first . -}}
{{ include "daytrader.fullname" $root }}-{{ last . }}.{{ $root.Release.Namespace }}.svc
{{- end -}}

{{/* The URL at which clients within the cluster reach web. */}}
{{- define "daytrader.webUrl" -}}
{{ ternary "https" "http" .Values.tls.web.enabled }}://{{ include "daytrader.host" (list . "web") }}
{{- end -}}
