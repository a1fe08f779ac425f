"""The commands `record attest` and `record waive`: one record as YAML; what would be invalid is refused with why."""

import time
from argparse import Namespace
from collections.abc import Iterator, Mapping

from probes.contract.units import utc
from probes.controls.catalogue.control import Control
from probes.controls.catalogue.terms import Bind
from probes.controls.records import Record
from watcher.commands.record.writing import WRITTEN, RefusedError, checked, named_control, refuse, write


def attest(given: Namespace) -> int:
    """`record attest CONTROL`: exit code 0, or 2 with a line for each mistake."""
    return _write("attestation", given)


def waive(given: Namespace) -> int:
    """`record waive CONTROL`: the same."""
    return _write("waiver", given)


def _write(kind: str, given: Namespace) -> int:
    try:
        control = named_control(given.control)
        document = _document(kind, control, given)
        _refuse_useless(checked(document, control), control)
        write(document, given.file)
    except RefusedError as error:
        return refuse(error)
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


def _refuse_useless(record: Record, control: Control) -> None:
    if useless := list(_useless(record, control)):
        raise RefusedError(*useless)


def _useless(record: Record, control: Control) -> Iterator[str]:
    """Why it would never hold, or not as it was meant."""
    if record.expires_at is not None and record.expires_at <= time.time():
        yield "it has ended already"
    if control.record and control.record.bind is Bind.NONE and (record.image_digests or record.config_digest):
        yield "the control binds its records to no digest: leave it out, it would bind nothing"
