{{- define "agentweave-watcher.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "agentweave-watcher.fullname" -}}
{{- $name := include "agentweave-watcher.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "agentweave-watcher.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "agentweave-watcher.fullname" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- define "agentweave-watcher.selectorLabels" -}}
app.kubernetes.io/name: {{ include "agentweave-watcher.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: watcher
{{- end }}

{{- define "agentweave-watcher.commonLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "agentweave-watcher.labels" -}}
{{ include "agentweave-watcher.selectorLabels" . }}
{{ include "agentweave-watcher.commonLabels" . }}
{{- end }}

{{- define "agentweave-watcher.image" -}}
{{- $image := .Values.image }}
{{- $name := list $image.registry $image.repository | compact | join "/" }}
{{- if $image.digest }}
{{- printf "%s@%s" $name $image.digest }}
{{- else }}
{{- printf "%s:%s" $name ($image.tag | default .Chart.AppVersion) }}
{{- end }}
{{- end }}

{{- /* Names by which the port is reached, as a list: the Service's, each shard's, and where people and runbooks find it. */}}
{{- define "agentweave-watcher.hosts" -}}
{{- $services := list (include "agentweave-watcher.fullname" .) }}
{{- range $index := until (ternary (int .Values.shards) 0 (gt (int .Values.shards) 1)) }}
{{- $services = append $services (printf "%s-%d.%[1]s-shards" (include "agentweave-watcher.fullname" $) $index) }}
{{- end }}
{{- $hosts := list }}
{{- range $services }}
{{- $hosts = concat $hosts (list . (printf "%s.%s" . $.Release.Namespace) (printf "%s.%s.svc" . $.Release.Namespace) (printf "%s.%s.svc.cluster.local" . $.Release.Namespace)) }}
{{- end }}
{{- $people := (urlParse .Values.prometheusRule.runbookUrlPrefix).hostname }}
{{- if regexMatch "[A-Za-z]" $people }}
{{- $hosts = append $hosts $people }}
{{- end }}
{{- toYaml (concat $hosts .Values.server.allowedHosts | uniq) }}
{{- end }}

{{- define "agentweave-watcher.scheme" -}}
{{- ternary "https" "http" (not (empty .Values.server.tls.secretName)) }}
{{- end }}
