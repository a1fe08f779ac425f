"""The command `config`: every mistake in a file, or the JSON Schema of all files."""

import json
import os
import sys
from argparse import Namespace

from probes.controls.records.document import record_schema
from watcher.config.file import ConfigError
from watcher.config.schema import config_schema
from watcher.config.settings import load_settings
from watcher.web.serving.access import Access
from watcher.web.serving.tls import ServerFileError


def check(given: Namespace) -> int:
    """`config check FILE`: exit code 0, or 2 with a line for each mistake."""
    try:
        settings = load_settings(given.file, os.environ)
    except ConfigError as error:
        print(*error.mistakes, sep="\n", file=sys.stderr)
        return 2
    print(f"{given.file}: ok, {len(settings.targets)} targets")
    try:
        Access(settings.server)
    except ServerFileError as error:  # it may be another machine on which it will be there
        print(f"{given.file}: server: not usable here: {error}", file=sys.stderr)
    return 0


def schema(given: Namespace) -> int:
    """`config schema [--records]`."""
    print(json.dumps(record_schema() if given.records else config_schema(), indent=2))
    return 0
