"""Which series are of this installation? Its labels `cluster` and `job`, found by a series of this very process."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from watcher.checklist.live.prometheus.client import PrometheusClient
from watcher.checklist.live.prometheus.samples import Sample

CLUSTER = "cluster"
_STARTED = "agentweave_watcher_process_start_time_seconds"

_MOST_CLUSTERS = 1_000


class OwnLabels(NamedTuple):
    """Labels of the watcher's own series."""

    of_all: Mapping[str, str]  # that series of agents may have too, such as cluster
    job: str

    def matchers(self, *, own: bool) -> list[str]:
        """As PromQL; `own`: for series of the watcher itself. Others may have none of these labels: some are given when
        the watcher is scraped. A Prometheus of several clusters gives all series one."""
        if own:
            given = {**self.of_all, "job": self.job} if self.job else self.of_all
            return [f"{name}={quoted(value)}" for name, value in given.items()]
        return [f"{name}=~{quoted('|' + re.escape(value))}" for name, value in self.of_all.items()]


def quoted(text: str) -> str:
    """As a string of PromQL."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def given_labels(labels: Mapping[str, str]) -> OwnLabels | None:
    """Those of the config; None where it has none."""
    if not labels:
        return None
    return OwnLabels({name: value for name, value in labels.items() if name != "job"}, labels.get("job", ""))


async def several_clusters(client: PrometheusClient, labels: OwnLabels) -> bool:
    """Whether watchers of more than one cluster have series with these labels, which name no cluster."""
    found: list[Sample] = []
    matchers = ",".join(labels.matchers(own=True))
    await client.query(f"group by ({CLUSTER}) ({_STARTED}{{{matchers}}})", _MOST_CLUSTERS, found.append)
    return len(found) > 1


async def found_labels(client: PrometheusClient, started: float | None) -> OwnLabels | None:
    """Those of the series that this process exports; None where there is no such series, or of two installations.

    `started`: Unix seconds when this process started, as it exports it.
    """
    if started is None:
        return None
    found: list[Sample] = []
    await client.query(f"group by ({CLUSTER}, job) ({_STARTED} == {started!r})", 10, found.append)
    if len(found) != 1:
        return None
    return OwnLabels({CLUSTER: found[0].label(CLUSTER)}, found[0].label("job"))
