"""The command `drill`: would an alert of each severity arrive?"""

import asyncio
import os
import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from watcher.alerting.drill import drill
from watcher.commands.config_file import config_of
from watcher.config.file import ConfigError
from watcher.config.settings import load_settings
from watcher.text.printable import printable


def command(given: Namespace) -> int:
    """`drill [FILE]`."""
    return drill_by_config(config_of(given), os.environ, given.within if given.deliver else None)


def drill_by_config(config: Path, environ: Mapping[str, str], deliver: float | None = None) -> int:
    """Print a line for each severity; exit code 0: all accepted, 1: one was not, 2: config error, no Alertmanager.

    `deliver`: the alerts are to be notified within so many seconds, and 0 means that they were.
    """
    try:
        settings = load_settings(config, environ)
    except ConfigError as error:
        print(*error.mistakes, sep="\n", file=sys.stderr)
        return 2
    if settings.alertmanager is None:
        print(f"{config}: alertmanager: missing, but a drill needs its url", file=sys.stderr)
        return 2
    alertmanager = settings.alertmanager
    drilled = asyncio.run(drill(alertmanager.url, deliver=deliver, runbooks=alertmanager.runbook_url))
    for each in drilled:
        if each.trouble:
            print(f"{each.severity}: the drill failed: {each.trouble}", file=sys.stderr)
        else:
            print(f"{each.severity}: accepted, routed to {printable(', '.join(each.receivers))} ({each.said})")
    return 1 if any(each.trouble for each in drilled) else 0
