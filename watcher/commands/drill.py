"""The command `drill`: would an alert of each severity arrive?"""

import asyncio
import os
import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from watcher.alerting.drill import drill
from watcher.config.file import ConfigError
from watcher.config.settings import load_settings
from watcher.text.printable import printable


def command(given: Namespace) -> int:
    """`drill --config FILE`."""
    return drill_by_config(given.config, os.environ)


def drill_by_config(config: Path, environ: Mapping[str, str]) -> int:
    """Print a line for each severity; exit code 0: all arrived, 1: one did not, 2: config error, no Alertmanager."""
    try:
        settings = load_settings(config, environ)
    except ConfigError as error:
        print(*error.mistakes, sep="\n", file=sys.stderr)
        return 2
    if settings.alertmanager is None:
        print(f"{config}: alertmanager: missing, but a drill needs its url", file=sys.stderr)
        return 2
    drilled = asyncio.run(drill(settings.alertmanager.url))
    for each in drilled:
        if each.trouble:
            print(f"{each.severity}: the drill failed: {each.trouble}", file=sys.stderr)
        else:
            print(f"{each.severity}: arrived, receivers: {printable(', '.join(each.receivers))}")
    return 1 if any(each.trouble for each in drilled) else 0
