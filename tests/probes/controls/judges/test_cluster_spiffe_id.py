"""What ClusterSPIFFEIDs say of pods: attested by their own marks or not, selected at all, federated."""

import pytest

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import (
    AgentConfigFile,
    AgentObjects,
    IdentityEntries,
    IdentityEntry,
    Missing,
    Pod,
    Seen,
    Spoken,
)
from probes.controls.evidence.gathered import NOT_GIVEN
from tests.probes.controls.judges.known.pods import port
from tests.probes.controls.judges.kubernetes_object.objects import listing
from tests.probes.controls.judges.kubernetes_pod.pods import finding, pod
from tests.probes.controls.made import NOW

ATTESTED = "security.identity.workload-attestation-configured"
CREATED, BUNDLES = "security.identity.registration-entries-created", "security.identity.trust-bundles-configured"
SPEC = "{serviceAccountName: search, containers: [{name: agent}]}"
BOTH = IdentityEntry("agents", names_namespace=True, names_workload=True)


def with_entries(*entries: IdentityEntry, unread: str = "", **sources: Seen[object] | Missing) -> Pod:
    """A pod with these."""
    found = {SourceName.CLUSTER_SPIFFE_ID: Seen(IdentityEntries(entries, unread), NOW, "clusterspiffeids")}
    return pod(SPEC, sources=found | {SourceName(key): each for key, each in sources.items()})


@pytest.mark.parametrize(
    ("made", "state", "message"),
    [
        (with_entries(BOTH), "pass", "Each entry of the pod names a namespace, and labels or a service account."),
        (
            with_entries(BOTH, IdentityEntry("all", names_namespace=False, names_workload=False)),
            "fail",
            "ClusterSPIFFEID all has an empty selector: every pod gets its identity.",
        ),
        (
            with_entries(IdentityEntry("all", names_namespace=True, names_workload=False)),
            "unknown",
            "ClusterSPIFFEID all selects its pods without labels or a service account.",
        ),
        (with_entries(), "unknown", "No ClusterSPIFFEID selects the pod."),
        (with_entries(unread="podSelector: odd"), "unknown", "Its entries are not known in full: podSelector: odd."),
    ],
    ids=["both", "empty", "no labels", "none", "unread"],
)
def test_entries_tell_how_a_pod_is_attested(made: Pod, state: str, message: str) -> None:
    found = finding(ATTESTED, made)
    assert (found.state, message in found.message) == (state, True), found


@pytest.mark.parametrize("reason", [UnknownReason.NOT_ENABLED, UnknownReason.FORBIDDEN, UnknownReason.SOURCE_MISSING])
def test_entries_that_are_not_read_decide_nothing(reason: UnknownReason) -> None:
    made = pod(SPEC, sources={SourceName.CLUSTER_SPIFFE_ID: Missing(reason, "Not read.")})
    found = finding(ATTESTED, made)
    assert (found.state, found.reason) == ("unknown", reason)


def test_a_pod_that_serves_no_identity_and_that_nothing_selects_has_no_entry() -> None:
    plain = Seen(port(uris=()), NOW, "pod")
    assert finding(CREATED, with_entries(handshake=plain)).state == "fail"
    assert finding(CREATED, with_entries(BOTH, handshake=plain)).state != "fail"
    assert finding(CREATED, with_entries(unread="x", handshake=plain)).state != "fail"
    plaintext = Seen(port(uris=None, spoken=Spoken.PLAIN), NOW, "pod")
    assert finding(CREATED, with_entries(handshake=plaintext)).state == "fail"
    served = Seen(port(), NOW, "pod")
    assert finding(CREATED, with_entries(handshake=served)).state != "fail"


def test_a_trust_domain_that_is_allowed_and_not_federated_is_told() -> None:
    document = {"agent": {"trust_domain": "a.org"}, "identity": {"allowed_trust_domains": ["a.org", "b.org", "c.org"]}}
    config = Seen(AgentConfigFile(document, {("identity",): 3}, "1.0.0", in_place=True), NOW, "c")

    def judged(*bodies: str, lacks: Missing | None = None, of: Pod | None = None) -> tuple[str, str]:
        listings = {"ClusterFederatedTrustDomain": listing(*bodies, lacks=lacks)}
        objects = Seen(AgentObjects(NOT_GIVEN, NOT_GIVEN, listings), NOW, "")
        sources = {SourceName.AGENT_CONFIG: config, SourceName.KUBERNETES_OBJECT: objects}
        found = finding(BUNDLES, of or with_entries(BOTH), sources=sources)
        if found.state == "fail":
            assert "c:3" in {each.ref for each in found.evidence}
        return found.state, found.message

    without_entries = pod(SPEC)
    assert judged("{spec: {trustDomain: b.org}}", of=without_entries)[0] == "fail"
    assert judged("{spec: {trustDomain: b.org}}", "{spec: {trustDomain: c.org}}", of=without_entries)[0] == "unknown"
    assert judged(lacks=Missing(UnknownReason.FORBIDDEN, "No."), of=without_entries)[0] == "unknown"
    state, message = judged("{spec: {trustDomain: b.org}}")
    told = "The config allows the trust domain c.org, and no ClusterFederatedTrustDomain has its bundle."
    assert (state, message) == ("fail", told)
    assert judged("{spec: {trustDomain: b.org}}", "{spec: {trustDomain: c.org}}")[0] == "unknown"
    assert judged(lacks=Missing(UnknownReason.FORBIDDEN, "No."))[0] == "unknown"
