"""How often is a healthy rollout taken for bad, and a bad one found? `python -m tests.bench.rollouts`, some minutes.

Requests come at random; errors each for itself, or in clusters (their rate of a minute is drawn from a beta
distribution with this correlation), and the rate of each hour may differ from others (log-normal).
"""

import math
import random
import sys
from collections.abc import Sequence
from typing import NamedTuple

from probes.controls.evidence.witnesses.log_sample import by_part
from watcher.rollouts.requests.log_lines import LogLines, is_worse
from watcher.rollouts.requests.normal import LOOKS, Baseline, Compared, Tally, compared, tally

LINES = 3
"""Lines of a rollout that are judged so: errors, latency and denials."""

RATES = (0.05, 0.5, 5.0, 20.0, 100.0)
DAYS = 7


class World(NamedTuple):
    """How requests are."""

    name: str
    clustered: float = 0.0
    drift: float = 0.0


WORLDS = (
    World("independent"),
    World("clustered 0.005", 0.005),
    World("clustered 0.02", 0.02),
    World("hours drift 0.3", 0.0, 0.3),
    World("both", 0.005, 0.3),
)


def minutes(rng: random.Random, rate: float, share: float, world: World, count: int) -> list[tuple[float, float]]:
    """Requests and bad ones of each minute of one hour."""
    found = []
    for _ in range(count):
        requests, of_minute = _poisson(rng, rate * 60), share
        if world.clustered:
            both = (1 - world.clustered) / world.clustered
            of_minute = rng.betavariate(share * both, (1 - share) * both)
        found.append((float(requests), float(_binomial(rng, requests, of_minute))))
    return found


def drifted(rng: random.Random, share: float, world: World) -> float:
    """The share of one hour."""
    return min(1.0, share * math.exp(rng.gauss(0.0, world.drift))) if world.drift else share


def ended(
    rng: random.Random, rate: float, before: float, after: float, world: World, *, same_time: bool, pods: int = 3
) -> tuple[bool, Compared]:
    """Whether one line of one rollout fails, and what was said at the last look."""
    hour = drifted(rng, 1.0, world)
    new = minutes(rng, rate, min(1.0, after * hour), world, LOOKS[-1])
    old = minutes(rng, rate, min(1.0, before * hour), world, LOOKS[-1]) if same_time else []
    days = [] if same_time else [_hour(rng, rate, before, world) for _ in range(DAYS)]
    said = None
    for look in LOOKS:
        counted = tally(new[:look])
        baseline = Baseline((tally(old[:look]),), True) if same_time else Baseline(tuple(days), False)
        if not baseline.is_enough:
            continue
        said = compared(counted, baseline, pods=pods, bad_pods=min(pods, int(counted.bad)))
        if said.is_worse:
            return True, said
    return False, said if said is not None else Compared(False, False, 1.0, math.inf)


def _hour(rng: random.Random, rate: float, share: float, world: World) -> Tally:
    return tally(minutes(rng, rate, drifted(rng, share, world), world, 60))


def share_failed(
    seed: int, runs: int, rate: float, before: float, after: float, world: World, *, same_time: bool
) -> tuple[float, float]:
    """Of so many lines: those that failed, and those that passed."""
    rng, failed, passed = random.Random(seed), 0, 0
    for _ in range(runs):
        bad, said = ended(rng, rate, before, after, world, same_time=same_time)
        failed += bad
        passed += not bad and said.is_normal
    return failed / runs, passed / runs


def logs_worse(seed: int, runs: int, lines: int, share: float, times: float, together: float) -> float:
    """How many samples of so many lines, with so many times as many bad ones as before, are called worse; of one.

    `share`: of lines before that are bad; `together`: how many of them lie together in the mean.
    """
    rng = random.Random(seed)
    pairs = ((_sample(rng, lines, share * times, together), _sample(rng, lines, share, together)) for _ in range(runs))
    return sum(is_worse(new, before) for new, before in pairs) / runs


def _sample(rng: random.Random, lines: int, share: float, together: float) -> LogLines:
    begins, bad = share / together / (1 - share + share / together), bytearray()
    while len(bad) < lines:
        if rng.random() >= begins:
            bad.append(0)
            continue
        bad.append(1)
        while rng.random() >= 1 / together:
            bad.append(1)
    parts = by_part(bad[:lines])
    return LogLines(lines, sum(parts), parts)


def logs_table(runs: int) -> str:
    """The line of logs, in Markdown."""
    rows = ["| lines | together | false alarms | sees 5 % as 10 % | as 25 % |", "|---|---|---|---|---|"]
    for lines in (300, 1000, 5000):
        for together in (1, 4, 10, 20):
            worse = (logs_worse(lines, runs, lines, 0.05, times, together) for times in (1.0, 2.0, 5.0))
            false, doubled, five = worse
            rows.append(f"| {lines} | {together} | {false:.2%} | {doubled:.0%} | {five:.0%} |")
            print(rows[-1], file=sys.stderr, flush=True)
    return "\n".join(rows)


def table(runs: int, rates: Sequence[float] = RATES) -> str:
    """All of it, in Markdown."""
    lines = [
        "| baseline | requests | errors | false alarms a rollout | passes | sees 1 % as 2 % | as 5 % | least seen |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for same_time in (True, False):
        for world in WORLDS:
            for number, rate in enumerate(rates):
                lines.append(_row(number, runs, rate, world, same_time=same_time))
                print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines)


def _row(seed: int, runs: int, rate: float, world: World, *, same_time: bool) -> str:
    false, passed = share_failed(seed, runs, rate, 0.01, 0.01, world, same_time=same_time)
    doubled, _ = share_failed(seed, runs // 10, rate, 0.01, 0.02, world, same_time=same_time)
    five, _ = share_failed(seed, runs // 10, rate, 0.01, 0.05, world, same_time=same_time)
    _, said = ended(random.Random(seed), rate, 0.01, 0.01, world, same_time=same_time)
    smallest = f"{said.smallest:.1%}" if said.smallest <= 1 else "none"
    whose = "same time" if same_time else f"{DAYS} days"
    alarms = 1 - (1 - false) ** LINES
    shares = f"{alarms:.2%} | {passed:.0%} | {doubled:.0%} | {five:.0%} | {smallest}"
    return f"| {whose} | {rate:g}/s | {world.name} | {shares} |"


def _poisson(rng: random.Random, mean: float) -> int:
    if mean > 60:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    least, count, product = math.exp(-mean), 0, rng.random()
    while product > least:
        count += 1
        product *= rng.random()
    return count


def _binomial(rng: random.Random, count: int, share: float) -> int:
    mean = count * share
    if mean > 60:
        return min(count, max(0, round(rng.gauss(mean, math.sqrt(mean * (1 - share))))))
    return min(count, _poisson(rng, mean)) if share < 0.2 else sum(rng.random() < share for _ in range(count))


if __name__ == "__main__":
    RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    print(table(RUNS), logs_table(RUNS), sep="\n\n")
