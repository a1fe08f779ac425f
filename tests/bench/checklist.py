"""`python -m tests.bench.checklist`: the rows of the checklist alone, as the whole benchmark has them too."""

import argparse
import os
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.fleet import serving
from tests.bench.judging import judged
from tests.bench.judging_rows import sections
from tests.bench.machine import AROUND, facts
from tests.bench.tables import table


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.checklist", description=__doc__)
    parser.add_argument("--agents", type=int, default=10_000, help="pods, ten of each agent")
    parser.add_argument("--seconds", type=float, default=60, help="length of the calm window, a minute at most")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.stdout.write(table(("", ""), facts("tests.bench.checklist").items()) + "\n")
    sys.stdout.flush()
    os.sched_setaffinity(0, {AROUND})
    with TemporaryDirectory(prefix="agentweave-bench-") as directory, serving(given.agents, Path(directory)) as fleet:
        found = judged(fleet, given.agents, Path(directory) / "checklist", given.seconds)
    for title, body in sections(found):
        sys.stdout.write(f"\n## {title}\n\n{body}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
