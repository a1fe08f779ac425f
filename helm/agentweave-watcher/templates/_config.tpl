{{- define "agentweave-watcher.config" -}}
{{- $server := dict "host" "0.0.0.0" "port" (int .Values.service.port) }}
{{- $config := dict "server" $server "state_dir" "/var/lib/agentweave-watcher" "discovery" dict }}
{{- if .Values.discovery.kubernetes.enabled }}
{{- $namespaces := ternary .Values.rbac.namespaces "all" (eq .Values.rbac.scope "namespaces") }}
{{- $_ := set $config.discovery "kubernetes" (dict "namespaces" $namespaces "selector" .Values.discovery.kubernetes.selector) }}
{{- end }}
{{- with .Values.discovery.static }}
{{- $_ := set $config.discovery "static" . }}
{{- end }}
{{- if ne .Values.spire.mode "none" }}
{{- $identity := dict "workload_api" (printf "unix:///spiffe-workload-api/%s" .Values.spire.socketName) }}
{{- with .Values.spire.trustDomain }}
{{- $_ := set $identity "trust_domain" . }}
{{- end }}
{{- $_ := set $config "identity" $identity }}
{{- end }}
{{- toYaml (mergeOverwrite $config (deepCopy .Values.config)) }}
{{- end }}

{{- define "agentweave-watcher.checked" -}}
{{- if and (eq .Values.rbac.scope "namespaces") .Values.discovery.kubernetes.enabled (not .Values.rbac.namespaces) }}
{{- fail "rbac.namespaces: name at least one namespace with rbac.scope `namespaces`" }}
{{- end }}
{{- if and .Values.rbac.namespaces (ne .Values.rbac.scope "namespaces") }}
{{- fail "rbac.namespaces: only with rbac.scope `namespaces`" }}
{{- end }}
{{- if and .Values.rbac.spire (ne .Values.rbac.scope "cluster") }}
{{- fail "rbac.spire: only with rbac.scope `cluster`, for ClusterSPIFFEID objects belong to no namespace" }}
{{- end }}
{{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled }}
{{- fail "serviceMonitor.enabled, podMonitor.enabled: only one of them, or every series is there twice" }}
{{- end }}
{{- if and .Values.existingConfigMap (or .Values.config .Values.discovery.static) }}
{{- fail "existingConfigMap: config and discovery.static would have no effect beside it" }}
{{- end }}
{{- if hasKey (.Values.config.server | default dict) "port" }}
{{- fail "config.server.port: set service.port" }}
{{- end }}
{{- end }}
