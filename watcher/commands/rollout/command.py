"""The command `rollout`: 0 verified, 1 failed or rolled back, 3 not decided in time, 2 a mistake."""

import os
import shutil
import sys
import time
from argparse import Namespace
from functools import partial
from ipaddress import ip_address
from urllib.parse import quote

from probes.contract.address import join_host_port
from probes.contract.units import parse_duration, utc
from watcher.commands.config_file import config_file
from watcher.commands.readiness.asking import AskingError, ask
from watcher.commands.rollout.following import Followed, follow
from watcher.commands.rollout.telling import Teller
from watcher.config.file import ConfigError
from watcher.config.settings import load_settings
from watcher.rollouts.terms import Outcome, Window
from watcher.text.printable import printable
from watcher.web.changes.asked import AskedError, moment

LONGEST = {Window.IMMEDIATE: "30m", Window.SHORT: "90m", Window.LONG: "8h"}
"""For how long it waits where nothing is said: the window, and time for the pods to come."""

_CODES = {Outcome.VERIFIED: 0, Outcome.FAILED: 1}
_FORMS = {"text": ".md", "markdown": ".md", "json": ""}


def command(given: Namespace) -> int:
    """`rollout`, of a daemon at `--url`, or of the one that the config FILE is of."""
    try:
        if given.url is None:
            given.url = _own_url(given)
        query = _query(given)
    except ConfigError as error:
        print(*error.mistakes, sep="\n", file=sys.stderr)
        return 2
    except AskedError as error:
        return _refuse(f"--{error}")
    stream = sys.stdout if given.output == "text" else sys.stderr
    teller = Teller(stream, moves=stream.isatty(), width=shutil.get_terminal_size().columns)
    where = f"{quote(given.namespace, safe='')}/{quote(given.agent, safe='')}"
    gate = partial(ask, given.url, f"/api/v1/gate/{where}", query, given)
    limit = parse_duration(given.timeout or LONGEST[Window(given.until)])
    try:
        followed = follow(gate, teller, limit, time.monotonic, time.sleep)
    except AskingError as error:
        return _refuse(str(error))
    finally:
        teller.end()
    _show_record(given, where, followed)
    code = _CODES.get(followed.outcome, 3)
    said = f"Exit code {code}: {_words(given, followed)}"
    print(printable(said), file=stream)
    return code


def _own_url(given: Namespace) -> str:
    """The address of the daemon that this config is of, on this machine; ConfigError."""
    server = load_settings(config_file(given.file), os.environ).server
    try:
        listens_everywhere = ip_address(server.host).is_unspecified
    except ValueError:  # a name
        listens_everywhere = False
    host = "localhost" if listens_everywhere else server.host
    return f"{'https' if server.tls is not None else 'http'}://{join_host_port(host, server.port)}"


def _query(given: Namespace) -> dict[str, str]:
    """Which rollout is meant. A time is fixed here: ten minutes ago is not to move while it is waited for."""
    since = utc(moment("since", time.time(), given.since)) if given.since is not None else None
    asked = {"until": given.until, "image": given.image, "revision": given.revision, "since": since}
    return {name: value for name, value in asked.items() if value}


def _show_record(given: Namespace, where: str, followed: Followed) -> None:
    """On standard output; where none can be had that is said, and the verdict stands."""
    if not followed.revision:
        print(f"no record: {printable(followed.why)}", file=sys.stderr)
        return
    path = f"/api/v1/rollouts/{where}/{quote(followed.revision, safe='')}{_FORMS[given.output]}"
    try:
        record = ask(given.url, path, {}, given).decode(errors="replace")
    except AskingError as error:
        print(f"no record: {printable(str(error))}", file=sys.stderr)
        return
    print("\n".join(map(printable, record.splitlines())))


def _words(given: Namespace, followed: Followed) -> str:
    revision = f"revision {followed.revision}" if followed.revision else "the rollout"
    outcome = {Outcome.VERIFIED: "is verified", Outcome.FAILED: "failed"}.get(followed.outcome, "is not decided")
    return f"{revision} of {given.namespace}/{given.agent} {outcome} until {given.until}. {followed.why}"


def _refuse(why: str) -> int:
    print(f"agentweave-watcher rollout: {printable(why)}", file=sys.stderr)
    return 2
