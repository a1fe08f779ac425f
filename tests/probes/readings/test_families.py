"""Which families a page has, as it is remembered until the next look."""

import pytest

from probes.contract.signal import REQUESTS, Dialect, Row, Signal, SignalValues
from probes.history.families import FAMILIES
from probes.history.requests import ERRORS
from probes.readings.metrics_page import Families, MetricsPage
from tests.servers.metrics_pages import page_of

DURATION = Signal(
    name="took", suffixes=("", "_bucket", "_count"), rows=(Row(metric="agentweave_request_duration_seconds"),)
)
WANTED = (REQUESTS, ERRORS, DURATION, *FAMILIES)


def families(text: str, *dialects: Dialect) -> Families:
    """Of a page with this text."""
    return page_of(text, *WANTED, dialects=dialects).remembered().families


def test_families_with_samples_are_told_by_the_names_of_their_samples() -> None:
    found = families(
        "agentweave_requests_total 1\n"
        'agentweave_request_duration_seconds_bucket{le="+Inf"} 1\n'
        "agentweave_request_duration_seconds_count 1\n"
        "agentweave_auth_decisions_total 1\n"
    )
    assert found.sampled == {
        "requests": ("agentweave_requests_total",),
        "took": ("agentweave_request_duration_seconds_bucket", "agentweave_request_duration_seconds_count"),
        "authz_decisions": ("agentweave_auth_decisions_total",),
    }
    assert found.described == {}
    assert {one.name for one in WANTED} == found.asked


def test_of_two_names_of_one_family_the_first_row_counts() -> None:
    found = families("agentweave_auth_decisions_total 1\nagentweave_authz_decisions_total 1\n")
    assert found.sampled["authz_decisions"] == ("agentweave_authz_decisions_total",)


def test_a_family_that_is_only_described_has_no_sample() -> None:
    found = families("# TYPE agentweave_authz_decisions_total counter\nup 1\n")
    assert (found.sampled, found.described) == ({}, {"authz_decisions": "agentweave_authz_decisions_total"})


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("agentweave_strange 1\n", True),
        ("up 1\nagentweave_strange 1\n", True),
        ("# TYPE agentweave_strange gauge\nup 1\n", True),
        ("up 1\n", False),
        ('up{job="agentweave_strange"} 1\n', False),
        ("my_agentweave_strange 1\n", False),
    ],
)
def test_whether_a_page_has_anything_of_agentweaves_is_told_though_nobody_wants_it(text: str, *, ours: bool) -> None:
    assert families(text).ours is ours


def test_pages_that_are_alike_share_what_is_remembered_of_their_families() -> None:
    one, other = (page_of(f"agentweave_requests_total {n}\n", *WANTED) for n in (1, 2))
    twin = MetricsPage(wanted=one.wanted, kept=other.kept)
    assert one.remembered().families is twin.remembered().families


def test_a_row_that_wants_a_label_has_no_sample_without_it() -> None:
    row = Dialect(signal="requests", metric="http_requests_total", where={"kind": "agent"})
    assert families('http_requests_total{kind="agent"} 1\n', row).sampled == {"requests": ("http_requests_total",)}
    assert families('http_requests_total{kind="probe"} 1\n', row).sampled == {}


def test_values_that_are_kept_are_those_of_few_subjects() -> None:
    page = page_of('agentweave_outbound_requests_total{callee="index"} 7\nagentweave_requests_total 1\n', *WANTED)
    kept = page.remembered().kept
    assert kept == {"outbound_requests": SignalValues({"index": 7.0})}
    lines = "".join(f'agentweave_outbound_requests_total{{callee="c{n}"}} 1\n' for n in range(101))
    found = page_of(lines, *WANTED).remembered().kept["outbound_requests"]
    assert not isinstance(found, SignalValues)


def test_a_page_that_was_not_had_has_no_family() -> None:
    lost = MetricsPage(wanted=page_of("up 1\n", *WANTED).wanted, error="Lost.").remembered()
    assert (lost.families.sampled, lost.families.ours, lost.kept) == ({}, False, {})
