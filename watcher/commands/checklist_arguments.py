"""What do the commands of the checklist ask for? Nothing of the checklist is imported for it."""

from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from pathlib import Path

from watcher.commands.arguments import add_credentials, add_output, day, duration, sdk_version, trust_domain, url
from watcher.commands.record.attest_arguments import add_attest, add_waive
from watcher.commands.record.import_arguments import add_import

_NEWEST = "which the agents are built with; default: the newest that is known"


def add_checklist_commands(add: Callable[..., ArgumentParser]) -> None:
    """Add `validate`, `readiness`, `rollout`, `controls` and `record`; `add` makes the parser of one command."""
    _validate(
        add(
            "validate",
            help="an agent's own config.yaml against the checklist, before it is deployed",
            epilog="exit code: 0 nothing is wrong, 1 a line of the checklist or a key is, 2 a file cannot be read",
        )
    )
    _readiness(
        add(
            "readiness",
            help="the production readiness checklist of agents: as they run, or of manifests",
            epilog="exit code: 0 all ready (with --fail-on fail: none fails), 1 a required control fails, "
            "3 one is unknown or not all could be judged, 2 nothing is selected or a mistake",
        )
    )
    _rollout(
        add(
            "rollout",
            help="wait for the verdict on one rollout of an agent; ends with its deployment record",
            epilog="exit code: 0 verified, 1 failed or rolled back, 3 not decided in time, 2 a mistake",
        )
    )
    _controls(add("controls", help="the production readiness checklist as controls; one of them in full"))
    record = add("record", help="what people or pipelines say of a control, as a record")
    evidence = add("evidence", help="what was true on each day, for auditors").add_subparsers(
        metavar="COMMAND", required=True
    )
    _evidence(
        evidence.add_parser(
            "export",
            help="write findings of each day, records, catalogue and changes into a folder, with their digests",
            epilog="exit code: 0 written, 2 the daemon cannot be asked, or the folder is not empty",
        )
    )
    _record(partial(record.add_subparsers(metavar="COMMAND", required=True).add_parser))


def _validate(command: ArgumentParser) -> None:
    command.add_argument("files", metavar="FILE", type=Path, nargs="+", help="-: standard input")
    command.add_argument("--sdk-version", metavar="V", type=sdk_version, help=_NEWEST)
    domains = "a trust domain that is right here, as in the watcher's checklist.trust_domains; may be given again"
    command.add_argument("--trust-domain", metavar="D", type=trust_domain, action="append", default=[], help=domains)
    levels = "what makes exit 1: what is wrong (default), or also what is not known"
    command.add_argument("--fail-on", choices=("fail", "unknown"), default="fail", help=levels)
    command.set_defaults(command="watcher.commands.validate:command")


def _readiness(command: ArgumentParser) -> None:
    command.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        nargs="?",
        help="the watcher's config: looks now at what it names; default: $AGENTWEAVE_WATCHER_CONFIG, then "
        "/etc/agentweave-watcher/config.yaml; with --manifests only what its section `checklist` says",
    )
    origin = command.add_mutually_exclusive_group()
    origin.add_argument("--url", metavar="URL", type=url, help="ask a running daemon, such as http://127.0.0.1:9847")
    read = "files, folders, or - for standard input such as `helm template ... |`; nothing else is asked"
    origin.add_argument("--manifests", metavar="PATH", type=Path, nargs="+", help=read)
    command.add_argument("--namespace", metavar="N", help="only agents of it; also of objects that name none")
    command.add_argument("--agent", metavar="A", help="only this agent")
    command.add_argument("--section", metavar="S", help="only controls of this section, such as security")
    command.add_argument("--control", metavar="ID", action="append", help="only this control; may be repeated")
    owners = ("team", "platform", "security", "pipeline")
    command.add_argument("--owner", choices=owners, help="only controls that these can mend")
    command.add_argument("--profile", metavar="P", help="only agents that are judged by this profile of the config")
    command.add_argument("--required", action="store_true", help="only controls that readiness rests on")
    command.add_argument("--sdk-version", metavar="V", type=sdk_version, help=_NEWEST)
    command.add_argument("--no-waivers", action="store_true", help="show and count what is under waivers")
    since = "with --url: also what newly fails, is mended or lapsed in this time, such as 24h"
    command.add_argument("--since", metavar="DURATION", type=duration, help=since)
    command.add_argument("--fail-on", choices=("fail", "unknown"), help="default: unknown, and fail with --manifests")
    add_credentials(command, beside="with --url: ")
    add_output(command, "text", "json", "markdown", "html", "junit", "sarif")
    command.set_defaults(command="watcher.commands.readiness.command:command")


def _rollout(command: ArgumentParser) -> None:
    own = "the config of a daemon on this machine, which is asked; default: as for `readiness`"
    command.add_argument("file", metavar="FILE", type=Path, nargs="?", help=own)
    command.add_argument("--url", metavar="URL", type=url, help="ask this daemon, such as http://127.0.0.1:9847")
    command.add_argument("--namespace", metavar="N", required=True, help="of the agent")
    command.add_argument("--agent", metavar="A", required=True, help="its name")
    meant = command.add_mutually_exclusive_group(required=True)
    meant.add_argument("--image", metavar="DIGEST", help="the newest rollout of this image, sha256:...")
    meant.add_argument("--revision", metavar="R", help="the newest rollout of this revision, as the watcher names it")
    begun = "the newest rollout that began since: a time such as 2026-11-30T09:00:00Z, or a duration such as 10m"
    meant.add_argument("--since", metavar="TIME", help=begun)
    windows = ("immediate", "short", "long")
    reach = "which windows must be decided: 15 minutes, the first hour, or six hours; default: short"
    command.add_argument("--until", choices=windows, default="short", help=reach)
    longest = "for how long to wait; default: 30m, 90m or 8h, by --until"
    command.add_argument("--timeout", metavar="D", type=duration, help=longest)
    add_credentials(command, beside="with --url: ")
    add_output(command, "text", "json", "markdown")
    command.set_defaults(command="watcher.commands.rollout.command:command")


def _evidence(command: ArgumentParser) -> None:
    command.add_argument("--url", metavar="URL", type=url, required=True, help="of a running daemon")
    command.add_argument("--since", metavar="DAY", type=day, required=True, help="the first day, such as 2026-11-01")
    command.add_argument("--until", metavar="DAY", type=day, help="the last day; default: today, by UTC")
    add_credentials(command)
    command.add_argument("directory", metavar="DIR", type=Path, help="an empty folder, or one that is made")
    command.set_defaults(command="watcher.commands.evidence:command")


def _record(add: Callable[..., ArgumentParser]) -> None:
    told = "exit code: 0 written, 2 it would be invalid, and why"
    add_attest(add("attest", help="that people know that a control is met, as a record", epilog=told))
    add_waive(add("waive", help="that a control need not be met for a time, as a record", epilog=told))
    read = "what the tools of a pipeline wrote, as one record with the counts that the control needs"
    add_import(add("import", help=read, epilog=told))


def _controls(command: ArgumentParser) -> None:
    command.add_argument("control", metavar="ID", nargs="?", help="such as security.transport.tls13-enforced")
    add_output(command, "text", "json", "markdown")
    command.set_defaults(command="watcher.commands.controls:command")
