"""What a record lists, against what is seen: a host, a key or a field that it should name and does not refutes it."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import EvidenceSet, Missing
from probes.controls.evidence.agent_config import KeyPath
from probes.controls.judges.agent_config.case import ConfigCase, config_judge_beside_record
from probes.controls.judges.agent_config.endpoints import endpoints_of
from probes.controls.judges.agent_config.shown import key_name
from probes.controls.judges.logs.case import LogCase, log_judge
from probes.controls.judges.texts import keys_of
from probes.controls.judging import Statement
from probes.controls.records import Record, listed

_LEAST_AUDITS = 20
"""Audit records of which one without a field tells."""


@config_judge_beside_record("documentation.operational.dependencies-documented")
def hosts_are_listed(case: ConfigCase, evidence: EvidenceSet) -> Iterator[Statement]:
    """Whether the list of hosts names each that the config connects to."""
    names = _listed(evidence, "hosts")
    known = None if names is None else {_host(each) for each in names}
    for path, url in endpoints_of(case) if known is not None else ():
        if known is not None and _host(url) not in known:
            yield case.bad(path, f"The record's list of hosts does not name the one of {path}.")
            return


@config_judge_beside_record("documentation.operational.configuration-documented")
def keys_are_listed(case: ConfigCase, evidence: EvidenceSet) -> Iterator[Statement]:
    """Whether the list of keys names each key of the config, or one above it."""
    names = _listed(evidence, "keys")
    if names is None:
        return
    known = {each.removesuffix(".*") for each in names}
    for place in keys_of(case.found.value.document):
        if not _is_covered(place, known):
            path = ".".join(str(each) for each in place)
            yield case.bad(path, f"The record's list of keys does not name {key_name(place)}."[:200])
            return


@log_judge("documentation.compliance.audit-log-format", reads_record=True)
def fields_are_listed(case: LogCase) -> Iterator[Statement]:
    """Whether each audit record that was read has the fields that are listed."""
    names = _listed(case.evidence, "fields")
    if names is None or case.seen.audits < _LEAST_AUDITS:
        return
    there = {each.casefold() for each in case.seen.audit_fields}
    if lacking := sorted(names - there):
        told = f"Of {case.seen.audits} audit records some have no {lacking[0][:60]}, which the record lists."
        yield case.bad(told)


def _listed(evidence: EvidenceSet, what: str) -> frozenset[str] | None:
    """By the record in force; None where there is none, or it lists nothing of that."""
    found = evidence.of(SourceName.RECORD, Record)
    return None if isinstance(found, Missing) else listed(found.value.statement, what)


def _is_covered(place: KeyPath, known: set[str]) -> bool:
    """By its own name or one above it; a key below which others stand is named by these."""
    parts = [each for each in place if isinstance(each, str)]
    paths = {".".join(parts[: end + 1]).casefold() for end in range(len(parts))}
    whole = ".".join(parts).casefold()
    return bool(paths & known) or any(each.startswith(f"{whole}.") for each in known)


def _host(text: str) -> str:
    """Of a URL, of `host:port` or of a bare name, in small letters; empty where there is none."""
    try:
        found = urlsplit(text if "://" in text else f"//{text}").hostname or ""
    except ValueError:
        return ""
    return found.rstrip(".").casefold()
