"""The demo: a fleet of small simulated agents on loopback, with faults that come and go, and the daemon watching."""

import sys
import tempfile
from pathlib import Path


def run_demo(seconds: float | None, port: int, slower: float = 1.0) -> int:
    """Run until stopped, or for so many seconds; `port` 0 takes any free one. Exit code 0, 2 if the port is taken.

    Faults last `slower` times as long as the script says.
    """
    # Imported here: the demo's agents are modules of this package and must start fast.
    from watcher.commands.run import listen, run_in_fastest_loop  # noqa: PLC0415

    try:
        listener = listen("127.0.0.1", port)
    except OSError as error:
        print(f"demo: cannot listen on 127.0.0.1:{port}: {error.strerror or error}", file=sys.stderr)
        return 2
    with listener, tempfile.TemporaryDirectory(prefix="agentweave-demo-") as home:
        from watcher.demo.run import show  # noqa: PLC0415

        run_in_fastest_loop(show(Path(home), listener, seconds, slower))
    return 0
