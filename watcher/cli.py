"""What does the command line ask for? Commands are imported by name when they are run: `--help` waits for nothing."""

import argparse
import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from watcher.commands.arguments import add_output, job, labels_to_alerts, port, runbook_url, seconds, url
from watcher.commands.checklist_arguments import add_checklist_commands
from watcher.text.printable import printable

USAGE_ERROR = 2
BUG = os.EX_SOFTWARE  # 70: 1 and 3 are verdicts of `check`
INTERRUPTED = 128 + signal.SIGINT
_RUN = "watcher.commands.run:command"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is that of the contract, section 1. A usage error raises SystemExit(2)."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")  # none is used, and to look for some takes long
    given = _parser().parse_args(argv)
    given.before()
    _imported("watcher.logs:setup_logs")(given.log_format)
    try:
        code: int = _command(given.command)(given)
        print(end="", flush=True)  # here, where a closed pipe is expected
    except KeyboardInterrupt:
        return 0 if given.until_stopped else INTERRUPTED
    except Exception as error:  # the boundary: with a traceback in the log, and a code that no verdict has
        if isinstance(error, BrokenPipeError) and given.command != _RUN:  # `run` prints nothing: that is another pipe
            # Whoever read our output has seen enough; the interpreter must not complain of it at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 128 + signal.SIGPIPE
        log = _imported("logging:getLogger")(__name__)
        log.critical("unexpected error, this is a bug of agentweave-watcher", exc_info=True)
        return BUG
    return code


def _imported(where: str) -> Callable[..., Any]:
    """What `module:name` says."""
    module, name = where.split(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def _command(where: str) -> Callable[[argparse.Namespace], int]:
    """The same, without collections while it is imported: all of it stays, and to walk over it takes a sixth longer."""
    gc.disable()
    try:
        return _imported(where)
    finally:
        gc.freeze()
        gc.enable()


def _nothing() -> None:
    """Most commands leave signals as they are."""


def _end_at_once_until_started() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):  # until the daemon has its own
        signal.signal(number, _end_at_once)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until then the config is not read yet


def _end_at_once(*_: object) -> NoReturn:
    # No exception, which the middle of an import may swallow; nothing is open yet that would have to be closed.
    os._exit(0)


def _end_as_by_a_key() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """A usage error is one line."""
        self.exit(USAGE_ERROR, f"{self.prog}: {printable(message)} (see {self.prog} --help)\n")


_Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"  # noqa: SLF001  argparse has no public name for it


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        print("agentweave-watcher", _imported("importlib.metadata:version")("agentweave-watcher"))
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    anywhere = _Parser(add_help=False)  # also after the command, where people look for it
    _add_log_format(anywhere, argparse.SUPPRESS)
    parser = _Parser(
        prog="agentweave-watcher",
        description="Looks at every AgentWeave agent from outside, all the time, and says what is broken and why.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    _add_log_format(parser, "json")
    parser.set_defaults(before=_nothing, until_stopped=False)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    run = commands.add_parser("run", parents=[anywhere], help="watch until SIGTERM; SIGHUP reads the config again")
    run.add_argument("--config", metavar="FILE", type=Path, required=True)
    run.set_defaults(command=_RUN, before=_end_at_once_until_started, until_stopped=True)

    _add_check(commands, anywhere)
    _add_drill(commands, anywhere)
    _add_demo(commands, anywhere)
    _add_rules(commands.add_parser("rules", help="alert rules, runbooks, dashboards and Alertmanager pieces"), anywhere)
    add_checklist_commands(partial(commands.add_parser, parents=[anywhere]))
    _add_config(commands.add_parser("config", help="check a config file, or print its JSON Schema"), anywhere)
    return parser


def _add_rules(rules: _Parser, anywhere: _Parser) -> None:
    commands = rules.add_subparsers(metavar="COMMAND", required=True)
    export = commands.add_parser("export", parents=[anywhere], help="write them to a folder")
    export.add_argument("directory", metavar="DIR", type=Path, help="made if missing; other files there stay")
    for page, server, kind in (("runbook", "watcher", runbook_url), ("dashboard", "Grafana", url)):
        begin = f"what links to {page}s begin with; default: those of a {server} on the same machine"
        export.add_argument(f"--{page}-url", metavar="PREFIX", type=kind, help=begin)
    page = "the address of the watcher's page, to which dashboards link; default: that of a watcher on the same machine"
    export.add_argument("--watcher-url", metavar="PREFIX", type=url, help=page)
    copy = "the same for alerts about the watcher itself, whose own page may be down; {name} in it: the runbook's name"
    export.add_argument("--watcher-runbook-url", metavar="PREFIX", type=runbook_url, help=copy)
    export.add_argument(
        "--job",
        metavar="JOB",
        dest="jobs",
        type=job,
        action="append",
        default=[],
        help="a job by which Prometheus scrapes a watcher: while it is gone, it is down; may be given again; "
        "default: whatever was there within a day",
    )
    export.add_argument(
        "--labels-to-alerts",
        metavar="KEY[,KEY]",
        type=labels_to_alerts,
        default=(),
        help="labels of pods that alerts carry, as in discovery.kubernetes.labels_to_alerts",
    )
    export.set_defaults(command="watcher.commands.rules:export")


def _add_check(commands: _Commands, anywhere: _Parser) -> None:
    check = commands.add_parser(
        "check",
        parents=[anywhere],
        help="look at everything now and print the verdicts",
        epilog="exit code: 0 all false, 1 a condition is true, 3 one is unknown, 2 nothing matches or a mistake",
    )
    check.add_argument("--config", metavar="FILE", type=Path, required=True)
    check.add_argument("--namespace", metavar="N", help="only targets of this namespace")
    check.add_argument("--agent", metavar="A", help="only instances of this agent")
    check.add_argument("--probe", metavar="P", help="only this probe")
    add_output(check, "text", "json")
    check.set_defaults(command="watcher.commands.check:command")


def _add_drill(commands: _Commands, anywhere: _Parser) -> None:
    drill = commands.add_parser(
        "drill",
        parents=[anywhere],
        help="send Alertmanager a test alert of each severity, and see whether it is accepted and routed",
        epilog="exit code: 0 all accepted (with --deliver: and notified), 1 one was not, or what Alertmanager was to "
        "notify has all failed, 2 a mistake in the config, or no `alertmanager` in it",
    )
    drill.add_argument("--config", metavar="FILE", type=Path, required=True)
    drill.add_argument("--deliver", action="store_true", help="let the alerts be notified: somebody gets a drill")
    drill.add_argument(
        "--within", metavar="SECONDS", type=seconds, default=120.0, help="how long that may take; default: 120"
    )
    drill.set_defaults(command="watcher.commands.drill:command")


def _add_demo(commands: _Commands, anywhere: _Parser) -> None:
    demo = commands.add_parser(
        "demo", parents=[anywhere], help="watch a small simulated fleet with faults, on loopback"
    )
    demo.add_argument("--seconds", metavar="N", type=seconds, help="end after so long; default: when stopped")
    demo.add_argument("--port", metavar="P", type=port, default=9847, help="port of the page; default: 9847, 0: any")
    demo.add_argument(
        "--slower",
        metavar="N",
        type=seconds,
        default=1.0,
        help="let faults last N times as long; 20: each until its alert fires; default: 1",
    )
    demo.set_defaults(command="watcher.demo.run:command", before=_end_as_by_a_key, until_stopped=True)


def _add_config(config: _Parser, anywhere: _Parser) -> None:
    commands = config.add_subparsers(metavar="COMMAND", required=True)
    check = commands.add_parser("check", parents=[anywhere], help="name every mistake with file, line and key path")
    check.add_argument("file", metavar="FILE", type=Path)
    check.set_defaults(command="watcher.commands.config:check")
    schema = commands.add_parser("schema", parents=[anywhere], help="print the JSON Schema of the config file")
    schema.add_argument("--records", action="store_true", help="of records instead: attestations, results and waivers")
    schema.set_defaults(command="watcher.commands.config:schema")


def _add_log_format(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--log-format", choices=("json", "text"), default=default, help="of the log on stderr; default: json"
    )
