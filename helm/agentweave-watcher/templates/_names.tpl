{{- define "agentweave-watcher.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* A name that a Service may have, of at most 50 characters: Kubernetes adds to it. Where it had to be changed it ends in a
digest, so that no two become one. */}}
{{- define "agentweave-watcher.fullname" -}}
{{- $name := include "agentweave-watcher.name" . }}
{{- $whole := printf "%s-%s" .Release.Name $name }}
{{- if .Values.fullnameOverride }}
{{- $whole = .Values.fullnameOverride }}
{{- else if contains $name .Release.Name }}
{{- $whole = .Release.Name }}
{{- end }}
{{- $digest := sha256sum $whole | trunc 8 }}
{{- $fit := regexMatch "^[a-z]" $whole | ternary $whole (printf "watcher-%s" $whole) | replace "." "-" }}
{{- if or (gt (len $fit) 50) (ne $fit $whole) }}
{{- $fit = printf "%s-%s" ($fit | trunc 41 | trimSuffix "-") $digest }}
{{- end }}
{{- $fit }}
{{- end }}

{{- /* The name of an object in another namespace, or in none: one for each release of the cluster, whatever it is called. */}}
{{- define "agentweave-watcher.nameElsewhere" -}}
{{- $release := printf "%s/%s" .Release.Namespace .Release.Name | sha256sum | trunc 8 }}
{{- printf "%s-%s-%s" .Release.Namespace (include "agentweave-watcher.fullname" .) $release }}
{{- end }}

{{- /* The name of an object in a namespace that may be another: (dict "root" $ "namespace" …). */}}
{{- define "agentweave-watcher.nameIn" -}}
{{- if eq .namespace .root.Release.Namespace }}
{{- include "agentweave-watcher.fullname" .root }}
{{- else }}
{{- include "agentweave-watcher.nameElsewhere" .root }}
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
app.kubernetes.io/name: {{ include "agentweave-watcher.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: watcher
{{- end }}

{{- /* The same for an object or pod beside the watcher: (dict "root" $ "part" …). */}}
{{- define "agentweave-watcher.partLabels" -}}
app.kubernetes.io/name: {{ include "agentweave-watcher.name" .root | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- /* All labels of an object: (dict "root" $ "of" labels that tell what it is, "more" labels of its own), each once. */}}
{{- define "agentweave-watcher.labelsOf" -}}
{{- $chart := printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- $ours := dict "app.kubernetes.io/version" .root.Chart.AppVersion "app.kubernetes.io/managed-by" .root.Release.Service "helm.sh/chart" $chart }}
{{- toYaml (merge dict (.more | default dict) (.of | fromYaml) .root.Values.commonLabels $ours) }}
{{- end }}

{{- define "agentweave-watcher.labels" -}}
{{- include "agentweave-watcher.labelsOf" (dict "root" . "of" (include "agentweave-watcher.selectorLabels" .)) }}
{{- end }}

{{- /* Kind and place of the workload: a StatefulSet where it has volumes or shards. */}}
{{- define "agentweave-watcher.kind" -}}
{{- ternary "StatefulSet" "Deployment" (or (gt (int .Values.shards) 1) (eq (include "agentweave-watcher.keeps" .) "true")) }}
{{- end }}

{{- /* `true` where history is on volumes that outlive the pods. */}}
{{- define "agentweave-watcher.keeps" -}}
{{- $asked := .Values.state.persistence.enabled }}
{{- ternary $asked (gt (int .Values.shards) 1) (kindIs "bool" $asked) }}
{{- end }}

{{- define "agentweave-watcher.image" -}}
{{- $image := .Values.image }}
{{- $registry := (.Values.global | default dict).imageRegistry | default $image.registry }}
{{- $name := list ($registry | trimSuffix "/") ($image.repository | trimPrefix "/") | compact | join "/" }}
{{- if $image.digest }}
{{- printf "%s@%s" $name $image.digest }}
{{- else }}
{{- printf "%s:%s" $name ($image.tag | default .Chart.AppVersion) }}
{{- end }}
{{- end }}

{{- /* As a pod has them: those of all charts and ours, each by its name or as `{name: …}`. */}}
{{- define "agentweave-watcher.imagePullSecrets" -}}
{{- $found := list }}
{{- range concat ((.Values.global | default dict).imagePullSecrets | default list) .Values.imagePullSecrets }}
{{- $found = append $found (kindIs "string" . | ternary (dict "name" .) .) }}
{{- end }}
{{- with $found }}
imagePullSecrets: {{- toYaml (uniq .) | nindent 2 }}
{{- end }}
{{- end }}

{{- /* A security context, without the ids that OpenShift gives by itself: (dict "root" $ "context" …). */}}
{{- define "agentweave-watcher.securityContext" -}}
{{- $context := .context }}
{{- if .root.Values.openshift }}
{{- $context = omit $context "runAsUser" "runAsGroup" "fsGroup" "supplementalGroups" }}
{{- end }}
{{- with $context }}
securityContext: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* Where people find the page; without a publicUrl where a port-forward puts it. */}}
{{- define "agentweave-watcher.publicUrl" -}}
{{- $forwarded := printf "%s://127.0.0.1:%d" (include "agentweave-watcher.scheme" .) (int .Values.service.port) }}
{{- .Values.publicUrl | default $forwarded | trimSuffix "/" }}
{{- end }}

{{- define "agentweave-watcher.runbookUrlPrefix" -}}
{{- $prefix := .Values.prometheusRule.runbookUrlPrefix | default (printf "%s/runbooks/" (include "agentweave-watcher.publicUrl" .)) }}
{{- printf "%s/" (trimSuffix "/" $prefix) }}
{{- end }}

{{- /* Names of an Ingress or HTTPRoute, as a list: those given, else that of publicUrl: (dict "root" $ "given" …). */}}
{{- define "agentweave-watcher.publicHosts" -}}
{{- $public := (urlParse (include "agentweave-watcher.publicUrl" .root)).hostname }}
{{- toYaml (.given | default (regexMatch "[A-Za-z]" $public | ternary (list $public) list)) }}
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
{{- range list (include "agentweave-watcher.publicUrl" .) (include "agentweave-watcher.runbookUrlPrefix" .) }}
{{- $people := (urlParse .).hostname }}
{{- if regexMatch "[A-Za-z]" $people }}
{{- $hosts = append $hosts $people }}
{{- end }}
{{- end }}
{{- $routed := concat (ternary .Values.ingress.hosts list .Values.ingress.enabled) (ternary .Values.httpRoute.hostnames list .Values.httpRoute.enabled) }}
{{- toYaml (concat $hosts $routed .Values.server.allowedHosts | uniq) }}
{{- end }}

{{- define "agentweave-watcher.scheme" -}}
{{- ternary "https" "http" (not (empty .Values.server.tls.secretName)) }}
{{- end }}
