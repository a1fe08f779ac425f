"""What does OPA say of its bundles?"""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from probes.contract import Unknown
from probes.contract.text import cut
from probes.readings.opa.error import say_errors

ASKED_IN = 5
"""One of so many looks asks for it, unless something is wrong: it has all of OPA's own metrics in it, 60 kB."""

MOST_BUNDLES = 1000
"""Of one OPA; beyond that the status is not judged."""

MOST_TEXT = 1 << 18
"""Characters of the names, revisions, codes and messages of all bundles of one OPA."""

MOST_VALUES = 30_000
"""Objects, arrays and members in JSON that is read in one turn of the loop: a thousand bundles have half of that."""

_STRIDE = 1 << 13
_MOST_KEYS = 100  # beside `bundles` in a result: OPA has six
_MOST_ERROR = 1 << 16  # bytes of an answer that says what is wrong
_RESULT = re.compile(r'\s*\{\s*"result"\s*:\s*(?=\{)')
# The pattern engine keeps 140 bytes for each character of a repeated group: a key of 1 MB would cost 0.15 s.
_KEY = re.compile(r'\s*[{,]\s*"((?:[^"\\]|\\.){0,200})"\s*:\s*')
_END = re.compile(r"\s*\}")
_DECODER = json.JSONDecoder()
_NO_PLUGIN = "status plugin not enabled"
_NO_SUCH_PATH = b"404 page not found"  # of Go's server, in an OPA from before there was a status to ask for
_UNUSABLE = re.compile(
    r"bundle (?:load|read) failed|bundle (?:missing|contains|file)|(?:delta )?bundle expected|manifest (?:has|root|ref)"
    r"|\.signatures\.json|file .* not included in bundle signature|.*digest mismatch|failed to (?:verify|split|base64)"
)
"""Messages on what was fetched, by `v1/bundle/bundle.go` and `verify.go` of OPA: the request had succeeded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OPABundle:
    """What OPA says of one bundle."""

    name: str
    revision: str = ""  # free text from the bundle's manifest; may be empty
    last_success: float = 0.0  # Unix seconds of OPA's clock: the last request that succeeded; 0 when none did
    last_activation: float = 0.0  # Unix seconds of OPA's clock; 0 when no version was ever activated
    fetched: bool = True  # the newest request succeeded
    rejected: bool = False  # what was fetched does not compile
    code: str = ""  # the error that stands, empty when none does
    message: str = ""
    flaw: str = ""  # why what was fetched cannot be used: file, line and reason, as far as OPA tells; may be empty

    @property
    def activated(self) -> bool:
        """Some version was activated once."""
        return self.last_activation > 0

    @property
    def from_disk(self) -> bool:
        """What is active was not fetched by this process: OPA kept it on disk (`persist`)."""
        return self.activated and self.last_success <= 0

    @property
    def troubled(self) -> bool:
        """OPA says itself that something is wrong."""
        return bool(self.code) or not self.activated or self.last_success <= 0

    def evidence(self) -> Mapping[str, object]:
        """As JSON values."""
        return {
            "bundle": self.name,
            "revision": self.revision,
            "last_successful_request": self.last_success or None,
            "last_successful_activation": self.last_activation or None,
            "code": self.code,
            "message": self.message,
            "flaw": self.flaw,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """What one request for `/v1/status` told. No bundles and no `unknown`: there is nothing to judge."""

    at: float  # seconds that only time moves
    clock: float  # Unix seconds of OPA's clock at the same time, as far as it is known
    bundles: tuple[OPABundle, ...] = ()
    unknown: Unknown | None = None  # why nothing was told; the bundles are then those of the report before

    @property
    def troubled(self) -> bool:
        """Worth asking again soon."""
        return self.unknown is not None or any(bundle.troubled for bundle in self.bundles)

    @property
    def revisions(self) -> Mapping[str, str]:
        """Of the bundles that are active, by name."""
        return {bundle.name: bundle.revision for bundle in self.bundles if bundle.activated}

    def failed(self, at: float, unknown: Unknown) -> "StatusReport":
        """The report of a later request, made at `at`, that told nothing."""
        return replace(self, at=at, unknown=unknown)

    def evidence(self) -> list[Mapping[str, object]]:
        """As JSON values."""
        return [bundle.evidence() for bundle in self.bundles]


def read_json(body: bytes, most: int = MOST_VALUES) -> object:
    """What a body says; None where it is no JSON, as it is for a bare `null`: neither is an answer of OPA.

    `most`: objects, arrays and members that it may have.
    """
    try:
        return _load(body.decode(), most)
    except (ValueError, RecursionError):
        return None


def _load(text: str, most: int = MOST_VALUES) -> object:
    """ValueError for what is no JSON, and for what would hold up the loop."""
    return json.loads(_readable(text, most))


def _readable(text: str, most: int = MOST_VALUES) -> str:
    """The text as far as it has no more values than are read: `[],[],` takes thirty times as long as one string."""
    values = 0
    for start in range(0, len(text), _STRIDE):
        values += sum(text.count(mark, start, start + _STRIDE) for mark in ",[{")
        if values > most:
            return text[:start]
    return text


def read_status(status: int, body: bytes, at: float, clock: float) -> StatusReport:
    """The report of an HTTP response; without the status plugin or bundles there is nothing to judge.

    `at`: seconds that only time moves; `clock`: Unix seconds of OPA's clock.
    """
    if _is_without_status(status, body):
        return StatusReport(at=at, clock=clock)
    if status != 200:
        return StatusReport(at=at, clock=clock, unknown=_WHY.get(status, Unknown.SOURCE_FAILED))
    try:
        bundles = _bundles(_find_bundles(body.decode()))
    except (TypeError, ValueError, OverflowError, RecursionError):
        return StatusReport(at=at, clock=clock, unknown=Unknown.MALFORMED)
    return StatusReport(at=at, clock=clock, bundles=bundles)


_WHY = {404: Unknown.MALFORMED, 401: Unknown.UNAUTHORIZED, 403: Unknown.UNAUTHORIZED}


def _is_without_status(status: int, body: bytes) -> bool:
    """Whether OPA itself says so: the page of a proxy, or of another program, says nothing of bundles."""
    if status == 404:
        return body.strip() == _NO_SUCH_PATH
    answer = read_json(body) if status == 500 and len(body) <= _MOST_ERROR else None
    return isinstance(answer, dict) and answer.get("message") == _NO_PLUGIN


def _find_bundles(text: str) -> object:
    """`result.bundles`. What follows it is not read: OPA's own metrics, which would cost thirty times as much."""
    text = _readable(text)
    found = _RESULT.match(text)
    end = found.end() if found else len(text)
    for _ in range(_MOST_KEYS):
        key = _KEY.match(text, end)
        if key is None:
            break
        value, end = _DECODER.raw_decode(text, key.end())
        if key[1] == "bundles":
            return value
    if _END.match(text, end):
        return None
    match json.loads(text):
        case {"result": dict(result)}:
            return result.get("bundles")
    raise ValueError("no status")


def _bundles(found: object) -> tuple[OPABundle, ...]:
    if found is None:
        return ()
    if not isinstance(found, dict) or len(found) > MOST_BUNDLES:
        raise TypeError("no bundles, or too many")
    bundles = tuple(_bundle(name, said) for name, said in sorted(found.items()))
    if sum(_length(each) for each in bundles) > MOST_TEXT:
        raise ValueError("the bundles say too much")
    return bundles


def _length(bundle: OPABundle) -> int:
    return sum(map(len, (bundle.name, bundle.revision, bundle.code, bundle.message, bundle.flaw)))


def _bundle(name: str, said: object) -> OPABundle:
    if not isinstance(said, dict):
        raise TypeError(name)
    last_success, message = _moment(said.get("last_successful_request")), _text(said.get("message"))
    return OPABundle(
        name=_text(name),
        revision=_text(said.get("active_revision")),
        last_success=last_success,
        last_activation=_moment(said.get("last_successful_activation")),
        fetched=last_success >= _moment(said.get("last_request")),
        rejected=bool(said.get("errors")),
        code=_text(said.get("code")),
        message=message,
        flaw=_flaw(said.get("errors"), message),
    )


def _flaw(errors: object, message: str) -> str:
    """Rego that does not compile has `errors`, beside a message without any detail; an archive has its message only."""
    if found := say_errors(errors):
        return sys.intern(found)
    return message if _UNUSABLE.match(message) else ""


def _text(value: object) -> str:
    text = cut(str(value)) if value is not None else ""
    text.encode()  # half of a surrogate pair, which JSON can say, is no text: UnicodeEncodeError is a ValueError
    return sys.intern(text)  # a fleet has few revisions, and each OPA would keep its own copy


def _moment(value: object) -> float:
    """Unix seconds of a time as Go writes it, with nanoseconds; Go's zero time (year 1) means never, here 0."""
    if value is None:
        return 0.0
    if not isinstance(value, str):
        raise TypeError(value)
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(value)
    return max(0.0, moment.timestamp())
