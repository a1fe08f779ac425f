"""The command `validate`: agents' own config files against the checklist, before they are deployed."""

import io
import os
import select
import stat
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from probes.controls.finding import State
from probes.controls.sdk.loading import load_sdk_facts
from watcher.checklist.agent_config import MAX_BYTES, read_agent_config
from watcher.checklist.config_report import ConfigReport, Grade, report_of
from watcher.text.printable import printable

GOOD, BAD, UNREADABLE = 0, 1, 2
STANDARD_INPUT = Path("-")
_PATIENCE = 10.0


def command(given: Namespace) -> int:
    """`validate FILE...`: exit code 0, 1 where something is to be mended, 2 where a file cannot be read."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal without ✓ is no reason to stop
    strict = given.fail_on == "unknown"
    return validate(given.files, given.sdk_version, trust_domains=tuple(given.trust_domain), strict=strict)


def validate(
    files: Sequence[Path],
    sdk_version: str | None,
    *,
    trust_domains: tuple[str, ...] = (),
    strict: bool = False,
    patience: float = _PATIENCE,
) -> int:
    """Print what there is to say of each file; one that cannot be read does not keep the others from it.

    `strict`: what is not known makes exit 1 too. `patience`: seconds in which a pipe must begin to give something.
    """
    sdk = load_sdk_facts()
    taken = sdk.newest if sdk_version is None else sdk.of(sdk_version)
    if not taken.known:
        told = f"SDK {taken.version} is not known: what rests on what it does with its config is unknown"
        print(told, file=sys.stderr)
    asked = partial(_validate, version=taken.version, trust_domains=trust_domains, strict=strict, patience=patience)
    return max(map(asked, files))


def _validate(path: Path, *, version: str, trust_domains: tuple[str, ...], strict: bool, patience: float) -> int:
    name = "standard input" if path == STANDARD_INPUT else printable(str(path))
    try:
        raw = sys.stdin.buffer.read(MAX_BYTES + 1) if path == STANDARD_INPUT else _bytes(path, patience)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        print(f"{name}: cannot be read: {reason}", file=sys.stderr)
        return UNREADABLE
    config = read_agent_config(raw, version, in_place=True)
    if config.broken:
        print(*(f"{name}:{line}: {why}" for line, why in config.broken), sep="\n", file=sys.stderr)
    report = report_of(config, time.time(), trust_domains)
    code = UNREADABLE if config.broken else BAD if report.wrong or (strict and report.unknown) else GOOD
    print(*_told(name, report), _verdict(report, code), "", sep="\n")
    return code


def _bytes(path: Path, patience: float) -> bytes:
    """What the file holds, and of too large a one enough to know that it is."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:  # to open a pipe waits for its writer
        if stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
            if not select.select([file], [], [], patience)[0]:
                raise TimeoutError(f"a pipe into which nobody wrote anything for {patience:g} s")
            os.set_blocking(file.fileno(), True)
        return file.read(MAX_BYTES + 1)


def _told(name: str, report: ConfigReport) -> Iterator[str]:
    yield f"{name}:"
    yield from map(str, report.lines)
    for each in report.findings:
        control = f" [{each.control}]" if each.control else ""
        yield f"{name}:{each.line}: {each.grade.value}: {each.message}{control}"


def _verdict(report: ConfigReport, code: int) -> str:
    """Why the command ends as it does: a file may be wrong although the five lines pass."""
    if code == UNREADABLE:
        return "It cannot be read: exit code 2."
    wrong, unknown = report.lines_that(State.FAIL), report.lines_that(State.UNKNOWN)
    lines = [f"{wrong} {'fails' if wrong == 1 else 'fail'}"] if wrong else []
    lines += [f"{unknown} {'is' if unknown == 1 else 'are'} unknown"] if unknown else []
    verdict = f"Of the five lines, {' and '.join(lines)}" if lines else "All five lines pass"
    errors = report.findings_of(Grade.ERROR)
    return f"{verdict}; {errors or 'no'} error{'' if errors == 1 else 's'}: exit code {code}."
