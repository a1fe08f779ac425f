{{- /* One release is one job, and its series say which cluster they are from. */}}
{{- define "agentweave-watcher.relabelings" -}}
- {action: replace, targetLabel: job, replacement: {{ printf "%s/%s" .Release.Namespace .Release.Name | quote }}}
{{- with .Values.clusterLabel }}
- {action: replace, targetLabel: cluster, replacement: {{ . | quote }}}
{{- end }}
{{- end }}

{{- /* What the endpoints of all monitors have in common: (dict "root" $ "settings" …), and `relabelings` and
`metricRelabelings`, the names of these fields, where they are others. */}}
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
    credentials: {name: {{ .bearerToken.secretName | quote }}, key: {{ .bearerToken.key | quote }}}
  {{- end }}
  {{- end }}
  {{ .relabelings | default "relabelings" }}:
    {{- include "agentweave-watcher.relabelings" .root | nindent 4 }}
    {{- with .settings.relabelings }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .settings.metricRelabelings }}
  {{ $.metricRelabelings | default "metricRelabelings" }}: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- /* Kind, labels and the rest of a monitor's head: (dict "root" $ "kind" … "settings" …), and `apiVersion` where it is another. */}}
{{- define "agentweave-watcher.monitorHead" -}}
apiVersion: {{ .apiVersion | default "monitoring.coreos.com/v1" }}
kind: {{ .kind }}
metadata:
  {{- $namespace := .settings.namespace | default .root.Release.Namespace }}
  name: {{ include "agentweave-watcher.nameIn" (dict "root" .root "namespace" $namespace) | quote }}
  namespace: {{ $namespace | quote }}
  labels: {{- include "agentweave-watcher.labelsOf" (dict "root" .root "of" (include "agentweave-watcher.selectorLabels" .root) "more" .settings.labels) | nindent 4 }}
{{- end }}
