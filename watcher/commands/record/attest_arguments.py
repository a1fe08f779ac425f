"""What do `record attest` and `record waive` ask for? Nothing of the checklist is imported for it."""

from argparse import ArgumentParser
from pathlib import Path

WAIVER_REASONS = ("accepted-risk", "compensating-control", "false-positive", "planned-fix", "not-supported")


def add_attest(command: ArgumentParser) -> None:
    """That people know that a control is met."""
    _common(command)
    command.add_argument("--evidence", metavar="URL", required=True, help="where the evidence can be read")
    command.set_defaults(command="watcher.commands.record.attesting:attest")


def add_waive(command: ArgumentParser) -> None:
    """That a control need not be met for a time."""
    _common(command)
    command.add_argument("--evidence", metavar="URL", help="where it was decided, such as a ticket; default: none")
    command.add_argument("--reason", choices=WAIVER_REASONS, required=True, help="why it is waived")
    command.set_defaults(command="watcher.commands.record.attesting:waive")


def _common(command: ArgumentParser) -> None:
    command.add_argument(
        "control", metavar="CONTROL", help="exact id of the control, such as testing.integration.chaos"
    )
    command.add_argument("--namespace", metavar="N", help="namespace of the agents; needed unless --scope is fleet")
    command.add_argument(
        "--agent", metavar="A[,A]", help="exact names of agents, separated by commas; needed unless --scope is given"
    )
    scope = "instead of --agent, for a control of a whole namespace or fleet; default: agents"
    command.add_argument("--scope", choices=("namespace", "fleet"), help=scope)
    command.add_argument("--by", metavar="WHO", required=True, help="who states it")
    command.add_argument("--approved-by", metavar="WHO", required=True, help="another person, who reviewed it")
    command.add_argument(
        "--expires", metavar="DATE", required=True, help="last day of its validity, such as 2027-02-21"
    )
    command.add_argument("--at", metavar="TIME", help="when it was stated, such as 2026-11-23T09:00:00Z; default: now")
    image = "image of the agent's container, where the control asks for it; repeatable; default: none"
    command.add_argument("--image", metavar="DIGEST", action="append", default=[], help=image)
    command.add_argument(
        "--policy", metavar="DIGEST", help="policy of its OPA, where the control asks for it; default: none"
    )
    command.add_argument(
        "--config", metavar="DIGEST", help="SHA-256 of its config, where the control asks for it; default: none"
    )
    command.add_argument(
        "--version", metavar="PATTERN", help="versions that it covers, such as 2.*; default: all", dest="of_version"
    )
    command.add_argument("--evidence-sha256", metavar="DIGEST", help="SHA-256 of the evidence; default: none")
    command.add_argument("--statement", metavar="TEXT", help="what is stated, in a sentence; default: none")
    environment = "checklist.environment of the watcher's config; default: production"
    command.add_argument("--environment", metavar="E", default="production", help=environment)
    command.add_argument("--file", metavar="FILE", type=Path, help="file to write; default: standard output")
