"""Which policies does OPA have? One digest of all of them, to which records are bound."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from probes.readings.opa_status import StatusReport

MOST_POLICIES = 1000

_REFUSED = (401, 403, 404, 405, 501)


@dataclass(frozen=True, slots=True)
class LoadedPolicies:
    """What OPA said of its policies."""

    at: float  # seconds that only time moves: when it was asked for
    digest: str = ""  # `sha256:...`; empty where it cannot be told
    trouble: str = ""  # why not, a sentence
    for_good: bool = False  # asking again would give no other answer


class _Policy(BaseModel):
    """The tree that OPA made of it is left out: it is ten times as large."""

    id: str
    raw: str


class _Answer(BaseModel):
    result: Annotated[list[_Policy], Field(max_length=MOST_POLICIES)]


def read_policies(status: int, body: bytes, at: float, before: LoadedPolicies | None = None) -> LoadedPolicies:
    """Of the answer to `GET /v1/policies`: <https://www.openpolicyagent.org/docs/rest-api#list-policies>.

    `at`: seconds that only time moves; `before`: what it said last, which stays while it has trouble, and grows old.
    """
    if before is not None and before.digest and (status == 429 or status >= 500):
        return before
    if status != 200:
        told = f"OPA does not show its policies (HTTP {status})."
        return LoadedPolicies(at, trouble=told, for_good=status in _REFUSED)
    try:
        policies = _Answer.model_validate_json(body).result
    except ValidationError:
        return LoadedPolicies(at, trouble="What OPA says of its policies is not as OPA documents it.")
    if not policies:
        return LoadedPolicies(at, trouble="OPA has no policy.")
    if not all(each.id.isprintable() for each in policies):
        return LoadedPolicies(at, trouble="A policy has a name that cannot be printed.")
    return LoadedPolicies(at, digest_of_files((each.id, each.raw.encode()) for each in policies))


def unread_policies(at: float, before: LoadedPolicies | None, *, too_large: bool) -> LoadedPolicies:
    """Where no answer came, or one that is larger than is read."""
    if too_large:
        return LoadedPolicies(at, trouble="What OPA says of its policies is larger than is read.", for_good=True)
    return before or LoadedPolicies(at, trouble="OPA did not show its policies.")


def digest_of_files(files: Iterable[tuple[str, bytes]]) -> str:
    """The SHA-256 of what `sha256sum` prints of them, in the order of their names' bytes."""
    return digest_of_listing(listing(files))


def listing(files: Iterable[tuple[str, bytes]]) -> bytes:
    """What `sha256sum` prints of these, by name and content."""
    ordered = sorted((name.encode(errors="surrogatepass"), content) for name, content in files)
    return b"".join(b"%b  %b\n" % (sha256(content).hexdigest().encode(), name) for name, content in ordered)


def digest_of_listing(lines: bytes) -> str:
    """Of what `listing` gives."""
    return f"sha256:{sha256(lines).hexdigest()}"


def digest_of_bundles(report: StatusReport | None) -> str:
    """Of the names and revisions of all bundles, `[["authz","v42"]]` as JSON; empty where one has none, or none is."""
    bundles = report.bundles if report is not None and report.unknown is None else ()
    if not bundles or not all(each.activated and each.revision for each in bundles):
        return ""
    pairs = sorted([each.name, each.revision] for each in bundles)
    return f"sha256:{sha256(json.dumps(pairs, separators=(',', ':')).encode()).hexdigest()}"
