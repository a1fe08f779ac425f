"""The object of one agent: which kind it is, and what stands in it. Pure.

pass, attested -> pass; fail -> fail, or warn where it is not required; unknown, expired -> error; waived -> warn;
not_applicable -> skip. What would turn a figure in a sentence is no news, so the digest leaves sentences out.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from probes.controls.catalogue.control import Control
from probes.controls.evidence import AgentRef
from probes.controls.finding import Finding, State
from watcher.checklist.agent_report import AgentReport
from watcher.checklist.reports.standing import standing_digest
from watcher.checklist.reports.wording import record_properties, why
from watcher.text.printable import printable

MANAGED_BY, MANAGER = "app.kubernetes.io/managed-by", "agentweave-watcher"
AGENT, READINESS, DIGEST = "agentweave.io/agent", "agentweave.io/readiness", "agentweave.io/report-digest"

_POLICY = "agentweave-production-readiness"
_LONGEST, _LONGEST_PROPERTY = 400, 200
_RESULTS = ("pass", "fail", "warn", "error", "skip")
_RESULT = {
    State.PASS: "pass",
    State.ATTESTED: "pass",
    State.FAIL: "fail",
    State.UNKNOWN: "error",
    State.EXPIRED: "error",
    State.WAIVED: "warn",
    State.NOT_APPLICABLE: "skip",
}
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_LONGEST_NAME = 200


class ReportKind(NamedTuple):
    """A kind of report objects, as the API server serves it."""

    group: str
    version: str
    plural: str
    name: str

    def path(self, namespace: str) -> str:
        """Where those of a namespace stand."""
        return f"/apis/{self.group}/{self.version}/namespaces/{namespace}/{self.plural}"


KINDS = (
    ReportKind("openreports.io", "v1alpha1", "reports", "Report"),
    ReportKind("wgpolicyk8s.io", "v1alpha2", "policyreports", "PolicyReport"),
    ReportKind("wgpolicyk8s.io", "v1beta1", "policyreports", "PolicyReport"),
)
"""Those that are understood, the first that is installed counts."""


class Owner(NamedTuple):
    """What makes the pods of an agent: when it is gone, the cluster removes the report."""

    version: str
    kind: str
    name: str
    uid: str


def name_of(ref: AgentRef, suffix: str = "") -> str:
    """Of the object; a name that no object can have is told by its digest. `suffix`: of a shard."""
    if len(ref.agent) <= _LONGEST_NAME and _NAME.fullmatch(ref.agent):
        return f"agentweave-{ref.agent}{suffix}"
    digest = hashlib.sha256(ref.agent.encode(errors="replace")).hexdigest()[:16]
    return f"agentweave-agent-{digest}{suffix}"


def report_object(
    kind: ReportKind, agent: AgentReport, controls: Mapping[str, Control], owners: Sequence[Owner], suffix: str = ""
) -> dict[str, Any]:
    """The whole object, ready to be sent."""
    required = agent.required
    results = [_result(each, controls[each.control], required=each.control in required) for each in agent.leaves]
    counted = Counter(str(each["result"]) for each in results)
    metadata: dict[str, Any] = {
        "name": name_of(agent.ref, suffix),
        "namespace": agent.ref.namespace,
        "labels": {MANAGED_BY: MANAGER},
        "annotations": {
            AGENT: printable(agent.ref.agent),
            READINESS: str(agent.readiness.verdict),
            DIGEST: standing_digest(agent, owners),
        },
        "ownerReferences": [
            {"apiVersion": each.version, "kind": each.kind, "name": each.name, "uid": each.uid} for each in owners
        ],
    }
    return {
        "apiVersion": f"{kind.group}/{kind.version}",
        "kind": kind.name,
        "metadata": metadata,
        **({"source": MANAGER} if kind is KINDS[0] else {}),
        **({"scope": _scope(agent.ref, owners[0])} if owners else {}),
        "summary": {each: counted[each] for each in _RESULTS},
        "results": results,
    }


def _scope(ref: AgentRef, owner: Owner) -> Mapping[str, str]:
    about = {"apiVersion": owner.version, "kind": owner.kind, "name": owner.name, "uid": owner.uid}
    return {**about, "namespace": ref.namespace}


def _result(finding: Finding, control: Control, *, required: bool) -> dict[str, Any]:
    result = "warn" if finding.state is State.FAIL and not required else _RESULT[finding.state]
    properties = {"state": finding.state, "required": str(required).lower(), "owner": str(control.owner)}
    properties |= {"reason": finding.reason} if finding.reason else {}
    properties |= {"assurance": str(finding.assurance)} if finding.assurance else {}
    properties |= record_properties(finding)
    return {
        "policy": _POLICY,
        "rule": finding.control,
        "category": control.section,
        "severity": str(control.severity),
        "source": MANAGER,
        "result": result,
        "scored": required,
        "message": _short(why(finding), _LONGEST),
        "timestamp": {"seconds": round(finding.since), "nanos": 0},
        "properties": {name: _short(value, _LONGEST_PROPERTY) for name, value in properties.items()},
    }


def _short(text: str, most: int) -> str:
    text = printable(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"
