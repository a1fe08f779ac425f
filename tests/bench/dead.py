"""What `check` of a dead fleet costs as text, beside JSON: every target of it has something to say."""

import json
import statistics
from dataclasses import dataclass
from pathlib import Path

from tests.bench import startup
from tests.bench.daemon import key_of
from tests.bench.exporter import free_port

DEAD = 2_000
"""Targets."""

_FORMS = ("text", "json")


@dataclass(frozen=True, slots=True)
class Dead:
    """Seconds of `check`, the median of each form of its output."""

    targets: int
    text: float
    json: float


def dead(directory: Path, targets: int = DEAD, times: int = 3) -> Dead:
    """Measure both in turn, so that a machine that gets slower slows both; nobody listens where they look."""
    directory.mkdir()
    config = directory / "dead.yaml"
    config.write_text(_config(targets))
    arguments = {form: ["check", str(config), "--output", form] for form in _FORMS}
    found = [{form: startup.seconds(arguments[form], directory) for form in _FORMS} for _ in range(times)]
    return Dead(targets, *(statistics.median(each[form] for each in found) for form in _FORMS))


def _config(targets: int) -> str:
    at = f"127.0.0.1:{free_port()}"
    parts = {"address": at, "metrics": f"http://{at}/metrics", "opa": f"http://{at}"}
    entries = ({**key_of(each)._asdict(), **parts} for each in range(targets))
    return "discovery:\n  static:\n" + "".join(f"    - {json.dumps(entry)}\n" for entry in entries)
