{{- /* All groups of the rule files, as {"groups": […]}, with the settings of prometheusRule. */}}
{{- define "agentweave-watcher.rules" -}}
{{- $settings := .Values.prometheusRule }}
{{- $groups := list }}
{{- $names := dict }}
{{- $held := dict }}
{{- $changed := false }}
{{- $paths := list }}
{{- range $path, $_ := .Files.Glob "files/rules/*.yaml" }}
{{- $paths = append $paths $path }}
{{- end }}
{{- if ($settings.burnRate).enabled }}
{{- $paths = append $paths "files/optional-rules/burn-rate.yaml" }}
{{- end }}
{{- range $path := $paths }}
{{- range $group := (fromYaml ($.Files.Get $path)).groups }}
{{- $rules := list }}
{{- range $rule := $group.rules }}
{{- if hasKey $rule "alert" }}
{{- $_ := set $names $rule.alert true }}
{{- $override := index $settings.overrides $rule.alert | default dict }}
{{- if and $override.for (hasPrefix "AgentWeaveFleetWide" $rule.alert) }}
{{- fail (printf "prometheusRule.overrides.%s.for: an alert on many agents comes before those on single ones: change their `for`, and it follows" $rule.alert) }}
{{- end }}
{{- if hasKey $rule.labels "condition" }}
{{- $_ := set $held $rule.labels.condition ($override.for | default $rule.for) }}
{{- $changed = or $changed (not (empty $override.for)) }}
{{- end }}
{{- $shipped := or $settings.watchdog (ne $rule.alert "AgentWeaveWatchdog") }}
{{- if and $shipped (not $override.disabled) }}
{{- $rules = append $rules (include "agentweave-watcher.rule" (dict "root" $ "rule" $rule "override" $override) | fromYaml) }}
{{- end }}
{{- else }}
{{- $rules = append $rules $rule }}
{{- end }}
{{- end }}
{{- if $rules }}
{{- $groups = append $groups (set $group "rules" $rules) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $_ := $settings.overrides }}
{{- if not (hasKey $names $name) }}
{{- fail (printf "prometheusRule.overrides.%s: there is no such alert" $name) }}
{{- end }}
{{- end }}
{{- if $changed }}
{{- range $group := $groups }}
{{- range $rule := $group.rules }}
{{- if eq ($rule.record | default "") "agentweave:condition:lasting" }}
{{- $_ := set $rule "expr" (include "agentweave-watcher.lasting" $held) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- toYaml (dict "groups" $groups) }}
{{- end }}

{{- /* Which agents have a condition for so long that their own alerts, by their `for`, come in 75 s: condition -> `for`.
The same as _lasting() of watcher/alerting/rules/fleet.py. */}}
{{- define "agentweave-watcher.lasting" -}}
{{- $waits := dict }}
{{- range $condition, $for := . }}
{{- $wait := sub (include "agentweave-watcher.seconds" $for | int64) 75 | max 0 | toString }}
{{- $_ := set $waits $wait (append (get $waits $wait | default list) $condition) }}
{{- end }}
{{- $parts := list }}
{{- range $wait, $conditions := $waits }}
{{- $agents := printf `agentweave:condition:agents{condition=~"%s"}` (join "|" $conditions) }}
{{- $parts = append $parts (ternary $agents (printf "%s\n  and %s offset %ss" $agents $agents $wait) (eq $wait "0")) }}
{{- end }}
{{- join "\nor\n" $parts }}
{{- end }}

{{- /* A duration of Prometheus, such as 1m30s, in whole seconds. */}}
{{- define "agentweave-watcher.seconds" -}}
{{- $seconds := 0 }}
{{- $units := dict "ms" 0 "s" 1 "m" 60 "h" 3600 "d" 86400 "w" 604800 }}
{{- range regexFindAll "[0-9]+(ms|[smhdw])" . -1 }}
{{- $count := regexReplaceAll "[a-z]+" . "" | trimAll "0" | empty | ternary 0 (regexFind "[1-9][0-9]*" . | int64) }}
{{- $seconds = add $seconds (mul $count (get $units (regexFind "[a-z]+" .))) }}
{{- end }}
{{- $seconds }}
{{- end }}

{{- /* The name that alerts have for a label of pods. */}}
{{- define "agentweave-watcher.alertLabel" -}}
{{- regexReplaceAll "[^A-Za-z0-9_]" (splitList "/" . | last) "_" }}
{{- end }}

{{- /* One alert, with its override and the links that the settings ask for: (dict "root" $ "rule" … "override" …). */}}
{{- define "agentweave-watcher.rule" -}}
{{- $rule := .rule }}
{{- with .override.for }}
{{- $_ := set $rule "for" . }}
{{- end }}
{{- $settings := .root.Values.prometheusRule }}
{{- $cluster := ternary dict (dict "cluster" .root.Values.clusterLabel) (empty .root.Values.clusterLabel) }}
{{- range $name, $_ := merge dict (.override.labels | default dict) $settings.additionalRuleLabels }}
{{- if has $name (list "alertname" "cluster" "job" "namespace" "agent" "subject" "condition" "node") }}
{{- fail (printf "prometheusRule: an alert is told by its label %s: additionalRuleLabels and overrides cannot set it%s" $name (ternary " (clusterLabel does)" "" (eq $name "cluster"))) }}
{{- end }}
{{- end }}
{{- $carried := dict }}
{{- if hasKey $rule.labels "condition" }}
{{- range .root.Values.discovery.kubernetes.labelsToAlerts }}
{{- $name := include "agentweave-watcher.alertLabel" . }}
{{- $of := "cluster=%[1]q,job=%[2]q,namespace=%[3]q,agent=%[4]q" }}
{{- $had := printf `ALERTS{alertname="%s",%s,%s!~"|none"}` $rule.alert $of $name }}
{{- $had = printf `group by (label_%s) (label_replace(%s, "label_%s", "$1", "%s", "(.+)"))` $name $had $name $name }}
{{- $pods := printf `group by (label_%s) (agentweave_watcher_target_info{%s,label_%s!=""})` $name $of $name }}
{{- $asked := printf "{{ with query (printf `%s or on () %s` $labels.cluster $labels.job $labels.namespace $labels.agent) }}" $had $pods }}
{{- $_ := set $carried $name (printf `%s{{ . | sortByLabel "label_%s" | first | label "label_%s" }}{{ else }}none{{ end }}` $asked $name $name) }}
{{- end }}
{{- end }}
{{- $labels := merge dict (.override.labels | default dict) $settings.additionalRuleLabels $cluster $rule.labels $carried }}
{{- with .override.severity }}
{{- $_ := set $labels "severity" . }}
{{- end }}
{{- $_ := set $rule "labels" $labels }}
{{- $annotations := $rule.annotations }}
{{- $runbooks := include "agentweave-watcher.runbookUrlPrefix" .root }}
{{- $copy := $settings.watcherRunbookUrlPrefix }}
{{- if and $copy (eq $rule.labels.component "watcher") }}
{{- $runbooks = contains "{name}" $copy | ternary $copy (printf "%s/" (trimSuffix "/" $copy)) }}
{{- end }}
{{- $dashboards := printf "%s/" (trimSuffix "/" $settings.dashboardUrlPrefix) }}
{{- $place := contains "{name}" $runbooks | ternary (replace "{name}" "${1}" $runbooks) (printf "%s${1}" $runbooks) }}
{{- $_ := set $annotations "runbook_url" (regexReplaceAll "^http://127\\.0\\.0\\.1:9847/runbooks/(\\w+)" $annotations.runbook_url $place) }}
{{- $_ := set $annotations "dashboard_url" (replace "http://127.0.0.1:3000/d/" $dashboards $annotations.dashboard_url) }}
{{- if hasPrefix "AgentWeaveErrorBudget" $rule.alert }}
{{- $budget := divf (subf 100 $settings.burnRate.objective) 100 }}
{{- $_ := set $rule "expr" (replace "/ 0.005" (printf "/ %.6g" $budget) $rule.expr) }}
{{- end }}
{{- if eq $rule.alert "AgentWeaveWatcherDown" }}
{{- $_ := set $rule "expr" (include "agentweave-watcher.downOfRelease" (dict "root" .root "expression" $rule.expr)) }}
{{- end }}
{{- toYaml $rule }}
{{- end }}

{{- /* A dashboard, with links to the page and the runbooks that the settings name: (dict "root" $ "path" …). */}}
{{- define "agentweave-watcher.dashboard" -}}
{{- $page := printf "%s/" (include "agentweave-watcher.publicUrl" .root) }}
{{- $text := .root.Files.Get .path }}
{{- range list "agents/" "?" }}
{{- $text = replace (printf "http://127.0.0.1:9847/%s" .) (printf "%s%s" $page .) $text }}
{{- end }}
{{- replace "http://127.0.0.1:9847/runbooks/" (include "agentweave-watcher.runbookUrlPrefix" .root) $text }}
{{- end }}

{{- /* WatcherDown, which waits for the job of this release for as long as it is gone, in place of what was there within
a day: (dict "root" $ "expression" …). */}}
{{- define "agentweave-watcher.downOfRelease" -}}
{{- $job := .root.Values.prometheusRule.job | default (printf "%s/%s" .root.Release.Namespace .root.Release.Name) }}
{{- $of := printf "job=%s" (toJson $job) }}
{{- with .root.Values.clusterLabel }}
{{- $of = printf "cluster=%s,%s" (toJson .) $of }}
{{- end }}
{{- $gone := printf "(\n  absent(agentweave_watcher_build_info{%s})\n)\nor\n" $of }}
{{- $changed := regexReplaceAllLiteral "(?s)\\A\\(\n.*?\n\\)\nor\n" .expression $gone }}
{{- if not (hasPrefix $gone $changed) }}
{{- fail "the rules of this chart have no part of AgentWeaveWatcherDown to name the job in" }}
{{- end }}
{{- $changed }}
{{- end }}
