{{- /* Bytes of a size as a claim has it, such as 1Gi. An API server stores 1024Ti as 1Pi, and never a fraction. */}}
{{- define "agentweave-watcher.bytes" -}}
{{- $factors := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "P" 1000000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "Pi" 1125899906842624 }}
{{- mul (regexFind "^[0-9]+" . | int64) (index $factors (regexFind "[A-Za-z]*$" .)) }}
{{- end }}

{{- /* What a StatefulSet was made with cannot be changed: say so before the API server does, with the way. Nothing is known of the
cluster where manifests are only rendered. */}}
{{- define "agentweave-watcher.claimsChecked" -}}
{{- $fullname := include "agentweave-watcher.fullname" . }}
{{- with lookup "apps/v1" "StatefulSet" .Release.Namespace $fullname }}
{{- $wanted := $.Values.state.persistence }}
{{- $changed := list }}
{{- $claims := .spec.volumeClaimTemplates | default list }}
{{- if .metadata.deletionTimestamp }}
{{- /* Another takes its place. */}}
{{- else if ne (include "agentweave-watcher.keeps" $) (gt (len $claims) 0 | toString) }}
{{- $changed = append $changed "enabled" }}
{{- else if $claims }}
{{- $had := (first $claims).spec }}
{{- if ne (include "agentweave-watcher.bytes" $had.resources.requests.storage) (include "agentweave-watcher.bytes" $wanted.size) }}
{{- $changed = append $changed (printf "size (%s)" $had.resources.requests.storage) }}
{{- end }}
{{- if ne ($had.storageClassName | default "") $wanted.storageClass }}
{{- $changed = append $changed (printf "storageClass (%s)" ($had.storageClassName | default "that of the cluster")) }}
{{- end }}
{{- if ne (toJson $had.accessModes) (toJson $wanted.accessModes) }}
{{- $changed = append $changed (printf "accessModes (%s)" (join ", " $had.accessModes)) }}
{{- end }}
{{- end }}
{{- if $changed }}
{{- fail (printf "state.persistence: %s of StatefulSet %s cannot be changed in place. The pods and their claims stay with `kubectl -n %s delete statefulset %s --cascade=orphan`; then upgrade again. What that does to the claims there are: README of the chart, `What an upgrade cannot change`" (join ", " $changed) $fullname $.Release.Namespace $fullname) }}
{{- end }}
{{- end }}
{{- end }}
