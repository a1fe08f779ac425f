"""The records of the agent: what two people attest, and what its pipeline says, signed by the pipeline's key.

Each is bound to what runs, as its control asks, and dated by the moment at which the demo begins.
"""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from probes.contract.units import utc
from probes.controls.catalogue.control import Control
from probes.controls.catalogue.loading import load_catalogue
from probes.controls.catalogue.terms import Bind
from probes.controls.evidence import AgentRef
from probes.controls.records.document import PREDICATE_TYPE
from watcher.demo.stage.pipeline import RESULTS, counts, files

Document = dict[str, Any]

ATTESTING, APPROVING, PIPELINE = "ada@demo.agentweave", "grace@demo.agentweave", "pipeline"
_EVIDENCE = "https://wiki.demo.agentweave"
_DAY = 86400.0
_SEEN = 7 * _DAY
"""Seconds before the demo at which people attested; pipelines ran the day before it."""

_PAYLOAD = "application/vnd.in-toto+json"

ATTESTED: Mapping[str, str] = {
    "security.identity.trust-bundles-configured": "Only the bundle of demo.agentweave is configured.",
    "security.identity.verified-at-startup": "It ends where it gets no SVID; tried with the socket taken away.",
    "security.authz.opa-policies-reviewed": "Read by one who did not write it: only the own domain is let in.",
    "security.authz.audit-logs-secured": "Decisions go to the log store; nobody of the team may delete there.",
    "security.authz.policy-version-controlled": "The policy stands in Git, and two people review each change.",
    "security.authz.emergency-access-documented": "Exercised; the role was taken back after 20 minutes.",
    "security.transport.peer-verification-strict": "A caller of a foreign domain was refused.",
    "security.secrets.access-logged": "The audit log of the API server has each read of a Secret.",
    "reliability.circuit-breaker.threshold-tuned": "Five failures: tried with a callee that fails one call in ten.",
    "reliability.circuit-breaker.recovery-timeout": "30 s: the time that a callee takes to start.",
    "reliability.retry.tuned": "Three attempts end before the caller gives up.",
    "reliability.retry.exponential-backoff": "1 s, 2 s, 4 s: seen in the traces of a callee that was stopped.",
    "reliability.retry.non-retryable-identified": "Refusals are not tried again; there is a test.",
    "reliability.retry.budget": "At most a tenth of all calls are retries; seen in the load test.",
    "observability.metrics.business-exported": "Rankings made, and how many of them were empty.",
    "observability.tracing.sampling-configured": "All requests are traced: there are few of them.",
    "observability.tracing.retention-configured": "14 days, decided by the platform team.",
    "observability.logging.sensitive-redacted": "Queries are not logged; there is a test.",
    "observability.logging.retention-configured": "31 days, decided by the platform team.",
    "observability.alerts.thresholds-tuned": "All alerts of the last quarter were gone through.",
    "observability.alerts.tested": "A test page reached the person on call in 40 s.",
    "deployment.rollback.procedure-documented": "One page; the person on call has read it.",
    "deployment.rollback.previous-version-tagged": "1.9 is in the registry and cannot be overwritten.",
    "deployment.rollback.data-reversible": "It keeps no data.",
    "testing.unit.mocks-used": "Callees are replaced by stubs in unit tests.",
    "documentation.operational.runbooks-created": "There is one for each alert.",
    "documentation.operational.troubleshooting-guide": "Written after the last two incidents.",
    "predeploy.config.security-settings": "The platform's wrapper sets what the SDK does not read.",
    "predeploy.config.tls-version": "The platform's wrapper serves TLS 1.3 alone.",
    "predeploy.config.peer-verification": "The platform's wrapper verifies peers strictly.",
    "predeploy.config.default-action": "The agent always denies where OPA gives no decision.",
}
"""By control, what is attested."""


class RecordWriter:
    """Writes the records of one agent."""

    def __init__(self, agent: AgentRef, now: float, digests: Mapping[Bind, str]) -> None:
        """`now`: Unix seconds; `digests`: of what runs."""
        self._agent, self._now, self._digests = agent, now, digests
        self._controls = load_catalogue().by_id
        self._key = Ed25519PrivateKey.generate()

    def write(self, directory: Path, public_key: Path) -> None:
        """All of them into files of this directory, and the key of the pipeline."""
        key = self._key.public_key()
        public_key.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        (directory / "attestations.yaml").write_text(yaml.safe_dump_all(self.attestations(), sort_keys=False))
        signed = [signed_by(self._key, each) for each in self.results()]
        (directory / "pipeline.yaml").write_text("\n---\n".join(map(json.dumps, signed)))

    def attestations(self) -> Iterator[Document]:
        """What people say."""
        for control, statement in ATTESTED.items():
            yield self._record("attestation", control, self._now - _SEEN) | {
                "statement": statement,
                "evidence_url": f"{_EVIDENCE}/{self._agent.agent}/{control}",
                "by": ATTESTING,
                "approved_by": APPROVING,
            }

    def results(self) -> Iterator[Document]:
        """What the pipeline says, before it is signed."""
        written = files()
        for each in RESULTS:
            run = f"https://ci.demo.agentweave/{self._agent.agent}/runs/812"
            wanted = self._controls[each.control].record
            names = {name for rule in wanted.counts for name in (rule.name, rule.other)} if wanted else set()
            told = {name: value for name, value in counts(each, written).items() if name in names}
            yield self._record("pipeline", each.control, self._now - _DAY) | {
                "evidence_url": run,
                "by": PIPELINE,
                "run_id": run,
                "counts": told,
            }

    def _record(self, kind: str, control: str, at: float) -> Document:
        found = self._controls[control]
        return {
            "kind": kind,
            "control": control,
            "revision": found.revision,
            "environment": "production",
            "namespace": self._agent.namespace,
            "agents": [self._agent.agent],
            **self._bound(found),
            "at": utc(at),
            "expires_at": utc(at + (found.record.max_validity if found.record else 0.0)),
        }

    def _bound(self, control: Control) -> Document:
        bind = control.record.bind if control.record is not None else Bind.NONE
        if bind is Bind.IMAGE_DIGEST:
            return {"bind": {"image_digests": [self._digests[bind]]}}
        return {} if bind is Bind.NONE else {"bind": {str(bind): self._digests[bind]}}


def signed_by(key: Ed25519PrivateKey, record: Document) -> Document:
    """A record as an in-toto statement in a DSSE envelope."""
    images = record.get("bind", {}).get("image_digests", [])
    subjects = [{"name": "image", "digest": {"sha256": each.removeprefix("sha256:")}} for each in images]
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": PREDICATE_TYPE,
        "predicate": record,
    }
    payload = json.dumps(statement).encode()
    pae = b"DSSEv1 %d %s %d %s" % (len(_PAYLOAD), _PAYLOAD.encode(), len(payload), payload)
    signature = b64encode(key.sign(pae)).decode()
    return {"payloadType": _PAYLOAD, "payload": b64encode(payload).decode(), "signatures": [{"sig": signature}]}
