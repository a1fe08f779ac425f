"""How bad it is stands in the text of each alert: its own numbers, to the word."""

import re
from pathlib import Path
from urllib.parse import quote_plus

import pytest
import yaml

from tests.alerting.promtool import WATCHER, Story, both_versions, expected, moment, told_by
from tests.alerting.rules import CORE, RULES, alert, conditions
from watcher.alerting.rules.agents import all_alerts
from watcher.alerting.rules.descriptions import Figure

MI = 1 << 20
AT = 1140
"""Seconds after the begin: later than the longest `for`."""
Series = dict[str, tuple[str, dict[str, str]]]


def course(value: float, slope: float = 0.0, scrapes: int = 40) -> str:
    """A value at all scrapes, that rises by so much from one to the next."""
    return f"{value:.15g}{slope:+.15g}x{scrapes}"


FIGURES: dict[str, tuple[Series, str]] = {
    "SVIDExpired": (
        {"svid_not_after_timestamp_seconds": (course(AT - 1260), {})},
        "It expired 21m 0s ago.",
    ),
    "SVIDExpiryImminent": (
        {
            "svid_not_after_timestamp_seconds": (course(AT + 720), {}),
            "svid_not_before_timestamp_seconds": (course(AT + 720 - 3600), {}),
        },
        "The certificate itself expires in 12m 0s, with 20% of its lifetime left.",
    ),
    "SVIDRotationOverdue": (
        {
            "svid_not_after_timestamp_seconds": (course(AT + 1200), {}),
            "svid_not_before_timestamp_seconds": (course(AT + 1200 - 3600), {}),
        },
        "It expires in 20m 0s, with 33.33% of its lifetime left.",
    ),
    "CircuitBreakerOpen": (
        {"circuit_breaker_open_since_timestamp_seconds": (course(AT - 600), {"callee": "s"})},
        "It has not been closed for 10m 0s.",
    ),
    "CircuitBreakerFlapping": (
        {"circuit_breaker_transitions_total": (course(0, 1), {"callee": "s", "to": "open"})},
        "It opened 38 times in half an hour.",
    ),
    "MemoryHigh": (
        {
            "memory_rss_bytes": (course(490 * MI), {}),
            "memory_limit_bytes": (course(512 * MI), {}),
        },
        "It holds 490MiB of 512MiB.",
    ),
    "MemoryDrift": (
        {"memory_drift_bytes_per_second": (course(12 * MI / 3600), {})},
        "It rises by 12MiB an hour.",
    ),
    "MemoryExhaustionPredicted": (
        {
            "memory_exhaustion_timestamp_seconds": (course(AT + 5 * 3600), {}),
            "memory_rss_bytes": (course(400 * MI), {}),
            "memory_limit_bytes": (course(512 * MI), {}),
        },
        "At this rate it does so in 5h 0m 0s. It holds 400MiB of 512MiB.",
    ),
    "SVIDWrongIdentity": (
        {
            "svid_served_info": (course(1), {"spiffe_id": "spiffe://example.org/agent/billing"}),
            "target_info": (course(1), {"spiffe_id": "spiffe://example.org/agent/search"}),
        },
        "It serves spiffe://example.org/agent/billing. Expected is spiffe://example.org/agent/search.",
    ),
    "OPADecisionSlow": (
        {"opa_decision_p95_seconds": (course(0.15), {})},
        "It is 150ms.",
    ),
    "AgentRestarting": (
        {"process_restarts": (course(7), {})},
        "At least 7 new processes were seen recently.",
    ),
    "OPABundleStale": (
        {"opa_bundle_last_success_timestamp_seconds": (course(AT - 1500), {"bundle": "s"})},
        "It was last fetched 25m 0s ago.",
    ),
    "OPARevisionSkew": (
        {"opa_bundle_info": (course(1), {"bundle": "s", "revision": "r1"})},
        "They have 2 revisions.",
    ),
    "PoolSaturated": (
        {"pool_in_use": (course(96), {"pool": "s"}), "pool_capacity": (course(100), {"pool": "s"})},
        "96 of 100 connections are in use.",
    ),
    "PoolExhausted": (
        {"pool_in_use": (course(100), {"pool": "s"}), "pool_capacity": (course(100), {"pool": "s"})},
        "100 of 100 connections are in use.",
    ),
    "PoolExhaustionPredicted": (
        {
            "pool_exhaustion_timestamp_seconds": (course(AT + 1200), {"pool": "s"}),
            "pool_in_use": (course(70), {"pool": "s"}),
            "pool_capacity": (course(100), {"pool": "s"}),
        },
        "At this rate it is full in 20m 0s. 70 of 100 connections are in use.",
    ),
    "ErrorRateHigh": (
        {"slo_error_ratio": (course(0.184), {}), "slo_requests_per_second": (course(1.64), {})},
        "18.4% fail, at 1.64 requests a second.",
    ),
    "LatencyHigh": (
        {
            "slo_latency_p95_seconds": (course(0.412), {}),
            "slo_slow_ratio": (course(0.12), {}),
            "slo_requests_per_second": (course(1.64), {}),
        },
        "It is 412ms. 12% take longer, at 1.64 requests a second.",
    ),
    "CPUHigh": (
        {"cpu_usage_cores": (course(1.9), {}), "cpu_limit_cores": (course(2), {})},
        "It uses 1.9 of 2 cores.",
    ),
}
"""Condition -> the series that tell how bad it is at that moment, and the sentence."""
OF_OTHERS = {"revision": "r2", "spiffe_id": "spiffe://example.org/agent/other"}
"""Labels of the pod that is well, and of another agent."""


def of(condition: str, series: Series) -> Story:
    """An agent that has it on one of two pods; the other has other numbers, and is well."""
    probe, kind = conditions()[f"AgentWeave{condition}"]
    subject = {"subject": "s"} if kind.subject else {}
    place = {"probe": probe, "condition": condition, **subject}
    story = Story(condition)
    story.watcher("1x40")
    ill, well = ({"namespace": "prod", "agent": "search", "pod": f"search-{number}"} for number in (0, 1))
    story.add("condition", "1x40", **WATCHER, **ill, **place)
    story.add("condition_reason_info", "1x40", **WATCHER, **ill, **place, reason=(kind.reasons or (condition,))[0])
    for pod in (ill, well):
        story.add("target_info", "1x40", **WATCHER, **pod)
    for name, (values, labels) in series.items():
        story.add(name, values, **WATCHER, **ill, **labels)
        others = labels | {name: each for name, each in OF_OTHERS.items() if name in labels}
        story.add(name, course(0), **WATCHER, **well, **others)
        story.add(name, course(1e12), **WATCHER, **well | {"namespace": "dev"}, **others)
    return story


@both_versions
def test_each_alert_tells_its_own_numbers_of_the_pods_that_are_ill(version: str, tmp_path: Path) -> None:
    stories = []
    for condition, (series, sentence) in FIGURES.items():
        _, kind = conditions()[f"AgentWeave{condition}"]
        words = {"reason": (kind.reasons or (condition,))[0], "pod": "search-0"}
        subject = "s" if kind.subject else ""
        page = expected(alert(f"AgentWeave{condition}"), words=words, namespace="prod", agent="search", subject=subject)
        texts = page["exp_annotations"]
        texts["description"] = (
            texts["description"]
            .replace(" Seen on", f" {sentence} Seen on")
            .replace("), since", "), 1 of 2 pods, since")
        )
        story = of(condition, series)
        story.expect(AT, f"AgentWeave{condition}", page)
        stories.append(story)
    files = [
        CORE,
        *(RULES / f"{probe}.yaml" for probe in dict.fromkeys(conditions()[f"AgentWeave{each}"][0] for each in FIGURES)),
    ]
    assert not (report := told_by(version, stories, files, tmp_path)), report


ODD = {"job": 'a\\b "c"', "cluster": "eu`1\n{{ $value }}", "instance": "x"}
CALLEES = {
    'say "a": `b`\n\\ {{ .Value }}': 'say "a":`b`\n\\ {{ .Value }}',
    "a:  b:\tc: ": "a:b:c",
    "a::": "a",
    "https://a/b": "https://a/b",
    "a:\u2028b:\x85c": "a:b:c",
    "{a: [b": "{a:[b",
    "%s%!d(x)": "%s%!d(x)",
}
"""What callees may be named on the pages of agents, and how a text has it."""


@both_versions
@pytest.mark.parametrize("callee", CALLEES)
def test_whatever_an_installation_and_a_callee_are_named_the_alert_tells_its_number(
    version: str, callee: str, tmp_path: Path
) -> None:
    name, story = "AgentWeaveCircuitBreakerOpen", Story("odd")
    of = {**ODD, "namespace": "prod", "agent": "search", "pod": "search-0"}
    for series in ("build_info", "discovery_last_success_timestamp_seconds", "shards"):
        story.add(series, "1x40", **ODD)
    story.add("active", "1x40", **ODD, shard="0")
    story.add("target_info", "1x40", **of)
    story.add("condition", "1x40", **of, probe="breaker", condition="CircuitBreakerOpen", subject=callee)
    story.add("condition_reason_info", "1x40", **of, condition="CircuitBreakerOpen", subject=callee, reason="Open")
    story.add("circuit_breaker_open_since_timestamp_seconds", course(AT - 600), **of, callee=callee)
    told = {"namespace": "prod", "agent": "search", "subject": callee, "job": ODD["job"], "cluster": ODD["cluster"]}
    page = expected(alert(name), words={"reason": "Open"}, **told)
    shown = CALLEES[callee]
    description = (
        f"The circuit breaker of prod/search for {shown} is not closed, so calls to {shown} fail at once. "
        f"It has not been closed for 10m 0s. Seen on search-0 (Open), since {moment(0)} UTC."
    )
    page["exp_annotations"]["description"] = description
    page["exp_annotations"]["runbook_url"] = page["exp_annotations"]["runbook_url"].replace(callee, quote_plus(callee))
    story.expect(AT, name, page)
    assert not (report := told_by(version, [story], [CORE, RULES / "breaker.yaml"], tmp_path)), report
    assert isinstance(yaml.safe_load(description.replace("{", "").replace("`", "")), str)


def test_every_alert_that_has_figures_is_tried_here() -> None:
    assert {each.condition for each in all_alerts() if each.figures} == FIGURES.keys()


def test_of_many_identities_that_are_served_the_first_are_told(tmp_path: Path) -> None:
    name = "AgentWeaveSVIDWrongIdentity"
    story, place = Story("many"), {"probe": "svid", "condition": "SVIDWrongIdentity"}
    story.watcher("1x40")
    for number in range(5):
        pod = {**WATCHER, "namespace": "prod", "agent": "search", "pod": f"search-{number}"}
        story.add("condition", "1x40", **pod, **place)
        story.add("target_info", "1x40", **pod)
        story.add("svid_served_info", "1x40", **pod, spiffe_id=f"spiffe://example.org/{4 - number}")
    page = expected(alert(name), words={"reason": "", "pod": ""}, namespace="prod", agent="search")
    served = ", ".join(f"spiffe://example.org/{number}" for number in range(3))
    page["exp_annotations"]["description"] = (
        f"The SPIFFE ID that prod/search serves is not the expected one. It serves {served} and others. "
        "No current reading gives a reason."
    )
    story.expect(AT, name, page)
    assert not (report := told_by("current", [story], [CORE, RULES / "svid.yaml"], tmp_path)), report


@pytest.mark.parametrize(
    "figure", [figure for each in all_alerts() for figure in each.figures], ids=lambda each: each.says
)
def test_a_figure_never_fails_as_a_query_where_two_watchers_lead(figure: Figure) -> None:
    """A failed query takes the whole text away: each is aggregated, so that it cannot match many to many."""
    for query in figure.queries:
        assert re.search(r"\b(min|max|count|group)( by \(\w+\) )?\(", query), query
        assert not re.search(r"\}\s*[-+*/]", query), query
    assert figure.says.count("{") == len(figure.queries)
