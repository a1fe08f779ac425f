"""What does the command line ask for? Commands are imported by name when they are run: `--help` waits for nothing."""

import argparse
import errno
import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from watcher.commands.alerting_arguments import add_alerting_commands
from watcher.commands.arguments import port, seconds
from watcher.commands.checklist_arguments import add_checklist_commands
from watcher.commands.config_file import add_config_file
from watcher.commands.fleet_arguments import add_fleet_commands, add_shell_commands
from watcher.text.printable import printable

USAGE_ERROR = 2
BUG = os.EX_SOFTWARE  # 70: 1 and 3 are verdicts of `check`
INTERRUPTED = 128 + signal.SIGINT
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_RUN = "watcher.commands.run:command"
_CONFIG_EXITS = """exit status:
  0  the file is valid; warnings are on standard error
  2  it has a mistake; with --strict: or a warning"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is that of the contract, section 1. A usage error raises SystemExit(2)."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")  # none is used, and to look for some takes long
    _open_closed_streams()
    given = make_parser().parse_args(argv)
    given.before()
    _imported("watcher.logs:setup_logs")(given.log_format)
    try:
        code: int = _command(given.command)(given)
        print(end="", flush=True)  # here, where a closed pipe is expected
    except KeyboardInterrupt:
        return 0 if given.until_stopped else INTERRUPTED
    except Exception as error:  # the boundary: with a traceback in the log, and a code that no verdict has
        if isinstance(error, OSError) and given.command != _RUN and (ended := _output_error(error)):
            return ended
        log = _imported("logging:getLogger")(__name__)
        log.critical("unexpected error, this is a bug of agentweave-watcher", exc_info=True)
        return BUG
    return code


def _open_closed_streams() -> None:
    """Who closed them (`>&-`) wants to see nothing; what is printed must not go elsewhere."""
    sys.stdout = sys.stdout or StringIO()
    sys.stderr = sys.stderr or StringIO()


def _output_error(error: OSError) -> int:
    """The exit code where the reader of our output has gone or has no room; 0 where the error is another one."""
    if isinstance(error, BrokenPipeError):  # whoever read it has seen enough
        code = 128 + signal.SIGPIPE
    elif error.errno in _NO_ROOM:
        print(f"agentweave-watcher: cannot write: {os.strerror(error.errno)}", file=sys.stderr)
        code = os.EX_IOERR
    else:
        return 0
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter must not complain at the end
    return code


def _written(*words: str) -> int:
    """Print a line of these, if there are any, and what was printed before; 0, or the exit code where that fails."""
    try:
        print(*words, end="\n" if words else "", flush=True)
    except OSError as error:
        return _output_error(error) or BUG
    return 0


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

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """What `--help` and `--version` printed must have been written, as the output of every command."""
        super().exit(status or _written(), message)


_Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"  # noqa: SLF001  argparse has no public name for it


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        parser.exit(_written("agentweave-watcher", _imported("importlib.metadata:version")("agentweave-watcher")))


def make_parser() -> argparse.ArgumentParser:
    anywhere = _Parser(add_help=False)  # also after the command, where people look for it
    _add_log_format(anywhere, argparse.SUPPRESS)
    parser = _Parser(
        prog="agentweave-watcher",
        description="Continuously probe AgentWeave agents from outside, and report what is broken, and why.",
        epilog="exit status: see COMMAND --help; for all: 2 a mistake in the command line or the config, 70 a bug, "
        "74 the output cannot be written",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    _add_log_format(parser, "json")
    parser.set_defaults(before=_nothing, until_stopped=False)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    run = commands.add_parser(
        "run", parents=[anywhere], help="run the daemon until SIGTERM or SIGINT; SIGHUP reloads the config"
    )
    add_config_file(run)
    run.set_defaults(command=_RUN, before=_end_at_once_until_started, until_stopped=True)

    add_fleet_commands(partial(commands.add_parser, parents=[anywhere]))
    _add_demo(commands, anywhere)
    add_alerting_commands(commands.add_parser, anywhere)
    add_checklist_commands(partial(commands.add_parser, parents=[anywhere]))
    _add_config(commands.add_parser("config", help="create or check a config file, or print its JSON Schema"), anywhere)
    add_shell_commands(partial(commands.add_parser, parents=[anywhere]), parser)
    return parser


def _add_demo(commands: _Commands, anywhere: _Parser) -> None:
    demo = commands.add_parser(
        "demo", parents=[anywhere], help="watch a small simulated fleet with faults, on this machine alone"
    )
    demo.add_argument("--seconds", metavar="N", type=seconds, help="end after N seconds; default: at Ctrl-C")
    demo.add_argument(
        "--port", metavar="P", type=port, default=9847, help="port of the web pages; 0: any free port; default: 9847"
    )
    demo.add_argument("--host", metavar="ADDRESS", default="127.0.0.1", help="address to listen on; default: 127.0.0.1")
    demo.add_argument(
        "--slower",
        metavar="N",
        type=seconds,
        default=1.0,
        help="stretch the scenario N times; at 20 every fault lasts until its alert fires; default: 1",
    )
    demo.set_defaults(command="watcher.demo.run:command", before=_end_as_by_a_key, until_stopped=True)


def _add_config(config: _Parser, anywhere: _Parser) -> None:
    commands = config.add_subparsers(metavar="COMMAND", required=True)
    init = commands.add_parser("init", parents=[anywhere], help="write a commented config file to start from")
    place = "file to write; -: standard output; default: watcher.yaml"
    init.add_argument("file", metavar="FILE", type=Path, nargs="?", default=Path("watcher.yaml"), help=place)
    init.add_argument("--force", action="store_true", help="overwrite an existing file; default: refuse")
    init.set_defaults(command="watcher.commands.config.init:command")
    check = commands.add_parser(
        "check",
        parents=[anywhere],
        help="report every mistake with its line and key, and warn of what is probably unintended",
        epilog=_CONFIG_EXITS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_config_file(check)
    check.add_argument("--strict", action="store_true", help="exit with 2 on warnings too; default: warn only")
    check.set_defaults(command="watcher.commands.config.check:command")
    schema = commands.add_parser("schema", parents=[anywhere], help="print the JSON Schema of the config file")
    schema.add_argument(
        "--records", action="store_true", help="print the schema of records instead; default: of the config"
    )
    schema.set_defaults(command="watcher.commands.config.schema:command")


def _add_log_format(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--log-format", choices=("json", "text"), default=default, help="format of log lines on stderr; default: json"
    )
