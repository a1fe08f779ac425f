{{- define "agentweave-watcher.pod" -}}
{{- $shards := gt (int .Values.shards) 1 }}
{{- $several := or $shards (gt (int .Values.replicas) 1) }}
metadata:
  annotations:
    {{- if not .Values.existingConfigMap }}
    checksum/config: {{ include "agentweave-watcher.config" . | sha256sum }}
    {{- end }}
    kubectl.kubernetes.io/default-container: watcher
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  labels: {{- include "agentweave-watcher.labelsOf" (dict "root" . "of" (include "agentweave-watcher.selectorLabels" .) "more" .Values.podLabels) | nindent 4 }}
spec:
  serviceAccountName: {{ include "agentweave-watcher.serviceAccountName" . | quote }}
  automountServiceAccountToken: {{ or .Values.discovery.kubernetes.enabled (gt (int .Values.replicas) 1) (not (empty .Values.records.configMaps.namespace)) }}
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- include "agentweave-watcher.imagePullSecrets" . | indent 2 }}
  {{- include "agentweave-watcher.securityContext" (dict "root" . "context" .Values.podSecurityContext) | indent 2 }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  {{- if and $several (not .Values.affinity) }}
  affinity:
    podAntiAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 100
          podAffinityTerm:
            topologyKey: kubernetes.io/hostname
            labelSelector:
              matchLabels: {{- include "agentweave-watcher.selectorLabels" . | nindent 16 }}
  {{- end }}
  {{- range $key := list "nodeSelector" "affinity" "tolerations" "topologySpreadConstraints" "hostAliases" "dnsConfig" }}
  {{- with index $.Values $key }}
  {{ $key }}: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  containers:
    - name: watcher
      image: {{ include "agentweave-watcher.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy | quote }}
      args:
        - run
        - --config=/etc/agentweave-watcher/config.yaml
        - --log-format={{ .Values.logFormat }}
        {{- with .Values.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      env:
        # Here, so that it is there with a config of another's making too.
        - {name: AGENTWEAVE_WATCHER_SERVER__HEALTH_PORT, value: "{{ .Values.server.healthPort }}"}
        # For the commands in its runbooks.
        - {name: AGENTWEAVE_WATCHER_INSTALLATION__NAMESPACE, value: {{ .Release.Namespace | quote }}}
        - {name: AGENTWEAVE_WATCHER_INSTALLATION__WORKLOAD, value: {{ printf "%s/%s" (include "agentweave-watcher.kind" . | lower) (include "agentweave-watcher.fullname" .) | quote }}}
        - {name: AGENTWEAVE_WATCHER_INSTALLATION__SELECTOR, value: {{ printf "app.kubernetes.io/instance=%s,app.kubernetes.io/component=watcher" .Release.Name | quote }}}
        - name: AGENTWEAVE_WATCHER_INSTALLATION__POD
          valueFrom:
            fieldRef: {fieldPath: metadata.name}
        {{- with .Values.server.basicAuth }}
        {{- if .secretName }}
        - name: AGENTWEAVE_WATCHER_SERVER__BASIC_AUTH_USERS
          valueFrom:
            secretKeyRef: {name: {{ .secretName | quote }}, key: {{ .key | quote }}}
        {{- end }}
        {{- end }}
        {{- if $shards }}
        - name: AGENTWEAVE_WATCHER_SHARD__INDEX
          valueFrom:
            fieldRef: {fieldPath: "metadata.labels['apps.kubernetes.io/pod-index']"}
        {{- end }}
        {{- with .Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with .Values.extraEnvFrom }}
      envFrom: {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - {name: http, containerPort: {{ .Values.service.port }}, protocol: TCP}
        - {name: health, containerPort: {{ .Values.server.healthPort }}, protocol: TCP}
      livenessProbe:
        httpGet: {path: /livez, port: health}
        {{- toYaml .Values.probes.liveness | nindent 8 }}
      readinessProbe:
        httpGet: {path: /readyz, port: health}
        {{- toYaml .Values.probes.readiness | nindent 8 }}
      startupProbe:
        httpGet: {path: /livez, port: health}
        {{- toYaml .Values.probes.startup | nindent 8 }}
      {{- with .Values.resources }}
      resources: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- include "agentweave-watcher.securityContext" (dict "root" . "context" .Values.securityContext) | indent 6 }}
      volumeMounts:
        - {name: config, mountPath: /etc/agentweave-watcher, readOnly: true}
        - {name: state, mountPath: /var/lib/agentweave-watcher}
        {{- if ne .Values.spire.mode "none" }}
        - {name: spiffe-workload-api, mountPath: /spiffe-workload-api, readOnly: true}
        {{- end }}
        {{- if .Values.server.tls.secretName }}
        - {name: server-tls, mountPath: /etc/agentweave-watcher-tls, readOnly: true}
        {{- end }}
        {{- if .Values.server.bearerToken.secretName }}
        - {name: server-token, mountPath: /etc/agentweave-watcher-token, readOnly: true}
        {{- end }}
        {{- if .Values.records.files.configMapName }}
        - {name: records, mountPath: /etc/agentweave-watcher-records, readOnly: true}
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    {{- with .Values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    - name: config
      configMap:
        name: {{ .Values.existingConfigMap | default (include "agentweave-watcher.fullname" .) | quote }}
    {{- if ne (include "agentweave-watcher.keeps" .) "true" }}
    - name: state
      emptyDir: {sizeLimit: {{ .Values.state.sizeLimit }}}
    {{- end }}
    {{- if eq .Values.spire.mode "csi" }}
    - name: spiffe-workload-api
      csi: {driver: {{ .Values.spire.csiDriver | quote }}, readOnly: true}
    {{- else if eq .Values.spire.mode "hostPath" }}
    - name: spiffe-workload-api
      hostPath: {path: {{ .Values.spire.hostPath | quote }}, type: Directory}
    {{- end }}
    {{- with .Values.server.tls.secretName }}
    - name: server-tls
      secret: {secretName: {{ . | quote }}}
    {{- end }}
    {{- with .Values.server.bearerToken.secretName }}
    - name: server-token
      secret: {secretName: {{ . | quote }}}
    {{- end }}
    {{- with .Values.records.files.configMapName }}
    - name: records
      configMap: {name: {{ . | quote }}}
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
