"""Wires the demo: fleet, daemon, script and terminal."""

import asyncio
import logging
import os
import shlex
import shutil
import socket
import sys
import tempfile
from argparse import Namespace
from functools import partial
from pathlib import Path

from rich.console import Console

from probes.contract.address import join_host_port
from watcher.commands.run import listen, run_in_fastest_loop
from watcher.config.settings import Settings, load_settings
from watcher.daemon import Daemon
from watcher.demo.fleet import NAMES, DemoFleet
from watcher.demo.narrator import Narrator


def command(given: Namespace) -> int:
    """`demo`."""
    return run_demo(given.seconds, given.port, given.slower, given.host)


def run_demo(seconds: float | None, port: int, slower: float = 1.0, host: str = "127.0.0.1") -> int:
    """Run until stopped, or for so many seconds; `port` 0 takes any free one. Exit code 0, 2 if the port is taken.

    Faults, and SVIDs, last `slower` times as long as the script says.
    """
    try:
        listener = listen(host, port)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error
        print(f"demo: cannot listen on {join_host_port(host, port)}: {why}", file=sys.stderr)
        return 2
    with listener, tempfile.TemporaryDirectory(prefix="agentweave-demo-") as home:
        run_in_fastest_loop(show(Path(home), listener, seconds, slower))
    return 0


def called(program: str) -> str:
    """How to call this program from another terminal: by its name where that is on PATH, else as it was called here."""
    if shutil.which("agentweave-watcher"):
        return "agentweave-watcher"
    return f"{shlex.quote(sys.executable)} -m watcher" if program.endswith(".py") else shlex.quote(program)


async def show(home: Path, listener: socket.socket, seconds: float | None, slower: float) -> None:
    """Run the demo in `home`, a directory of its own, for so many seconds or until a signal, `slower` times as slow."""
    logging.getLogger("watcher").setLevel(logging.ERROR)  # the terminal is for the play
    console = Console(width=None if sys.stdout.isatty() else 10_000)
    host, port = listener.getsockname()[:2]
    console.print(f"Starting {len(NAMES)} agents …", highlight=False)
    async with DemoFleet(home, slower) as fleet:
        config = fleet.write_config()
        settings = load_settings(config, {})

        async def reload() -> Settings:
            return load_settings(config, {})

        daemon = Daemon(settings, reload, simulated=fleet.pods)
        followed = daemon.rollouts.view
        if followed is not None:
            fleet.pods.on_change = followed.touch
        fleet.stage.watcher_url = f"http://{host}:{port}"
        play = Narrator(fleet, daemon.engine.board, console, slower)
        told = partial(console.print, highlight=False, markup=False)
        told(f"The web page is at http://{host}:{port}/ and the metrics at http://{host}:{port}/metrics")
        told(f"In another terminal: {called(sys.argv[0])} status --url http://{host}:{port}")
        told(f"The config is {config}; Ctrl-C ends the demo.")
        acts = (play.faults(), play.verdicts(), play.rollouts(followed))
        scenes = [asyncio.create_task(act) for act in acts]
        scenes += [asyncio.create_task(agent.keep_rotating()) for agent in fleet.agents.values()]
        for scene in scenes:
            scene.add_done_callback(lambda _: daemon.stop())  # none of them ends by itself
        if seconds is not None:
            asyncio.get_running_loop().call_later(seconds, daemon.stop)
        try:
            await daemon.run(listener)
        finally:
            for scene in scenes:
                scene.cancel()
            ended = await asyncio.gather(*scenes, return_exceptions=True)
    play.summary()
    for failure in ended:
        if isinstance(failure, Exception):
            raise failure
