"""What does `record import` ask for? Nothing of the checklist is imported for it but the list of formats."""

import argparse
import re
from pathlib import Path

from watcher.checklist.results.formats import FORMATS

_COUNT = re.compile(r"([a-z][a-z0-9_]{0,63})=(\d{1,15}(?:\.\d{1,15})?)")
_DIGEST = re.compile(r"(?:.*@)?(sha256:[0-9a-f]{64})")


def add_import(command: argparse.ArgumentParser) -> None:
    """The options, and what is called."""
    command.add_argument(
        "--control", metavar="ID", required=True, help="exact id of the control, such as testing.unit.pass"
    )
    command.add_argument("--namespace", metavar="N", required=True, help="namespace of the agents")
    agents = "exact names of agents, separated by commas"
    command.add_argument("--agent", metavar="A[,A]", type=_names, required=True, help=agents)
    command.add_argument("--run", metavar="URL", required=True, help="where the run of the pipeline can be read")
    for name, form in FORMATS.items():
        command.add_argument(
            f"--{name}", metavar="FILE", type=Path, action="append", default=[], help=f"{form.words}; default: none"
        )
    image = "image of the agent's container, with or without NAME@; repeatable, one a platform; default: none"
    command.add_argument("--image", metavar="DIGEST", type=_digest, action="append", default=[], help=image)
    policy = "policy that was tested, where the control asks for it; default: none"
    command.add_argument("--policy", metavar="DIGEST", type=_digest, help=policy)
    count = "a number that is in no file, such as capabilities=7; repeatable; default: none"
    command.add_argument("--count", metavar="NAME=VALUE", type=_count, action="append", default=[], help=count)
    command.add_argument("--by", metavar="WHO", default="pipeline", help="name of the pipeline; default: pipeline")
    command.add_argument("--at", metavar="TIME", help="when it ran, such as 2026-11-23T09:00:00Z; default: now")
    expires = "last day of its validity, such as 2027-02-21; default: the latest that the control allows"
    command.add_argument("--expires", metavar="DATE", help=expires)
    environment = "checklist.environment of the watcher's config; default: production"
    command.add_argument("--environment", metavar="E", default="production", help=environment)
    command.add_argument("--statement", metavar="TEXT", default="", help="what was run, in a sentence; default: none")
    command.add_argument("--file", metavar="FILE", type=Path, help="file to write; default: standard output")
    command.set_defaults(command="watcher.commands.record.importing:command")


def _names(text: str) -> tuple[str, ...]:
    names = tuple(each.strip() for each in text.split(","))
    if not all(names):
        raise argparse.ArgumentTypeError("expected names of agents with commas between")
    return names


def _digest(text: str) -> str:
    found = _DIGEST.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"expected a digest such as sha256:9f86..., got {text[:80]!r}")
    return found[1]


def _count(text: str) -> tuple[str, float]:
    found = _COUNT.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"expected a count such as capabilities=7, got {text[:80]!r}")
    return found[1], float(found[2])
