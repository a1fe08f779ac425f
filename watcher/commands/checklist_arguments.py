"""What do the commands of the checklist ask for? Nothing of the checklist is imported for it."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from watcher.commands.arguments import add_credentials, add_output, day, duration, sdk_version, trust_domain, url
from watcher.commands.record.attest_arguments import add_attest, add_waive
from watcher.commands.record.import_arguments import add_import

_NEWEST = "AgentWeave SDK version of the agents; default: the newest known"
_VALIDATE_EXITS = """exit status:
  0  nothing is wrong
  1  what --fail-on names was found
  2  a file cannot be read, or the command has a mistake"""
_READINESS_EXITS = """exit status:
  0  all agents are ready; with --fail-on fail: no required control fails
  1  a required control fails
  2  no agent is selected, or the command or config has a mistake
  3  a required control is unknown, or not everything could be judged"""
_ROLLOUT_EXITS = """exit status:
  0  the rollout is verified
  1  it failed or was rolled back
  2  the command has a mistake, or the watcher gave no answer
  3  it was not decided in time"""
_RECORD_EXITS = """exit status:
  0  the record was written
  2  it would be invalid: standard error says why"""
_EVIDENCE_EXITS = """exit status:
  0  everything was written
  2  the watcher gave no answer, or the directory is not empty"""


def add_checklist_commands(add: Callable[..., ArgumentParser]) -> None:
    """Add `validate`, `readiness`, `rollout`, `controls` and `record`; `add` makes the parser of one command."""
    _validate(
        add(
            "validate",
            help="check an agent's own config.yaml against the checklist before it is deployed",
            epilog=_VALIDATE_EXITS,
            formatter_class=RawDescriptionHelpFormatter,
        )
    )
    _readiness(
        add(
            "readiness",
            help="judge running agents, or manifests, by the production readiness checklist",
            epilog=_READINESS_EXITS,
            formatter_class=RawDescriptionHelpFormatter,
        )
    )
    _rollout(
        add(
            "rollout",
            help="wait for the verdict on one rollout of an agent, then print its deployment record",
            epilog=_ROLLOUT_EXITS,
            formatter_class=RawDescriptionHelpFormatter,
        )
    )
    _controls(add("controls", help="list the controls of the production readiness checklist, or print one in full"))
    record = add("record", help="write a record: what people or a pipeline state about a control")
    evidence = add("evidence", help="export what was true on each day, for auditors").add_subparsers(
        metavar="COMMAND", required=True
    )
    _evidence(
        evidence.add_parser(
            "export",
            help="write the findings of each day, records, catalogue and changes to a directory, with their digests",
            epilog=_EVIDENCE_EXITS,
            formatter_class=RawDescriptionHelpFormatter,
        )
    )
    _record(partial(record.add_subparsers(metavar="COMMAND", required=True).add_parser))


def _validate(command: ArgumentParser) -> None:
    command.add_argument("files", metavar="FILE", type=Path, nargs="+", help="config of an agent; -: standard input")
    command.add_argument("--sdk-version", metavar="V", type=sdk_version, help=_NEWEST)
    domains = "a trust domain that may be used here, as in checklist.trust_domains; repeatable; default: not checked"
    command.add_argument("--trust-domain", metavar="D", type=trust_domain, action="append", default=[], help=domains)
    levels = "what makes exit status 1: what is wrong, or also what is unknown; default: fail"
    command.add_argument("--fail-on", choices=("fail", "unknown"), default="fail", help=levels)
    command.set_defaults(command="watcher.commands.validate:command")


def _readiness(command: ArgumentParser) -> None:
    command.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        nargs="?",
        help="the watcher's config, whose agents are probed now; default: $AGENTWEAVE_WATCHER_CONFIG, then "
        "/etc/agentweave-watcher/config.yaml; with --manifests only its section `checklist` is used, default: none",
    )
    origin = command.add_mutually_exclusive_group()
    origin.add_argument(
        "--url", metavar="URL", type=url, help="ask a running watcher, such as http://127.0.0.1:9847; default: none"
    )
    read = "judge these files or directories alone; -: standard input, such as `helm template ... |`; default: none"
    origin.add_argument("--manifests", metavar="PATH", type=Path, nargs="+", help=read)
    command.add_argument(
        "--namespace",
        metavar="N",
        help="only agents of this namespace, which also stands for a missing one; default: all",
    )
    command.add_argument("--agent", metavar="A", help="only this agent; default: all")
    command.add_argument("--section", metavar="S", help="only controls of this section, such as security; default: all")
    command.add_argument("--control", metavar="ID", action="append", help="only this control; repeatable; default: all")
    owners = ("team", "platform", "security", "pipeline")
    command.add_argument("--owner", choices=owners, help="only controls that this owner can fix; default: all")
    command.add_argument(
        "--profile", metavar="P", help="only agents judged by this profile of the config; default: all"
    )
    command.add_argument("--required", action="store_true", help="only required controls; default: all controls")
    command.add_argument("--sdk-version", metavar="V", type=sdk_version, help=_NEWEST)
    command.add_argument("--no-waivers", action="store_true", help="ignore waivers; default: they count")
    since = "with --url: also what newly fails, is fixed or has lapsed in this time, such as 24h; default: not shown"
    command.add_argument("--since", metavar="DURATION", type=duration, help=since)
    command.add_argument(
        "--fail-on",
        choices=("fail", "unknown"),
        help="what makes exit status 1 or 3; default: unknown, and fail with --manifests",
    )
    add_credentials(command, beside="with --url: ")
    add_output(command, "text", "json", "markdown", "html", "junit", "sarif")
    command.set_defaults(command="watcher.commands.readiness.command:command")


def _rollout(command: ArgumentParser) -> None:
    own = "the config of a watcher on this machine, which is asked; default: as for `readiness`"
    command.add_argument("file", metavar="FILE", type=Path, nargs="?", help=own)
    command.add_argument(
        "--url", metavar="URL", type=url, help="ask this watcher, such as http://127.0.0.1:9847; default: FILE says"
    )
    command.add_argument("--namespace", metavar="N", required=True, help="namespace of the agent")
    command.add_argument("--agent", metavar="A", required=True, help="name of the agent")
    meant = command.add_mutually_exclusive_group(required=True)
    meant.add_argument("--image", metavar="DIGEST", help="the newest rollout of this image, such as sha256:...")
    meant.add_argument("--revision", metavar="R", help="the newest rollout of this revision, as the watcher names it")
    begun = "the newest rollout that began since: a time such as 2026-11-30T09:00:00Z, or a duration such as 10m"
    meant.add_argument("--since", metavar="TIME", help=begun)
    windows = ("immediate", "short", "long")
    reach = "which windows must be decided: 15 minutes, the first hour, or six hours; default: short"
    command.add_argument("--until", choices=windows, default="short", help=reach)
    longest = "how long to wait; default: 30m for immediate, 90m for short, 8h for long"
    command.add_argument("--timeout", metavar="D", type=duration, help=longest)
    add_credentials(command, beside="with --url: ")
    add_output(command, "text", "json", "markdown")
    command.set_defaults(command="watcher.commands.rollout.command:command")


def _evidence(command: ArgumentParser) -> None:
    command.add_argument("--url", metavar="URL", type=url, required=True, help="address of a running watcher")
    command.add_argument("--since", metavar="DAY", type=day, required=True, help="the first day, such as 2026-11-01")
    command.add_argument("--until", metavar="DAY", type=day, help="the last day; default: today (UTC)")
    add_credentials(command)
    command.add_argument("directory", metavar="DIR", type=Path, help="an empty directory; created if missing")
    command.set_defaults(command="watcher.commands.evidence:command")


def _record(add: Callable[..., ArgumentParser]) -> None:
    add = partial(add, epilog=_RECORD_EXITS, formatter_class=RawDescriptionHelpFormatter)
    add_attest(add("attest", help="state that people know a control to be met"))
    add_waive(add("waive", help="state that a control need not be met for a time"))
    add_import(add("import", help="make a record of the reports of a pipeline's tools"))


def _controls(command: ArgumentParser) -> None:
    command.add_argument(
        "control",
        metavar="ID",
        nargs="?",
        help="a control, such as security.transport.tls13-enforced; default: list all",
    )
    add_output(command, "text", "json", "markdown")
    command.set_defaults(command="watcher.commands.controls:command")
