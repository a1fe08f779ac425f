"""What a store of traces says of controls: an empty one fails only where there was traffic that is sampled."""

import pytest

from probes.controls.evidence import AgentObjects, PodTemplate, Retention, Seen, TraceSample
from probes.controls.evidence.gathered import NOT_GIVEN
from tests.probes.controls.judges.witnesses.found import finding, pod, said
from tests.probes.controls.made import NOW

ENABLED, EXPORTED = "observability.tracing.enabled", "observability.tracing.exported"
SAMPLING, IDS = "observability.tracing.sampling-configured", "observability.tracing.spiffe-ids"
RETENTION, CALLS = "observability.tracing.retention-configured", "predeploy.smoke.calls-other-agents"
EMPTY = "The store has no span of the last hour"


def traces(count: int, **more: object) -> Seen[object]:
    return Seen(TraceSample(count, more.pop("more", False), **more), NOW, "Jaeger service search")  # type: ignore[arg-type]


def rate(value: object, **more: object) -> dict[str, object]:
    return {"observability": {"tracing": {"sampling_rate": value, **more}}}


def environment(**variables: str) -> Seen[object]:
    env = [{"name": name, "value": value} for name, value in variables.items()]
    template = PodTemplate({}, {"containers": [{"name": "agent", "env": env}]}, "agent")
    return Seen(AgentObjects(NOT_GIVEN, Seen(template, NOW, "deploy.yaml:1")), NOW, "")


@pytest.mark.parametrize("control", [ENABLED, EXPORTED])
@pytest.mark.parametrize(
    ("count", "requests", "config", "expected"),
    [
        (3, None, {}, "pass: The store has 3 traces with spans of the agent from the last hour."),
        (0, 20, {}, f"fail Violated: {EMPTY}, in which there were 20 requests."),
        (0, 19, {}, f"unknown NoData: {EMPTY}, in which there were 19 requests."),
        (0, 20, rate(0.1), f"unknown NoData: {EMPTY}, in which there were 20 requests."),
        (0, 200, rate(0.1), f"fail Violated: {EMPTY}, in which there were 200 requests."),
        (0, 9000, rate(0), f"unknown NoData: {EMPTY}, and none can be there: the sampling rate is 0."),
        (0, 9000, rate("often"), f"unknown NoData: {EMPTY}; which share of requests is traced is not known."),
        (0, None, {}, f"unknown NoData: {EMPTY}; how many requests there were is not known."),
    ],
)
def test_spans_arrive_while_there_is_traffic(
    control: str, count: int, requests: float | None, config: dict[str, object], expected: str
) -> None:
    assert said(finding(control, pod("a", requests), config=config, traces=traces(count))) == expected


@pytest.mark.parametrize("control", [ENABLED, EXPORTED, SAMPLING])
def test_a_store_that_never_had_a_span_of_any_agent_may_know_them_by_other_names(control: str) -> None:
    never = finding(control, pod("a", 2000), config=rate(1), traces=traces(0, heard=False))
    assert (never.state, never.reason) == ("unknown", "AttestationMissing" if control == SAMPLING else "NoData")
    assert finding(control, pod("a", 2000), config=rate(1), traces=traces(0)).state == "fail"


def test_requests_of_all_pods_count_together() -> None:
    assert finding(EXPORTED, pod("a", 10), pod("b", 10), traces=traces(0)).state == "fail"


@pytest.mark.parametrize(
    ("variables", "state"),
    [
        ({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.01"}, "unknown"),
        ({"OTEL_TRACES_SAMPLER": "always_off"}, "unknown"),
        ({"OTEL_SDK_DISABLED": "true"}, "unknown"),
        ({"OTEL_TRACES_SAMPLER": "somebody's"}, "unknown"),
        ({"OTEL_TRACES_SAMPLER": "always_on"}, "fail"),
        ({}, "fail"),
    ],
)
def test_the_environment_may_say_which_share_is_traced(variables: dict[str, str], state: str) -> None:
    found = finding(EXPORTED, pod("a", 100), kubernetes_object=environment(**variables), traces=traces(0))
    assert found.state == state


@pytest.mark.parametrize(
    ("spans", "named", "expected"),
    [
        (20, 19, "pass: 19 of 20 sampled spans have an attribute that is a SPIFFE ID."),
        (20, 18, "fail Violated: 18 of 20 sampled spans have an attribute that is a SPIFFE ID."),
        (5, 5, "pass: 5 of 5 sampled spans have an attribute that is a SPIFFE ID."),
        (4, 4, "unknown NoData: 4 server and client spans of the last hour were found, 5 are needed."),
    ],
)
def test_spans_have_spiffe_ids(spans: int, named: int, expected: str) -> None:
    assert said(finding(IDS, traces=traces(9, spans=spans, with_spiffe_id=named))) == expected


@pytest.mark.parametrize(
    ("count", "more", "requests", "state"),
    [(4, False, 1000, "fail"), (5, False, 1000, "unknown"), (4, True, 1000, "unknown"), (0, False, 999, "unknown")],
)
def test_far_fewer_traces_than_the_rate_says_refute_it(count: int, more: bool, requests: int, state: str) -> None:
    found = finding(SAMPLING, pod("a", requests), config=rate(0.01), traces=traces(count, more=more))
    assert found.state == state
    if state == "fail":
        assert (
            found.message
            == "4 traces are stored of 1000 requests in an hour; by the rate of 0.01 it should be about 10."
        )
        silent = finding(SAMPLING, pod("a", 10), config=rate(0.01), traces=traces(4), previous=found)
        assert silent.state == "fail"  # an hour with hardly a request shows nothing to the contrary


def test_a_store_that_keeps_traces_for_ever_refutes_that_retention_is_set() -> None:
    forever = Retention("Tempo keeps all traces forever: compactor.compaction.block_retention is 0s.", "tempo")
    found = finding(RETENTION, traces=traces(1, retention=forever))
    assert (found.state, found.reason, found.message) == ("fail", "Refuted", forever.refuted)
    assert finding(RETENTION, traces=traces(1)).state == "unknown"


def test_calls_that_all_fail_refute_that_others_are_reached() -> None:
    failed = finding(CALLS, traces=traces(9, spans=20, calls=20, failed_calls=20))
    assert failed.state == "fail"
    assert finding(CALLS, traces=traces(0), previous=failed).state == "fail"
    assert finding(CALLS, traces=traces(9, spans=1, calls=1), previous=failed).state == "unknown"
    assert finding(CALLS, traces=traces(9, spans=20, calls=20, failed_calls=19)).state == "unknown"
    assert finding(CALLS, traces=traces(9, spans=19, calls=19, failed_calls=19)).state == "unknown"
