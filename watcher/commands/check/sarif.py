"""A check as SARIF 2.1.0 (OASIS), as GitHub takes it: what is failing or unknown, at the target's line of the config.

A target that discovery found has no line: its location is its name alone, and such a result GitHub does not show.
"""

from collections.abc import AsyncIterator, Mapping
from hashlib import sha256
from importlib.metadata import version

from probes.contract import ConditionKind, Severity
from probes.contract.condition import Status
from watcher.checklist.agent_report import Place
from watcher.checklist.reports.json_text import json_text
from watcher.checklist.reports.sarif_report import uri_of
from watcher.commands.check.checked import Checked, Record
from watcher.commands.check.outcome import is_open
from watcher.text.printable import printable
from watcher.web.target_json import sentence

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.CRITICAL: "error", Severity.WARNING: "warning"}


async def as_sarif(checked: Checked) -> AsyncIterator[str]:
    """One document with one run."""
    shown = [each for each in checked.records() if each.verdict.status is Status.TRUE or is_open(each.verdict)]
    rules = list(dict.fromkeys(each.verdict.kind for each in shown))
    numbers = {kind: number for number, kind in enumerate(rules)}
    driver = {
        "name": "agentweave-watcher",
        "version": version("agentweave-watcher"),
        "rules": [_rule(kind) for kind in rules],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": "agentweave-watcher/check"},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": checked.outcome.code != 2, "exitCode": checked.outcome.code}],
        "results": [_result(each, checked, numbers[each.verdict.kind]) for each in shown],
    }
    yield json_text({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(kind: ConditionKind) -> Mapping[str, object]:
    return {
        "id": kind.name,
        "name": kind.name,
        "shortDescription": {"text": kind.true_when},
        "help": {"text": f"agentweave-watcher explain {kind.name}"},
        "defaultConfiguration": {"level": _LEVELS[kind.severity]},
    }


def _result(record: Record, checked: Checked, number: int) -> Mapping[str, object]:
    verdict, name = record.verdict, "/".join(record.key)
    failing = verdict.status is Status.TRUE
    about = f"{name} {verdict.subject}".rstrip()
    mark = sha256(f"{name}\0{verdict.kind.name}\0{verdict.subject}".encode()).hexdigest()[:32]
    return {
        "ruleId": verdict.kind.name,
        "ruleIndex": number,
        "kind": "fail" if failing else "open",
        "level": _LEVELS[verdict.kind.severity] if failing else "none",
        "message": {"text": printable(f"{about}: {sentence(verdict)}")},
        "locations": [_location(record, checked)],
        "partialFingerprints": {"primaryLocationLineHash": f"{mark}:1"},
    }


def _location(record: Record, checked: Checked) -> Mapping[str, object]:
    if (place := checked.place(record.key)) is None:
        return {"logicalLocations": [{"fullyQualifiedName": "/".join(record.key), "kind": "resource"}]}
    file, line = place
    region = {"startLine": line}
    return {"physicalLocation": {"artifactLocation": {"uri": uri_of(Place(str(file), line))}, "region": region}}
