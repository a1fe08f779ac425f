"""When agents are probed for the checklist, and what is kept of it; in virtual time."""

import asyncio
import logging
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from probes.contract import Fault, Reading, Target
from probes.contract.target import KubeletProbe
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentRef, Missing, Seen
from probes.controls.finding import Witness
from probes.readings.handshake import Handshake
from probes.readings.health.answer import HealthAnswer, Outage, PathAnswer, Way
from probes.readings.health.document import Component, HealthDocument, HealthState
from tests.checklist.live.probing import EPOCH, SEARCH, Probing, target
from tests.probes.served import LEAF
from tests.scheduling.virtual_time import VirtualLoop, run
from watcher.checklist.live.probing.attempts import PAUSE, RETRY, SLOWEST
from watcher.checklist.live.probing.outages import KEPT, MOST_AGENTS, Outages
from watcher.checklist.live.probing.outages_file import FILE_NAME, OutagesFile
from watcher.checklist.live.probing.prober import COSTLY
from watcher.checklist.live.probing.targets import MOST_LOOKS
from watcher.engine.board import Look
from watcher.engine.debounce import ProbeResult, share

INTERVAL = 900.0


def test_each_of_a_thousand_agents_is_probed_within_a_minute_by_both_sources(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> Probing:
        probing = Probing(loop, tmp_path, kinds=("health", "tls_posture"))
        await probing.watch(*(target(f"a{number}-0", f"a{number}") for number in range(1000)))
        await probing.run(60)
        await probing.end()
        return probing

    probing = run(main)
    assert {(each.kind, each.key.agent) for each in probing.attempts} == {
        (kind, f"a{number}") for kind in ("health", "tls_posture") for number in range(1000)
    }


def test_an_agent_meets_one_attempt_at_a_time_and_then_a_second_of_peace(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> Probing:
        probing = Probing(loop, tmp_path, kinds=("health", "tls_posture"), seconds=3.0)
        await probing.watch(*(target(f"search-{number}") for number in range(8)), target("other-0", "other"))
        await probing.run(100)
        await probing.end()
        return probing

    probing = run(main)
    one_agent = sorted(each for each in probing.attempts if each.key.agent == "search")
    one_agent.sort(key=lambda each: each.began)
    assert len(one_agent) >= 16
    assert {each.key.pod for each in one_agent} == {f"search-{number}" for number in range(8)}
    assert min(after.began - before.ended for before, after in pairwise(one_agent)) >= PAUSE


def test_the_next_attempts_come_within_the_interval_and_are_spread_over_it(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> Probing:
        probing = Probing(loop, tmp_path)
        await probing.watch(*(target(f"a{number}-0", f"a{number}") for number in range(300)))
        await probing.run(4 * INTERVAL)
        await probing.end()
        return probing

    probing = run(main)
    gaps = []
    for number in range(300):
        made = probing.made(f"a{number}-0")
        assert len(made) >= 4
        gaps += [after.ended - before.ended for before, after in pairwise(made)]
    assert max(gaps) < INTERVAL - 10  # what was seen is never too old while the next attempt is under way
    last_turn = Counter(int(each.began // 60) for each in probing.attempts if each.began > 3 * INTERVAL + 1000)
    assert max(last_turn.values()) < 60  # of 300 in 13 minutes


def test_no_more_attempts_are_under_way_than_their_source_may_have(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> Probing:
        probing = Probing(loop, tmp_path, concurrency=4, seconds=2.0)
        await probing.watch(*(target(f"a{number}-0", f"a{number}") for number in range(40)))
        await probing.run(60)
        await probing.end()
        return probing

    probing = run(main)
    assert probing.most == {"health": 4}
    assert len({each.key for each in probing.attempts}) == 40


@pytest.mark.parametrize(
    "changed",
    [
        {"address": "10.0.0.8:8443"},
        {"workload": "search-v2"},
        {"restarts": 1},
        {"kubelet_probes": (KubeletProbe("liveness", secure=False, port=8080, path="/health"),)},
    ],
)
def test_a_target_that_changed_is_probed_at_once(tmp_path: Path, changed: dict[str, object]) -> None:
    async def main(loop: VirtualLoop) -> Probing:
        probing = Probing(loop, tmp_path)
        await probing.watch(target())
        await probing.run(10)
        assert len(probing.made()) == 1
        await probing.watch(target(**changed))  # type: ignore[arg-type]  # parts by name
        await probing.run(2)
        await probing.end()
        return probing

    assert len(run(main).made()) == 2


def test_what_was_seen_of_a_process_says_nothing_of_the_next_one_in_the_same_pod(tmp_path: Path) -> None:
    found: list[object] = []

    async def main(loop: VirtualLoop) -> None:
        probing = Probing(loop, tmp_path)
        await probing.watch(target())
        await probing.run(10)
        found.append(probing.found())
        probing.says = lambda _, __: Reading(fault=Fault.OURS, error="No file descriptor is left.")
        await probing.watch(target(restarts=1))
        assert SEARCH in probing.prober.take_changed()
        await probing.run(2)
        assert SEARCH in probing.prober.take_changed()
        found.append(probing.found())
        await probing.end()

    run(main)
    before, after = found
    assert isinstance(before, Seen)
    assert isinstance(after, Missing)
    assert (after.reason, after.message) == (UnknownReason.UNREACHABLE, "No file descriptor is left.")


def test_an_attempt_that_began_at_the_process_before_is_not_believed(tmp_path: Path) -> None:
    found: list[object] = []

    async def main(loop: VirtualLoop) -> None:
        probing = Probing(loop, tmp_path, seconds=5.0)
        await probing.watch(target())
        await probing.run(3)
        await probing.watch(target(restarts=1))
        await probing.run(4)
        found.append(probing.found())
        await probing.run(10)
        found.append(probing.found())
        await probing.end()

    run(main)
    first, second = found
    assert isinstance(first, Missing)
    assert isinstance(second, Seen)


def test_a_target_of_which_nothing_that_is_asked_changed_keeps_its_turn(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> Probing:
        probing = Probing(loop, tmp_path)
        await probing.watch(target())
        await probing.run(10)
        await probing.watch(target(memory_limit=5))
        await probing.run(10)
        await probing.end()
        return probing

    assert len(run(main).made()) == 1


async def _renewing(probing: Probing, every: float, times: int) -> None:
    """Serve one SVID after the other, each for so many seconds."""
    await probing.watch(target())
    state = next(iter(probing.engine.board.states.values()))
    for number in range(times):
        leaf = replace(LEAF, serial=f"{number:x}")
        state.looks = {"handshake": Look("handshake", probing.loop.time(), 0.1, Handshake(leaf=leaf))}
        await probing.run(every)
    await probing.end()


def test_an_svid_that_was_renewed_is_probed_soon(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> Probing:
        probing = Probing(loop, tmp_path, interval=3600.0)
        await _renewing(probing, 2000.0, 2)
        return probing

    made = [each.began - 1000 for each in run(main).made()]
    last = max(began for began in made if began < 2000)
    assert any(2000 <= began < max(2000, last + 900) + 31 for began in made)


def test_svids_that_live_for_minutes_are_not_probed_one_by_one(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> Probing:
        probing = Probing(loop, tmp_path, interval=3600.0)
        await _renewing(probing, 120.0, 60)
        return probing

    assert len(run(main).made()) <= 1 + 7200 / 900 + 3  # and those that would have been made anyway


def test_a_change_during_an_attempt_makes_another_one_after_it(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> Probing:
        probing = Probing(loop, tmp_path, seconds=5.0)
        await probing.watch(target())
        await probing.run(2)
        await probing.watch(target(address="10.0.0.8:8443"))
        await probing.run(20)
        await probing.end()
        return probing

    first, second = run(main).made()
    assert first.ended + PAUSE <= second.began <= first.ended + PAUSE + 2


def test_what_costs_too_much_is_probed_ever_less_often_until_it_does_not(tmp_path: Path) -> None:
    cpu = [2 * COSTLY]

    async def main(loop: VirtualLoop) -> tuple[Probing, float]:
        probing = Probing(loop, tmp_path, interval=60.0, says=lambda _, __: Reading(cpu=cpu[0]))
        await probing.watch(target())
        await probing.run(60 * 60.0)
        cpu[0], cheap_since = 0.0, loop.time()
        await probing.run(60 * 60.0)
        await probing.end()
        return probing, cheap_since

    probing, cheap_since = run(main)
    costly = [each for each in probing.made() if each.began < cheap_since]
    gaps = [after.began - before.ended for before, after in pairwise(costly)]
    assert gaps[:3] == sorted(gaps[:3])
    assert gaps[-1] == pytest.approx(SLOWEST * 60.0 * 0.85, abs=2)
    after = [after.began - before.ended for before, after in pairwise(probing.made()) if after.began > cheap_since]
    assert after[-1] < 60.0
    assert "health" in {each.source for each in probing.engine.costs.worst()}


def test_an_attempt_in_vain_is_repeated_soon_and_then_ever_later(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> Probing:
        probing = Probing(loop, tmp_path, says=lambda _, __: Reading(fault=Fault.REFUSED, error="Nobody is there."))
        await probing.watch(target())
        await probing.run(4000)
        await probing.end()
        return probing

    gaps = [after.began - before.ended for before, after in pairwise(run(main).made())]
    assert gaps[:4] == pytest.approx([RETRY, 2 * RETRY, 4 * RETRY, 8 * RETRY], abs=2)
    assert max(gaps) < INTERVAL


def test_what_was_bad_once_is_looked_at_again_a_minute_later_and_nothing_else_is(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> Probing:
        probing = Probing(loop, tmp_path, kinds=("health", "tls_posture"), interval=86400.0)
        await probing.watch(target(), target("search-1"))
        await probing.run(10)
        for source, pod in ((SourceName.HEALTH, "search-0"), (SourceName.HEALTH, ""), (SourceName.OPA, "search-1")):
            probing.prober.confirm(SEARCH, [Witness(source, pod)])
        await probing.run(100)
        for _ in range(3):  # it is under way, or was made just now
            probing.prober.confirm(SEARCH, [Witness(SourceName.HEALTH, "search-0")])
        await probing.run(5)
        await probing.end()
        return probing

    probing = run(main)
    first, second = probing.made()
    assert second.began - first.ended == pytest.approx(RETRY, abs=2)
    assert [len(probing.made(pod, kind)) for pod in ("search-0", "search-1") for kind in probing.under_way] == [
        2,
        1,
        1,
        1,
    ]


def test_evidence_says_what_was_seen_when_and_where_and_when_it_is_seen_again(tmp_path: Path) -> None:
    reading = Reading(error="Seen.")

    async def main(loop: VirtualLoop) -> tuple[object, object, object]:
        probing = Probing(loop, tmp_path, says=lambda _, __: reading)
        await probing.watch(target(), target("none-0", "none", address=None))
        await probing.prober.tick()
        before, nowhere = probing.found(), probing.found("none-0")
        await probing.run(5)
        await probing.end()
        return before, nowhere, probing.found()

    before, nowhere, seen = run(main)
    assert isinstance(before, Missing)
    assert (before.reason, before.message) == (
        UnknownReason.OBSERVING,
        "The first probe attempt at this process is still to be made.",
    )
    assert before.next_at is not None
    assert nowhere == Missing(UnknownReason.SOURCE_MISSING, "No mTLS port of this pod is known.")
    assert isinstance(seen, Seen)
    assert (seen.value, seen.ref, seen.summary) == (reading, "pod/prod/search-0:8443", "Seen.")
    assert 0 < seen.observed_at - EPOCH - 1000 < 5
    assert seen.next_at is not None
    assert seen.next_at == pytest.approx(seen.observed_at + RETRY, abs=1)


def test_what_is_alike_of_many_agents_is_one_object_whatever_each_look_cost(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> list[Reading | None]:
        said = iter(replace(_answers(HealthState.HEALTHY), cpu=number * 1e-3) for number in range(3))
        probing = Probing(loop, tmp_path, says=lambda _, __: next(said))
        targets = [target(f"a{number}-0", f"a{number}") for number in range(3)]
        await probing.watch(*targets)
        await probing.run(5)
        await probing.end()
        return [probing.prober.remembered("health", each.key) for each in targets]

    first, second, third = run(main)
    assert first == _answers(HealthState.HEALTHY)
    assert first is second
    assert first is third


def test_what_the_watcher_could_not_ask_leaves_what_was_seen_before(tmp_path: Path) -> None:
    said = [Reading(fault=Fault.OURS, error="The watcher has no valid SVID to show.")]

    async def main(loop: VirtualLoop) -> list[object]:
        probing = Probing(loop, tmp_path, says=lambda _, __: said[-1])
        await probing.watch(target())
        await probing.run(5)
        found = [probing.found()]
        for reading in (Reading(error="Seen."), said[0]):
            said.append(reading)
            await probing.run(3 * RETRY)
            found.append(probing.found())
        await probing.end()
        return found

    nothing, seen, still = run(main)
    assert isinstance(nothing, Missing)
    assert (nothing.reason, nothing.message) == (UnknownReason.UNREACHABLE, said[0].error)
    assert isinstance(seen, Seen)
    assert isinstance(still, Seen)
    assert (still.value, still.observed_at) == (seen.value, seen.observed_at)


def test_it_tells_of_which_agents_anything_is_new(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> list[set[AgentRef]]:
        probing = Probing(loop, tmp_path)
        await probing.watch(target(), target("other-0", "other"))
        told = []
        for _ in range(3):
            await probing.run(5)
            told.append(set(probing.prober.take_changed()))
        await probing.end()
        return told

    assert run(main) == [{SEARCH, AgentRef("prod", "other")}, set(), set()]


def test_the_same_seen_once_more_is_news_where_a_second_look_decides_and_else_is_none(tmp_path: Path) -> None:
    said = [Reading()]

    async def main(loop: VirtualLoop) -> list[int]:
        probing = Probing(loop, tmp_path, interval=60.0, says=lambda _, __: replace(said[0], cpu=loop.time() * 1e-9))
        await probing.watch(target())
        news = list[int]()
        for reading in (Reading(), Reading(error="It is otherwise.")):
            said[0] = reading
            made = len(probing.attempts)
            while len(probing.attempts) < made + 5:
                await probing.run(1)
                if probing.prober.take_changed():
                    news.append(len(probing.attempts))
                    if reading.error and len(news) == 2:
                        probing.prober.confirm(SEARCH, [Witness(SourceName.HEALTH, "search-0")])
        await probing.end()
        return news

    assert run(main) == [1, 6, 7]  # attempts that were made by then


def test_a_target_that_is_gone_is_forgotten_and_what_is_under_way_changes_nothing(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> Probing:
        probing = Probing(loop, tmp_path, seconds=5.0)
        await probing.watch(target(), target("search-1"))
        await probing.run(2)
        await probing.watch(target("search-1"))
        await probing.run(1)
        probing.prober.take_changed()
        await probing.run(3)
        assert set(probing.prober.take_changed()) == set()
        await probing.run(60)
        await probing.end()
        return probing

    probing = run(main)
    assert probing.prober.remembered("health", target().key) is None
    assert len(probing.made()) == 1
    assert len(probing.made("search-1")) == 1


def test_other_settings_leave_what_was_seen_and_bring_the_next_attempt_forward(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> Probing:
        probing = Probing(loop, tmp_path, interval=86400.0)
        await probing.watch(target())
        await probing.run(10)
        before = probing.found()
        probing.adopt(interval=600.0)
        assert isinstance(before, Seen)
        after = probing.found()
        assert isinstance(after, Seen)
        assert (after.value, after.observed_at) == (before.value, before.observed_at)
        await probing.run(600)
        assert len(probing.made()) == 2
        probing.adopt(interval=600.0)
        await probing.run(3000)
        await probing.end()
        return probing

    probing = run(main)
    assert max(after.began - before.ended for before, after in pairwise(probing.made())) < 600
    assert [each.closed for each in probing.opened] == [True, True]  # equal settings open nothing


def test_the_end_cuts_off_what_is_under_way_and_closes_the_sources(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> tuple[Probing, float]:
        probing = Probing(loop, tmp_path, seconds=100.0)
        await probing.watch(target())
        await probing.run(3)
        before = loop.time()
        await probing.end()
        assert len(asyncio.all_tasks()) == 1
        return probing, loop.time() - before

    probing, took = run(main)
    assert took == 0
    assert probing.under_way == {"health": 0}
    assert [each.closed for each in probing.opened] == [True]


def test_a_source_that_fails_costs_its_evidence_and_never_the_daemon(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_: str, __: Target) -> Reading:
        raise ArithmeticError("a source that has a bug")

    async def main(loop: VirtualLoop) -> object:
        probing = Probing(loop, tmp_path, says=fails)
        await probing.watch(target())
        await probing.run(5)
        await probing.end()
        return probing.found()

    with caplog.at_level(logging.ERROR):
        found = run(main)
    assert isinstance(found, Missing)
    assert (found.reason, found.message) == (
        UnknownReason.UNREACHABLE,
        "The source raised an error: this is a bug of the watcher.",
    )
    assert [record.message for record in caplog.records] == ["source failed"]


def test_a_source_that_never_ends_is_cut_off_and_the_agent_has_its_turn_again(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> Probing:
        probing = Probing(loop, tmp_path, seconds=1e6)
        await probing.watch(target(), target("search-1"))
        await probing.run(300)
        await probing.end()
        return probing

    assert {each.key.pod for each in run(main).attempts} == {"search-0", "search-1"}


def test_who_leads_next_knows_what_probing_shows_and_a_pod_that_is_new_is_not_one_without_a_port(
    tmp_path: Path,
) -> None:
    async def main(loop: VirtualLoop) -> tuple[object, object, object]:
        probing = Probing(loop, tmp_path, standby=True)
        await probing.watch(target())
        before = probing.found()
        await probing.run(5)
        on_standby = probing.found()
        probing.engine.role.active = True
        leading = probing.found()
        await probing.end()
        return before, on_standby, leading

    before, on_standby, leading = run(main)
    assert before == Missing(UnknownReason.OBSERVING, "The first probe attempt at this process is still to be made.")
    assert isinstance(on_standby, Seen)
    assert on_standby.value == Reading()
    assert leading == on_standby


def test_a_watcher_that_is_cut_off_probes_nobody(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> Probing:
        probing = Probing(loop, tmp_path)
        await probing.watch(target())
        probing.engine.fleet.isolation.isolated = True
        await probing.run(5)
        assert probing.attempts == []
        probing.engine.fleet.isolation.isolated = False
        await probing.run(5)
        await probing.end()
        return probing

    assert len(run(main).attempts) == 1


def test_silence_while_the_watcher_is_cut_off_is_not_the_agents(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> object:
        probing = Probing(
            loop, tmp_path, seconds=3.0, says=lambda _, __: Reading(fault=Fault.SILENT, error="It is silent.")
        )
        await probing.watch(target())
        await probing.run(1)
        probing.engine.fleet.isolation.isolated = True
        await probing.run(5)
        await probing.end()
        return probing.found()

    assert isinstance(run(main), Missing)


# What an agent says while something that it depends on is down.


def _down(probing: Probing, condition: str, *reason: str, holds: bool, since: float = 0.0, subject: str = "") -> None:
    """What is held of the only target, since so many seconds ago."""
    state = next(iter(probing.engine.board.states.values()))
    place, kind = next(
        (place, kind)
        for place, probe in enumerate(probing.engine.board.probes)
        for kind in probe.conditions
        if kind.name == condition
    )
    verdict = kind.true("It is so.", "".join(reason), subject) if holds else kind.false(subject=subject)
    results = list(state.results)
    now = probing.engine.clock.steady()
    results[place] = ProbeResult(now, share((verdict,)), (now - since,), (), (), None)
    state.post(tuple(results))


def _answers(state: HealthState) -> HealthAnswer:
    document = HealthDocument(state, (Component("opa", state),))
    return HealthAnswer(way=Way.MTLS, health=PathAnswer("/health", 200, document=document))


def _outages(found: object) -> tuple[Outage, ...]:
    assert isinstance(found, Seen)
    assert isinstance(found.value, HealthAnswer)
    return found.value.outages


OPA = ("OPAUnreachable", "Lost")
BREAKER = ("CircuitBreakerOpen", "Open")


async def _through_an_outage(probing: Probing, seconds: float, what: tuple[str, str] = OPA, subject: str = "") -> float:
    """Begin to watch, let this be down for so long, and a while more; gives when it went down."""
    await probing.watch(target(opa="http://10.0.0.7:8181", metrics="http://10.0.0.7:9090/metrics"))
    await probing.run(30)
    _down(probing, *what, holds=True, subject=subject)
    began = probing.loop.time()
    await probing.run(seconds)
    _down(probing, *what, holds=False, subject=subject)
    await probing.run(120)
    await probing.end()
    return began


def test_an_agent_that_calls_itself_healthy_while_its_opa_is_down_is_caught_at_two_looks(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> tuple[Probing, float]:
        probing = Probing(loop, tmp_path, says=lambda _, __: _answers(HealthState.HEALTHY))
        return probing, await _through_an_outage(probing, 300)

    probing, began = run(main)
    (outage,) = _outages(probing.found())
    assert (outage.condition, outage.pod, outage.lied, outage.honest) == ("OPAUnreachable", "search-0", True, False)
    assert outage.since == pytest.approx(began + EPOCH)
    during = [each for each in probing.made() if began < each.began]
    assert len(during) == 2  # more would tell nothing
    assert all(60 <= each.began - began < 130 for each in during)


def test_an_agent_that_tells_of_it_needs_no_second_look(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> tuple[Probing, float]:
        probing = Probing(loop, tmp_path, says=lambda _, __: _answers(HealthState.DEGRADED))
        return probing, await _through_an_outage(probing, 300)

    probing, began = run(main)
    (outage,) = _outages(probing.found())
    assert (outage.honest, outage.lied) == (True, False)
    assert len([each for each in probing.made() if each.began > began]) == 1


def _naming(callee: str, state: HealthState) -> HealthAnswer:
    document = HealthDocument(HealthState.HEALTHY, (Component(callee, state),))
    return HealthAnswer(way=Way.MTLS, health=PathAnswer("/health", 200, document=document))


@pytest.mark.parametrize(
    ("callee", "state", "said"),
    [
        ("Ranker", HealthState.HEALTHY, [(True, True)]),
        ("ranker", HealthState.DEGRADED, [(False,)]),
        ("ranker", HealthState.UNSAID, []),
        ("database", HealthState.HEALTHY, []),
    ],
)
def test_an_open_breaker_is_held_against_who_names_the_callee_and_nobody_else_is_asked(
    tmp_path: Path, callee: str, state: HealthState, said: list[tuple[bool, ...]]
) -> None:
    async def main(loop: VirtualLoop) -> tuple[Probing, float]:
        probing = Probing(loop, tmp_path, says=lambda _, __: _naming(callee, state))
        return probing, await _through_an_outage(probing, 400, BREAKER, "ranker")

    probing, began = run(main)
    outages = _outages(probing.found())
    assert [each.said_healthy for each in outages] == said
    assert {(each.condition, each.subject) for each in outages} <= {("CircuitBreakerOpen", "ranker")}
    assert len([each for each in probing.made() if each.began > began]) == sum(map(len, said))


def test_an_outage_of_less_than_a_minute_is_held_against_nobody(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> Probing:
        probing = Probing(loop, tmp_path, says=lambda _, __: _answers(HealthState.HEALTHY))
        await _through_an_outage(probing, 50)
        return probing

    assert _outages(run(main).found()) == ()


@pytest.mark.parametrize(
    "reading",
    [
        HealthAnswer(fault=Fault.STALLED, error="It fell silent."),
        HealthAnswer(way=Way.MTLS, health=PathAnswer("/health", 403)),
        HealthAnswer(way=Way.MTLS, health=PathAnswer("/health", trouble="The answer is larger than 128 KiB.")),
        HealthAnswer(
            way=Way.PLAINTEXT, health=PathAnswer("/health", 200, document=HealthDocument(HealthState.HEALTHY))
        ),
    ],
)
def test_an_answer_that_says_nothing_of_its_health_is_no_lie(tmp_path: Path, reading: HealthAnswer) -> None:
    async def main(loop: VirtualLoop) -> Probing:
        probing = Probing(loop, tmp_path, says=lambda _, __: reading)
        await _through_an_outage(probing, 600)
        return probing

    probing = run(main)
    assert _outages(probing.found()) == ()
    assert len(probing.made()) <= 1 + MOST_LOOKS + 3  # and those that try again after one in vain


def test_of_an_agent_the_newest_outages_are_known_for_thirty_days_and_no_more_than_twenty() -> None:
    outages = Outages()
    for number in range(30):
        outages.restore(SEARCH, Outage("SVIDExpired", "", f"pod-{number}", number, number + 60.0, (False,)))
    assert [each.pod for each in outages.of(SEARCH, 100.0)] == [f"pod-{number}" for number in range(29, 9, -1)]
    assert [each.pod for each in outages.of(SEARCH, 80 + KEPT)] == [f"pod-{number}" for number in range(29, 19, -1)]
    assert set(outages.known()) == {(SEARCH, each) for each in outages.of(SEARCH, 100.0)}


def test_of_too_many_agents_those_are_forgotten_whose_last_outage_is_longest_ago() -> None:
    outages, told = Outages(), Outage("SVIDExpired", "", "a", 0.0, 60.0, (True,))
    for number in range(MOST_AGENTS + 2):
        outages.restore(AgentRef("prod", str(number)), told)
        outages.restore(AgentRef("prod", "0"), told)
    assert outages.of(AgentRef("prod", "0"), 100.0) == (told,)
    assert outages.of(AgentRef("prod", "1"), 100.0) == ()
    assert outages.of(AgentRef("prod", "3"), 100.0) == (told,)


def test_what_was_said_in_an_outage_is_known_after_a_restart(tmp_path: Path) -> None:
    async def main() -> tuple[object, object]:
        loop = asyncio.get_running_loop()
        found = list[object]()
        for _ in range(2):
            probing = Probing(
                loop, tmp_path, seconds=0, says=lambda _, __: _answers(HealthState.DEGRADED), state_dir=tmp_path
            )
            await probing.prober.restore()
            await probing.prober.tick()  # the first discovery may take a while
            await probing.watch(target(opa="http://10.0.0.7:8181"))
            _down(probing, *OPA, holds=not found, since=100)
            await probing.prober.tick()
            for _ in range(10):  # turns of the loop, for the one attempt that is under way
                await asyncio.sleep(0)
            await probing.end()
            found.append(probing.found())
        return found[0], found[1]

    before, after = asyncio.run(main())
    assert _outages(after) == _outages(before) != ()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no JSON",
        b"[]",
        b'{"format": "another", "version": 1, "told": []}',
        b'{"format": "agentweave-watcher-outages", "version": 2, "told": []}',
        b'{"format": "agentweave-watcher-outages", "version": 1, "told": [7]}',
        b"\xff" * 100,
    ],
)
def test_a_file_of_outages_that_cannot_be_read_is_set_aside_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    outages = Outages()
    asyncio.run(OutagesFile(outages, tmp_path).restore(EPOCH))
    assert list(outages.known()) == []
    assert (tmp_path / "outages.unreadable").read_bytes() == content
    assert [record.message for record in caplog.records] == [
        "cannot read outages file, what agents reported in outages is collected again"
    ]


def test_a_disk_that_takes_no_outages_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    outages = Outages()
    outages.restore(SEARCH, Outage("SVIDExpired", "", "a", EPOCH, EPOCH + 60, (True,)))
    file = OutagesFile(outages, tmp_path / "gone")
    asyncio.run(file.write(EPOCH))
    assert file.trouble == f"{tmp_path / 'gone' / FILE_NAME}: No such file or directory"
    (tmp_path / "gone").mkdir()
    asyncio.run(file.write(EPOCH))
    assert file.trouble == ""
    again = Outages()
    asyncio.run(OutagesFile(again, tmp_path / "gone").restore(EPOCH))
    assert list(again.known()) == list(outages.known())
