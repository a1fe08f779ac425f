"""What does OPA answer when it is asked for a decision?"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from probes.contract import Fault, Reading
from probes.readings.opa.error import one_line, say_errors
from probes.readings.opa.policies import LoadedPolicies
from probes.readings.opa_status import StatusReport, read_json

EXCERPT_BYTES = 500
"""Of a body, kept as evidence."""

_SHOWN = 20
_OPA_ERRORS = frozenset({"internal_error", "evaluation_error"})


class Expected(StrEnum):
    """What a canary must be answered."""

    ALLOW = "allow"
    DENY = "deny"
    NOT_ALLOW = "not_allow"  # nothing else is concluded from the answer
    ANY = "any"  # no canary: asked only to see whether a decision can be had


class Actual(StrEnum):
    """The six answers. Undefined is HTTP 200 without `result`: neither an allow nor a deny."""

    ALLOW = "allow"
    DENY = "deny"
    UNDEFINED = "undefined"
    MALFORMED = "malformed"
    ERROR = "error"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back for one question."""

    actual: Actual
    status: int = 0  # of HTTP; 0 where nothing came back
    seconds: float = 0.0  # from the question, with a new connection where it needs one, to the answer read
    waited: float = 0.0  # seconds for which what came lay here, for other looks went first: they are not among those
    excerpt: bytes = b""  # the start of the body
    fault: Fault | None = None
    impaired: bool = False  # the watcher could not even ask
    error: str = ""  # a sentence for a person, empty for allow, deny and undefined

    @property
    def unauthorized(self) -> bool:
        """The watcher is not allowed to ask."""
        return self.status in (401, 403)


@dataclass(frozen=True, slots=True)
class CanaryAnswer:
    """A canary and its reply."""

    canary: str
    expected: Expected
    reply: Reply
    fresh: bool = True  # False where another target's look at the same OPA asked the same

    @property
    def actual(self) -> Actual:
        """Which of the six answers."""
        return self.reply.actual

    def evidence(self) -> Mapping[str, object]:
        """As JSON values."""
        return {
            "canary": self.canary,
            "expected": self.expected.value,
            "actual": self.actual.value,
            "http_status": self.reply.status or None,
            "duration_seconds": round(self.reply.seconds, 6),
            "body": self.reply.excerpt.decode(errors="replace"),
            "error": self.reply.error,
        }


@dataclass(frozen=True, slots=True)
class DecisionLogs:
    """What OPA's own config says of where its decisions are recorded. Nothing else of that config is kept."""

    at: float  # seconds that only time moves: when it was asked for
    kept: bool | None = None  # None: it could not be told
    status: int = 0  # of HTTP; 0 where nothing came back


@dataclass(frozen=True, slots=True, kw_only=True)
class OPAReading(Reading):
    """One look at an OPA. `fault` stands only where no question got an answer."""

    answers: tuple[CanaryAnswer, ...] = ()
    report: StatusReport | None = None  # the newest of this OPA, perhaps of an earlier look; None before the first
    logs: DecisionLogs | None = None  # the newest of this OPA, as the report
    policies: LoadedPolicies | None = None  # the newest of this OPA, as the report
    unasked: tuple[str, ...] = ()  # canaries whose input needs a SPIFFE ID that the target does not have

    @property
    def silent(self) -> bool:
        """No question got an answer of OPA's."""
        return all(each.actual is Actual.UNREACHABLE for each in self.answers)

    def evidence(self) -> Mapping[str, object]:
        """The answer of each canary, and what OPA says of its bundles."""
        bundles = self.report.evidence() if self.report is not None else []
        answers = [each.evidence() for each in self.answers[:_SHOWN]]
        return {"answers": answers, "not_asked": list(self.unasked[:_SHOWN]), "bundles": bundles[:_SHOWN]}


def read_reply(status: int, body: bytes, seconds: float, waited: float = 0.0) -> Reply:
    """Which of the six answers an HTTP response is: <https://www.openpolicyagent.org/docs/rest-api>."""
    actual, error, excerpt = (_remembered if len(body) <= EXCERPT_BYTES else _read)(status, body)
    return Reply(actual=actual, status=status, seconds=seconds, waited=waited, excerpt=excerpt, error=error)


def read_decision_logs(status: int, body: bytes, at: float) -> DecisionLogs:
    """Of the answer to `GET /v1/config`: <https://www.openpolicyagent.org/docs/configuration#decision-logs>.

    Without a service or plugin of its own a section of decision logs goes to the first service that there is.
    """
    answer = read_json(body) if status == 200 else None
    config = answer.get("result") if isinstance(answer, dict) else None
    if not isinstance(config, dict):
        return DecisionLogs(at, None, status)
    logs = config.get("decision_logs")
    if logs is not None and not isinstance(logs, dict):
        return DecisionLogs(at, None, status)
    if logs is None:
        return DecisionLogs(at, kept=False, status=status)
    somewhere = logs.get("service") or logs.get("plugin") or logs.get("console") is True or config.get("services")
    return DecisionLogs(at, kept=bool(somewhere), status=status)


def _read(status: int, body: bytes) -> tuple[Actual, str, bytes]:
    return *_classify(status, body), body[:EXCERPT_BYTES]


# Most of a fleet says the same few bytes again and again.
_remembered = lru_cache(maxsize=256)(_read)


def _classify(status: int, body: bytes) -> tuple[Actual, str]:
    if status == 200:
        return _decision(body)
    if status in (401, 403):
        return Actual.ERROR, f"The watcher is not allowed to ask (HTTP {status})."
    if status < 500:
        return Actual.MALFORMED, f"HTTP {status} is not a decision."
    failure = _own_error(body)
    if failure is None:
        return Actual.UNREACHABLE, f"HTTP {status}, and not by OPA itself."
    return Actual.ERROR, f"OPA could not evaluate the policy: {failure}"


def _decision(body: bytes) -> tuple[Actual, str]:
    answer = read_json(body)
    if not isinstance(answer, dict):
        return Actual.MALFORMED, "HTTP 200, but no JSON object."
    if "result" not in answer:
        return Actual.UNDEFINED, ""
    result = answer["result"]
    allow = result.get("allow") if isinstance(result, dict) else result
    if not isinstance(allow, bool):
        return Actual.MALFORMED, "The result is neither true, false nor an object with a boolean `allow`."
    return (Actual.ALLOW if allow else Actual.DENY), ""


def _own_error(body: bytes) -> str | None:
    answer = read_json(body)
    if not isinstance(answer, dict) or answer.get("code") not in _OPA_ERRORS:
        return None
    return say_errors(answer.get("errors")) or one_line(str(answer.get("message", "")))
