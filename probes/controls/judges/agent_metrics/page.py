"""Is there a page, and for whom?"""

from collections.abc import Iterator

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import MetricsLook
from probes.controls.judges.agent_metrics.case import PageCase, page_judge, unread
from probes.controls.judges.looked import is_true, judge_of_pods, worst
from probes.controls.judging import Statement

_REFUSED, _NOT_FOUND = (401, 403), 404
_FIRST_WINDOW = 900.0
"""Seconds after which a new pod's page must be there."""


@judge_of_pods(SourceName.AGENT_METRICS, MetricsLook, "observability.metrics.enabled")
def metrics_enabled(case: PageCase) -> Iterator[Statement]:
    """Whether the page has anything of AgentWeave's; one that only we do not reach proves nothing."""
    if case.seen.error:
        yield _not_there(case) or unread(case)
    elif case.seen.families.ours:
        yield case.good("The metrics endpoint has families of AgentWeave's.")
    else:
        yield case.bad("The metrics endpoint has no family whose name begins with agentweave_.")


@judge_of_pods(SourceName.AGENT_METRICS, MetricsLook, "postdeploy.immediate.metrics-available")
def metrics_available(case: PageCase) -> Iterator[Statement]:
    """Whether a new pod has a page that can be read."""
    if soon := case.settling(_FIRST_WINDOW, "The pod is younger than 15 min."):
        yield soon
    elif case.seen.error:
        yield _not_there(case) or unread(case)
    else:
        yield case.good("The metrics endpoint can be read.")


@judge_of_pods(SourceName.AGENT_METRICS, MetricsLook, "observability.metrics.endpoint-secured")
def endpoint_secured(case: PageCase) -> Iterator[Statement]:
    """Whether it is apart from the agent's port, or refused to those without credentials; no page proves neither."""
    seen = case.seen
    if seen.status in _REFUSED and not seen.with_credentials:
        yield case.good(f"Without credentials the page is refused with HTTP {seen.status}.")
    elif seen.error:
        yield unread(case)
    elif not seen.own_port:
        yield case.good("The metrics endpoint is on another port than the agent's.")
    elif seen.with_credentials:
        said = "The watcher shows credentials, so whether the page is served without them is not known."
        yield case.unclear(UnknownReason.NO_DATA, said)
    else:
        yield case.bad("The metrics endpoint is served on the agent's own port to a client without credentials.")


@page_judge("predeploy.smoke.calls-other-agents")
def calls_other_agents(case: PageCase) -> Iterator[Statement]:
    """Whether each of many calls failed."""
    made, failed = case.seen.traffic.made, case.seen.traffic.failed
    if made is not None and failed is not None and failed >= made >= _CALLS:
        yield case.bad(f"All of {made:.0f} outbound requests in the last hour failed.")


_CALLS = 20
"""Outbound requests in an hour that tell."""


def _not_there(case: PageCase) -> Statement | None:
    """Bad where the agent itself says that there is no page: it refuses, has none, or what it sends is none."""
    unavailable = worst(case.seen.verdicts, "MetricsUnavailable")
    if unavailable is None or not is_true(unavailable):
        return None
    none = unavailable.reason in ("ConnectionRefused", "Malformed")
    return case.bad(unavailable.text) if none or case.seen.status == _NOT_FOUND else None
