"""The page of the benchmark: every figure in its row, and whether what was promised is held."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.alone import Alone, Ours, Shares
from tests.bench.crowd import Crowd
from tests.bench.daemon import Workload
from tests.bench.dead import Dead, dead
from tests.bench.events import Event
from tests.bench.exporter import Outcome
from tests.bench.history import History
from tests.bench.kubernetes import Discovered
from tests.bench.looked_at import Opened
from tests.bench.machine import Usage
from tests.bench.mix import Mix
from tests.bench.overload import Overloaded
from tests.bench.own_series import Histogram
from tests.bench.peer import Mixed, Peers
from tests.bench.promises import LARGEST, promises
from tests.bench.report import markdown
from tests.bench.results import Results
from tests.bench.steady import Steady
from tests.bench.traced import Traced
from tests.bench.transport import Transported
from tests.hostile.worst_turn import Turns

LAG = Histogram({0.001: 0, 0.01: 100, 0.1: 100, float("inf"): 100})
STEADY = Steady(
    usage=Usage(cpu=30.0, wall=60.0),
    looks={("opa", "ok"): 60_000.0},
    requests={"pages": 1, "decisions": 2, "statuses": 3, "healths": 4, "others": 0},
    lag=LAG,
    skipped=0.0,
    scrape_seconds=0.25,
    plain_seconds=0.75,
    scrape_bytes=53_000_000,
    series=370_190,
    true=0.0,
)


def _outcome(microseconds: float) -> Outcome:
    return Outcome(done=1000, failed=0, left_out=0, usage=Usage(microseconds / 1e3, 60.0), rss_peak=20 << 20)


def _shares(*microseconds: float) -> Shares:
    return Shares(*[Transported(1000, each / 1e3) for each in microseconds])


PAGE = Opened("fleet page", 0.2, 150_000, 15_000)


def _mix(agents: int) -> Mix:
    event = Event("state write", 1.0, 50 << 20, 0.02, 0.001, 180_000_000)
    return Mix(Workload(agents=agents, opa=30.0), 60.0, STEADY, [event], 200_000_000, [PAGE])


def _discovered(agents: int) -> Discovered:
    return Discovered(
        agents=agents,
        pod_bytes=13_000,
        discovered_after=12.0,
        discovered_cpu=9.0,
        round_after=60.0,
        rss=agents * 21_000,
        rss_peak=agents * 22_000,
        first_verdict=4.0,
        gone=4.0,
        deployed=500,
        lags=[1.0, 2.0],
        idle=Usage(0.6, 60.0),
        deploy=Usage(2.0, 16.0),
    )


RESULTS = Results(
    ours=Ours(pages=_shares(160, 100, 200), handshakes=_shares(900, 700, 1000), looks=_shares(1000, 800, 1200)),
    peers=Peers(*[_outcome(each) for each in (800, 900, 2000, 1000, 2500)]),
    alone=[Alone("opa", STEADY)],
    mixes=[_mix(10_000), _mix(LARGEST)],
    failed={},
    mixed=Mixed(_outcome(1200), 0.6, 1000.0),
    mixed_together=Mixed(_outcome(1000), 0.6, 1000.0),
    help_seconds=0.04,
    check_seconds=0.6,
    hostile=Turns(worst=0.02, late=0.0, wrong=0, costly="", slowed=0, rss=0.0),
    traced=Traced(0.01, 0.005, 100_000),
    history=History(cpu_each=100e-6, grown=3_000_000, stall=0.002, late=0.004),
    discovered=[_discovered(1_000), _discovered(10_000)],
    crowded=Crowd(hostile=100, healthy=1_000, steady=STEADY, wrong=0, stall=0.03, rss_peak=0),
    overloaded=Overloaded(
        agents=3_000,
        seconds=95.0,
        core_share=0.1,
        made={"opa": 2_000.0},
        skipped={"opa": 9_000.0},
        starved=0,
        interval=15.0,
        said_after=21.0,
        recovered_after=15.0,
    ),
    dead=Dead(targets=2_000, text=13.2, json=12.0),
)


@pytest.mark.parametrize(
    ("figure", "measured"),
    [
        ("CPU per HTTP request ÷ blackbox http_2xx, each at its pace", 0.1),
        ("CPU per HTTP request ÷ blackbox http_2xx, both in batches of 25 ms", 0.2),
        ("CPU per mTLS look ÷ blackbox GET with client certificate, each at its pace", 800 / 2500),
        ("CPU per mTLS look ÷ blackbox GET with client certificate, both in batches of 25 ms", 0.5),
        ("whole mix at 10,000 agents ÷ blackbox, each at its pace", 0.5 / 1.2),
        ("/metrics in gzip at 10,000 agents", 0.25),
        ("/metrics at 10,000 agents", 0.75),
        ("20,000 agents on one core: looks left out", 0),
        ("fleet page at 10,000 agents, a tenth in trouble", 0.2),
        ("fleet page at 10,000 agents, a tenth in trouble: its size", 150),
        ("history: CPU while a thousand verdicts turn each minute", 100e-6 * 1000 / 60 * 100),
        ("history: stall", 2),
        ("100 hostile agents beside 1,000 healthy ones: wrong verdicts", 0),
        ("3,000 agents with a tenth of a core: `Overloaded` said", 6),
        ("RSS with 10,000 pods from Kubernetes", 210),
        ("`check` of 2,000 dead targets, text ÷ JSON", 1.1),
    ],
)
def test_each_promise_is_held_to_its_own_figure(figure: str, measured: float) -> None:
    [promise] = [each for each in promises(RESULTS) if each.figure == figure]
    assert promise.measured == pytest.approx(measured)


def test_overload_that_is_not_said_is_a_promise_missed() -> None:
    assert RESULTS.overloaded is not None
    silent = replace(RESULTS, overloaded=replace(RESULTS.overloaded, said_after=None))
    page = markdown(silent, {})
    assert "| 3,000 agents with a tenth of a core: `Overloaded` said | 10 s | 5 s | inf s | **missed** |" in page


def test_the_page_has_all_paces_of_both_and_all_sizes() -> None:
    page = markdown(RESULTS, {"CPU": "one"})
    for row in (
        "| transport alone: GET of a whole page | 333 | 160 | in batches of 25 ms |",
        "| transport alone: GET of a whole page, at the daemon's pace | 333 | 100 |  |",
        "| transport alone: GET of a whole page, evenly | 333 | 200 |  |",
        "| the same, judged and recorded, at the daemon's pace | 167 | 800 |  |",
        "| opa | 2,000 | 9,000 |",
        "| 1,000 | 12.0 s | 9.0 s | 60 s | 21, 22 | 1.00% |",
    ):
        assert row in page
    assert page.count("blackbox, the mix") == 2


def test_a_quick_run_has_a_page_too() -> None:
    quick = replace(RESULTS, discovered=(), crowded=None, overloaded=None, dead=None, mixes=[_mix(500)])
    assert "## Kubernetes" not in markdown(quick, {})
    assert "dead targets" not in markdown(quick, {})


def test_a_dead_fleet_is_checked_in_both_forms(tmp_path: Path) -> None:
    found = dead(tmp_path / "dead", targets=3, times=1)
    assert found.targets == 3
    assert 0 < found.text < 60
    assert 0 < found.json < 60
