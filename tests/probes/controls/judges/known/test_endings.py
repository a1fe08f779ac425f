"""Pods that were asked to end and took no new request pass, those that took some fail, each with its sentence."""

from dataclasses import replace

import pytest

from probes.controls.catalogue.control import Assurance, UnknownReason
from probes.controls.evidence import AgentObjects, LastTry, Missing, Routed, Seen, Took
from probes.controls.evidence.gathered import NOT_GIVEN
from probes.controls.finding import Finding
from tests.probes.controls.judges.known.pods import finding, in_turn, port
from tests.probes.controls.made import DAY, NOW

CONTROL = "reliability.shutdown.no-new-requests"
LEFT_OUT = "The last pod asked to end served in no EndpointSlice 5 s later."
HANGS = "A pod that was asked to end did not answer 5 s later, and did not refuse either."
HALF = "A pod took a connection 5 s after it was asked to end, and answered no request."


def tried(took: Took, why: str = "", days: float = 1.0) -> LastTry:
    """A pod that was tried so many days ago."""
    at = NOW - days * DAY
    return LastTry(f"search-{days:g}", at, at + 5, took, why)


def objects(*serving: bool, days: float = 1.0) -> Seen[AgentObjects]:
    """Pods of so many days ago, whether EndpointSlices still said that they serve."""
    ends = tuple(Routed("search-0", NOW - days * DAY, each) for each in serving)
    return around(Seen(ends, NOW, "endpointslices"))


def around(routed: Seen[tuple[Routed, ...]] | Missing) -> Seen[AgentObjects]:
    return Seen(AgentObjects(NOT_GIVEN, NOT_GIVEN, {}, routed), NOW, "prod/search")


def judged(*tries: LastTry, slices: Seen[AgentObjects] | Missing | None = None) -> Finding:
    given = objects(False) if slices is None else slices
    return finding(CONTROL, port(last_tries=tries), kubernetes_object=given)


NOTHING, REQUEST = tried(Took.NOTHING), tried(Took.REQUEST)


def test_pods_that_refused_and_served_no_more_pass_as_they_were_seen() -> None:
    found = judged(NOTHING)
    assert (found.state, found.assurance) == ("pass", Assurance.REPORTED)
    assert found.message == (f"{LEFT_OUT} search-0: The last pod asked to end took no new connection 5 s later.")
    both = judged(NOTHING, tried(Took.ENDED), slices=objects(False, False))
    assert both.state == "pass"
    assert both.message == (
        "The last 2 pods asked to end served in no EndpointSlice 5 s later. "
        "search-0: The last 2 pods asked to end took no new connection 5 s later."
    )


def test_a_second_pod_that_took_a_request_fails_and_a_first_one_decides_nothing() -> None:
    found = judged(NOTHING, REQUEST)
    assert (found.state, found.reason) == ("unknown", "Observing")
    assert found.message == (
        "A pod took a new connection and a request 5 s after it was asked to end; a second one would decide."
    )
    found = judged(REQUEST, NOTHING, tried(Took.REQUEST, days=0.5))
    assert (found.state, found.reason) == ("fail", "Violated")
    assert found.message == "search-0: 2 pods took a new connection and a request 5 s after they were asked to end."


def test_it_fails_at_the_first_verdict_and_five_pods_that_refused_cover_one_that_did_not() -> None:
    one = in_turn(CONTROL, port(last_tries=(REQUEST, REQUEST)), kubernetes_object=objects(False))
    assert one.state == "fail"
    assert judged(REQUEST, *[NOTHING] * 4).state == "unknown"
    assert judged(REQUEST, *[NOTHING] * 5).state == "pass"


@pytest.mark.parametrize(
    ("tries", "slices", "reason", "message"),
    [
        ([], objects(False), "Observing", "No pod of the agent was tried while it ended."),
        ([tried(Took.NOTHING, days=31)], objects(False), "Observing", "No pod of the agent was tried while it ended."),
        ([REQUEST, tried(Took.REQUEST, days=31)], objects(False), "Observing", None),
        ([NOTHING, tried(Took.SILENCE, HANGS)], objects(False), "Unreachable", HANGS),
        ([NOTHING, tried(Took.NEITHER, HALF)], objects(False), "Observing", HALF),
        (
            [NOTHING],
            objects(False, True),
            "Observing",
            "1 of the last 2 pods asked to end still served in an EndpointSlice 5 s later.",
        ),
        (
            [NOTHING],
            objects(True),
            "Observing",
            "The last pod asked to end still served in an EndpointSlice 5 s later.",
        ),
        (
            [NOTHING],
            objects(),
            "Observing",
            "No pod of the agent that an EndpointSlice names was seen to end.",
        ),
        (
            [NOTHING],
            objects(False, days=31),
            "Observing",
            "No pod of the agent that an EndpointSlice names was seen to end.",
        ),
        (
            [NOTHING],
            around(Missing(UnknownReason.FORBIDDEN, "EndpointSlice objects may not be listed.")),
            "Forbidden",
            "EndpointSlice objects may not be listed.",
        ),
        ([NOTHING], around(NOT_GIVEN), "SourceMissing", "There is no evidence from kubernetes_object here."),
    ],
)
def test_what_was_not_seen_of_ends_is_no_pass(
    tries: list[LastTry], slices: Seen[AgentObjects], reason: str, message: str | None
) -> None:
    found = judged(*tries, slices=slices)
    assert (found.state, found.reason) == ("unknown", reason)
    assert message is None or found.message == message


def test_what_a_kubelet_reports_of_the_process_is_no_observation() -> None:
    """Both are needed, and the weaker one counts."""
    seen = replace(objects(False), value=replace(objects(False).value))
    assert judged(tried(Took.ENDED), slices=seen).assurance is Assurance.REPORTED
