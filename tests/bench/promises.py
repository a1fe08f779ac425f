"""What the project promised, and whether it is held."""

from collections.abc import Iterator
from math import inf

from tests.bench.crowd import Crowd
from tests.bench.dead import Dead
from tests.bench.events import STATE_WRITE
from tests.bench.history import CHANGES, TOGETHER, History
from tests.bench.kubernetes import Discovered
from tests.bench.mix import Mix, reference
from tests.bench.overload import Overloaded
from tests.bench.results import Results, us
from tests.bench.tables import Promise

LARGEST = 20_000
"""Agents on one core."""

_FULL = 0.97
"""Share of a core from which on it does not suffice."""


def promises(results: Results) -> Iterator[Promise]:
    """Every row that has a limit."""
    yield from _beside_the_exporter(results)
    yield from _of_the_fleet(reference(results.mixes))
    for mix in results.mixes:
        if mix.workload.agents == LARGEST:
            yield from _of_the_largest(mix)
    yield Promise(
        *("worst turn of 100 hostile targets", 50, 30, results.hostile.worst * 1e3, " ms"),
        f"CPU of one turn of the loop; {results.hostile.wrong} wrong verdicts on healthy agents beside them",
    )
    yield from _of_pages(reference(results.mixes))
    yield from _of_the_past(results.history)
    yield from _hard_times(results.crowded, results.overloaded)
    yield Promise("`--help`", 0.1, 0.05, results.help_seconds, " s", "median")
    yield Promise("`check` of one agent", 1.2, 0.7, results.check_seconds, " s", "median")
    if results.dead is not None:
        yield _of_the_dead(results.dead)
    for cost, (must, aim) in zip(results.rules, ((1.0, 0.4), (2.5, 1.5)), strict=bool(results.rules)):
        note = f"all rules once, {cost.series:,} series, the worst; median {cost.median:.2f} s"
        yield Promise(f"rules at {cost.agents:,} agents: {cost.phase}", must, aim, cost.worst, " s", note)
    if results.discovered:
        yield from _in_kubernetes(results.discovered[-1])


def _beside_the_exporter(results: Results) -> Iterator[Promise]:
    peers, pages, looks = results.peers, results.ours.pages, results.ours.looks
    http, tls = "CPU per HTTP request ÷ blackbox http_2xx", "CPU per mTLS look ÷ blackbox GET with client certificate"
    for name, must, aim, ours, theirs in (
        (f"{http}, each at its pace", 0.20, 0.15, pages.deployed, peers.page_evenly),
        (f"{http}, both in batches of 25 ms", 0.22, 0.20, pages.together, peers.page),
        (f"{tls}, each at its pace", 0.50, 0.42, looks.deployed, peers.mutual_tls_evenly),
        (f"{tls}, both in batches of 25 ms", 0.60, 0.55, looks.together, peers.mutual_tls),
    ):
        note = f"{us(ours.cpu_each)} ÷ {us(theirs.cpu_each)} µs"
        yield Promise(name, must, aim, ours.cpu_each / theirs.cpu_each, "", note)
    mix, mixed = reference(results.mixes), results.mixed
    share = mix.steady.usage.core_share
    yield Promise(
        f"whole mix at {mix.workload.agents:,} agents ÷ blackbox, each at its pace",
        *(0.40, 0.33, share / mixed.cores, ""),
        f"{share:.2f} ÷ {mixed.cores:.2f} cores for {mixed.per_second:,.0f} requests/s; blackbox made "
        f"{mixed.outcome.done:,} of them at {mixed.share:.0%} of that rate; "
        f"in batches of 25 ms it needs {results.mixed_together.cores:.2f}",
    )


def _of_the_fleet(mix: Mix) -> Iterator[Promise]:
    size, calm = f"{mix.workload.agents:,} agents", mix.steady
    yield Promise(f"lag p99 at {size}", 10, 5, calm.lag.quantile(0.99) * 1e3, " ms", "")
    peak = next((each.rss_peak for each in mix.events if each.name == STATE_WRITE), mix.rss_peak)
    yield Promise(f"RSS peak at {size}", 195, 170, peak / 1e6, " MB", "48 h windows full; before any reload")
    page_of = f"{calm.series:,} series, {calm.scrape_bytes / 1e6:.0f} MB"
    yield Promise(f"/metrics in gzip at {size}", 0.5, 0.3, calm.scrape_seconds, " s", f"{page_of}, slowest")
    yield Promise(f"/metrics at {size}", 1.0, 0.4, calm.plain_seconds, " s", f"{page_of}, the slower of two")
    for event in mix.events:
        yield Promise(f"stall: {event.name}", 35, 15, event.stall * 1e3, " ms", "")


_WITHIN = {
    "fleet page": (0.3, 0.15),
    "agents in trouble, one a row": (0.3, 0.15),
    "search": (0.3, 0.15),
    "page of an agent with its pictures": (0.1, 0.05),
    "/api/v1/changes of a day": (0.3, 0.1),
    "/changes": (0.3, 0.15),
}
"""Seconds for what people open."""


def _of_pages(mix: Mix) -> Iterator[Promise]:
    size = f"{mix.workload.agents:,} agents, a tenth in trouble"
    for each in mix.opened:
        note = f"the slowest of five; {each.size / 1e3:.0f} kB, {each.zipped / 1e3:.0f} kB in gzip"
        yield Promise(f"{each.name} at {size}", *_WITHIN[each.name], each.seconds, " s", note)
    for each in mix.opened[:2]:
        yield Promise(f"{each.name} at {size}: its size", 200, 150, each.size / 1e3, " kB", "without gzip")


def _of_the_past(past: History) -> Iterator[Promise]:
    many = f"{CHANGES:,} changes, {TOGETHER:,} at once"
    note = f"{us(past.cpu_each)} µs of CPU a change"
    share = past.cpu_each * TOGETHER / 60
    yield Promise("history: CPU while a thousand verdicts turn each minute", 1, 0.3, share * 100, " %", note)
    yield Promise("history: memory", 10, 5, past.grown / 1e6, " MB", many)
    late = f"{many}; {past.late * 1e3:.0f} ms by the clock, with what else the machine did"
    yield Promise("history: stall", 15, 5, past.stall * 1e3, " ms", late)


def _of_the_largest(mix: Mix) -> Iterator[Promise]:
    share, size = mix.steady.usage.core_share, f"{mix.workload.agents:,} agents on one core"
    note = f"{share:.0%} of a core" + ("; it does not suffice" if share > _FULL else "")
    yield Promise(f"{size}: looks left out", 0, 0, mix.steady.skipped, "", note)
    yield Promise(f"{size}: lag p99", 20, 10, mix.steady.lag.quantile(0.99) * 1e3, " ms", note)


def _hard_times(crowded: Crowd | None, overloaded: Overloaded | None) -> Iterator[Promise]:
    if crowded is not None:
        where = f"{crowded.hostile} hostile agents beside {crowded.healthy:,} healthy ones"
        lag = crowded.steady.lag.quantile(0.99)
        yield Promise(f"{where}: wrong verdicts", 0, 0, crowded.wrong, "", "true conditions of healthy agents")
        yield Promise(f"{where}: lag p99", 20, 10, lag * 1e3, " ms", f"{crowded.steady.usage.core_share:.1%} of a core")
        yield Promise(f"{where}: stall", 50, 15, crowded.stall * 1e3, " ms", "")
    if overloaded is not None:
        where, said = f"{overloaded.agents:,} agents with a tenth of a core", overloaded.said_after
        left_out, made = sum(overloaded.skipped.values()), sum(overloaded.made.values())
        note = f"{made:,.0f} looks made, {left_out:,.0f} left out, in {overloaded.seconds:.0f} s"
        late = f"after the first interval of {overloaded.interval:.0f} s, which a look must be late; {note}"
        beyond = inf if said is None else max(0.0, said - overloaded.interval)
        yield Promise(f"{where}: `Overloaded` said", 10, 5, beyond, " s", late)
        yield Promise(f"{where}: starved", 0, 0, overloaded.starved, "", "targets that a source did not look at")
        yield Promise(f"{where}: all is fresh again", 60, 30, overloaded.recovered_after, " s", "from its end")


def _of_the_dead(found: Dead) -> Promise:
    figure = f"`check` of {found.targets:,} dead targets, text ÷ JSON"
    return Promise(figure, 1.2, 1.05, found.text / found.json, "", f"{found.text:.1f} ÷ {found.json:.1f} s, in a pipe")


def _in_kubernetes(found: Discovered) -> Iterator[Promise]:
    size = f"{found.agents:,} pods"
    yield Promise(f"{size} discovered", 20, 15, found.discovered_after, " s", "from the start of the process")
    yield Promise(f"RSS with {size} from Kubernetes", 220, 190, found.rss / 1e6, " MB", "after the first full round")
    note = f"of a core, over {found.idle.wall:.0f} s; all of an idle daemon, no looks"
    yield Promise(f"watch of {size} without changes", 2, 1, found.idle.core_share * 100, " %", note)
    yield Promise("a pod that is ready has its first verdict", 5, 2, found.first_verdict, " s", "in /metrics")
    yield Promise("a pod that is deleted is gone", 5, 2, found.gone, " s", "from /metrics")
