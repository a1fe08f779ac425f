"""What do `record attest` and `record waive` ask for? Nothing of the checklist is imported for it."""

from argparse import ArgumentParser
from pathlib import Path

WAIVER_REASONS = ("accepted-risk", "compensating-control", "false-positive", "planned-fix", "not-supported")


def add_attest(command: ArgumentParser) -> None:
    """That people know that a control is met."""
    _common(command)
    command.add_argument("--evidence", metavar="URL", required=True, help="where the evidence stands")
    command.set_defaults(command="watcher.commands.record.attesting:attest")


def add_waive(command: ArgumentParser) -> None:
    """That a control need not be met for a time."""
    _common(command)
    command.add_argument("--evidence", metavar="URL", help="where it was decided, such as a ticket")
    command.add_argument("--reason", choices=WAIVER_REASONS, required=True, help="why")
    command.set_defaults(command="watcher.commands.record.attesting:waive")


def _common(command: ArgumentParser) -> None:
    command.add_argument("control", metavar="CONTROL", help="its exact id, such as testing.integration.chaos")
    command.add_argument("--namespace", metavar="N", help="of the agents")
    command.add_argument("--agent", metavar="A[,A]", help="exact names, with commas between")
    scope = "instead of --agent, for controls that are judged so"
    command.add_argument("--scope", choices=("namespace", "fleet"), help=scope)
    command.add_argument("--by", metavar="WHO", required=True, help="who says it")
    command.add_argument("--approved-by", metavar="WHO", required=True, help="another person, who looked at it")
    command.add_argument("--expires", metavar="DATE", required=True, help="when it ends, such as 2027-02-21")
    command.add_argument("--at", metavar="TIME", help="when it was said, such as 2026-11-23T09:00:00Z; default: now")
    image = "of the image of the agent's container, where the control binds its records to that; may be given again"
    command.add_argument("--image", metavar="DIGEST", action="append", default=[], help=image)
    command.add_argument("--policy", metavar="DIGEST", help="of the policy that OPA has, the same")
    command.add_argument("--config", metavar="DIGEST", help="SHA-256 of the agent's config, the same")
    command.add_argument("--version", metavar="PATTERN", help="only for versions such as 2.*", dest="of_version")
    command.add_argument("--evidence-sha256", metavar="DIGEST", help="SHA-256 of the evidence")
    command.add_argument("--statement", metavar="TEXT", help="what is stated, in words")
    environment = "as checklist.environment of the watcher's config has it; default: production"
    command.add_argument("--environment", metavar="E", default="production", help=environment)
    command.add_argument("--file", metavar="FILE", type=Path, help="write it there; default: to standard output")
