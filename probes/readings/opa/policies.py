"""Which policy does an OPA have? Told by the digest of its modules, so that records can be bound to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from probes.readings.opa_status import read_json

MOST_VALUES = 200_000
"""Objects, arrays and members of an answer that is read: OPA tells the syntax tree of each module beside its text."""

HOLDS = 900.0
"""Seconds for which a digest holds while OPA does not tell it again: what is older proves nothing."""


@dataclass(frozen=True, slots=True)
class LoadedPolicies:
    """What an OPA tells of its modules. Nothing of their texts is kept."""

    at: float  # seconds that only time moves: when it was asked for
    digest: str = ""  # `sha256:...`; empty where there is none, or it could not be told
    status: int = 0  # of HTTP; 0 where nothing came back
    read: bool = False  # the list of modules could be read, also where it is empty


def read_policies(status: int, body: bytes, at: float) -> LoadedPolicies:
    """Of the answer to `GET /v1/policies`: <https://www.openpolicyagent.org/docs/rest-api#list-policies>."""
    answer = read_json(body, MOST_VALUES) if status == 200 else None
    listed = answer.get("result") if isinstance(answer, dict) else None
    if not isinstance(listed, list):
        return LoadedPolicies(at, "", status)
    texts = {each.get("id"): each.get("raw") for each in listed if isinstance(each, dict)}
    told = {name: text for name, text in texts.items() if isinstance(name, str) and isinstance(text, str)}
    whole = len(told) == len(listed)  # of half of the policy there is no digest
    return LoadedPolicies(at, policy_digest(told), status, read=True) if whole else LoadedPolicies(at, "", status)


def policy_digest(modules: Mapping[str, str]) -> str:
    """SHA-256 of the texts of all modules, one after another in the order of their ids; empty where there are none.

    `modules`: text by id. Of a single module it is the digest of its file.
    """
    if not modules:
        return ""
    found = sha256()
    for name in sorted(modules):
        found.update(modules[name].encode(errors="surrogatepass"))
    return f"sha256:{found.hexdigest()}"


def bundles_digest(revisions: Mapping[str, str]) -> str:
    """Of active bundles, revision by name: SHA-256 of lines `name revision` in the order of the names.

    Empty where there are none, or one of them has no revision, for then nothing tells when it is another.
    """
    if not revisions or not all(revisions.values()):
        return ""
    lines = "".join(f"{name} {revisions[name]}\n" for name in sorted(revisions))
    return f"sha256:{sha256(lines.encode(errors='surrogatepass')).hexdigest()}"
