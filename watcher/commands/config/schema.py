"""`config schema`: the JSON Schema of all config files, for editors and pipelines."""

import json
from argparse import Namespace

from watcher.config.schema import config_schema


def command(_: Namespace) -> int:
    """Exit code 0."""
    print(json.dumps(config_schema(), indent=2))
    return 0
