"""What probes show of what they judged by: no more than was seen, and what is foretold apart from it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import AnyProbe, load_probes
from probes.breaker import PROBE as BREAKER
from probes.breaker.transitions import BreakerLimits
from probes.contract import Sample
from probes.contract.picture import Origin, Picture, PictureContext, Tone
from probes.cpu import PROBE as CPU
from probes.cpu import CPULimits
from probes.memory import PROBE as MEMORY
from probes.memory import MemoryLimits
from probes.memory.drift import BLOCK
from probes.memory.floors import all_floors, extended, levels
from probes.pool import PROBE as POOL
from probes.pool import PoolLimits
from probes.readings.issuer import Issuer, Lifetime
from probes.slo import PROBE as SLO
from probes.slo import SLOLimits
from probes.svid import PROBE as SVID
from probes.svid import SvidHistory, SvidLimits, judge
from tests.probes.judged import T0, Judged
from tests.probes.pictured import bars_of, line, pictures_of
from tests.probes.served import LEAF, NOW, SEEN, context, leaf

MIB = 2**20
HOUR = 3600.0


def memory() -> Judged:
    return Judged(MEMORY, MemoryLimits(), interval=BLOCK, parts={"memory_limit": 512 * MIB})


def rss(mib: float) -> str:
    return f"process_resident_memory_bytes {mib * MIB:.0f}\nprocess_start_time_seconds {T0 - 1}"


def test_memory_that_nobody_saw_is_a_gap_and_what_is_assumed_of_it_is_a_line_apart() -> None:
    judged = memory()
    for block, mib in {0: 100, 1: 100, 2: 104, 6: 120, 7: 124}.items():
        judged.read(block * BLOCK, rss(mib))
    [picture] = pictures_of(judged, 7 * BLOCK)
    in_mib = [(at, value and value / MIB) for at, value in line(picture)]
    assert [value for _, value in in_mib] == [100, 100, 104, None, None, None, 120, 124]
    assert [at / BLOCK for at, _ in in_mib] == [-6.5, -5.5, -4.5, -3.5, -2.5, -1.5, -0.5, 0]
    assumed = [value and value / MIB for _, value in line(picture, Origin.ASSUMED)]
    assert assumed == pytest.approx([None, None, 104, 108, 112, 116, 120, None], abs=1e-3)
    assert picture.text == (
        "The process holds 124.0 MiB, 24% of its limit of 512.0 MiB. "
        "Over 1h5m its floor was between 100.0 MiB and 124.0 MiB. In 30m0s of that nothing was seen."
    )
    assert [(each.name, each.value / MIB) for each in picture.levels] == [("limit", 512), ("high above", 460.8)]


def test_a_leak_is_shown_with_its_forecast_as_a_line_of_its_own_that_ends_at_the_limit() -> None:
    judged = memory()
    verdicts = [judged.read(block * BLOCK, rss(200 + 4 * block)) for block in range(40)]
    assert verdicts[-1]["MemoryExhaustionPredicted"] == "MemoryExhaustionPredicted"
    [picture] = pictures_of(judged, 39 * BLOCK)
    (began, first), (end, limit) = line(picture, Origin.FORECAST)
    assert (began, first, limit) == (0, 356 * MIB, 512 * MIB)
    assert end == round(picture.end) == round(judged.history.full_at - T0 - 39 * BLOCK)
    assert 6 * HOUR < end < 7 * HOUR
    assert max(at for at, _ in line(picture)) == 0
    assert picture.text.endswith("It rises by 24.0 MiB an hour. At this rate it reaches its limit in 6h30m.")


def test_after_the_last_look_memory_is_not_drawn_on_and_nothing_is_said_of_now() -> None:
    judged = memory()
    for block in range(3):
        judged.read(block * BLOCK, rss(100))
    [picture] = pictures_of(judged, 2 * BLOCK + 5 * HOUR, looked=T0 + 2 * BLOCK, stale=True)
    assert max(at for at, _ in line(picture)) == round(BLOCK / 2 - 5 * HOUR)
    assert picture.text.startswith("The latest probe result does not show it. Over ")
    assert bars_of(judged, 2 * BLOCK + 5 * HOUR, stale=True) == []


@given(st.lists(st.tuples(st.floats(0, 2**45), st.integers(1, 18)), min_size=1, max_size=40))
def test_what_is_remembered_of_floors_takes_four_bytes_each_and_judges_see_the_same(
    looks: list[tuple[float, int]],
) -> None:
    floors, plain = b"", list[float]()
    for lowest, passed in looks:
        floors = extended(floors, lowest, 2 * lowest, passed)
        plain += [lowest + lowest * step / passed for step in range(passed)]
    seen = [step == 0 for _, passed in looks for step in range(passed)]
    kept = len(floors) // 4
    assert len(floors) == 4 * min(288, len(plain))
    assert levels(floors) == pytest.approx(plain[-kept:], rel=3e-7, abs=1e-30)
    assert [each.seen for each in all_floors(floors)] == seen[-kept:]


def pool(use: dict[float, float], **limits: object) -> Judged:
    judged = Judged(POOL, PoolLimits(**limits), parts={"pool_capacity": 100})
    for at, in_use in use.items():
        lines = f'agentweave_connection_pool_active{{pool="<b>"}} {in_use}'
        judged.read(at, f"{lines}\nprocess_start_time_seconds {T0 - 1}")
    return judged


def test_a_pool_is_shown_with_gaps_where_no_look_was_made() -> None:
    [picture] = pictures_of(pool({0: 10, 60: 12, 300: 20, 360: 22}), 360)
    assert [value for _, value in line(picture)] == [10, 12, None, None, None, 20, 22]
    assert [value for _, value in line(picture, Origin.ASSUMED)] == [None, 12, 14, 16, 18, 20, None]
    assert (picture.subject, picture.start, picture.end) == ("<b>", -1800, 0)
    assert picture.text == (
        "22 of 100 connections are in use, 22%. Over the last 6m0s it was between 10 and 20. A forecast needs 30m0s."
    )


def test_a_pool_that_fills_is_shown_with_its_forecast_and_only_as_far_ahead_as_it_is_judged() -> None:
    rising = pool({at: 60 + at / 60 for at in range(0, 1861, 30)})
    [picture] = pictures_of(rising, 1860)
    assert line(picture, Origin.FORECAST) == [(0, 91.0), (round(picture.end), 100)]
    assert 300 < picture.end < 700
    assert "At this rate the pool is full in " in picture.text
    slow = pool({at: 51 + at // 300 for at in range(0, 1861, 30)})
    assert rising.verdicts[-1].status.value == "true"
    assert [each.origin for each in pictures_of(slow, 1860)[0].series] == [Origin.MEASURED]


@pytest.mark.parametrize(
    ("in_use", "tone"), [(80, Tone.PLAIN), (81, Tone.WARNING), (99, Tone.WARNING), (100, Tone.CRITICAL)]
)
def test_the_bar_of_a_pool_turns_where_the_judge_does(in_use: float, tone: Tone) -> None:
    judged = pool({0: in_use})
    [bar] = bars_of(judged, 0)
    assert (bar.said, bar.tone) == (f"{in_use} of 100", tone)
    bad = [each.kind.name for each in judged.verdicts if each.status.value == "true"]
    assert (tone is not Tone.PLAIN, tone is Tone.CRITICAL) == ("PoolSaturated" in bad, "PoolExhausted" in bad)


def served(date: float, samples: tuple[Sample, ...] = ()) -> PictureContext[SvidLimits]:
    target = context().target
    return PictureContext(
        target=target, limits=SvidLimits(), now=date, date=date, interval=60.0, looked=date, samples=samples
    )


def svid(date: float, **known: Any) -> tuple[list[Picture], dict[str, str]]:
    evaluation = judge(leaf(), SvidHistory(), context(now=date))
    shown = replace(served(date, evaluation.samples), **known)
    told = {each.kind.name: each.status.value for each in evaluation.verdicts}
    return list(SVID.pictures(evaluation.history, shown)), told


@given(st.floats(LEAF.not_before - 100, LEAF.not_after + 500))
def test_now_stands_in_the_band_of_what_the_judge_says_of_the_svid(date: float) -> None:
    [picture], told = svid(date)
    now = {each.name for each in picture.bands if each.start < 0 <= each.end}
    if date > LEAF.not_before:
        assert len(now) == 1
    assert ("expired" in now) == (told["SVIDExpired"] == "true")
    assert ("expiry imminent" in now) == (told["SVIDExpiryImminent"] == "true")
    overdue = bool(now & {"rotation overdue", "expiry imminent"})
    assert overdue == (told["SVIDRotationOverdue"] == "true")


def test_a_lifetime_is_told_with_what_is_left_and_what_is_due() -> None:
    [picture], _ = svid(NOW)
    assert picture.text == (
        "50m0s of 1h0m are left, 83%. Rotation due in 26m0s, overdue in 31m0s; expiry imminent in 38m0s. "
        "No rotation was seen yet."
    )
    assert [(each.name, each.start, each.end) for each in picture.bands] == [
        ("valid, no rotation due", -600, 1560),
        ("rotation due", 1560, 1860),
        ("rotation overdue", 1860, 2280),
        ("expiry imminent", 2280, 3000),
        ("expired", 3000, 3288),
    ]


def test_the_end_of_a_ca_within_the_lifetime_is_marked() -> None:
    ends = {"1": NOW + 900, "2": NOW + 9000}
    issuers = tuple(Issuer(serial, Lifetime(NOW - 9000, end), authority=True) for serial, end in ends.items())
    [picture], _ = svid(NOW, reading=replace(SEEN, issuers=issuers))
    assert [(each.name, each.at) for each in picture.marks] == [("now", 0), ("CA expires", 900)]


def test_while_the_watchers_own_date_is_not_believed_no_lifetime_is_shown() -> None:
    assert svid(NOW, clock_doubt="The API server has another date.")[0] == []


def test_an_svid_that_the_newest_look_did_not_show_is_told_as_the_newest_one_seen() -> None:
    history = judge(leaf(), SvidHistory(), context()).history
    shown = served(NOW)
    [picture] = SVID.pictures(history, shown)
    assert picture.text.startswith(
        "The latest probe result has no SVID; this is the newest one that was seen. 50m0s of 1h0m"
    )
    assert list(SVID.bars(history, shown)) == []


def breakers(states: dict[float, str], started: float = -10_000) -> Judged:
    judged = Judged(BREAKER, BreakerLimits())
    for at, state in states.items():
        lines = f'agentweave_circuit_breaker_state{{callee="a"}} {state}' if state else "up 1"
        judged.read(at, f"{lines}\nprocess_start_time_seconds {T0 + started}")
    return judged


def bands(picture: Picture) -> list[tuple[str, float, float]]:
    return [(each.name, round(each.start), round(each.end)) for each in picture.bands]


def test_the_strip_of_a_breaker_tells_openings_and_since_when_and_leaves_the_rest_open() -> None:
    seen = breakers({0: "0", 100: "1", 200: "0", 300: "1", 400: "1"})
    [picture] = pictures_of(seen, 500, looked=T0 + 400)
    assert bands(picture) == [
        ("no opening was seen", -500, -400),
        ("opened; when it closed again is not kept", -400, -200),
        ("not closed, now open", -200, -100),
    ]
    assert [(each.name, round(each.at)) for each in picture.marks] == [("opened", -400), ("opened", -200)]
    assert picture.text == (
        "It is open, and has not been closed for 3m20s. It opened 2 times within 30m0s. "
        "It is known for 8m20s of the 30m0s that are shown."
    )


def test_of_the_time_before_a_breakers_process_nothing_is_shown() -> None:
    [picture] = pictures_of(breakers({0: "0", 300: "0", 600: "0"}, started=-100), 600)
    assert bands(picture) == [("no opening was seen", -600, 0)]
    [picture] = pictures_of(breakers({0: "0", 300: "0", 600: "0"}, started=400), 600)
    assert bands(picture) == [("no opening was seen", -200, 0)]
    assert picture.text.startswith(
        "It is closed, and no opening was seen for 3m20s. It is known for 3m20s of the 30m0s"
    )


def test_a_breaker_that_the_newest_look_could_not_read_is_not_shown_as_it_was() -> None:
    assert pictures_of(breakers({0: "0", 100: "0"}), 100) != []
    assert pictures_of(breakers({0: "0", 100: "7.5"}), 100) == []


def requests(until: float, errors: float, rate: float = 1.0) -> Judged:
    judged = Judged(SLO, SLOLimits())
    for at in range(0, round(until) + 1, 30):
        judged.read(
            at,
            f'agentweave_requests_total{{status="success"}} {rate * (1 - errors) * at}\n'
            f'agentweave_requests_total{{status="error"}} {rate * errors * at}\nprocess_start_time_seconds {T0 - 1}',
        )
    return judged


@pytest.mark.parametrize(("errors", "tone", "words"), [(0.05, Tone.PLAIN, "5.0%"), (0.06, Tone.CRITICAL, "6.0%")])
def test_requests_and_errors_are_shown_over_what_was_judged(errors: float, tone: Tone, words: str) -> None:
    judged = requests(600, errors)
    [picture] = pictures_of(judged, 600)
    assert {value for _, value in line(picture)} == {1.0}
    assert {value for _, value in line(picture, place=1)} == {round(errors, 1)}
    assert picture.text == f"300 requests over 5m0s. Errors: {words}, limit 5.0%."
    assert picture.start == -300
    assert [each.tone for each in picture.bars] == [tone]
    assert (tone is Tone.CRITICAL) == (judged.verdicts[0].status.value == "true")


def test_of_too_few_requests_no_bar_is_red() -> None:
    [picture] = pictures_of(requests(600, 0.5, rate=0.05), 600)
    assert picture.text == "15 requests over 5m0s. They are judged from 20 requests on. Errors: 50.0%, limit 5.0%."
    assert [each.tone for each in picture.bars] == [Tone.PLAIN]


def test_while_the_window_is_not_full_what_there_is_is_shown_and_nothing_is_said_of_it() -> None:
    [picture] = pictures_of(requests(120, 0.5), 120)
    assert picture.text == "The last 5m0s cannot be judged."
    assert (min(at for at, _ in line(picture)), picture.bars) == (-120, ())


def test_the_use_of_cpu_is_shown_beside_its_limit() -> None:
    judged = Judged(CPU, CPULimits(), parts={"cpu_limit": 2.0})
    for at in range(0, 601, 30):
        judged.read(at, f"process_cpu_seconds_total {1.5 * at}\nprocess_start_time_seconds {T0 - 1}")
    [picture] = pictures_of(judged, 600)
    assert picture.text == "Over 5m0s 1.50 of 2 cores were in use, 75%."
    assert {value for _, value in line(picture)} == {1.5}
    assert [(each.name, each.value) for each in picture.levels] == [("limit", 2.0), ("high above", 1.8)]


@pytest.mark.parametrize("probe", load_probes(), ids=lambda probe: probe.name)
def test_of_a_target_that_was_never_looked_at_nothing_is_shown(probe: AnyProbe) -> None:
    judged = Judged(probe, probe.limits(), parts={"memory_limit": 1, "cpu_limit": 1.0, "pool_capacity": 1})
    judged.history = probe.history()
    assert pictures_of(judged, 0) == []
    assert bars_of(judged, 0) == []
