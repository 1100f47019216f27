{{/*
Who may connect to whom within the release, by component, and at which port of the pod. network.yaml makes one policy a
component out of it; what comes from outside or goes there stands in that file.
*/}}
{{- define "daytrader.arrows" -}}
- {from: web, to: transaction, port: 8080}
- {from: web, to: audit, port: 8080}
- {from: web, to: web, port: 8080} # one asks the others whether they are ready, for /health
{{- if include "daytrader.auth.required" . }}
- {from: web, to: data-set, port: 27017} # identities and tokens
{{- end }}
{{- range $to := list "web" "transaction" "audit" "operator" }}
- {from: web, to: {{ $to }}, port: 9100} # the operations page
{{- end }}
- {from: transaction, to: transaction, port: 8080} # likewise, to know whose each partition is
- {from: transaction, to: data-set, port: 27017}
- {from: transaction, to: redis, port: 6379}
{{- if .Values.quotes.mock.enabled }}
- {from: transaction, to: quotes, port: 4444}
{{- end }}
- {from: audit, to: data-set, port: 27017}
- {from: audit, to: audit-set, port: 27017}
- {from: data-set, to: data-set, port: 27017}
- {from: audit-set, to: audit-set, port: 27017}
- {from: operator, to: data-set, port: 27017}
- {from: operator, to: audit-set, port: 27017}
{{- if .Values.tls.redis.enabled }}
- {from: operator, to: redis, port: 6379} # a renewed certificate is taken up when it says so
{{- end }}
- {from: backup, to: data-set, port: 27017}
- {from: backup, to: audit-set, port: 27017}
- {from: workload, to: web, port: 8080}
- {from: test, to: web, port: 8080}
{{- end -}}
