"""How is a record checked and written? What would be invalid is refused, a line for each mistake."""

import difflib
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from probes.controls.catalogue.control import Control
from probes.controls.catalogue.loading import load_catalogue
from probes.controls.catalogue.terms import Bind
from probes.controls.records import Record, problems
from probes.controls.records.document import Origin, record_of
from watcher.checklist.live.records.mistakes import mistakes_of
from watcher.commands.record.record_yaml import as_yaml
from watcher.text.printable import printable

WRITTEN, REFUSED = 0, 2
_BOUND = {Bind.IMAGE_DIGEST: "--image", Bind.POLICY_DIGEST: "--policy", Bind.CONFIG_DIGEST: "--config"}
_OPTIONS = {
    "NoSubject": "give it with --namespace and --agent",
    "CountMissing": "no file says it: give one that does, or --count NAME=VALUE",
}


class RefusedError(Exception):
    """Nothing is written; `mistakes` say why, a sentence each."""

    def __init__(self, *mistakes: str) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes: Sequence[str] = mistakes


def named_control(name: str) -> Control:
    """The control with this id; RefusedError, with the nearest one."""
    controls = load_catalogue().by_id
    if name in controls:
        return controls[name]
    near = difflib.get_close_matches(name, controls, n=1, cutoff=0.5)
    raise RefusedError(f"{name!r} is no control{f'; did you mean {near[0]}?' if near else ''}")


def checked(document: Mapping[str, object], control: Control) -> Record:
    """The record that this document is; RefusedError with all that makes it invalid."""
    try:
        record = record_of(document, Origin("the record", "the command line"))
    except ValidationError as error:
        raise RefusedError(*mistakes_of(error)) from error
    found = problems(record, {control.id: control}, (), time.time())
    if found:
        raise RefusedError(*(f"{each.name}: {each.message}{_how(each.name, control)}" for each in found))
    return record


def _how(mistake: str, control: Control) -> str:
    """By which option it is mended."""
    if mistake == "NotBound" and control.record:
        return f"; give it with {_BOUND[control.record.bind]}"
    return f"; {_OPTIONS[mistake]}" if mistake in _OPTIONS else ""


def write(document: Mapping[str, object], path: Path | None) -> None:
    """Into a file, or on standard output; RefusedError where it cannot be written."""
    text = as_yaml(document)
    if path is None:
        print(text, end="")
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RefusedError(f"{path}: {error.strerror or error}") from error


def refuse(error: RefusedError) -> int:
    """Say why; the exit code."""
    print(*(f"agentweave-watcher record: {printable(each)}" for each in error.mistakes), sep="\n", file=sys.stderr)
    return REFUSED
