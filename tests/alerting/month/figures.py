"""The figures of a month, as Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from probes.contract import say_duration
from tests.alerting.month.faults import FAULTS
from tests.alerting.month.firings import CONDITION, Firing, firings
from tests.alerting.month.kinds import KINDS, START
from tests.alerting.month.plan import DAY, Plan, healthy
from tests.alerting.month.planted import Paged, plant, play
from tests.alerting.month.play import Month
from tests.alerting.month.quiet import stretches
from tests.alerting.month.scrapes import EVERY, Scrapes
from tests.alerting.rules import alert

VERSION = "current"


@dataclass(frozen=True)
class Figures:
    """What came of a month."""

    plan: Plan
    seed: str
    trouble: Mapping[str, tuple[int, int]]  # condition -> how often it was true of a pod, scrapes of the longest time
    fired: Sequence[Firing]  # in the healthy month
    evaluated: float  # hours of the healthy month
    paged: Sequence[Paged]  # in its copies with a fault


def figures(days: float, seed: str) -> Figures:
    """Play a month and its copies; takes a third of a minute of CPU a day."""
    plan = healthy(KINDS, seed, days)
    with TemporaryDirectory() as directory:
        month = Month(KINDS, plan, seed, Path(directory))
        paged = []
        for each in plant(FAULTS, KINDS, plan, START + 0.1 * days * DAY, 0.8 * days * DAY / len(FAULTS)):
            paged += play(month, [each], VERSION)
        month.play(START + days * DAY)
        end = round(days * DAY / EVERY)
        near = stretches(month.scrapes, 0, end)
        fired = firings(month.scrapes, near, VERSION, Path(directory))
    hours = sum(each.end - each.begin for each in near) * EVERY / 3600
    return Figures(plan, seed, trouble(month.scrapes, end), fired, hours, paged)


def trouble(scrapes: Scrapes, end: int) -> dict[str, tuple[int, int]]:
    """Condition -> how often it was true of a pod, and for how many scrapes at most."""
    found: dict[str, tuple[int, int]] = {}
    for each in scrapes.series.values():
        for begin, until, value in each.runs(0, end) if each.name == CONDITION else ():
            if value == 1:
                times, longest = found.get(each.labels["condition"], (0, 0))
                found[each.labels["condition"]] = times + 1, max(longest, until - begin)
    return dict(sorted(found.items()))


def markdown(of: Figures) -> str:
    """All of it."""
    return "\n".join([*_healthy(of), "", *_table(of)])


def _healthy(of: Figures) -> Iterator[str]:
    counts = of.plan.counts
    yield (
        f"{of.plan.days:g} days of {len(KINDS)} agents in 3 namespaces with {sum(kind.pods for kind in KINDS)} pods by "
        f"night and {sum(kind.busy_pods for kind in KINDS)} by day, seed {of.seed}:"
    )
    yield (
        f"{counts['deploy']} rolling deploys, {counts['restart']} restarts of a process, scaled {counts['scale']} "
        f"times, {counts['blip']} blips of the network (a twentieth of them of a whole node), {counts['publish']} new "
        f"policy bundles, {counts['stop_watcher']} restarts of the watcher, {counts['missed scrape']} missed scrapes."
    )
    yield ""
    for severity in ("critical", "warning"):
        fired = [each for each in of.fired if each.labels["severity"] == severity]
        told = ", ".join(f"{each.alert} {each.labels.get('agent', '')} ({_for(each)})" for each in fired)
        yield f"- **{sum(each.count for each in fired)} {severity} alerts** fired{': ' + told if told else ''}."
    times = sum(times for times, _ in of.trouble.values())
    yield f"- Conditions were true of a pod {times} times, and never for long enough to fire otherwise:"
    yield ""
    yield "| condition | times | longest | `for` |"
    yield "|---|---|---|---|"
    for condition, (times, longest) in of.trouble.items():
        held = say_duration(alert(f"AgentWeave{condition}").held)
        yield f"| {condition} | {times} | {say_duration(longest * EVERY)} | {held} |"
    yield ""
    yield (
        f"{of.evaluated:.0f} of the {of.plan.days * 24:.0f} hours were evaluated, those near anything that was true, "
        "unknown for a quarter of an hour, or of the watcher itself."
    )


def _for(firing: Firing) -> str:
    return say_duration(firing.end - firing.begin)


def _table(of: Figures) -> Iterator[str]:
    yield "The same month with one fault planted at a time. Seconds from the fault, and from its end:"
    yield ""
    yield "| fault | alert | seen true after | fires after | resolved after | firings | true as well |"
    yield "|---|---|---|---|---|---|---|"
    for each in sorted(of.paged, key=lambda paged: FAULTS.index(paged.planted.fault)):
        seen = "" if each.seen is None else f"{each.seen:.0f} s"
        also = ", ".join(f"{name}" + (f" ({count})" if count > 1 else "") for name, count in each.also.items())
        yield (
            f"| {each.planted.fault.words} | {each.planted.fault.alert} | {seen} | {each.fires:.0f} s "
            f"| {each.resolved:.0f} s | {each.firings} | {also} |"
        )
    for each in of.paged:
        for firing in each.strange:
            yield f"\nNot explained, while {each.planted.fault.words}: {dict(firing.labels)}"
