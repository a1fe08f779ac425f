"""What a look costs is charged to its target; what is heavy is judged in turns, and who is asked less often is told."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

import pytest

from probes.contract import Fault, Limits, Unknown, Verdict
from tests.engine.toy import SMOKE, TOY, Rooms
from tests.engine.watch import BAD, CELLAR, GOOD, Watch, tells_all
from watcher.runtime.cooperative import Gate

CROWD: Sequence[Verdict] = [SMOKE.false(f"room-{number}") for number in range(200)]


def _costly(cpu: float, asked_in: int = 1, error: str = "") -> Rooms:
    return replace(Rooms(verdicts=(GOOD,)), cpu=cpu, asked_in=asked_in, error=error)


def test_what_reading_and_judging_took_is_charged_to_the_target_and_the_source() -> None:
    watch = Watch()
    watch.look(_costly(0.25))
    [cost] = watch.fleet.costs.worst()
    assert (cost.target, cost.source) == (watch.state.target.key, "agent_metrics")
    assert 0.25 <= cost.seconds < 0.35


def test_a_look_that_costs_what_it_may_is_not_in_the_account() -> None:
    watch = Watch()
    watch.look(_costly(0.0))
    assert watch.fleet.costs.worst() == []


def test_that_a_target_is_asked_less_often_is_said_once_and_its_end_too(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch()
    with caplog.at_level(logging.INFO):
        for asked_in in (1, 2, 4, 4, 1, 1):
            watch.look(_costly(0.0, asked_in, "Too much." if asked_in > 1 else ""))
    said = [(each.levelname, each.getMessage()) for each in caplog.records]
    assert said == [
        ("WARNING", "target asked less often, its answers cost too much CPU"),
        ("INFO", "target asked at each probe attempt again"),
    ]
    first = caplog.records[0].__dict__
    assert (first["target"], first["source"], first["why"]) == ("prod/search/pod-0", "agent_metrics", "Too much.")


@pytest.mark.parametrize("reading", [_costly(0.01), Rooms(verdicts=tuple(CROWD))])
def test_heavy_looks_wait_for_each_other_and_light_ones_for_nobody(reading: Rooms) -> None:
    watch = Watch(TOY, CELLAR)
    watch.look(Rooms(verdicts=tuple(CROWD)))

    async def main() -> tuple[bool, bool]:
        async with watch.fleet.gate:
            heavy = asyncio.create_task(_look(watch, reading, "agent_metrics"))
            light = asyncio.create_task(_look(watch, Rooms(verdicts=(BAD,)), "opa"))
            for _ in range(20):
                await asyncio.sleep(0)
            waits = light.done(), heavy.done()
        await heavy
        return waits

    assert asyncio.run(main()) == (True, False)


async def _look(watch: Watch, reading: Rooms, source: str) -> None:
    watch.told[source].reading = reading
    await watch.lookers[source].look(watch.state)


def test_what_another_source_posts_while_a_heavy_look_is_judged_stays() -> None:
    watch = Watch(TOY, CELLAR)

    async def main() -> None:
        heavy = asyncio.create_task(_look(watch, _costly(0.01), "agent_metrics"))
        await asyncio.sleep(0)  # judged, and not debounced yet
        await _look(watch, Rooms(verdicts=(BAD,)), "opa")
        await heavy

    asyncio.run(main())
    assert watch.verdicts(0) == (GOOD,)
    assert watch.verdicts(1) == (BAD,)
    assert set(watch.state.looks) == {"agent_metrics", "opa"}


def test_a_target_that_goes_while_it_is_judged_is_not_shown_and_has_no_vote() -> None:
    watch = Watch(replace(TOY, judge=tells_all))

    async def main() -> None:
        heavy = asyncio.create_task(_look(watch, _costly(0.01), "agent_metrics"))
        await asyncio.sleep(0)  # judged, and not debounced yet
        watch.state.removed = True
        await heavy

    asyncio.run(main())
    assert watch.state.looks == {}
    assert watch.fleet.vote_counter.counts(watch.state.target.key) == {}


def test_a_look_that_asks_nobody_is_no_answer_of_anybody() -> None:
    watch = Watch()
    watch.look(replace(_costly(0.0, 2, "Too much."), fault=Fault.SILENT))
    watch.look(replace(_costly(0.0, 2, "Too much."), asked=False))
    assert watch.state.reached == frozenset()
    assert (watch.looks("timeout"), watch.looks("error")) == (1.0, 0.0)


def test_one_bad_answer_that_looks_repeat_is_one_bad_look() -> None:
    watch = Watch(limits={TOY.name: Limits(failures=2)})
    bad = replace(Rooms(verdicts=(BAD,)), asked_in=2, error="Too much.")
    for reading in (bad, bad.again(30.0)):
        watch.look(reading)
        assert [each.reason for each in watch.verdicts(0)] == [Unknown.WARMING_UP]
    watch.look(bad)
    assert watch.verdicts(0) == (BAD,)


def test_nothing_is_well_by_what_was_seen_more_than_three_intervals_ago_whatever_the_judge_says() -> None:
    watch = Watch()
    watch.look(_costly(0.0, 10, "Too much."))
    interval = watch.lookers["agent_metrics"].interval
    watch.look(_costly(0.0, 10, "Too much.").again(3 * interval))
    assert watch.verdicts(0) == (GOOD,)
    watch.look(_costly(0.0, 10, "Too much.").again(3 * interval + 1))
    [told] = watch.verdicts(0)
    assert (told.reason, told.text.startswith("Too much. That was ")) == (Unknown.STALE, True)
    bad = replace(Rooms(verdicts=(BAD,)), asked_in=10, error="Too much.")
    for reading in (bad, bad.again(3 * interval + 1)):
        watch.look(reading)
        assert watch.verdicts(0) == (BAD,), "what a judge calls trouble is its own affair"


def test_looks_that_ask_nobody_do_not_hide_that_the_watcher_is_cut_off() -> None:
    watch = Watch()
    isolation = watch.fleet.isolation
    others = [watch.state.target.key._replace(pod=f"pod-{number}") for number in range(1, 6)]
    for key in others:
        isolation.record(key, "agent_metrics", Rooms(), watch.now)
    watch.look(_costly(0.0))
    watch.look(replace(_costly(0.0), fault=Fault.SILENT))
    watch.look(replace(_costly(0.0, 2, "Too much."), asked=False))
    for key in others[:3]:
        isolation.record(key, "agent_metrics", Rooms(fault=Fault.SILENT), watch.now)
    assert isolation.isolated


def test_the_gate_lets_one_piece_of_work_into_each_turn() -> None:
    turns: list[int] = []

    async def main() -> None:
        gate, turn = Gate(), 0

        async def work() -> None:
            async with gate:
                turns.append(turn)

        working = [asyncio.create_task(work()) for _ in range(5)]
        while not all(task.done() for task in working):
            await asyncio.sleep(0)
            turn += 1

    asyncio.run(main())
    assert len(set(turns)) == 5
