"""Which config file does a command mean?"""

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

VARIABLE = "AGENTWEAVE_WATCHER_CONFIG"
INSTALLED = Path("/etc/agentweave-watcher/config.yaml")
"""Where the chart and the systemd unit put it."""


def config_file(given: Path | None) -> Path:
    """That which was named, else that of the environment, else where an installation puts it."""
    return given or Path(os.environ.get(VARIABLE) or INSTALLED)


def add_config_file(command: ArgumentParser) -> None:
    """The argument FILE, which may be given as `--config FILE` instead."""
    either = command.add_mutually_exclusive_group()
    default = f"the config file; default: ${VARIABLE}, then {INSTALLED}"
    either.add_argument("file", metavar="FILE", type=Path, nargs="?", help=default)
    either.add_argument("--config", metavar="FILE", type=Path, help="same as FILE")


def config_of(given: Namespace) -> Path:
    """The config file of a command that has this argument."""
    return config_file(given.file or given.config)
