"""A record: what people or a pipeline say of a control."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

from probes.controls.catalogue.control import UnknownReason
from probes.controls.catalogue.terms import Bind, RecordKind, Scope
from probes.controls.evidence import AgentRef

HOLDS_AFTER_REVISION = 30 * 86400.0
"""Seconds that records hold on after the meaning of their control changed."""

Verified: TypeAlias = Literal["signature", "source", "none"]
"""How it is known who wrote a record: by a signature, by where it stands and who may write there, or not at all."""


class WaiverReason(StrEnum):
    """Why a control need not be met for a while."""

    ACCEPTED_RISK = "accepted-risk"
    COMPENSATING_CONTROL = "compensating-control"
    FALSE_POSITIVE = "false-positive"
    PLANNED_FIX = "planned-fix"
    NOT_SUPPORTED = "not-supported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record as it was written. Times are Unix seconds."""

    id: str  # where it stands: `file:/etc/records/prod.yaml:12`, `configmap:records/prod/search.yaml:1`
    source: str = ""  # the file or ConfigMap: what authorities name
    kind: RecordKind
    control: str
    revision: int
    environment: str
    namespace: str = ""
    agents: tuple[str, ...] = ()
    scope: Scope | None = None  # namespace or fleet, instead of agents
    image_digests: frozenset[str] = frozenset()
    policy_digest: str = ""
    config_digest: str = ""
    version: str = ""  # a pattern of versions of the agent, such as `2.*`; "": any
    statement: str = ""
    evidence_url: str = ""
    evidence_sha256: str = ""
    by: str = ""
    approved_by: str = ""
    at: float  # of a pipeline's result: when it ran
    expires_at: float | None
    run_id: str = ""
    counts: Mapping[str, float] = field(default_factory=dict)
    reason: WaiverReason | None = None
    verified: Verified = "none"
    signers: frozenset[str] = frozenset()  # names of the keys whose signature is right
    gone: UnknownReason | None = None  # it was seen, and does not stand there now: taken away, or its source is silent

    def concerns(self, agent: AgentRef) -> bool:
        """Whether it speaks of this agent; names are compared as wholes."""
        if self.scope is Scope.FLEET:
            return True
        return self.namespace == agent.namespace and (self.scope is Scope.NAMESPACE or agent.agent in self.agents)

    def digests(self, bind: Bind) -> frozenset[str]:
        """What it is bound to."""
        if bind is Bind.IMAGE_DIGEST:
            return self.image_digests
        one = self.policy_digest if bind is Bind.POLICY_DIGEST else self.config_digest
        return frozenset({one} if one and bind is not Bind.NONE else ())

    def is_for(self, version: str) -> bool:
        """Whether it speaks of this version of the agent."""
        return not self.version or fnmatchcase(version, self.version)
