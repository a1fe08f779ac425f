{{- /* What an endpoint of a ServiceMonitor and of a PodMonitor have in common: the settings of either. */}}
{{- define "agentweave-watcher.endpoint" -}}
- port: http
  path: /metrics
  # Else the agents' namespaces and pods would be renamed, and no rule would find them.
  honorLabels: true
  interval: {{ .interval }}
  scrapeTimeout: {{ .scrapeTimeout }}
  {{- with .relabelings }}
  relabelings: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .metricRelabelings }}
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
