"""What a daemon knows of real agents is evidence: dated, and missing for its own reason where it is not there."""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import pytest

from probes import load_probes
from probes.contract import TargetKey
from probes.contract.condition import Status
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.catalogue.terms import AttestableWhen, Bind
from probes.controls.evidence import AgentRef, EvidenceSet, Missing, OwnWorkload, Pod, PodConditions, Seen
from probes.controls.finding import Finding, State
from probes.controls.judging import Facts, load_judges
from probes.controls.sdk.loading import load_sdk_facts
from probes.controls.verdict.control import judge_control
from probes.readings.decision import OPAReading
from tests.checklist.live.judged import are_dated_alike
from tests.probes.controls.made import CATALOGUE, DAY, record
from tests.servers.watched_fleet import WatchedFleet, run_fleet
from watcher.alerting.rules.agents import waits
from watcher.checklist.live.known.known_evidence import KnownEvidence
from watcher.checklist.live.known.past_file import KeptPast, PastFile
from watcher.checklist.live.known.policy import policies_of
from watcher.config.settings import load_settings
from watcher.discovery.pod.opa import ON_LOOPBACK
from watcher.engine.engine import Engine
from watcher.runtime.clock import Clock

SEARCH = AgentRef("prod", "search")
BY_POD = ("handshake", "agent_metrics", "opa", "conditions", "history")
_SHIFT = time.time() - time.monotonic()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedFleet]:
    with run_fleet(tmp_path_factory.mktemp("fleet"), "search") as found:
        yield found


@dataclass
class Watching:
    """An engine that looks when a test says so, and what is known by then."""

    engine: Engine
    known: KnownEvidence
    ahead: list[float]

    async def look(self) -> None:
        """Once by each source."""
        for state in self.engine.board.states.values():
            for name in self.engine.sources_of(state):
                await self.engine.lookers[name].look(state)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.ahead[0] += seconds

    def changed(self) -> list[AgentRef]:
        """In a whole round."""
        found: dict[AgentRef, None] = {}
        for _ in range(9):
            for each in self.known.take_changed() or ():
                found[each] = None
        return list(found)

    def evidence(self) -> EvidenceSet:
        """Of the agent, whose pod has been Ready for an hour."""
        targets = [state.target for state in self.engine.board.states.values()]
        provided, now = self.known.evidence_of(SEARCH, targets), self.engine.clock.wall()
        are_dated_alike(provided.pods)
        pods = {
            name: Pod(name, "", 0, terminating=False, ready_since=now - 3600, watched_since=now - 3600, sources=found)
            for name, found in provided.pods.items()
        }
        return EvidenceSet(SEARCH, provided.sources, pods)

    def of_pod(self) -> Mapping[str, Seen[object] | Missing]:
        """By source."""
        [pod] = self.evidence().pods.values()
        return {source.value: found for source, found in pod.sources.items()}

    def reasons(self) -> Mapping[str, str]:
        """Of the sources that are missing, why."""
        return {name: found.reason.value for name, found in self.of_pod().items() if isinstance(found, Missing)}

    def finding(self, control: str, previous: Finding | None = None) -> Finding:
        """The verdict now."""
        facts = Facts(now=self.engine.clock.wall(), sdk=load_sdk_facts(), trust_domains=("example.org",))
        return judge_control(CATALOGUE.by_id[control], self.evidence(), facts, load_judges(), previous=previous)


def watching(fleet: WatchedFleet, *, keeps: bool = False, **parts: object) -> Watching:
    """One that watches the agent, and has an identity."""
    sections: dict[str, object] = {name: parts.pop(name) for name in ("probes", "identity") if name in parts}
    config = fleet.home / "config.yaml"
    sections["sources"] = {name: {"interval": "30s"} for name in ("handshake", "agent_metrics", "opa")}
    config.write_text(json.dumps(fleet.config(fleet.target("search", **parts), **sections)))
    ahead = [0.0]
    clock = Clock(lambda: time.time() + ahead[0], lambda: time.monotonic() + _SHIFT + ahead[0])
    engine = Engine(load_settings(config, {}), load_probes(), clock)
    return Watching(engine, KnownEvidence(engine, fleet.home if keeps else None), ahead)


async def begun(found: Watching) -> Watching:
    """With its target and its identity."""
    await found.engine.identity.start()
    await found.engine.identity.wait_first(5)
    await found.engine.replace_targets(found.engine.settings.targets, {})
    return found


def test_before_the_first_look_all_is_observed_and_the_next_look_is_told(fleet: WatchedFleet) -> None:
    async def main() -> None:
        found = await begun(watching(fleet))
        assert found.reasons() == dict.fromkeys(BY_POD, "Observing")
        await found.engine.close()

    asyncio.run(main())


def test_a_healthy_agent_passes_what_the_daemon_can_tell(fleet: WatchedFleet) -> None:
    async def main() -> None:
        found = await begun(watching(fleet))
        await found.look()
        assert found.reasons() == {}
        passed = [
            "predeploy.smoke.svid-fetched",
            "predeploy.spire.spiffe-id",
            "predeploy.spire.valid-certificate",
            "predeploy.spire.not-expired",
            "security.identity.registration-entries-created",
            "security.identity.trust-domain-validated",
            "predeploy.opa.reachable",
            "predeploy.opa.policy-loaded",
            "security.authz.default-deny",
            "predeploy.smoke.authorization-works",
            "observability.metrics.enabled",
            "observability.metrics.endpoint-secured",
            "metrics.requests-total",
            "metrics.circuit-breaker-state",
        ]
        states = {control: found.finding(control) for control in passed}
        # What a record alone can meet no machine passes; what has a source of its own waits for that.
        assert {name: (each.state, each.message) for name, each in states.items() if each.state is not State.PASS} == {}
        assert found.finding("metrics.authz-decisions-total").reason == "NoData"
        assert found.finding("security.identity.svid-rotation-enabled").reason == "Observing"
        assert found.finding("observability.metrics.slo-defined").reason == "Observing"
        seen = found.of_pod()["handshake"]
        assert isinstance(seen, Seen)
        assert abs(seen.observed_at - time.time()) < 60
        assert seen.ref == f"pod/prod/search:{fleet.agents['search'].port}"
        assert seen.summary == "TLSv1.3 spiffe://example.org/agent/search"
        await found.engine.close()

    asyncio.run(main())


def test_looks_that_are_not_made_any_more_are_stale_and_pass_nothing(fleet: WatchedFleet) -> None:
    async def main() -> None:
        found = await begun(watching(fleet))
        await found.look()
        passed = found.finding("predeploy.smoke.svid-fetched")
        found.changed()
        found.wait(3 * max(found.engine.interval(name) for name in found.engine.lookers) + 1)
        assert found.reasons() == dict.fromkeys(("handshake", "agent_metrics", "opa"), "Stale")
        assert found.finding("predeploy.smoke.svid-fetched", passed).reason == "Stale"
        assert found.changed() == [SEARCH]
        await found.engine.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("parts", "source", "reason"),
    [
        ({"opa": None, "decision_path": None}, "opa", "SourceMissing"),
        ({"metrics": None}, "agent_metrics", "SourceMissing"),
        ({"probes": {"opa": {"enabled": False}}}, "opa", "NotEnabled"),
        ({"probes": {"svid": {"enabled": False}}}, "handshake", "NotEnabled"),
    ],
)
def test_what_a_target_lacks_and_what_is_turned_off_are_told_apart(
    fleet: WatchedFleet, parts: dict[str, object], source: str, reason: str
) -> None:
    async def main() -> None:
        given = {name: value for name, value in parts.items() if value is not None}
        found = watching(fleet, **given)  # type: ignore[arg-type]
        gone = {name: None for name, value in parts.items() if value is None and name in ("opa", "metrics")}
        [target] = found.engine.settings.targets
        found.engine.settings = replace(found.engine.settings, targets=(replace(target, **gone),))  # type: ignore[arg-type]
        await begun(found)
        await found.look()
        assert found.reasons() == {source: reason}
        await found.engine.close()

    asyncio.run(main())


def test_why_a_part_of_a_target_could_not_be_learnt_is_said(fleet: WatchedFleet) -> None:
    async def main() -> None:
        found = watching(fleet)
        [target] = found.engine.settings.targets
        unlearnt = replace(target, opa=None, unlearnt={"opa": "its ConfigMap cannot be read"})
        found.engine.settings = replace(found.engine.settings, targets=(unlearnt,))
        await begun(found)
        missing = found.of_pod()["opa"]
        assert isinstance(missing, Missing)
        assert missing.message == "It could not be discovered: its ConfigMap cannot be read."
        await found.engine.close()

    asyncio.run(main())


def test_an_agent_that_turns_is_told_of_and_what_stays_the_same_is_not(fleet: WatchedFleet) -> None:
    agent = fleet.agents["search"]

    async def main() -> None:
        found = await begun(watching(fleet))
        await found.look()
        assert found.changed() == [SEARCH]
        await found.look()
        assert found.changed() == []
        agent.issue()
        await found.look()
        assert found.changed() == [SEARCH]
        agent.issue(identity="spiffe://example.org/agent/other")
        await found.look()
        assert found.changed() == [SEARCH]
        suspected = found.finding("predeploy.spire.spiffe-id")
        await found.look()
        failed = found.finding("predeploy.spire.spiffe-id", suspected)
        assert (suspected.reason, failed.state) == ("Observing", State.FAIL)
        agent.issue()
        await found.look()
        assert found.finding("predeploy.spire.spiffe-id", failed).state is State.PASS
        await found.engine.close()

    asyncio.run(main())


def test_an_agent_that_falls_silent_is_unknown_and_leaves_a_fail_as_it_is(fleet: WatchedFleet) -> None:
    agent = fleet.agents["search"]

    async def main() -> None:
        found = await begun(watching(fleet))
        agent.issue(ages=(7200, -60))
        await found.look()
        failed = found.finding("predeploy.spire.not-expired")
        fetched = found.finding("predeploy.smoke.svid-fetched")
        agent.stop_tls()
        await found.look()
        assert (failed.state, fetched.state) == (State.FAIL, State.PASS)
        lost = found.finding("predeploy.spire.not-expired", failed)
        assert (lost.state, lost.evidence_lost_since is not None) == (State.FAIL, True)
        assert found.finding("predeploy.smoke.svid-fetched", fetched).state is State.UNKNOWN
        agent.issue()
        agent.start_tls()
        await found.engine.close()

    asyncio.run(main())


def test_a_target_that_is_gone_leaves_nothing(fleet: WatchedFleet) -> None:
    async def main() -> None:
        found = await begun(watching(fleet))
        await found.look()
        found.changed()
        [target] = found.engine.settings.targets
        await found.engine.replace_targets([], {})
        found.changed()
        missing = found.known.evidence_of(SEARCH, [target]).pods["search"][SourceName.HANDSHAKE]
        assert missing == Missing(UnknownReason.OBSERVING, "The target was found a moment ago.")
        assert found.known.agents() == ()
        assert found.known.sources_up() == {}
        await found.engine.close()

    asyncio.run(main())


def test_files_are_no_workload_api(fleet: WatchedFleet) -> None:
    async def main() -> None:
        found = await begun(watching(fleet))
        own = found.evidence().sources[SourceName.WORKLOAD_API]
        assert isinstance(own, Missing)
        assert own.reason == "NotEnabled"
        await found.engine.close()

    asyncio.run(main())


def test_a_socket_that_is_not_there_is_no_fault_of_an_agent(fleet: WatchedFleet, tmp_path: Path) -> None:
    async def main() -> None:
        found = await begun(watching(fleet, identity={"workload_api": f"unix://{tmp_path}/agent.sock"}))
        await found.look()
        own = found.evidence().sources[SourceName.WORKLOAD_API]
        assert isinstance(own, Seen)
        assert own.summary.startswith("SocketMissing")
        assert isinstance(own.value, OwnWorkload)
        assert not own.value.confirmed
        assert found.finding("predeploy.spire.reachable").reason == "Unreachable"
        await found.engine.close()

    asyncio.run(main())


def test_what_was_counted_is_known_after_a_restart(fleet: WatchedFleet) -> None:
    async def counted(found: Watching) -> float:
        [pod] = found.evidence().pods.values()
        seen = pod.sources[SourceName.CONDITIONS]
        assert isinstance(seen, Seen)
        assert isinstance(seen.value, PodConditions)
        return seen.value.told

    async def main() -> None:
        first = await begun(watching(fleet, keeps=True))
        await first.known.restore()
        for _ in range(14):  # errors and latency are told after five minutes
            await first.look()
            first.wait(30)
        told = await counted(first)
        await first.known.write()
        assert (told > 0, first.known.unwritable) == (True, "")
        await first.engine.close()
        again = await begun(watching(fleet, keeps=True))
        again.wait(14 * 30)
        await again.known.restore()
        await again.look()
        assert await counted(again) == told
        assert again.finding("observability.metrics.slo-defined").reason == "Observing"
        await again.engine.close()

    asyncio.run(main())


def test_alerts_wait_as_long_as_their_rules_say() -> None:
    found = waits()
    assert found["SVIDExpired"] == 120
    assert set(found) == {kind.name for probe in load_probes() for kind in probe.conditions}


def _with_opa(found: Watching, **parts: object) -> None:
    """The target's OPA is at a port where nobody listens, as it was inferred."""
    [target] = found.engine.settings.targets
    given: dict[str, object] = {"opa": "http://127.0.0.1:1", "inferred": frozenset({"opa"})}
    changed = replace(target, **(given | parts))  # type: ignore[arg-type]
    found.engine.settings = replace(found.engine.settings, targets=(changed,))


def test_an_opa_on_loopback_is_right_and_lets_people_attest_what_cannot_be_asked(fleet: WatchedFleet) -> None:
    async def main() -> None:
        found = watching(fleet)
        _with_opa(found, problems=(f"{ON_LOOPBACK} 8181 only: it cannot be asked from outside the pod",))
        await begun(found)
        await found.look()
        missing = found.of_pod()["opa"]
        assert isinstance(missing, Missing)
        assert (missing.reason, missing.attestable) == ("Unreachable", AttestableWhen.OPA_ON_LOOPBACK)
        facts = Facts(now=found.engine.clock.wall(), sdk=load_sdk_facts())
        control = CATALOGUE.by_id["security.authz.default-deny"]
        valid = record(control.id, at=facts.now - DAY, expires_at=facts.now + DAY)
        attested = judge_control(control, found.evidence(), facts, load_judges(), [valid])
        assert attested.state is State.ATTESTED
        await found.engine.close()

    asyncio.run(main())


def test_records_are_bound_to_the_policy_that_an_opa_shows_until_it_has_been_silent_for_too_long(
    fleet: WatchedFleet,
) -> None:
    async def main() -> None:
        found = await begun(watching(fleet))
        [target] = found.engine.settings.targets

        def digest() -> object:
            return found.known.evidence_of(SEARCH, [target]).digests.get(Bind.POLICY_DIGEST)

        first = digest()
        assert isinstance(first, Missing)
        assert first.reason == "Observing"
        await found.look()
        text = fleet.client.get(f"{fleet.opa}/v1/policies").json()["result"][0]["raw"]
        assert digest() == {f"sha256:{sha256(text.encode()).hexdigest()}"}
        found.changed()
        opa = found.engine.board.states[target.key].looks["opa"]
        assert isinstance(opa.reading, OPAReading)
        policies = opa.reading.policies
        assert policies is not None
        late = replace(opa.reading, policies=replace(policies, at=policies.at - 901))
        found.engine.board.states[target.key].looks = {"opa": opa._replace(reading=late)}
        old = digest()
        assert isinstance(old, Missing)
        assert (old.reason, old.message) == ("Stale", "Its OPA has not said for 15 min which policies it has.")
        await found.engine.close()

    asyncio.run(main())


def test_an_opa_that_is_silent_leaves_its_policy_open_and_one_on_loopback_leaves_it_to_others(
    fleet: WatchedFleet,
) -> None:
    async def main(*problems: str) -> object:
        found = watching(fleet)
        _with_opa(found, problems=problems)
        await begun(found)
        await found.look()
        told = found.known.evidence_of(SEARCH, found.engine.settings.targets).digests.get(Bind.POLICY_DIGEST)
        await found.engine.close()
        return told

    silent = asyncio.run(main())
    assert isinstance(silent, Missing)
    assert silent.reason == "Unreachable"
    assert asyncio.run(main(f"{ON_LOOPBACK} 8181 only: it cannot be asked from outside the pod")) is None


def test_the_policies_of_all_pods_count_and_one_that_was_just_found_is_not_waited_for() -> None:
    observing, silent = Missing(UnknownReason.OBSERVING, ""), Missing(UnknownReason.UNREACHABLE, "")
    assert policies_of(["a", "b", None]) == frozenset({"a", "b"})
    assert policies_of(["a", observing]) == frozenset({"a"})
    assert policies_of([observing, None]) is observing
    assert policies_of(["a", observing, silent]) is silent
    assert policies_of([None]) is policies_of([]) is None


def test_an_opa_that_nobody_reaches_and_of_which_no_more_is_known_lets_nobody_attest(fleet: WatchedFleet) -> None:
    async def main() -> None:
        found = watching(fleet)
        _with_opa(found)
        await begun(found)
        await found.look()
        assert isinstance(found.of_pod()["opa"], Seen)
        assert found.finding("predeploy.opa.reachable").reason == "Unreachable"
        await found.engine.close()

    asyncio.run(main())


def test_an_identity_of_the_watcher_that_turns_may_concern_all_agents(fleet: WatchedFleet, tmp_path: Path) -> None:
    async def main() -> None:
        found = watching(fleet, identity={"workload_api": f"unix://{tmp_path}/agent.sock"})
        assert found.known.take_changed() == []
        await begun(found)
        assert [found.known.take_changed(), found.known.take_changed()] == [None, []]
        await found.engine.close()

    asyncio.run(main())


def test_what_was_counted_of_a_target_that_does_not_come_again_is_kept_for_a_day(fleet: WatchedFleet) -> None:
    async def main() -> None:
        found = watching(fleet, keeps=True)
        gone = KeptPast(TargetKey("prod", "gone", "gone-0"), None, None, {"Fire": ((1.0, Status.TRUE),)})
        file = PastFile(fleet.home)
        await file.write([gone], found.engine.clock.steady())
        await found.known.restore()
        await found.known.write()
        until = (await file.read()).targets[gone.target].until
        found.wait(600)
        await found.known.write()
        assert (await file.read()).targets[gone.target].until == until  # not watched since, whoever wrote the file
        found.wait(86401 - 600)
        await found.known.write()
        assert (await file.read()).targets == {}
        await found.engine.close()

    asyncio.run(main())
