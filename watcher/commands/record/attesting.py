"""The commands `record attest` and `record waive`: one record as YAML; what would be invalid is refused with why."""

import difflib
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from probes.contract.units import utc
from probes.controls.catalogue.control import Control
from probes.controls.catalogue.loading import load_catalogue
from probes.controls.catalogue.terms import Bind
from probes.controls.records import problems
from probes.controls.records.document import Origin, record_of
from watcher.checklist.live.records.mistakes import mistakes_of
from watcher.commands.record.record_yaml import as_yaml
from watcher.text.printable import printable

WRITTEN, REFUSED = 0, 2
_OPTIONS = {"NotBound": "--image, --policy or --config", "NoSubject": "--namespace and --agent"}


def attest(given: Namespace) -> int:
    """`record attest CONTROL`: exit code 0, or 2 with a line for each mistake."""
    return _write("attestation", given)


def waive(given: Namespace) -> int:
    """`record waive CONTROL`: the same."""
    return _write("waiver", given)


def _write(kind: str, given: Namespace) -> int:
    controls = load_catalogue().by_id
    control = controls.get(given.control)
    if control is None:
        near = difflib.get_close_matches(given.control, controls, n=1, cutoff=0.5)
        return _refuse([f"{given.control!r} is no control{f'; did you mean {near[0]}?' if near else ''}"])
    document = _document(kind, control, given)
    if wrong := list(_wrong(document, control)):
        return _refuse(wrong)
    text = as_yaml(document)
    if given.file is None:
        print(text, end="")
        return WRITTEN
    try:
        given.file.write_text(text, encoding="utf-8")
    except OSError as error:
        return _refuse([f"{given.file}: {error.strerror or error}"])
    return WRITTEN


def _document(kind: str, control: Control, given: Namespace) -> Mapping[str, object]:
    bind = {
        "image_digests": given.image,
        "policy_digest": given.policy,
        "config_digest": given.config,
        "version": given.of_version,
    }
    found: dict[str, object] = {
        "kind": kind,
        "control": control.id,
        "revision": control.revision,
        "environment": given.environment,
        "namespace": given.namespace,
        "agents": [each.strip() for each in given.agent.split(",")] if given.agent else None,
        "scope": given.scope,
        "bind": {key: value for key, value in bind.items() if value},
        "statement": given.statement,
        "evidence_url": given.evidence,
        "evidence_sha256": given.evidence_sha256,
        "by": given.by,
        "approved_by": given.approved_by,
        "at": given.at or utc(time.time()),
        "expires_at": given.expires,
        "reason": getattr(given, "reason", None),
    }
    return {key: value for key, value in found.items() if value not in (None, "", {})}


def _wrong(document: Mapping[str, object], control: Control) -> Iterator[str]:
    try:
        record = record_of(document, Origin("the record", "the command line"))
    except ValidationError as error:
        yield from mistakes_of(error)
        return
    for each in problems(record, {control.id: control}, (), time.time()):
        option = _OPTIONS.get(each.name)
        yield f"{each.name}: {each.message}{f'; give it with {option}' if option else ''}"
    ended = record.expires_at is not None and record.expires_at <= time.time()
    if ended:
        yield "it has ended already"
    if control.record and control.record.bind is Bind.NONE and (record.image_digests or record.config_digest):
        yield "the control binds its records to no digest: leave it out, it would bind nothing"


def _refuse(mistakes: list[str]) -> int:
    print(*(f"agentweave-watcher record: {printable(each)}" for each in mistakes), sep="\n", file=sys.stderr)
    return REFUSED
