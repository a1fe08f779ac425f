"""`config schema`: the JSON Schema of all config files, or of records, for editors and pipelines."""

import json
from argparse import Namespace

from probes.controls.records.document import record_schema
from watcher.config.schema import config_schema


def command(given: Namespace) -> int:
    """`config schema [--records]`: exit code 0."""
    print(json.dumps(record_schema() if given.records else config_schema(), indent=2))
    return 0
