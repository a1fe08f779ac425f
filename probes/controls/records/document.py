"""The form of a record: one YAML document, and the JSON Schema of it.

What a control wants of its records is not said here: `validity.py` holds them to that, by name.
"""

import re
from sys import intern
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from probes.controls.catalogue.terms import RecordKind, Scope
from probes.controls.records import sharing
from probes.controls.records.record import Record, Verified, WaiverReason
from probes.controls.records.times import parse_time

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PREDICATE_TYPE = "https://agentweave.io/attestations/record/v1"
"""Of an in-toto statement whose predicate is a record."""

MOST_AGENTS, MOST_DIGESTS, MOST_COUNTS = 5000, 100, 50

_FIRST, _LAST = 946684800.0, 4102444800.0  # 2000 and 2100, Unix seconds

_FORM = ConfigDict(frozen=True, extra="forbid")  # a misspelt key is a mistake
_DIGEST = r"sha256:[0-9a-f]{64}"
_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]*")


def _on_one_line(text: str) -> str:
    if not _LINE.fullmatch(text):
        raise ValueError("expected text on one line")
    return text.strip()


def _without_user(url: str) -> str:
    """It is shown to everybody who may see the page."""
    if "@" in re.split(r"[/?#\\]", url.partition("//")[2], maxsplit=1)[0]:
        raise ValueError("expected an address without a user or a password")
    return url


def _unbound(value: object) -> object:
    """`none` and nothing are the same."""
    return {} if value in (None, "none") else value


def _time(value: object) -> float:
    try:
        moment = parse_time(value)
    except OverflowError:
        moment = 0.0
    if not _FIRST <= moment <= _LAST:
        raise ValueError("expected a time from 2000 to 2100")
    return moment


_Time = Annotated[
    float,
    BeforeValidator(_time),
    WithJsonSchema(
        {
            "type": "string",
            "anyOf": [{"format": "date-time"}, {"format": "date"}],
            "description": "RFC 3339 with an offset, or a date: the end of that day in UTC",
            "examples": ["2026-11-23T09:00:00Z", "2027-02-21"],
        }
    ),
]
_Name: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$")]
_Person: TypeAlias = Annotated[str, Field(max_length=200), AfterValidator(_on_one_line)]
_Digest: TypeAlias = Annotated[str, Field(pattern=f"^{_DIGEST}$")]
_Count: TypeAlias = Annotated[float, Field(allow_inf_nan=False, strict=True)]
_CountName: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class BindDocument(BaseModel):
    """What the record is bound to. Where that no longer runs, the record lapses."""

    model_config = _FORM

    image_digests: Annotated[tuple[_Digest, ...], Field(max_length=MOST_DIGESTS)] = Field(
        default=(), description="of the image of the agent's container: of its index, or of a platform"
    )
    policy_digest: _Digest | None = Field(default=None, description="of the policy that OPA has")
    config_digest: _Digest | None = Field(default=None, description="SHA-256 of the agent's config")
    version: Annotated[str, Field(max_length=100), AfterValidator(_on_one_line)] = Field(
        default="",
        description="a pattern of the agent's version, its label app.kubernetes.io/version",
        examples=["2.*"],
    )


class RecordDocument(BaseModel):
    """One record: what people or a pipeline say of one control of the production readiness checklist."""

    model_config = _FORM

    kind: RecordKind = Field(description="attestation: people say so; pipeline: a run did; waiver: accepted for a time")
    control: Annotated[str, Field(pattern=r"^[a-z0-9.-]{1,120}$")] = Field(description="the exact id of the control")
    revision: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] = Field(
        description="of the control that was read when the record was written"
    )
    environment: _Name = Field(description="as checklist.environment of the watcher's config has it")
    namespace: _Name | None = Field(default=None, description="of the agents")
    agents: Annotated[tuple[_Name, ...], Field(max_length=MOST_AGENTS)] = Field(
        default=(), description="exact names of agents; no patterns"
    )
    scope: Literal["namespace", "fleet"] | None = Field(
        default=None, description="instead of agents, where the control is judged so"
    )
    bind: Annotated[BindDocument, BeforeValidator(_unbound)] = Field(
        default_factory=BindDocument, description="what the record is bound to, as the control says; or none"
    )
    statement: Annotated[str, Field(max_length=2000)] = Field(default="", description="what is stated, in words")
    evidence_url: (
        Annotated[
            str, Field(max_length=2000, pattern=r"^https?://[^\s\x00-\x1f\x7f<>\"]+$"), AfterValidator(_without_user)
        ]
        | None
    ) = Field(default=None, description="URL of the evidence")
    evidence_sha256: Annotated[str, Field(pattern=r"^(sha256:)?[0-9a-f]{64}$")] | None = Field(
        default=None, description="SHA-256 of the document at that URL"
    )
    by: _Person = Field(default="", description="who says it, or the pipeline")
    approved_by: _Person = Field(default="", description="another person; of attestations and waivers")
    at: _Time = Field(description="when it was said, or when the pipeline ran")
    expires_at: _Time | None = Field(
        default=None, description="when it ends; within the longest validity of the control"
    )
    run_id: Annotated[str, Field(max_length=500), AfterValidator(_on_one_line)] = Field(
        default="", description="of a pipeline: which run, such as its URL"
    )
    counts: Annotated[dict[_CountName, _Count], Field(max_length=MOST_COUNTS)] = Field(
        default_factory=dict, description="of a pipeline: the numbers that the control asks for"
    )
    reason: WaiverReason | None = Field(default=None, description="of a waiver")


class Origin(NamedTuple):
    """Where a record was read, and how it is known who wrote it."""

    id: str
    source: str
    verified: Verified = "none"
    signers: frozenset[str] = frozenset()


def record_of(data: object, origin: Origin) -> Record:
    """The record that this document is; pydantic's ValidationError, a ValueError, where it is none."""
    given = RecordDocument.model_validate(data)
    bind = given.bind
    return Record(
        id=origin.id,
        source=origin.source,
        verified=origin.verified,
        signers=origin.signers,
        kind=given.kind,
        control=intern(given.control),
        revision=given.revision,
        environment=intern(given.environment),
        namespace=intern(given.namespace or ""),
        agents=sharing.names(given.agents),
        scope=Scope(given.scope) if given.scope else None,
        image_digests=sharing.digests(bind.image_digests),
        policy_digest=intern(bind.policy_digest or ""),
        config_digest=intern(bind.config_digest or ""),
        version=intern(bind.version),
        statement=sharing.text(given.statement),
        evidence_url=sharing.text(given.evidence_url or ""),
        evidence_sha256=given.evidence_sha256 or "",
        by=intern(given.by),
        approved_by=intern(given.approved_by),
        at=sharing.moment(given.at),
        expires_at=None if given.expires_at is None else sharing.moment(given.expires_at),
        run_id=sharing.text(given.run_id),
        counts=sharing.counts(given.counts),
        reason=given.reason,
    )


def record_schema() -> dict[str, Any]:
    """Draft 2020-12. What must be there lest the record be invalid by name is required here too."""
    schema = RecordDocument.model_json_schema()
    schema["required"] = [*schema["required"], "by", "expires_at"]
    return {"$schema": DIALECT, "$id": PREDICATE_TYPE, **schema}
