"""What is a control? One line of the checklist, with what proves it, what refutes it and how to mend it."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from probes.contract import Seconds
from probes.controls.catalogue.counts import Rule
from probes.controls.catalogue.terms import (
    Absent,
    AttestableWhen,
    Automation,
    Bind,
    FailReason,
    MembersCounted,
    OptIn,
    Owner,
    RecordKind,
    Scope,
    Severity,
)

_STRICT = ConfigDict(extra="forbid")  # a misspelt key is a mistake
_Sentence = Annotated[str, Field(min_length=12, max_length=600)]
_Id = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)+$")]


class SourceName(StrEnum):
    """Where evidence comes from: the closed list. `evidence/` has the type of what each one gives."""

    KUBERNETES_POD = "kubernetes_pod"  # live pods of the agent, as admitted, with their status
    KUBERNETES_OBJECT = "kubernetes_object"  # other objects of the cluster, or of the manifests given; never Secrets
    AGENT_CONFIG = "agent_config"  # the agent's own config.yaml
    HANDSHAKE = "handshake"  # the leaf and chain served on the mTLS port
    TLS_POSTURE = "tls_posture"  # further handshakes on purpose: versions, suites, no certificate, hostile ones
    HEALTH = "health"  # GET of /health, of a probe's path or of the agent card
    AGENT_METRICS = "agent_metrics"  # the agent's metrics page
    OPA = "opa"  # OPA's REST API: canaries, status, policies, config
    WORKLOAD_API = "workload_api"  # the watcher's own SVID and bundles
    CLUSTER_SPIFFE_ID = "cluster_spiffe_id"  # ClusterSPIFFEID and its kin
    HISTORY = "history"  # what the watcher itself saw over time
    CONDITIONS = "conditions"  # the watcher's own conditions of the same pods
    PROMETHEUS = "prometheus"  # rules, targets, queries
    ALERTMANAGER = "alertmanager"  # status, receivers, alerts, metrics
    LOGS = "logs"  # sampled lines, judged in memory, never kept
    TRACES = "traces"  # Jaeger or Tempo search
    SCANNER_REPORT = "scanner_report"  # reports that other scanners left in the cluster
    RECORD = "record"  # what people or pipelines say
    DOCUMENT_LINK = "document_link"  # GET of a link in a record
    ROLLOUT = "rollout"  # the rollouts that the watcher saw


PROBED = frozenset(
    {
        SourceName.HANDSHAKE,
        SourceName.TLS_POSTURE,
        SourceName.HEALTH,
        SourceName.AGENT_METRICS,
        SourceName.OPA,
        SourceName.WORKLOAD_API,
        SourceName.DOCUMENT_LINK,
    }
)
"""Sources that are asked over the network: one bad look may be an accident, so some controls want two in a row."""


Proves = Literal["pass", "fail"]
"""What a piece of evidence can prove."""


class Assurance(StrEnum):
    """How good the evidence of a pass is, best first."""

    OBSERVED = "observed"  # seen at work
    REPORTED = "reported"  # another system says so
    DECLARED = "declared"  # a config says so

    @property
    def rank(self) -> int:
        """0 is the best."""
        return _ASSURANCES[self]


_ASSURANCES = {each: number for number, each in enumerate(Assurance)}


class UnknownReason(StrEnum):
    """Why nothing can be said; where several hold, the first of this order is told."""

    SOURCE_MISSING = "SourceMissing"  # not configured, not installed, or not part of what was given
    NOT_ENABLED = "NotEnabled"  # the operator has not turned this evidence on
    FORBIDDEN = "Forbidden"  # 401 or 403
    UNREACHABLE = "Unreachable"
    STALE = "Stale"  # older than its max_age
    NO_DATA = "NoData"  # too few samples
    UNPARSEABLE = "Unparseable"
    OBSERVING = "Observing"  # not watched for long enough, or one bad look of two
    SETTLING = "Settling"  # inside the window of a rollout
    DECLARED_ONLY = "DeclaredOnly"  # a config says yes, and nothing observed it
    KEY_NOT_EFFECTIVE = "KeyNotEffective"  # the SDK version does not use the config key
    NOT_LOADED = "NotLoaded"  # the process started before the config was there
    NO_POLICY = "NoPolicy"  # the operator gave no list, canary or expected ID to compare with
    ATTESTATION_MISSING = "AttestationMissing"
    RECORD_REMOVED = "RecordRemoved"
    EVALUATOR_ERROR = "EvaluatorError"  # a fault of the watcher

    @property
    def rank(self) -> int:
        """0 is told first."""
        return _REASONS[self]


_REASONS = {each: number for number, each in enumerate(UnknownReason)}


class FactKey(StrEnum):
    """A fact without which a control does not apply."""

    NEEDS_SECRETS = "agent.needs_secrets"
    NEEDS_STARTUP_PROBE = "agent.needs_startup_probe"
    ROLLED_BACK = "rollout.rolled_back"


@dataclass(frozen=True, slots=True)
class SeedLine:
    """Where a control stands in the checklist, in its own words."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    section: str  # headings, joined by " / "
    item: str


@dataclass(frozen=True, slots=True)
class EvidenceSpec:
    """One piece of evidence that a control is judged from. A control names each source once."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    source: SourceName
    what: Annotated[str, Field(min_length=4, max_length=400)]
    proves: Annotated[frozenset[Proves], Field(min_length=1)]
    absent: Absent
    max_age: Seconds | None  # None: as long as the record is valid, or the rollout is the newest
    assurance: Assurance


@dataclass(frozen=True, slots=True)
class RecordSpec:
    """Which records count for a control."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    kinds: Annotated[tuple[RecordKind, ...], Field(min_length=1)]
    max_validity: Seconds
    bind: Bind
    counts: tuple[Rule, ...] = ()  # the numbers that a pipeline's result brings, and what they must be


@dataclass(frozen=True, slots=True)
class Applicability:
    """The control applies unless this fact is proven false."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    key: FactKey
    words: _Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One line of the checklist. `passes`, `fails` and `unknown` are one sentence each."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    id: _Id
    revision: Annotated[int, Field(ge=1)]  # raised when the meaning changes
    revised: date | None = None  # when it was raised to this one, by UTC; a first one has none
    title: Annotated[str, Field(min_length=3, max_length=90)]
    seed: SeedLine
    severity: Severity
    owner: Owner
    required: bool  # by the checklist's own criteria
    scope: Scope
    automation: Automation
    opt_in: OptIn | None = None
    attestable_when: tuple[AttestableWhen, ...] = ()
    applies_when: Applicability | None = None
    evidence: tuple[EvidenceSpec, ...] = ()
    passes: Annotated[_Sentence, Field(validation_alias="pass")]
    fails: Annotated[_Sentence, Field(validation_alias="fail")]
    unknown: _Sentence
    fail_reasons: tuple[FailReason, ...] = ()
    unknown_reasons: Annotated[tuple[UnknownReason, ...], Field(min_length=1)]
    declared_pass: bool = False  # declared evidence alone may pass: the control is about the config itself
    confirmations: Annotated[int, Field(ge=1, le=2)] = 1  # bad looks in a row of probed evidence until it fails
    record: RecordSpec | None = None
    waivable: bool
    members: tuple[str, ...] = ()
    members_counted: MembersCounted | None = None
    remediation: _Sentence
    limits: _Sentence | None = None

    @property
    def section(self) -> str:
        """The first part of the id."""
        return self.id.partition(".")[0]

    def spec(self, source: SourceName) -> EvidenceSpec | None:
        """What the control says of evidence from this source; None where it is not judged from it."""
        return next((spec for spec in self.evidence if spec.source is source), None)
