"""Which policy an agent's OPAs have: of all of them, or why that of one is not known."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from probes.contract import Unknown
from probes.controls.catalogue.control import UnknownReason
from probes.controls.catalogue.terms import Bind
from probes.controls.evidence import Missing
from probes.readings.decision import OPAReading
from probes.readings.opa.policies import LoadedPolicies, bundles_digest, policy_digest
from probes.readings.opa_status import OPABundle, StatusReport
from tests.checklist.live.known.test_known_evidence import SEARCH, begun, watching
from tests.servers.watched_fleet import SOUND, WatchedFleet, run_fleet
from watcher.checklist.live.known.policy import policies_of, policy_in

LACKING = Missing(UnknownReason.UNREACHABLE, "OPA did not show its policies.")
ACTIVE = OPABundle(name="authz", revision="7", last_activation=1.0)
MODULES = LoadedPolicies(1.0, "sha256:a", 200, read=True)


def _reading(policies: LoadedPolicies | None, *bundles: OPABundle, unknown: Unknown | None = None) -> OPAReading:
    return OPAReading(policies=policies, report=StatusReport(at=1.0, clock=1.0, bundles=bundles, unknown=unknown))


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (_reading(MODULES, ACTIVE), "sha256:a"),
        (_reading(LoadedPolicies(1.0, status=403), ACTIVE), bundles_digest({"authz": "7"})),
        (_reading(LoadedPolicies(1.0, status=403), replace(ACTIVE, last_activation=0.0)), "Forbidden"),
        (_reading(LoadedPolicies(1.0, status=403), replace(ACTIVE, revision="")), "Forbidden"),
        (_reading(LoadedPolicies(1.0, status=403), ACTIVE, unknown=Unknown.SOURCE_FAILED), "Forbidden"),
        (_reading(LoadedPolicies(1.0, status=200, read=True)), "NoData"),
        (_reading(LoadedPolicies(1.0, status=200)), "Unparseable"),
        (_reading(LoadedPolicies(1.0)), "Unreachable"),
        (_reading(None), "Observing"),
        (replace(_reading(None), error="It refused the connection."), "Unreachable"),
    ],
)
def test_the_policy_is_told_by_modules_else_by_bundles_else_it_is_said_why_not(
    reading: OPAReading, expected: str
) -> None:
    found = policy_in(reading)
    assert (found.reason if isinstance(found, Missing) else found) == expected


def test_of_several_opas_each_has_its_digest_and_one_that_lacks_leaves_all_unknown() -> None:
    assert policies_of([]) is None
    assert policies_of(["sha256:a", "sha256:b", "sha256:a"]) == frozenset({"sha256:a", "sha256:b"})
    assert policies_of(["sha256:a", LACKING]) is LACKING


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[WatchedFleet]:
    with run_fleet(tmp_path, "search") as found:
        yield found


def test_an_opa_that_was_looked_at_tells_its_policy(fleet: WatchedFleet) -> None:
    async def main() -> None:
        found = await begun(watching(fleet))
        targets = [state.target for state in found.engine.board.states.values()]

        def told() -> object:
            return found.known.evidence_of(SEARCH, targets).digests[Bind.POLICY_DIGEST]

        before = told()
        assert isinstance(before, Missing)
        assert before.reason is UnknownReason.OBSERVING
        await found.look()
        assert told() == frozenset({policy_digest({"search": f"package search\n{SOUND}"})})
        await found.engine.close()

    asyncio.run(main())
