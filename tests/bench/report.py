"""The figures as Markdown: against what the project promised, by source, by size of the fleet, by event."""

from collections.abc import Iterator, Mapping

from tests.bench import judging_rows
from tests.bench.alone import Shares
from tests.bench.events import Event
from tests.bench.kubernetes import Discovered, discovery_rows
from tests.bench.mix import Mix, reference
from tests.bench.overload import Overloaded
from tests.bench.promises import promises
from tests.bench.results import Results, us
from tests.bench.tables import PROMISED, table
from tests.bench.traced import CAPABILITIES, Traced

CAVEATS = """\
- One machine, loopback, healthy agents: no round trips, no timeouts. CPU is user and system time, of all threads.
- The measured process has a core to itself; load generator, driver and observer share the other one.
- "Each at its pace": the daemon releases sixteen looks at a time, every 50 ms (HTTP) or 100 ms (mTLS) at these rates;
  Prometheus asks the exporter evenly, and its own cost is not counted. "Both in batches of 25 ms" is the pace that
  suits the exporter best. All of these are rows, for both.
- The exporter parses no page, judges no decision, checks no chain and no SPIFFE ID; it renders a page a request.
- "Transport alone" makes the same GET of the whole page as the exporter, "handshake, GET, ..." is the source's part of
  a look at an mTLS port: what the exporter does, and the chain verified. A whole look parses, judges and records, but
  asks for the wanted families only (`?name[]=`). In the mix the exporter repeats the requests that the daemon made.
- A dead target refuses every connection; `check` repeats what fails, and text and JSON are measured in turn, in a pipe.
- A tenth of a core: the process is stopped for 90 of each 100 ms, as a container whose quota is used up.
- Lag is the daemon's own histogram, within its buckets. A stall is the worst answer of /livez, asked every 5 ms by
  another process. RSS is the daemon's own peak (VmHWM), from its start to the end of all events.
- The rules are evaluated by the pinned Prometheus every 15 s, over a made-up page of the whole fleet; the figure is
  what it says of its own groups, added up. It has both cores.
- Kubernetes is a real API server with its etcd, on the core of the load, asked with the rights of the chart. One pod is
  created as any other; the rest are put beside it in etcd as JSON, which the API server reads more slowly than its own
  format. The agents are the fleet's: they answer. Looks go on, but where a row says "no looks": there all probes are
  off."""


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
    if results.overloaded is not None:
        title = f"{results.overloaded.agents:,} agents with a tenth of a core"
        sections[title] = table(("source", "looks made", "left out"), _left_out(results.overloaded))
    if results.discovered:
        last = results.discovered[-1]
        sections["Kubernetes, by size of the fleet"] = table(_PODS_HEAD, map(_pods, results.discovered))
        sections[f"Kubernetes: {last.agents:,} pods"] = table(("what", "figure"), discovery_rows(last))
    if results.judged is not None:
        sections |= dict(judging_rows.sections(results.judged))
    sections["How to read it"] = CAVEATS
    return "\n\n".join(f"## {title}\n\n{body}" if title else body for title, body in sections.items())


def _by_source(results: Results) -> Iterator[tuple[str, ...]]:
    yield from _paces("transport alone: GET of a whole page", "333", results.ours.pages)
    yield from _paces("handshake, GET, chain and leaf read", "167", results.ours.handshakes)
    yield from _paces("the same, judged and recorded", "167", results.ours.looks)
    for each in results.alone:
        rate = f"{each.steady.made / each.steady.usage.wall:.0f}"
        yield f"look: {each.source}", rate, us(each.cpu_each), f"{each.requests_each:.1f} HTTP requests a look"
    yield from _pages(results.traced)
    peers = results.peers
    for name, outcome in (
        ("blackbox http_2xx: GET of a whole page", peers.page),
        ("blackbox POST of a canary", peers.decision),
        ("blackbox GET with client certificate", peers.mutual_tls),
        ("blackbox http_2xx, evenly", peers.page_evenly),
        ("blackbox GET with client certificate, evenly", peers.mutual_tls_evenly),
        ("blackbox, the mix, evenly", results.mixed.outcome),
        ("blackbox, the mix", results.mixed_together.outcome),
    ):
        beside = (
            f"{outcome.failed} failed, {outcome.left_out} not made in time, RSS peak {outcome.rss_peak / 1e6:.0f} MB"
        )
        yield name, f"{outcome.done / outcome.usage.wall:.0f}", us(outcome.cpu_each), beside


def _paces(what: str, rate: str, shares: Shares) -> Iterator[tuple[str, ...]]:
    yield what, rate, us(shares.together.cpu_each), "in batches of 25 ms"
    yield f"{what}, at the daemon's pace", rate, us(shares.deployed.cpu_each), ""
    yield f"{what}, evenly", rate, us(shares.evenly.cpu_each), ""


def _left_out(found: Overloaded) -> Iterator[tuple[str, ...]]:
    for source, made in found.made.items():
        yield source, f"{made:,.0f}", f"{found.skipped[source]:,.0f}"


_PODS_HEAD = ("pods", "discovered after", "CPU until then", "first full round", "RSS, peak MB", "CPU without changes")


def _pods(found: Discovered) -> tuple[str, ...]:
    return (
        f"{found.agents:,}",
        f"{found.discovered_after:.1f} s",
        f"{found.discovered_cpu:.1f} s",
        f"{found.round_after:.0f} s",
        f"{found.rss / 1e6:.0f}, {found.rss_peak / 1e6:.0f}",
        f"{found.idle.core_share:.2%}",
    )


def _pages(traced: Traced) -> Iterator[tuple[str, ...]]:
    beside = f"{traced.size / 1e3:.0f} kB of OpenMetrics; read and judged, without the request"
    yield f"a page of {CAPABILITIES} capabilities, a trace on every bucket", "", us(traced.with_traces), beside
    yield "the same without traces", "", us(traced.without), ""


_SIZE_HEAD = (
    *("agents", "looks/s", "CPU of a core", "µs a look", "lag p50 / p99 / max ms", "worst stall ms", "RSS peak MB"),
    *("/metrics", "in gzip", "ready after", "bad looks, skipped, true conditions"),
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
        us(calm.usage.cpu / calm.made),
        " / ".join(f"{lag * 1e3:.2g}" for lag in lags[:2]) + f" / ≤ {lags[2] * 1e3:.3g}",
        f"{mix.stall * 1e3:.0f}",
        f"{mix.rss_peak / 1e6:.0f}",
        f"{calm.series:,} series, {calm.scrape_bytes / 1e6:.1f} MB, {calm.plain_seconds * 1e3:.0f} ms",
        f"{calm.scrape_seconds * 1e3:.0f} ms",
        f"{mix.ready_after:.0f} s",
        f"{calm.bad:.0f}, {calm.skipped:.0f}, {calm.true:.0f}",
    )


def _events(mix: Mix) -> Iterator[tuple[str, ...]]:
    for event in mix.events:
        size = f"{event.size / 1e6:.1f} MB" if event.size else ""
        yield event.name, f"{event.seconds:.2f} s", size, *_worst(event)


def _worst(event: Event) -> tuple[str, str, str]:
    return f"{event.stall * 1e3:.1f} ms", f"{event.own * 1e3:.1f} ms", f"{event.rss_peak / 1e6:.0f} MB"
