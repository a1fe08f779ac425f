"""What do the commands about the fleet ask for, and those about the command line itself?"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from typing import TypeAlias

from watcher.commands.arguments import add_credentials, add_output, duration, url
from watcher.commands.config_file import add_config_file

_CHECK_EXITS = """exit status:
  0  no condition is failing; conditions that need more history (WarmingUp) do not count
  1  what --fail-on names was found
  2  nothing was judged, nothing matches, or the command or config has a mistake
  3  without --fail-on: a condition is unknown; also: discovery failed, so there may be more agents"""
_STATUS_EXITS = """exit status:
  0  no condition is failing
  1  a condition is failing
  2  the watcher gave no answer, or it has judged nothing
  3  a condition is unknown"""

_Add: TypeAlias = Callable[..., ArgumentParser]


def add_fleet_commands(add: _Add) -> None:
    """Add `check`, `status` and `explain`; `add` makes the parser of one command."""
    _add_check(add)
    _add_status(add)
    _add_explain(add)


def _add_check(add: _Add) -> None:
    check = add(
        "check",
        help="probe every agent now and print what is failing, and why",
        description="Probe every agent now. On a terminal: what is failing or unknown, by agent, worst first. "
        "In a pipe: every condition, one a line.",
        epilog=_CHECK_EXITS,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add_config_file(check)
    check.add_argument("--namespace", metavar="N", help="only targets of this namespace; default: all")
    check.add_argument("--agent", metavar="A", help="only instances of this agent; default: all")
    check.add_argument("--probe", metavar="P", help="only this probe, such as svid or opa; default: all")
    check.add_argument(
        "--all", action="store_true", help="on a terminal: show everything, also what passes; default: fold it"
    )
    add_output(check, "text", "json", "jsonl", "junit", "sarif", "github")
    failing = "what makes exit status 1; default: any failing condition (and 3 for an unknown one)"
    check.add_argument("--fail-on", choices=("critical", "warning", "unknown"), help=failing)
    again = "probe again after each DURATION, such as 30s, until Ctrl-C; default: once"
    check.add_argument("--watch", metavar="DURATION", type=duration, help=again)
    check.set_defaults(command="watcher.commands.check.command:command")


def _add_status(add: _Add) -> None:
    status = add(
        "status",
        help="show the fleet page of a running watcher in the terminal",
        epilog=_STATUS_EXITS,
        formatter_class=RawDescriptionHelpFormatter,
    )
    here = "http://127.0.0.1:9847"
    status.add_argument("--url", metavar="URL", type=url, default=here, help=f"address of the watcher; default: {here}")
    status.add_argument("--namespace", metavar="N", help="only targets of this namespace; default: all")
    status.add_argument("--agent", metavar="A", help="only instances of this agent; default: all")
    add_credentials(status)
    add_output(status, "text", "json")
    status.set_defaults(command="watcher.commands.fleet.status:command")


def _add_explain(add: _Add) -> None:
    explain = add("explain", help="say what a condition, alert, reason or control means, and what to do")
    explain.add_argument("name", metavar="NAME", help="such as OPAWrongAllow, AgentWeaveWatcherBlind or SignalAbsent")
    explain.set_defaults(command="watcher.commands.reference.explain:command")


def add_shell_commands(add: _Add, parser: ArgumentParser) -> None:
    """Add what is written of `parser`, the whole command line."""
    completion = add("completion", help="print a completion script for a shell")
    completion.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell that reads it")
    completion.set_defaults(command="watcher.commands.reference.completion:command", parser=parser)
    man = add("man", help="print the manual page; pipe it to man -l -")
    man.set_defaults(command="watcher.commands.reference.manual:command", parser=parser)
