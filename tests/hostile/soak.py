"""`python -m tests.hostile.soak --minutes N`: the hostile fleet for hours, and what grew meanwhile, as Markdown."""

import argparse
import signal
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from probes.contract import say_duration
from tests.hostile.fleet import hostile_fleet
from tests.hostile.observation import Observation, late_looks, observe
from tests.servers.daemon import DaemonProcess, Page, run_daemon
from tests.servers.strangers import KINDS, strangers

MIB = 1 << 20
STRANGERS = 99
_HEAD = (
    "after | RSS MiB | descriptors | state MiB | probes later than 0.25 s | longest stall ms | /livez p99 ms | wrong\n"
    "---|---|---|---|---|---|---|---"
)


def main() -> int:
    """Run, print a row a tenth of the time."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ended from outside, it ends what it started
    with TemporaryDirectory(prefix="agentweave-soak-") as directory:
        _soak(Path(directory), 60 * given.minutes)
    return 0


def _soak(home: Path, seconds: float) -> None:
    state = home / "state"
    state.mkdir()
    with hostile_fleet(home) as fleet, run_daemon(home, fleet.config(state), wait_for="/livez") as daemon:
        observe(daemon, state, 20)  # everybody was looked at once
        began, before = time.monotonic(), daemon.page()
        print(_HEAD, flush=True)
        for kind in [*KINDS, *KINDS]:
            with strangers(daemon.address[1], kind, STRANGERS):
                seen = observe(daemon, state, seconds / (2 * len(KINDS)))
            after = daemon.page()
            print(_row(time.monotonic() - began, daemon, seen, before, after), flush=True)
            before = after


def _row(elapsed: float, daemon: DaemonProcess, seen: Observation, before: Page, after: Page) -> str:
    late, made = late_looks(before, after, "0.25")
    cells = (
        say_duration(round(elapsed)),
        f"{daemon.rss() / MIB:.0f}",
        str(seen.descriptors),
        f"{seen.state / MIB:.1f}",
        f"{late:.0f} of {made:.0f}",
        f"{seen.turn * 1000:.0f}",
        f"{seen.livez_p99 * 1000:.0f}",
        str(seen.wrong.total()),
    )
    return " | ".join(cells)


if __name__ == "__main__":
    sys.exit(main())
