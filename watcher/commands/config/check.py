"""`config check`: every mistake in a file, and what is valid but surely not meant."""

import os
import sys
from argparse import Namespace

from watcher.commands.config.doubts import doubts
from watcher.commands.config_file import config_of
from watcher.config.file import ConfigError, read_document
from watcher.config.settings import load_settings


def command(given: Namespace) -> int:
    """`config check [FILE]`: exit code 0, or 2 with a line for each mistake; with `--strict` also for each warning."""
    path = config_of(given)
    try:
        settings = load_settings(path, os.environ)
        document = read_document(path)
    except ConfigError as error:
        print(*error.mistakes, sep="\n", file=sys.stderr)
        return 2
    found = list(doubts(settings, document))
    for each in found:
        print(f"{each.where}: {'' if given.strict else 'warning: '}{each.sentence}", file=sys.stderr)
    if found and given.strict:
        return 2
    count = len(settings.targets)
    listed = f"{count:,} target{'' if count == 1 else 's'} listed"
    finds = ", more are found in Kubernetes" if settings.kubernetes is not None else ""
    warned = f", {len(found)} warning{'' if len(found) == 1 else 's'}" if found else ""
    print(f"{path}: valid, {listed}{finds}{warned}")
    return 0
