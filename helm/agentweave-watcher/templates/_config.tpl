{{- define "agentweave-watcher.config" -}}
{{- $server := dict "host" "0.0.0.0" "port" (int .Values.service.port) "allowed_hosts" (include "agentweave-watcher.hosts" . | fromYamlArray) }}
{{- with .Values.server }}
{{- if .tls.secretName }}
{{- $tls := dict "cert_file" "/etc/agentweave-watcher-tls/tls.crt" "key_file" "/etc/agentweave-watcher-tls/tls.key" }}
{{- with .tls.clientCAKey }}
{{- $_ := set $tls "client_ca_file" (printf "/etc/agentweave-watcher-tls/%s" .) }}
{{- end }}
{{- $_ := set $server "tls" $tls }}
{{- end }}
{{- if .bearerToken.secretName }}
{{- $_ := set $server "bearer_token_file" (printf "/etc/agentweave-watcher-token/%s" .bearerToken.key) }}
{{- end }}
{{- end }}
{{- $config := dict "server" $server "state_dir" "/var/lib/agentweave-watcher" "discovery" dict }}
{{- if .Values.discovery.kubernetes.enabled }}
{{- $namespaces := ternary .Values.rbac.namespaces "all" (eq .Values.rbac.scope "namespaces") }}
{{- $_ := set $config.discovery "kubernetes" (dict "namespaces" $namespaces "selector" .Values.discovery.kubernetes.selector "events" .Values.discovery.kubernetes.events) }}
{{- with .Values.discovery.kubernetes.labelsToAlerts }}
{{- $_ := set $config.discovery.kubernetes "labels_to_alerts" . }}
{{- end }}
{{- with .Values.discovery.kubernetes.clusterSpiffeIds }}
{{- if .trustDomain }}
{{- $_ := set $config.discovery.kubernetes "cluster_spiffe_ids" (dict "trust_domain" .trustDomain "cluster_name" .clusterName "cluster_domain" .clusterDomain "class_name" .className) }}
{{- end }}
{{- end }}
{{- end }}
{{- if .Values.discovery.kubernetes.enabled }}
{{- $_ := set $config "checklist" (dict "kubernetes" .Values.rbac.checklist) }}
{{- if .Values.rbac.writeReports }}
{{- $_ := set $config.checklist "reports" true }}
{{- end }}
{{- if .Values.rbac.podLogs }}
{{- $_ := set $config.checklist "logs" (dict "kind" "kubernetes") }}
{{- end }}
{{- if .Values.rbac.podEvents }}
{{- $_ := set $config "rollouts" (dict "pod_events" true) }}
{{- end }}
{{- end }}
{{- $records := dict }}
{{- with .Values.records.configMaps }}
{{- if .namespace }}
{{- $_ := set $records "configmaps" (dict "namespace" .namespace "selector" .selector) }}
{{- end }}
{{- end }}
{{- if .Values.records.files.configMapName }}
{{- $_ := set $records "files" (list "/etc/agentweave-watcher-records/*.yaml") }}
{{- end }}
{{- if $records }}
{{- $_ := set $config "checklist" (set ($config.checklist | default dict) "records" $records) }}
{{- end }}
{{- with .Values.checklist.prometheus }}
{{- if .url }}
{{- $prometheus := dict "url" .url }}
{{- range $key, $given := pick . "alerts" "labels" }}
{{- if $given }}
{{- $_ := set $prometheus $key $given }}
{{- end }}
{{- end }}
{{- $_ := set $config "checklist" (merge (dict "prometheus" $prometheus) ($config.checklist | default dict)) }}
{{- end }}
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
{{- if gt (int .Values.shards) 1 }}
{{- /* Which of them a pod is, its environment says. */}}
{{- $_ := set $config "shard" (dict "count" (int .Values.shards)) }}
{{- end }}
{{- if gt (int .Values.replicas) 1 }}
{{- $_ := set $config "standby" (dict "lease" (include "agentweave-watcher.fullname" .) "namespace" .Release.Namespace) }}
{{- end }}
{{- if .Values.config.alertmanager }}
{{- $_ := set $config "alertmanager" (dict "runbook_url" (include "agentweave-watcher.runbookUrlPrefix" .)) }}
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
{{- range $key, $of := dict "rbac" "ClusterRoles" "spire" "ClusterFederatedTrustDomains" }}
{{- if and (index $.Values.rbac.checklist $key) (ne $.Values.rbac.scope "cluster") }}
{{- fail (printf "rbac.checklist.%s: only with rbac.scope `cluster`, for %s belong to no namespace" $key $of) }}
{{- end }}
{{- end }}
{{- if and (eq (dig "checklist" "logs" "kind" "" .Values.config) "kubernetes") .Values.rbac.create (not .Values.rbac.podLogs) }}
{{- fail "config.checklist.logs: the logs of pods cannot be read without rbac.podLogs" }}
{{- end }}
{{- $spiffe := .Values.discovery.kubernetes.clusterSpiffeIds }}
{{- if and .Values.rbac.spire .Values.discovery.kubernetes.enabled (not $spiffe.trustDomain) (not .Values.existingConfigMap) }}
{{- fail "rbac.spire: the right to read ClusterSPIFFEID objects is of no use without discovery.kubernetes.clusterSpiffeIds.trustDomain" }}
{{- end }}
{{- if and (or $spiffe.trustDomain $spiffe.clusterName $spiffe.clusterDomain $spiffe.className) (not .Values.rbac.spire) }}
{{- fail "discovery.kubernetes.clusterSpiffeIds: ClusterSPIFFEID objects cannot be read without rbac.spire" }}
{{- end }}
{{- $carried := list }}
{{- range .Values.discovery.kubernetes.labelsToAlerts }}
{{- $name := include "agentweave-watcher.alertLabel" . }}
{{- if has $name (list "alertname" "alertstate" "cluster" "job" "instance" "namespace" "agent" "pod" "node" "shard" "probe" "condition" "subject" "reason" "severity" "component" "source" "state" "drill" "drill_id" "agentweave_control") }}
{{- fail (printf "discovery.kubernetes.labelsToAlerts: alerts have a label %s of their own" $name) }}
{{- end }}
{{- if has $name $carried }}
{{- fail (printf "discovery.kubernetes.labelsToAlerts: two of them would be the label %s of alerts" $name) }}
{{- end }}
{{- $carried = append $carried $name }}
{{- end }}
{{- $monitors := list }}
{{- range $key := list "serviceMonitor" "podMonitor" "vmServiceScrape" }}
{{- if (index $.Values $key).enabled }}
{{- $monitors = append $monitors (printf "%s.enabled" $key) }}
{{- end }}
{{- end }}
{{- if gt (len $monitors) 1 }}
{{- fail (printf "%s: only one of them, or every series is there twice" (join ", " $monitors)) }}
{{- end }}
{{- range $key := list "commonLabels" "podLabels" }}
{{- range $label := list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" }}
{{- if hasKey (index $.Values $key) $label }}
{{- fail (printf "%s: %s is the chart's, by which Services and policies select; set nameOverride or another label" $key $label) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $key, $names := dict "ingress.hosts" (dict "on" .Values.ingress.enabled "given" .Values.ingress.hosts) "httpRoute.hostnames" (dict "on" .Values.httpRoute.enabled "given" .Values.httpRoute.hostnames) }}
{{- if and $names.on (not (include "agentweave-watcher.publicHosts" (dict "root" $ "given" $names.given) | fromYamlArray)) }}
{{- fail (printf "%s: name one, or set publicUrl to an address with a name" $key) }}
{{- end }}
{{- end }}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) }}
{{- fail "httpRoute.parentRefs: name the Gateway" }}
{{- end }}
{{- if and .Values.existingConfigMap (or .Values.config .Values.discovery.static .Values.checklist.prometheus.url) }}
{{- fail "existingConfigMap: config, discovery.static and checklist.prometheus would have no effect beside it" }}
{{- end }}
{{- if and (or .Values.checklist.prometheus.alerts .Values.checklist.prometheus.labels) (not .Values.checklist.prometheus.url) }}
{{- fail "checklist.prometheus.url: alerts and labels would have no effect without it" }}
{{- end }}
{{- $several := or (gt (int .Values.shards) 1) (gt (int .Values.replicas) 1) }}
{{- if and (gt (int .Values.shards) 1) (gt (int .Values.replicas) 1) }}
{{- fail "shards, replicas: a standby is for one shard only; a shard that is lost is started again" }}
{{- end }}
{{- if and .Values.existingConfigMap $several }}
{{- fail "existingConfigMap: shards and replicas take a config that the chart makes" }}
{{- end }}
{{- if hasKey .Values.config "shard" }}
{{- fail "config.shard: set shards" }}
{{- end }}
{{- if hasKey .Values.config "standby" }}
{{- fail "config.standby: set replicas" }}
{{- end }}
{{- $set := .Values.server }}
{{- if eq (int $set.healthPort) (int .Values.service.port) }}
{{- fail "server.healthPort: expected another port than service.port" }}
{{- end }}
{{- if and $set.tls.clientCAKey (not $set.tls.secretName) }}
{{- fail "server.tls.clientCAKey: only with server.tls.secretName" }}
{{- end }}
{{- if and .Values.existingConfigMap (or $set.allowedHosts $set.tls.secretName $set.bearerToken.secretName) }}
{{- fail "existingConfigMap: server.allowedHosts, tls and bearerToken would have no effect beside it" }}
{{- end }}
{{- range $key := list "serviceMonitor" "podMonitor" "vmServiceScrape" }}
{{- $monitor := index $.Values $key }}
{{- if and $monitor.enabled $set.basicAuth.secretName (not $set.bearerToken.secretName) (not $monitor.basicAuth) }}
{{- fail (printf "%s.basicAuth: Prometheus needs a user or server.bearerToken, where server.basicAuth asks for one" $key) }}
{{- end }}
{{- if and $monitor.enabled $set.tls.clientCAKey (not (hasKey $monitor.tlsConfig "cert")) }}
{{- fail (printf "%s.tlsConfig.cert: Prometheus needs a certificate, where server.tls.clientCAKey asks for one" $key) }}
{{- end }}
{{- end }}
{{- if hasKey (.Values.config.server | default dict) "health_port" }}
{{- fail "config.server.health_port: set server.healthPort" }}
{{- end }}
{{- if hasKey (.Values.config.server | default dict) "port" }}
{{- fail "config.server.port: set service.port" }}
{{- end }}
{{- end }}

{{- /* The port of a URL. */}}
{{- define "agentweave-watcher.portOf" -}}
{{- $url := urlParse . }}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" }}
{{- $port | default (ternary "443" "80" (eq $url.scheme "https")) }}
{{- end }}
