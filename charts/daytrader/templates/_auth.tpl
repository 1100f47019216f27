{{/* Who may use it: Secrets, and what web and its clients are told of them. */}}

{{- define "daytrader.auth.required" -}}
{{- if eq .Values.auth.mode "required" }}yes{{ end -}}
{{- end -}}

{{/* The Secret with the first admin's password. */}}
{{- define "daytrader.auth.adminSecret" -}}
{{ .Values.auth.adminPasswordSecret | default (printf "%s-admin" (include "daytrader.fullname" .)) }}
{{- end -}}

{{/* The Secret with the broker's and the admin's token. */}}
{{- define "daytrader.auth.tokensSecret" -}}
{{ .Values.auth.tokensSecret | default (printf "%s-tokens" (include "daytrader.fullname" .)) }}
{{- end -}}

{{/* Whether browsers may send cookies over HTTPS only. */}}
{{- define "daytrader.auth.secureCookies" -}}
{{- $tls := or .Values.tls.web.enabled (and .Values.ingress.enabled .Values.ingress.tls.secretName) -}}
{{- if or (eq .Values.auth.secureCookies "always") (and (eq .Values.auth.secureCookies "auto") $tls) }}yes{{ end -}}
{{- end -}}

{{/* Web's variables. */}}
{{- define "daytrader.auth.env" -}}
- name: DAYTRADER_AUTH_MODE
  value: {{ .Values.auth.mode }}
{{- if include "daytrader.auth.required" . }}
{{ include "daytrader.uriFrom" (list . "DAYTRADER_DATA_URI" "data-set") }}
{{- if .Values.tls.mongodb.enabled }}
- name: DAYTRADER_MONGODB_CA
  value: /etc/daytrader/mongodb-ca/ca.crt
{{- end }}
- name: DAYTRADER_AUTH_ADMIN_PASSWORD_FILE
  value: /etc/daytrader/auth/admin-password
- name: DAYTRADER_AUTH_BROKER_TOKEN_FILE
  value: /etc/daytrader/auth/broker-token
- name: DAYTRADER_AUTH_ADMIN_TOKEN_FILE
  value: /etc/daytrader/auth/admin-token
- name: DAYTRADER_TOKEN_FILE # for `kubectl exec … daytrader status` and the like
  value: /etc/daytrader/auth/admin-token
{{- end }}
{{- if include "daytrader.auth.secureCookies" . }}
- name: DAYTRADER_SECURE_COOKIES
  value: "true"
{{- end }}
{{- with .Values.auth.trustedProxies }}
- name: DAYTRADER_TRUSTED_PROXIES
  value: {{ join "," . | quote }}
{{- end }}
{{- end -}}

{{/* Web's volume with the first password and tokens; the pod waits until both Secrets are there. */}}
{{- define "daytrader.auth.volume" -}}
- name: auth
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ include "daytrader.auth.adminSecret" . }}
          items:
            - {key: password, path: admin-password}
      - secret:
          name: {{ include "daytrader.auth.tokensSecret" . }}
          items:
            - {key: broker, path: broker-token}
            - {key: admin, path: admin-token}
{{- end -}}
