"""A check as commands of GitHub's workflows: an annotation for each condition that is failing or unknown.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from collections.abc import AsyncIterator

from probes.contract import Severity
from probes.contract.condition import Status
from watcher.commands.check.checked import Checked, Record
from watcher.commands.check.outcome import is_open
from watcher.text.printable import printable
from watcher.web.target_json import sentence

_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = _DATA | str.maketrans({":": "%3A", ",": "%2C"})


async def as_github(checked: Checked) -> AsyncIterator[str]:
    """One line each; the last is a notice with the exit code and why."""
    for each in checked.records():
        if each.verdict.status is Status.TRUE or is_open(each.verdict):
            yield _annotation(each, checked)
    yield f"::notice title=agentweave-watcher check::Exit code {checked.outcome.code}: {checked.outcome.why}.\n"


def _annotation(record: Record, checked: Checked) -> str:
    verdict = record.verdict
    critical = verdict.status is Status.TRUE and verdict.kind.severity is Severity.CRITICAL
    level = "notice" if verdict.status is Status.UNKNOWN else "error" if critical else "warning"
    place = checked.place(record.key)
    where = {"file": str(place[0]), "line": str(place[1])} if place else {}
    title = f"{verdict.kind.name} {verdict.subject}".rstrip()
    properties = {**where, "title": f"{title} of {'/'.join(record.key)}"}
    said = ",".join(f"{name}={printable(value).translate(_PROPERTY)}" for name, value in properties.items())
    return f"::{level} {said}::{printable(f'{verdict.reason}: {sentence(verdict)}').translate(_DATA)}\n"
