"""Records as people write them, and a book of them, in a test's own time."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from probes.controls.evidence import AgentRef
from probes.controls.records.document import PREDICATE_TYPE
from tests.probes.controls.made import CATALOGUE, NOW, SHA
from watcher.checklist.live.records.book import RecordBook
from watcher.checklist.live.records.reading import ReadRecord, read_records

DIAGRAM, UNIT = "documentation.operational.architecture-diagram", "testing.unit.pass"
SEARCH = AgentRef("prod", "search")
SOURCE = "configmap:records/prod"
PAYLOAD_TYPE = "application/vnd.in-toto+json"


def attestation(**more: object) -> dict[str, Any]:
    """That the diagram of prod/search is there, of the morning of the day, for two months."""
    given: dict[str, Any] = {
        "kind": "attestation",
        "control": DIAGRAM,
        "revision": 1,
        "environment": "production",
        "namespace": "prod",
        "agents": ["search"],
        "evidence_url": "https://wiki.example.org/diagram",
        "by": "ann@example.org",
        "approved_by": "bob@example.org",
        "at": "2027-01-15T06:00:00Z",
        "expires_at": "2027-03-15",
    }
    return {key: value for key, value in (given | more).items() if value is not None}


def result(failures: int = 0, **more: object) -> dict[str, Any]:
    """Of the unit tests of prod/search."""
    counts = {"tests": 5, "failures": failures, "errors": 0}
    given = {"kind": "pipeline", "control": UNIT, "approved_by": None, "run_id": "run/1", "counts": counts}
    return attestation(**(given | {"bind": {"image_digests": [SHA]}} | more))


def text_of(*documents: Mapping[str, Any]) -> str:
    """As one YAML text: JSON is YAML."""
    return "\n---\n".join(json.dumps(each) for each in documents)


def read(*documents: Mapping[str, Any], source: str = SOURCE) -> list[ReadRecord]:
    """What a source with these documents holds."""
    return read_text(text_of(*documents), f"{source}/records.yaml", source)


def read_text(
    text: str, place: str = SOURCE, source: str = SOURCE, before: Iterable[ReadRecord] = (), **limits: int
) -> list[ReadRecord]:
    """What a source with this text holds; `before`: what it held before."""
    return asyncio.run(read_records([(place, text)], source, before, **limits))


def envelope(
    record: Mapping[str, Any], sign: Callable[[bytes], bytes], digests: Sequence[str] = (SHA,), **more: object
) -> dict[str, Any]:
    """The record as a signed in-toto statement."""
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "search", "digest": {"sha256": each.removeprefix("sha256:")}} for each in digests],
        "predicateType": PREDICATE_TYPE,
        "predicate": record,
    }
    payload = json.dumps(statement | more).encode()
    signed = b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)
    signatures = [{"keyid": "", "sig": b64encode(sign(signed)).decode()}]
    return {"payloadType": PAYLOAD_TYPE, "payload": b64encode(payload).decode(), "signatures": signatures}


class Book(RecordBook):
    """With the controls of the catalogue."""

    def __init__(self) -> None:
        super().__init__(CATALOGUE.by_id)

    def take(self, *documents: Mapping[str, Any], source: str = SOURCE, now: float = NOW) -> None:
        """The source holds these from now on."""
        self.put(source, read(*documents, source=source))
        self.settle(now)

    def settle(self, now: float = NOW) -> bool:
        """Take in what was put."""
        return asyncio.run(self.refresh(now))

    def why(self) -> dict[str, list[str]]:
        """Names of what is wrong, by the place of each invalid one."""
        return {each.id: [problem.name for problem in each.problems] for each in self.judged() if each.problems}
