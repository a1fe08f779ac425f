"""What series tell of agents beside rules: each figure is one question for the whole fleet, with its volume guard."""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from probes.controls.evidence import AgentRef
from probes.controls.evidence.alerts.prometheus import Cluster, Counted, Fired, Flapped
from probes.history.families import AUTHZ_DECISIONS
from watcher.checklist.live.prometheus.client import PrometheusClient
from watcher.checklist.live.prometheus.own_labels import OwnLabels, quoted
from watcher.checklist.live.prometheus.samples import PodRef, Sample

_MOST = 100_000
_MOST_ALERTS = 20_000
_PERIODS = 1000
"""CPU periods of one hour that tell: a tenth of a second each."""

_THROTTLED = 0.25
_MEAN = 300
"""Seconds of one mean of requests a second."""

_ENDS = "(_total|_bucket|_count|_sum|_info)?"
"""Of the names of samples, which a family is known without."""

_TOO_OFTEN = 10
"""Starts of an alert a day, as the catalogue has it: only what is over it is asked for."""

_TOO_LONG = 0.20
_STEPS = 7 * 144
"""Of ten minutes, in the 7 days that are looked back at."""

_WHAT = "agentweave_what"


@dataclass(slots=True)
class Alerts:
    """Alerts that fired: by agent, and by pod where they name no agent."""

    agents: dict[AgentRef, dict[str, list[float]]] = field(default_factory=dict)
    pods: dict[PodRef, dict[str, list[float]]] = field(default_factory=dict)

    def of(self, agent: AgentRef, pods: Sequence[str]) -> Mapping[str, list[float]]:
        """By name of the alert."""
        found = dict(self.agents.get(agent, {}))
        for pod in pods:
            found.update(self.pods.get((agent.namespace, pod), {}))
        return found

    def kept(self, sample: Sample, zero: Sequence[float]) -> list[float] | None:
        """The figures of the alert of a series; None for one of neither an agent nor a pod."""
        if sample.agent is not None:
            by_name = self.agents.setdefault(sample.agent, {})
        elif sample.label("pod"):
            by_name = self.pods.setdefault(sample.pod, {})
        else:
            return None
        return by_name.setdefault(sample.label("alertname")[:200], list(zero))


class Asker:
    """Asks about the series of one installation, of agents in some namespaces."""

    def __init__(self, client: PrometheusClient, labels: OwnLabels, near: Sequence[str]) -> None:
        """`near`: a matcher for the namespaces of the agents, where they are few."""
        self._client, self.near = client, tuple(near)
        self._own = ",".join((*labels.matchers(own=True), *near))
        self._all = ",".join((*labels.matchers(own=False), *near))
        self._cluster = ",".join(labels.matchers(own=False))

    async def known(self) -> frozenset[AgentRef]:
        """Agents that had series an hour ago."""
        found: set[AgentRef] = set()
        asked = f"group by (namespace, agent) (agentweave_watcher_target_info{{{self._own}}} offset 1h)"
        await self._client.query(asked, _MOST, lambda one: found.add(one.agent) if one.agent else None)
        return frozenset(found)

    async def measured(self) -> frozenset[PodRef]:
        """Pods of which there are CPU and memory by the kubelets."""
        given = f'{{container!="",{self._all}}}'
        cpu = f"group by (namespace, pod) (container_cpu_usage_seconds_total{given})"
        memory = f"group by (namespace, pod) (container_memory_working_set_bytes{given})"
        found: set[PodRef] = set()
        await self._client.query(f"{cpu} and {memory}", _MOST, lambda one: found.add(one.pod))
        return frozenset(found)

    async def throttled(self) -> Mapping[PodRef, float]:
        """The share of CPU periods that were throttled in one hour, of pods where it is over the catalogue's limit."""
        periods = f'increase(container_cpu_cfs_periods_total{{container!="",{self._all}}}[1h])'
        throttled = f'increase(container_cpu_cfs_throttled_periods_total{{container!="",{self._all}}}[1h])'
        of = "sum by (namespace, pod)"
        found: dict[PodRef, float] = {}
        asked = f"{of} ({throttled}) / ({of} ({periods}) >= {_PERIODS}) > {_THROTTLED}"
        await self._client.query(asked, _MOST, lambda one: found.update({one.pod: one.value}))
        return found

    async def decisions(self) -> Mapping[PodRef, float]:
        """Authorization decisions that pods counted in one hour, under whichever name."""
        of = f"{{{self._all}}}[1h]"
        counted = [f"sum by (namespace, pod) (increase({row.metric}{of}))" for row in AUTHZ_DECISIONS.rows]
        found: dict[PodRef, float] = {}
        await self._client.query(" or ".join(counted), _MOST, lambda one: found.update({one.pod: one.value}))
        return found

    async def exported(self, families: Collection[str]) -> Mapping[PodRef, frozenset[str]]:
        """Which of these families each pod had series of in 24 h; all names in small letters."""
        names = f"(?i:{'|'.join(map(re.escape, sorted(families)))}){_ENDS}"
        asked = f"group by (namespace, pod, __name__) (last_over_time({{__name__=~{quoted(names)},{self._all}}}[24h]))"
        found: dict[PodRef, frozenset[str]] = {}

        def take(one: Sample) -> None:
            name = one.label("__name__").casefold()
            mine = {each for each in (name, name.rpartition("_")[0]) if each in families}
            found[one.pod] = found.get(one.pod, frozenset()) | mine

        await self._client.query(asked, _MOST, take)
        return found

    async def peaks(self, begin: int, end: int) -> Mapping[AgentRef, float]:
        """The most requests a second of each agent between these moments (Unix seconds), by the watcher's figures."""
        mean = f"sum by (namespace, agent) (agentweave_watcher_slo_requests_per_second{{{self._own}}})"
        asked = f"max_over_time(({mean})[{max(end - begin, _MEAN)}s:{_MEAN}s] @ {end})"
        found: dict[AgentRef, float] = {}
        await self._client.query(asked, _MOST, lambda one: found.update({one.agent: one.value}) if one.agent else None)
        return found

    async def fired(self) -> Alerts:
        """When alerts of the last two hours first and last fired, Unix seconds."""
        firing = f'timestamp(ALERTS{{alertstate="firing",severity=~"critical|warning",{self._all}}})[2h:1m]'
        of = "by (alertname, namespace, agent, pod)"
        first = _named(f"min {of} (min_over_time({firing}))", "first")
        last = _named(f"max {of} (max_over_time({firing}))", "last")
        found = Alerts()

        def take(one: Sample) -> None:
            if (kept := found.kept(one, (0.0, 0.0))) is not None:
                kept[one.label(_WHAT) == "last"] = one.value

        await self._client.query(f"{first} or {last}", _MOST_ALERTS, take)
        return found

    async def flapped(self) -> Alerts:
        """Of alerts that fire for a long part of 7 days, or start often a day: that part, and on how many days."""
        firing = f'ALERTS{{alertstate="firing",severity=~"critical|warning",{self._all}}}'
        of = "max by (alertname, namespace, agent, pod)"
        parts = [_named(f"{of} (count_over_time({firing}[7d:10m])) / {_STEPS} > {_TOO_LONG}", "share")]
        for day in range(7):
            starts = f"count_over_time(({firing} unless {firing} offset 5m)[1d:5m] offset {day}d)"
            parts.append(_named(f"{of} ({starts}) > {_TOO_OFTEN}", f"day {day}"))
        found = Alerts()

        def take(one: Sample) -> None:
            if (kept := found.kept(one, (0.0, 0.0))) is not None:
                if one.label(_WHAT) == "share":
                    kept[0] = one.value
                else:
                    kept[1] += 1

        await self._client.query(" or ".join(parts), _MOST_ALERTS, take)
        return found

    async def cluster(self) -> Cluster:
        """What is the same for all agents."""
        parts = [
            _named(_secrets(self._cluster), "written"),
            _named(_secrets('transformer_prefix="identity"', self._cluster), "plain"),
            *(_named(_spans(what, self._cluster), what) for what in ("sent", "send_failed")),
        ]
        found: defaultdict[str, float | None] = defaultdict(lambda: None)
        await self._client.query(" or ".join(parts), 10, lambda one: found.update({one.label(_WHAT): one.value}))
        sent, failed, written_all = found["sent"], found["send_failed"], found["written"]
        return Cluster(
            spans=None if sent is None and failed is None else Counted((sent or 0.0) + (failed or 0.0), failed or 0.0),
            secret_writes=None if written_all is None else Counted(written_all, found["plain"] or 0.0),
        )


def fired_of(alerts: Alerts, agent: AgentRef, pods: Sequence[str]) -> tuple[Fired, ...]:
    """Of one agent, by name."""
    return tuple(Fired(name, *given) for name, given in sorted(alerts.of(agent, pods).items()))


def flapped_of(alerts: Alerts, agent: AgentRef, pods: Sequence[str]) -> tuple[Flapped, ...]:
    """Of one agent, by name."""
    return tuple(Flapped(name, given[0], int(given[1])) for name, given in sorted(alerts.of(agent, pods).items()))


def _spans(what: str, matchers: str) -> str:
    """Spans that collectors exported in one hour; newer ones end the name in `_total`."""
    names = (f"otelcol_exporter_{what}_spans{end}" for end in ("_total", ""))
    return f"sum({' or '.join(f'increase({name}{{{matchers}}}[1h])' for name in names)})"


def _secrets(*matchers: str) -> str:
    """Secrets that API servers encoded for storage in 24 h."""
    stored = ('transformation_type="to_storage"', 'resource="secrets"', 'status="OK"', *matchers)
    return f"sum(increase(apiserver_storage_transformation_operations_total{{{','.join(stored)}}}[24h]))"


def _named(expression: str, what: str) -> str:
    return f'label_replace({expression}, "{_WHAT}", "{what}", "", "")'
