{{- /* The policy that lets the watcher look at the agents of a namespace: (dict "root" $ "namespace" …). */}}
{{- define "agentweave-watcher.agentNetworkPolicy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ printf "%s-may-look" (include "agentweave-watcher.nameIn" .) | quote }}
  namespace: {{ .namespace | quote }}
  labels: {{- include "agentweave-watcher.labels" .root | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- toYaml .root.Values.agentNetworkPolicy.podLabels | nindent 6 }}
  policyTypes: [Ingress]
  ingress:
    - from:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: {{ .root.Release.Namespace | quote }}
          podSelector:
            matchLabels: {{- include "agentweave-watcher.selectorLabels" .root | nindent 14 }}
      ports:
        {{- range .root.Values.agentNetworkPolicy.ports }}
        - {port: {{ . }}, protocol: TCP}
        {{- end }}
{{- end }}
