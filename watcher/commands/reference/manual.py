"""The command `man`: the manual page in roff (man(7)), made from the parser of the command line."""

import re
from argparse import Namespace
from collections.abc import Iterator, Sequence
from importlib.metadata import version

from watcher.commands.config_file import INSTALLED, VARIABLE
from watcher.commands.reference.parser_tree import Command, Option, tree

_FILES = (
    (str(INSTALLED), "the config file where neither FILE nor the environment names one"),
    ("/var/lib/agentweave-watcher", "the usual state_dir: history, changes and findings that survive a restart"),
)
_ENVIRONMENT = (
    (VARIABLE, "the config file, where FILE is not given"),
    ("AGENTWEAVE_WATCHER_SECTION__KEY", "overrides one key of the config file, such as SERVER__PORT"),
    ("NO_COLOR", "if it is not empty, text has no colours"),
)


def command(given: Namespace) -> int:
    """`man`: exit code 0."""
    print("\n".join(page(list(tree(given.parser)))))
    return 0


def page(commands: Sequence[Command]) -> Iterator[str]:
    """The lines of the page."""
    top, *rest = commands
    yield f'.TH AGENTWEAVE-WATCHER 1 "" "agentweave-watcher {version("agentweave-watcher")}" "User Commands"'
    yield ".ad l"  # long usages cannot be stretched to both margins
    yield from (".SH NAME", f"agentweave-watcher \\- {_text(top.description.rstrip('.'))}")
    yield from (".SH SYNOPSIS", ".B agentweave-watcher", r"\fICOMMAND\fR [\fIOPTION\fR ...]", ".SH COMMANDS")
    for each in rest:
        if not each.commands:
            yield from _command(each)
    for heading, entries in (("ENVIRONMENT", _ENVIRONMENT), ("FILES", _FILES)):
        yield f".SH {heading}"
        for name, about in entries:
            yield from (".TP", rf"\fB{_text(name)}\fR", _text(about))
    yield from (".SH SEE ALSO", r"\fBagentweave-watcher explain\fR \fINAME\fR; \fBpromtool\fR(1), \fBamtool\fR(1)")


def _command(command: Command) -> Iterator[str]:
    yield rf".SS {_text(' '.join(command.path))}"
    yield _text(_sentence(command.description or command.help))
    yield ".PP"
    yield rf"\fB{_text(command.usage)}\fR"
    for option in command.options:
        if "--help" not in option.names:
            yield from (".TP", _name(option), _text(_sentence(option.help)))
    for paragraph in command.epilog.splitlines():
        code = re.match(r"  (\d)  (.*)", paragraph)
        yield from (".TP", rf"\fB{code[1]}\fR", _text(code[2])) if code else (".PP", _text(_sentence(paragraph, ":")))


def _name(option: Option) -> str:
    value = rf" \fI{_text(option.metavar)}\fR" if option.metavar else ""
    if not option.names:
        return rf"\fI{_text(option.metavar)}\fR"
    return ", ".join(rf"\fB{_text(name)}\fR{value}" for name in option.names)


def _sentence(text: str, end: str = ".") -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", ":")) or not text else text + end


def _text(text: str) -> str:
    """As roff takes it: nothing in it is a request."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{escaped}" if escaped[:1] in ".'" else escaped
