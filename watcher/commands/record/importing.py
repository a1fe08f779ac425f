"""The command `record import`: what a pipeline's tools wrote, as one record of one control.

1. Each file is read into counts; the shards of one JUnit or `opa test` run are added up, all else must agree.
2. What no file says comes from `--count`; it never replaces what one says, and the record tells which those are.
3. Only what the control's rules name is kept. A result that breaks a rule is written too: it makes the control fail.
4. A record that would be invalid is not written; why is said by name.
"""

import hashlib
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from probes.contract.units import utc
from probes.controls.catalogue.control import Control
from probes.controls.catalogue.terms import Bind, RecordKind
from probes.controls.records import parse_time
from watcher.checklist.results.counted import MOST_BYTES, UnreadableError
from watcher.checklist.results.formats import FORMATS
from watcher.commands.record.writing import WRITTEN, RefusedError, checked, named_control, refuse, write

_ADDED = ("junit", "opa-test")


class _Imported(NamedTuple):
    counts: Mapping[str, float]
    images: frozenset[str]
    files: Sequence[tuple[str, str]]  # names and SHA-256


def command(given: Namespace) -> int:
    """Write one record; 0, or 2 with why not."""
    try:
        control = _control(given.control)
        imported = _with_counts(_read(given), given.count)
        document = _document(given, control, imported, time.time())
        checked(document, control)
        write(document, given.file)
    except RefusedError as error:
        return refuse(error)
    for each in broken(control, imported.counts):
        print(f"the result does not keep the control's rule: {each}", file=sys.stderr)
    return WRITTEN


def broken(control: Control, counts: Mapping[str, float]) -> Iterator[str]:
    """The rules that these counts do not keep."""
    rules = control.record.counts if control.record else ()
    return (rule.text for rule in rules if set(rule.needs) <= counts.keys() and not rule.holds(counts))


def _control(name: str) -> Control:
    control = named_control(name)
    if control.record is None:
        raise RefusedError(f"{name}: a machine decides this control; no record counts for it")
    if RecordKind.PIPELINE not in control.record.kinds:
        raise RefusedError(f"{name}: only people can say this; see `record attest`")
    return control


def _read(given: Namespace) -> _Imported:
    counts, images, files = dict[str, float](), set[str](), list[tuple[str, str]]()
    for name, form in FORMATS.items():
        of_form = dict[str, float]()
        for path in getattr(given, name.replace("-", "_")):
            data = _bytes(path)
            try:
                found = form.read(data)
            except UnreadableError as error:
                raise RefusedError(f"--{name} {path}: {error}") from error
            _add(of_form, found.counts, f"--{name} {path}", added=name in _ADDED)
            images |= found.images
            files.append((path.name, hashlib.sha256(data).hexdigest()))
        _add(counts, of_form, f"--{name}", added=False)
    if images and given.image and not images & {*given.image}:
        raise RefusedError(f"the report is of another image: {', '.join(sorted(images)[:3])}")
    return _Imported(counts, frozenset(images), files)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise RefusedError(f"{path}: {error.strerror or error}") from error
    if len(data) > MOST_BYTES:
        raise RefusedError(f"{path}: it is over {MOST_BYTES >> 20} MiB")
    return data


def _add(counts: dict[str, float], more: Mapping[str, float], where: str, *, added: bool) -> None:
    for name, value in more.items():
        if name in counts and not added and counts[name] != value:
            raise RefusedError(f"{where}: {name} is {value:g} in it, and {counts[name]:g} elsewhere")
        counts[name] = counts[name] + value if name in counts and added else value


def _with_counts(imported: _Imported, by_hand: Sequence[tuple[str, float]]) -> _Imported:
    _add(counts := dict(imported.counts), dict(by_hand), "--count", added=False)
    return imported._replace(counts=counts)


def _document(given: Namespace, control: Control, imported: _Imported, now: float) -> dict[str, object]:
    wanted = control.record
    if wanted is None:
        raise RefusedError("a machine decides this control")
    named = {name for rule in wanted.counts for name in (rule.name, rule.other)}
    counts = {name: value for name, value in sorted(imported.counts.items()) if name in named}
    at = _moment(given.at, "--at") if given.at else now
    expires = given.expires or utc(at + wanted.max_validity)
    document: dict[str, object] = {
        "kind": "pipeline",
        "control": control.id,
        "revision": control.revision,
        "environment": given.environment,
        "namespace": given.namespace,
        "agents": list(given.agent),
        **_bound(given, wanted.bind),
        "statement": " ".join(filter(None, (given.statement, _told(given, imported)))),
        "evidence_url": given.run,
        **({"evidence_sha256": imported.files[0][1]} if len(imported.files) == 1 else {}),
        "by": given.by,
        "at": utc(at),
        "expires_at": expires,
        "run_id": given.run,
        "counts": {name: int(value) if value == int(value) else value for name, value in counts.items()},
    }
    return {name: value for name, value in document.items() if value not in ("", {})}


def _moment(text: str, option: str) -> float:
    try:
        return parse_time(text)
    except ValueError as error:
        raise RefusedError(f"{option}: {error}") from error


def _bound(given: Namespace, bind: Bind) -> Mapping[str, object]:
    """What the control binds its records to; what else was given is not written, for it would bind nothing."""
    if bind is Bind.IMAGE_DIGEST and given.image:
        return {"bind": {"image_digests": list(dict.fromkeys(given.image))}}
    if bind is Bind.POLICY_DIGEST and given.policy:
        return {"bind": {"policy_digest": given.policy}}
    return {}


def _told(given: Namespace, imported: _Imported) -> str:
    """Where the numbers come from."""
    files = ", ".join(f"{name} sha256:{digest}" for name, digest in imported.files[:10])
    more = f" and {len(imported.files) - 10} more" if len(imported.files) > 10 else ""
    hand = ", ".join(sorted({name for name, _ in given.count}))
    told = (f"Read from {files}{more}." if files else "", f"Given by hand: {hand}." if hand else "")
    return " ".join(filter(None, told))
