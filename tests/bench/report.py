"""The figures as Markdown: against what the project promised, by source, by size of the fleet, by event."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.bench import judging_rows
from tests.bench.alone import Alone
from tests.bench.events import STATE_WRITE, Event
from tests.bench.judging import Judged
from tests.bench.kubernetes import Discovered, discovery_rows
from tests.bench.mix import Mix, reference
from tests.bench.peer import Mixed, Peers
from tests.bench.rules import RuleCost
from tests.bench.tables import PROMISED, Promise, table
from tests.bench.traced import CAPABILITIES, Traced
from tests.bench.transport import Transported
from tests.hostile.worst_turn import Turns

CAVEATS = """\
- One machine, loopback, healthy agents: no round trips, no timeouts. CPU is user and system time, of all threads.
- The measured process has a core to itself; load generator, driver and observer share the other one.
- The exporter gets the pace that suits it best: requests that fall due within 25 ms are released together, as the
  daemon does. Prometheus asks evenly, which costs the exporter more (rows "evenly"); its own cost is not counted.
- The exporter parses no page, judges no decision, checks no chain and no SPIFFE ID; it renders a page a request.
- "Transport alone" makes the same GET of the whole page as the exporter, "handshake, GET, ..." is the source's part of
  a look at an mTLS port: what the exporter does, and the chain verified. A whole look parses, judges and records, but
  asks for the wanted families only (`?name[]=`). In the mix the exporter repeats the requests that the daemon made.
- Lag is the daemon's own histogram, within its buckets. A stall is the worst answer of /livez, asked every 5 ms by
  another process. RSS is the daemon's own peak (VmHWM), from its start to the end of all events.
- The rules are evaluated by the pinned Prometheus every 15 s, over a made-up page of the whole fleet; the figure is
  what it says of its own groups, added up. It has both cores.
- Kubernetes is a real API server with its etcd, on the core of the load, asked with the rights of the chart. One pod is
  created as any other; the rest are put beside it in etcd as JSON, which the API server reads more slowly than its own
  format. The agents are the fleet's: they answer. Looks go on, but where a row says "no looks": there all probes are
  off."""


@dataclass(frozen=True, slots=True)
class Results:
    """All that was measured in one run."""

    transport: Transported
    handshakes: Transported
    peers: Peers
    alone: Sequence[Alone]
    mixes: Sequence[Mix]
    failed: Mapping[int, str]  # agents -> why there is no mix of this size
    mixed: Mixed  # the exporter, on the requests of the reference mix
    help_seconds: float
    check_seconds: float
    hostile: Turns
    traced: Traced
    rules: Sequence[RuleCost] = ()  # a quick run measures neither these
    discovered: Discovered | None = None  # nor Kubernetes
    judged: Judged | None = None  # nor the checklist


def markdown(results: Results, facts: Mapping[str, str]) -> str:
    """The whole page."""
    sections = {
        "": table(("", ""), facts.items()),
        "What it must reach": table(PROMISED, (each.cells() for each in promises(results))),
        "CPU by source": table(("what", "per second", "µs of CPU each", "beside it"), _by_source(results)),
        "By size of the fleet": table(_SIZE_HEAD, _sizes(results)),
        f"Heavy moments at {reference(results.mixes).workload.agents:,} agents": table(
            ("event", "took", "size", "worst /livez", "observer's own delay", "RSS peak"),
            _events(reference(results.mixes)),
        ),
    }
    if results.discovered is not None:
        rows = discovery_rows(results.discovered)
        sections[f"Kubernetes: {results.discovered.agents:,} pods"] = table(("what", "figure"), rows)
    if results.judged is not None:
        sections |= dict(judging_rows.sections(results.judged))
    sections["How to read it"] = CAVEATS
    return "\n\n".join(f"## {title}\n\n{body}" if title else body for title, body in sections.items())


def promises(results: Results) -> Iterator[Promise]:
    """Every row that has a limit."""
    mix, peers, mixed = reference(results.mixes), results.peers, results.mixed
    look = {each.source: each for each in results.alone}
    size = f"{mix.workload.agents:,} agents"
    page, tls = _us(peers.page.cpu_each), _us(peers.mutual_tls.cpu_each)
    transport, handshake = results.transport.cpu_each, look["handshake"].cpu_each
    yield Promise(
        *("CPU per HTTP request ÷ blackbox http_2xx", 0.35, 0.20, transport / peers.page.cpu_each, ""),
        f"transport alone, {_us(transport)} ÷ {page} µs",
    )
    yield Promise(
        *("CPU per mTLS look ÷ blackbox GET with client certificate", 0.65, 0.50),
        *(handshake / peers.mutual_tls.cpu_each, ""),
        f"whole look, {_us(handshake)} ÷ {tls} µs; without judging and recording {_us(results.handshakes.cpu_each)}",
    )
    yield Promise(
        *(f"whole mix at {size} ÷ blackbox", 0.75, 0.50, mix.steady.usage.core_share / mixed.cores, ""),
        f"{mix.steady.usage.core_share:.2f} ÷ {mixed.cores:.2f} cores for {mixed.per_second:,.0f} requests/s; "
        f"blackbox made {mixed.outcome.done:,} of them at {mixed.share:.0%} of that rate",
    )
    lag, calm = mix.steady.lag.quantile(0.99), mix.steady
    yield Promise(f"lag p99 at {size}", 20, 10, lag * 1e3, " ms", "")
    peak = next((each.rss_peak for each in mix.events if each.name == STATE_WRITE), mix.rss_peak)
    yield Promise(f"RSS peak at {size}", 220, 160, peak / 1e6, " MB", "48 h windows full; before any reload")
    page_of = f"{calm.series:,} series, {calm.scrape_bytes / 1e6:.0f} MB"
    yield Promise(f"/metrics at {size}", 1.0, 0.4, calm.scrape_seconds, " s", f"{page_of}, slowest")
    for event in mix.events:
        yield Promise(f"stall: {event.name}", 50, 15, event.stall * 1e3, " ms", "")
    yield Promise(
        *("worst turn of 100 hostile targets", 50, 30, results.hostile.worst * 1e3, " ms"),
        f"CPU of one turn of the loop; {results.hostile.wrong} wrong verdicts on healthy agents beside them",
    )
    yield Promise("`--help`", 0.4, 0.2, results.help_seconds, " s", "median")
    yield Promise("`check` of one agent", 1.2, 0.7, results.check_seconds, " s", "median")
    for cost, (must, aim) in zip(results.rules, ((1.0, 0.4), (2.5, 1.5)), strict=bool(results.rules)):
        note = f"all rules once, {cost.series:,} series, the worst; median {cost.median:.2f} s"
        yield Promise(f"rules at {cost.agents:,} agents: {cost.phase}", must, aim, cost.worst, " s", note)
    if results.discovered is not None:
        yield from _in_kubernetes(results.discovered)


def _in_kubernetes(found: Discovered) -> Iterator[Promise]:
    size = f"{found.agents:,} pods"
    yield Promise(f"{size} discovered", 20, 15, found.discovered_after, " s", "from the start of the process")
    yield Promise(f"RSS with {size} from Kubernetes", 260, 220, found.rss / 1e6, " MB", "after the first full round")
    note = f"of a core, over {found.idle.wall:.0f} s; all of an idle daemon, no looks"
    yield Promise(f"watch of {size} without changes", 2, 1, found.idle.core_share * 100, " %", note)
    yield Promise("a pod that is ready has its first verdict", 5, 2, found.first_verdict, " s", "in /metrics")
    yield Promise("a pod that is deleted is gone", 5, 2, found.gone, " s", "from /metrics")


def _by_source(results: Results) -> Iterator[tuple[str, ...]]:
    yield "transport alone: GET of a whole page", "333", _us(results.transport.cpu_each), ""
    yield "handshake, GET, chain and leaf read", "167", _us(results.handshakes.cpu_each), ""
    for each in results.alone:
        rate = f"{each.steady.made / each.steady.usage.wall:.0f}"
        yield f"look: {each.source}", rate, _us(each.cpu_each), f"{each.requests_each:.1f} HTTP requests a look"
    yield from _pages(results.traced)
    peers = results.peers
    for name, outcome in (
        ("blackbox http_2xx: GET of a whole page", peers.page),
        ("blackbox POST of a canary", peers.decision),
        ("blackbox GET with client certificate", peers.mutual_tls),
        ("blackbox http_2xx, evenly", peers.page_evenly),
        ("blackbox GET with client certificate, evenly", peers.mutual_tls_evenly),
        ("blackbox, the mix", results.mixed.outcome),
    ):
        beside = (
            f"{outcome.failed} failed, {outcome.left_out} not made in time, RSS peak {outcome.rss_peak / 1e6:.0f} MB"
        )
        yield name, f"{outcome.done / outcome.usage.wall:.0f}", _us(outcome.cpu_each), beside


def _pages(traced: Traced) -> Iterator[tuple[str, ...]]:
    beside = f"{traced.size / 1e3:.0f} kB of OpenMetrics; read and judged, without the request"
    yield f"a page of {CAPABILITIES} capabilities, a trace on every bucket", "", _us(traced.with_traces), beside
    yield "the same without traces", "", _us(traced.without), ""


_SIZE_HEAD = (
    *("agents", "looks/s", "CPU of a core", "µs a look", "lag p50 / p99 / max ms", "worst stall ms", "RSS peak MB"),
    *("/metrics", "ready after", "bad looks, skipped, true conditions"),
)


def _sizes(results: Results) -> Iterator[tuple[str, ...]]:
    yield from map(_size, results.mixes)
    for agents, why in results.failed.items():
        yield f"{agents:,}", f"the daemon did not keep up: {why}", *[""] * (len(_SIZE_HEAD) - 2)


def _size(mix: Mix) -> tuple[str, ...]:
    calm = mix.steady
    lags = [calm.lag.quantile(0.5), calm.lag.quantile(0.99), calm.lag.most()]
    return (
        f"{mix.workload.agents:,}",
        f"{calm.made / calm.usage.wall:.0f}",
        f"{calm.usage.core_share:.1%}",
        _us(calm.usage.cpu / calm.made),
        " / ".join(f"{lag * 1e3:.2g}" for lag in lags[:2]) + f" / ≤ {lags[2] * 1e3:.3g}",
        f"{mix.stall * 1e3:.0f}",
        f"{mix.rss_peak / 1e6:.0f}",
        f"{calm.series:,} series, {calm.scrape_bytes / 1e6:.1f} MB, {calm.scrape_seconds * 1e3:.0f} ms",
        f"{mix.ready_after:.0f} s",
        f"{calm.bad:.0f}, {calm.skipped:.0f}, {calm.true:.0f}",
    )


def _events(mix: Mix) -> Iterator[tuple[str, ...]]:
    for event in mix.events:
        size = f"{event.size / 1e6:.1f} MB" if event.size else ""
        yield event.name, f"{event.seconds:.2f} s", size, *_worst(event)


def _worst(event: Event) -> tuple[str, str, str]:
    return f"{event.stall * 1e3:.1f} ms", f"{event.own * 1e3:.1f} ms", f"{event.rss_peak / 1e6:.0f} MB"


def _us(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f}"
