"""What does the page say of breakers and retries?"""

from collections.abc import Iterator

from probes.contract import Unknown, Verdict
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentConfigFile, Seen
from probes.controls.judges.agent_metrics.case import ENOUGH, PageCase, lacking, page_judge, sampled
from probes.controls.judging import Statement
from probes.controls.sdk.facts import SdkVersion

_OPEN, _STATE = "CircuitBreakerOpen", "agentweave_circuit_breaker_state"
_MANY, _TOO_MANY = 100, 0.20
"""Requests of an hour that tell, and the share of retries that is too many."""

_FINAL = ("authorization", "forbidden", "unauthorized", "permission")


@page_judge("reliability.circuit-breaker.metrics-exposed")
def metrics_exposed(case: PageCase) -> Iterator[Statement]:
    """Whether the states of breakers can be read."""
    verdicts = case.seen.verdicts.get(_OPEN, ())
    judged = [each for each in verdicts if not _has_no_state(each)]
    if not sampled(case, "breaker_state"):
        yield lacking(case, "breaker_state", _STATE, case.seen.traffic.made, "outbound")
    elif not verdicts:
        yield case.unclear(UnknownReason.NO_DATA, f"{_OPEN} was not judged.")
    elif not judged and case.seen.in_turn:
        yield case.unclear(UnknownReason.UNPARSEABLE, verdicts[0].text)
    elif not judged:
        yield case.bad(f"No value of {_STATE} means a state: {verdicts[0].text}")
    elif all(each.status == "unknown" for each in judged):
        yield case.doubt(judged[0])
    else:
        yield case.good(f"The metrics endpoint has {_STATE}, and {_OPEN} is judged from it.")


@page_judge("reliability.circuit-breaker.enabled")
def circuit_breaker_enabled(case: PageCase) -> Iterator[Statement]:
    """Whether each callee that is called often has a breaker."""
    called = [name for name, count in case.seen.traffic.made_by_callee.items() if count >= ENOUGH]
    with_state = {each.subject for each in case.seen.verdicts.get(_OPEN, ()) if not _has_no_state(each)}
    without = [name for name in called if name not in with_state]
    if not called:
        yield case.unclear(UnknownReason.NO_DATA, "No outbound requests were seen, so no breaker was needed.")
    elif not without:
        yield case.good(f"Each of {len(called)} callees has a breaker.")
    elif _STATE in (sdk := _sdk(case)).recorded and sdk.known:
        yield case.bad(f"No breaker for {', '.join(without[:3])}, which is called often.")
    else:
        said = f"No breaker for {', '.join(without[:3])}; SDK {sdk.version} is not known to tell of breakers."
        yield case.unclear(UnknownReason.KEY_NOT_EFFECTIVE, said)


@page_judge("reliability.retry.budget")
def retry_budget(case: PageCase) -> Iterator[Statement]:
    """Whether there were too many retries in two hours in a row."""
    traffic = case.seen.traffic
    hours = ((traffic.made, traffic.retries), (traffic.made_before, traffic.retries_before))
    if all(
        made is not None and retries is not None and made >= _MANY and retries > _TOO_MANY * made
        for made, retries in hours
    ):
        yield case.bad(f"{traffic.retries:.0f} retries of {traffic.made:.0f} requests, and too many the hour before.")


@page_judge("reliability.retry.non-retryable-identified")
def non_retryable_identified(case: PageCase) -> Iterator[Statement]:
    """Whether calls are made again that were refused for good."""
    final = sorted(each for each in case.seen.traffic.retried if _is_final(each))
    if final:
        yield case.bad(f"Calls are made again after {final[0]}.", at_once=True)


def _is_final(error: str) -> bool:
    """Whether a class of errors is one that no retry mends: of authorization, or HTTP 4xx but 408, 425 and 429."""
    word = error.lower()
    http = len(word) == 3 and word.startswith("4") and word not in ("408", "425", "429")
    return http or any(part in word for part in _FINAL)


def _has_no_state(verdict: Verdict) -> bool:
    return verdict.reason in (Unknown.MALFORMED, Unknown.SIGNAL_ABSENT, Unknown.SOURCE_FAILED)


def _sdk(case: PageCase) -> SdkVersion:
    """Of the version that the agent's config names; else the newest, which is what is taken."""
    found = case.evidence.of(SourceName.AGENT_CONFIG, AgentConfigFile)
    return case.facts.sdk.of(found.value.sdk_version) if isinstance(found, Seen) else case.facts.sdk.newest
