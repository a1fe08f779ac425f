"""Which questions is an OPA asked, and what must it answer?"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from probes.contract import Target
from probes.contract.spiffe_id import parse_spiffe_id
from probes.readings.decision import Expected

MARK = "__agentweave_watch_canary__"
"""The action of the built-in canaries, by which decision logs can drop them."""

_PLACEHOLDER = re.compile(r"\$\{([a-z_]+)\}")
_OFFERED = ("spiffe_id", "agent", "namespace")


class Canary(BaseModel):
    """A question of the operator's, whose right answer is known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        pattern=r"^[^\x00-\x1f\x7f]+$", max_length=63, description="name of the canary, in metrics and evidence"
    )
    agents: tuple[str, ...] = Field(default=(), description="agents for which it is asked; left out: all")
    expect: Literal["allow", "deny"] = Field(description="what OPA must decide")
    input: dict[str, JsonValue] = Field(
        description="the `input` of the question; `${spiffe_id}`, `${agent}` and `${namespace}` are filled in"
    )

    @field_validator("input")
    @classmethod
    def _can_be_sent(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        unknown = sorted(set(_PLACEHOLDER.findall(json.dumps(value, allow_nan=False))) - set(_OFFERED))
        if unknown:
            msg = f"expected only ${{spiffe_id}}, ${{agent}} or ${{namespace}}, got ${{{unknown[0]}}}"
            raise ValueError(msg)
        return value


@dataclass(frozen=True, slots=True)
class Question:
    """A canary as the source asks it, its input not filled in yet."""

    canary: str
    expected: Expected
    template: str  # JSON of the whole request
    agents: tuple[str, ...] = ()
    needs: frozenset[str] = field(init=False)  # the placeholders in the template

    def __post_init__(self) -> None:
        """Look for placeholders once, not at each look."""
        object.__setattr__(self, "needs", frozenset(_PLACEHOLDER.findall(self.template)))

    def asked_of(self, target: Target) -> bool:
        """Whether this target's agent is one that it is meant for."""
        return not self.agents or target.key.agent in self.agents

    def body(self, facts: Mapping[str, str]) -> bytes | None:
        """The request for a target with these facts; None where it needs a SPIFFE ID and the target has none."""
        if not self.needs <= facts.keys():
            return None
        return _filled(self.template, tuple((name, facts[name]) for name in self.needs))


def question(canary: Canary) -> Question:
    """The operator's canary, to be asked."""
    return Question(canary.name, Expected(canary.expect), _template(canary.input), canary.agents)


def _template(given: Mapping[str, JsonValue]) -> str:
    return json.dumps({"input": given}, separators=(",", ":"))


def facts_of(target: Target) -> Mapping[str, str]:
    """What can be filled in."""
    known = {"agent": target.key.agent, "namespace": target.key.namespace, "trust_domain": "callee.invalid"}
    if target.spiffe_ids:
        known["spiffe_id"] = target.spiffe_ids[0]
        if parsed := parse_spiffe_id(target.spiffe_ids[0]):
            known["trust_domain"] = parsed.trust_domain
    return known


@lru_cache(maxsize=4096)
def _filled(template: str, facts: tuple[tuple[str, str], ...]) -> bytes:
    # The template is JSON text already, so what is filled into its strings is written as JSON writes it.
    written = {name: json.dumps(value)[1:-1] for name, value in facts}
    return _PLACEHOLDER.sub(lambda match: written[match[1]], template).encode()


_CALLER = "spiffe://canary.invalid/agent/orchestrator"
_CALLEE = "spiffe://${trust_domain}/agent/worker"
# All names that AgentWeave's SDK sends or its published policies read; with paths that they let pass by substring.
_FOREIGN: dict[str, JsonValue] = {
    "caller_spiffe_id": _CALLER,
    "caller_trust_domain": "canary.invalid",
    "caller": _CALLER,
    "resource_spiffe_id": _CALLEE,
    "resource_trust_domain": "${trust_domain}",
    "resource": _CALLEE,
    "callee_spiffe_id": _CALLEE,
    "callee_trust_domain": "${trust_domain}",
    "callee": _CALLEE,
    "action": MARK,
    "method": MARK,
    "capability": MARK,
    "context": {"request_id": MARK},
}

BUILTIN = (
    Question("foreign-caller", Expected.DENY, _template(_FOREIGN)),
    Question("empty-input", Expected.NOT_ALLOW, _template({})),
)
"""Asked of every OPA unless switched off."""

REACHABILITY = Question("", Expected.ANY, _template({}))
"""Asked where no canary is: whether a decision can be had at all."""
