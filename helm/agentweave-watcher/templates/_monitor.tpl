{{- /* What an endpoint of a ServiceMonitor and of a PodMonitor have in common: (dict "root" $ "settings" …). */}}
{{- define "agentweave-watcher.endpoint" -}}
- port: http
  path: /metrics
  # Else the agents' namespaces and pods would be renamed, and no rule would find them.
  honorLabels: true
  interval: {{ .settings.interval }}
  scrapeTimeout: {{ .settings.scrapeTimeout }}
  {{- with .root.Values.server }}
  {{- if .tls.secretName }}
  scheme: https
  {{- $name := printf "%s.%s.svc" (include "agentweave-watcher.fullname" $.root) $.root.Release.Namespace }}
  {{- $default := dict "ca" (dict "secret" (dict "name" .tls.secretName "key" "ca.crt")) "serverName" $name }}
  tlsConfig: {{- toYaml (merge (deepCopy $.settings.tlsConfig) (ternary dict $default (hasKey $.settings.tlsConfig "ca"))) | nindent 4 }}
  {{- end }}
  {{- if $.settings.basicAuth }}
  basicAuth: {{- toYaml $.settings.basicAuth | nindent 4 }}
  {{- else if .bearerToken.secretName }}
  authorization:
    credentials: {name: {{ .bearerToken.secretName }}, key: {{ .bearerToken.key }}}
  {{- end }}
  {{- end }}
  {{- with .settings.relabelings }}
  relabelings: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .settings.metricRelabelings }}
  metricRelabelings: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- /* Kind, labels and the rest of a monitor's head: (dict "root" $ "kind" … "settings" …). */}}
{{- define "agentweave-watcher.monitorHead" -}}
apiVersion: monitoring.coreos.com/v1
kind: {{ .kind }}
metadata:
  name: {{ include "agentweave-watcher.fullname" .root }}
  namespace: {{ .settings.namespace | default .root.Release.Namespace }}
  labels:
    {{- include "agentweave-watcher.labels" .root | nindent 4 }}
    {{- with .settings.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
