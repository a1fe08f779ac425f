"""A check as JUnit XML: a suite an agent, a case a condition of a pod."""

from collections import Counter
from collections.abc import AsyncIterator
from itertools import groupby
from xml.etree import ElementTree as ET

from probes.contract.condition import Status
from watcher.commands.check.checked import Checked, Record, name_of
from watcher.text.printable import printable
from watcher.web.target_json import sentence


async def as_junit(checked: Checked) -> AsyncIterator[str]:
    """What makes exit code 1 is a failure; what else is failing or unknown is skipped, with why."""
    root = ET.Element("testsuites", name="agentweave-watcher check")
    ordered = sorted(checked.records(), key=lambda each: each.key[:2])
    for (namespace, agent), records in groupby(ordered, key=lambda each: each.key[:2]):
        _suite(root, f"{namespace}/{agent}", list(records), checked)
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(each.get(name, "0")) for each in root)))
    ET.indent(root)
    yield '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(root: ET.Element, name: str, records: list[Record], checked: Checked) -> None:
    suite, counted = ET.SubElement(root, "testsuite", name=printable(name)), Counter[str]()
    for each in records:
        verdict = each.verdict
        condition = f"{verdict.kind.name} {verdict.subject}".rstrip()
        at = {"classname": printable(name_of(each.key)), "name": printable(condition), "time": "0"}
        case, said = ET.SubElement(suite, "testcase", at), printable(sentence(verdict))
        if checked.fails(verdict):
            counted["failures"] += 1
            ET.SubElement(case, "failure", message=said, type=verdict.reason)
        elif verdict.status is not Status.FALSE:
            counted["skipped"] += 1
            ET.SubElement(case, "skipped", message=f"{verdict.reason}: {said}")
    suite.set("tests", str(len(records)))
    for kind in ("failures", "errors", "skipped"):
        suite.set(kind, str(counted[kind]))
