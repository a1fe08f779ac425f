"""What a team tries that wants to excuse itself: none of it makes a control attested or waived."""

import json
from typing import Any

import pytest

from probes.controls.finding import State
from probes.controls.records import Authority
from tests.checklist.live.records.made import DIAGRAM, SEARCH, UNIT, Book, attestation, result
from tests.probes.controls.made import NOW, RUNNING, evidence, judged
from watcher.checklist.live.records.trust import Trust

CPU, MTLS = "deployment.resources.cpu-limits", "security.transport.mtls-required"
TEAM = "configmap:agentweave-records/prod-search"
AUTHORITIES = (
    Authority("configmap:agentweave-records/prod-*", ("documentation.*", "testing.*", "deployment.*"), ("prod",)),
    Authority("configmap:agentweave-records/security-*", ("security.*",)),
)


def waiver(**more: object) -> dict[str, Any]:
    return attestation(**({"kind": "waiver", "control": CPU, "reason": "accepted-risk"} | more))


def states(*documents: dict[str, Any], source: str = TEAM) -> set[State]:
    """Of all controls that these speak of."""
    book = Book()
    book.adopt(Trust(AUTHORITIES))
    book.take(*documents, source=source)
    names = {str(each.get("control")) for each in documents}
    found = evidence(digests=RUNNING)
    return {judged(name, found, *book.of(SEARCH), now=NOW).state for name in names if name in book.controls}


def test_what_is_honest_counts() -> None:
    assert states(attestation()) == states(result()) == {State.ATTESTED}
    assert states(waiver()) == {State.WAIVED}


@pytest.mark.parametrize(
    "document",
    [
        attestation(at="2027-01-16"),
        attestation(expires_at=None),
        attestation(approved_by=None),
        attestation(approved_by="\uff41\uff4e\uff4e@example.org"),
        attestation(approved_by="\u0430nn@example.org "),
        attestation(approved_by="Ann <ann@example.org>"),
        attestation(approved_by="\u200b"),
        attestation(agents=None, agent="sear"),
        attestation(agents=["sear"]),
        attestation(agents=["SEARCH"]),
        attestation(agents=["*"]),
        attestation(namespace="dev"),
        attestation(environment="staging"),
        attestation(expires_at="2031-01-01"),
        attestation(control=MTLS),
        attestation(control=UNIT),
        result(counts={"tests": 0, "failures": 0, "errors": 0}),
        result(counts={"tests": 5, "failures": -1, "errors": 0}),
        result(bind=None),
        result(bind={"image_digests": ["sha256:" + "f" * 64]}),
        result(bind={"version": "*"}),
        waiver(control=MTLS),
        waiver(approved_by="ANN@example.org"),
        waiver(reason=None),
        waiver(at="2026-10-01T06:00:00Z", expires_at="2027-01-16"),
        waiver(environment="staging"),
        waiver(namespace=None, agents=None, scope="fleet"),
        waiver(agents=None, scope="namespace"),
        waiver(bind={"version": "9.*"}),
    ],
    ids=lambda each: json.dumps(each)[9:70],
)
def test_an_excuse_does_not_count(document: dict[str, Any]) -> None:
    assert not states(document) & {State.ATTESTED, State.WAIVED}


def test_a_team_says_nothing_of_what_is_not_its_own_nor_from_elsewhere() -> None:
    review = attestation(control="security.authz.emergency-access-documented")
    assert states(review, source="configmap:agentweave-records/security-1") == {State.ATTESTED}
    assert states(review) == {State.UNKNOWN}
    for source in ("configmap:other/prod-search", "file:/tmp/records.yaml", "configmap:agentweave-records/Prod-search"):
        assert states(attestation(), source=source) == {State.UNKNOWN}


def test_a_waiver_changes_nothing_of_what_is_under_it_and_none_outlives_itself() -> None:
    book = Book()
    book.take(waiver(), result(failures=1), waiver(control=UNIT, expires_at="2027-01-31"))
    found = judged(UNIT, evidence(digests=RUNNING), *book.of(SEARCH), now=NOW)
    assert (found.state, found.underlying) == (State.WAIVED, State.FAIL)
    later = judged(UNIT, evidence(digests=RUNNING), *book.of(SEARCH), now=NOW + 17 * 86400.0)
    assert later.state is State.FAIL
    book.take()
    assert [each.kind for each in book.of(SEARCH)] == ["pipeline"], "a waiver that is taken away is over"


def test_a_pass_with_the_end_of_another_place_holds_no_longer_than_the_one_that_ends_first() -> None:
    book = Book()
    book.take(attestation(expires_at="2027-01-20"))
    book.take(attestation(expires_at="2027-03-15"), source="file:/etc/records/copy.yaml")
    ended = judged(DIAGRAM, evidence(digests=RUNNING), *book.of(SEARCH), now=NOW + 6 * 86400.0)
    assert (ended.state, ended.reason) == (State.EXPIRED, "AttestationExpired")
