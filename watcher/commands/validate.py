"""The command `validate`: agents' own config files against the checklist, before they are deployed."""

import io
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

from probes.controls.sdk.loading import load_sdk_facts
from watcher.checklist.agent_config import MAX_BYTES, read_agent_config
from watcher.checklist.config_report import ConfigReport, Grade, report_of
from watcher.text.printable import printable

GOOD, BAD, UNREADABLE = 0, 1, 2


def command(given: Namespace) -> int:
    """`validate FILE...`: exit code 0, 1 where something is to be mended, 2 where a file cannot be read."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal without ✓ is no reason to stop
    return validate(given.files, given.sdk_version)


def validate(files: Sequence[Path], sdk_version: str | None) -> int:
    """Print what there is to say of each file; one that cannot be read does not keep the others from it."""
    sdk = load_sdk_facts()
    taken = sdk.newest if sdk_version is None else sdk.of(sdk_version)
    version = taken.taken_from or taken.version
    if not taken.known:
        print(f"SDK {sdk_version} is not known; the files are judged by what SDK {version} does.", file=sys.stderr)
    return max(_validate(file, version) for file in files)


def _validate(path: Path, version: str) -> int:
    name = printable(str(path))
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        print(f"{name}: cannot be read: {reason}", file=sys.stderr)
        return UNREADABLE
    config = read_agent_config(raw, version, in_place=True)
    if config.broken:
        print(*(f"{name}:{line}: {why}" for line, why in config.broken), sep="\n", file=sys.stderr)
    report = report_of(config, time.time())
    code = UNREADABLE if config.broken else GOOD if report.good else BAD
    print(*_told(name, report), _verdict(report, code), "", sep="\n")
    return code


def _told(name: str, report: ConfigReport) -> Iterator[str]:
    yield f"{name}:"
    yield from map(str, report.lines)
    for each in report.findings:
        control = f" [{each.control}]" if each.control else ""
        yield f"{name}:{each.line}: {each.grade.value}: {each.message}{control}"


def _verdict(report: ConfigReport, code: int) -> str:
    """Why the command ends as it does: a file may be wrong although the five lines hold."""
    if code == UNREADABLE:
        return "It cannot be read: exit code 2."
    wrong = sum(not each.good for each in report.lines)
    errors = sum(each.grade is Grade.ERROR for each in report.findings)
    lines = f"{wrong} of the five lines do not hold" if wrong > 1 else "1 of the five lines does not hold"
    lines = lines if wrong else "All five lines hold"
    told = f"there {'is' if errors == 1 else 'are'} {errors or 'no'} error{'' if errors == 1 else 's'}"
    return f"{lines}, {'but' if errors and not wrong else 'and'} {told}: exit code {code}."
