"""The figures of the checklist as rows of tables."""

from collections.abc import Iterable, Iterator, Sequence

from probes.controls.catalogue.loading import load_catalogue
from probes.controls.finding import State
from tests.bench.events import Event
from tests.bench.judging import Judged
from tests.bench.judging_asked import Share
from tests.bench.sampled import PARTS
from tests.bench.tables import PROMISED, Promise, table
from watcher.checklist.live.agent_verdict import MOST_NOT_MET

INTERVALS = {"health": 900.0, "tls_posture": 3600.0}
"""Seconds from one attempt of a source at a target to the next, by default."""

_OF_INTERVAL = 0.85  # after which the next attempt is made
_RATIOS = 3
_BESIDE = 2  # the verdict, and how many controls are not exported


def sections(found: Judged) -> Iterator[tuple[str, str]]:
    """Headings, and the tables under them."""
    size = f"{found.pods:,} pods of {found.agents:,} agents"
    yield f"The checklist: {size}", table(PROMISED, (each.cells() for each in promises(found)))
    yield "What the checklist takes", table(("what", "figure"), rows(found))
    head = ("event", "took", "size", "worst /livez", "observer's own delay", "RSS peak")
    yield (
        "Heavy moments of the checklist",
        table(head, [*_moments("", found.events), *_moments("without: ", found.plain)]),
    )


def promises(found: Judged) -> Iterator[Promise]:
    """Every row that has a limit."""
    (rss, plain), (peak, plain_peak) = found.rss, found.peak
    yield Promise(
        *("RSS that the checklist adds", 60, 40, (rss - plain) / 1e6, " MB"),
        f"{rss / 1e6:.0f} - {plain / 1e6:.0f} MB after {found.age:.0f} s; at the peak {(peak - plain_peak) / 1e6:.0f}",
    )
    calm = found.calm
    yield Promise(
        *("judging, nothing changes", 1, 0.5, 100 * calm.cpu["judging"] / calm.wall, " %"),
        f"of a core, over {calm.wall:.0f} s; {calm.evaluations:.0f} agents judged anew",
    )
    yield Promise(
        *("probing: posture and health", 3, 2, 100 * _probing(found), " %"),
        f"of a core at {_pace(found):.1f} attempts a second, by the {_each(found.begin) * 1e3:.2f} ms of CPU of each",
    )
    yield Promise(
        *("each control has a verdict or a reason", 60, 30, found.first, " s"),
        f"from the last pod's being a target; {', '.join(f'{count} {name}' for name, count in found.verdicts.items())}",
    )
    changes = ", ".join(f"{each:.1f}" for each in found.turned)
    yield Promise(
        *("a changed NetworkPolicy is judged", 10, 5, max(found.turned), " s"),
        f"of all agents of its namespace, the worst of {changes}",
    )
    for event in found.events:
        yield Promise(
            f"stall: {event.name}", 20, 15, event.stall * 1e3, " ms", f"the observer's own {event.own * 1e3:.1f}"
        )
    page = found.pages["/readiness"]
    yield Promise("/readiness", 0.3, 0.15, max(page), " s", f"the worst of {len(page)}")
    most = _most_series()
    shown = ", ".join(f"{count:,} {name}" for name, count in found.series.most_common())
    yield Promise("series of one agent", most, most, found.most_series, "", f"the most; of all {shown}")


def rows(found: Judged) -> Iterator[tuple[str, str]]:
    """What and how much, for people."""
    yield "from the last target to an attempt of each source at each pod", f"{found.probed:.0f} s"
    yield "CPU until then", _parts(found.begin)
    yield "CPU while nothing changes", _parts(found.calm)
    attempts = ", ".join(f"{count:.0f} {name}" for name, count in found.calm.attempts.items())
    yield f"attempts in these {found.calm.wall:.0f} s", attempts
    for page, took in found.pages.items():
        yield page, f"{min(took):.3f} to {max(took):.3f} s"


def _parts(share: Share) -> str:
    parts = ", ".join(f"{part} {share.cpu[part] / share.wall:.2%}" for part in PARTS)
    return f"{parts} of a core; {share.evaluations:.0f} agents judged"


def _each(share: Share) -> float:
    """Seconds of CPU of one attempt, of all sources."""
    return share.cpu["probing"] / max(1.0, sum(share.attempts.values()))


def _pace(found: Judged) -> float:
    """Attempts a second, at the intervals that the daemon keeps."""
    return sum(found.pods / (interval * _OF_INTERVAL) for interval in INTERVALS.values())


def _probing(found: Judged) -> float:
    return _each(found.begin) * _pace(found)


def _most_series() -> int:
    """By the contract: each section in each state, and no more than so many controls that are not met."""
    in_sections = {each.section for each in load_catalogue().controls}
    return _BESIDE + _RATIOS + len(in_sections) * len(State) + MOST_NOT_MET


def _moments(prefix: str, events: Iterable[Event]) -> Iterator[Sequence[str]]:
    for event in events:
        size = f"{event.size / 1e6:.2f} MB" if event.size else ""
        worst = f"{event.stall * 1e3:.1f} ms", f"{event.own * 1e3:.1f} ms", f"{event.rss_peak / 1e6:.0f} MB"
        yield prefix + event.name, f"{event.seconds:.2f} s", size, *worst
