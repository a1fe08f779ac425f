"""Reports of scanners as they are taken in, and what controls make of them: only what is about the running digest."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentRef, EvidenceSet, Missing
from probes.controls.finding import Finding
from probes.controls.judging import Facts, load_judges
from probes.controls.sdk.loading import load_sdk_facts
from probes.controls.verdict.control import judge_control
from tests.checklist.live.kubernetes.scanners import (
    IMAGE_ID,
    NAMESPACE,
    OTHER,
    RUNNING,
    bill,
    report,
    verified,
    vulnerabilities,
)
from tests.discovery.pods.test_target import POD
from tests.probes.controls.made import CATALOGUE, DAY, NOW
from watcher.checklist.live.kubernetes.objects.followed import Followed
from watcher.checklist.live.kubernetes.objects.kinds import Group
from watcher.checklist.live.kubernetes.objects.report_kinds import report_kinds
from watcher.checklist.live.kubernetes.reports.evidence import reports_of
from watcher.checklist.live.kubernetes.reports.reduced import sbom_report, vulnerability_report
from watcher.discovery.pod.kept.pod import keep_pod
from watcher.discovery.pod.pod import read_pod
from watcher.discovery.pods.scope import SeenPod
from watcher.kube.access import Access
from watcher.kube.errors import RefusedError
from watcher.kube.list_watch import Patience
from watcher.kube.objects import MALFORMED_OBJECT

AGENT = AgentRef(NAMESPACE, "example-agent")
SCANNED, CRITICAL, SIGNED = (f"deployment.image.{each}" for each in ("scanned", "no-critical-vulns", "signed"))
SBOM, MINIMAL = "deployment.image.sbom-generated", "deployment.image.base-minimal"
DEPENDENCIES, SECRETS = "testing.security.dependency-scan", "security.secrets.none-in-code"
IMAGE = "registry.example.org/agentweave/example-agent:1.0.0"
BAD = {"vulnerabilityID": "CVE-2026-1", "severity": "CRITICAL", "fixedVersion": "2.0", "class": "lang-pkgs"}
OPEN = {"vulnerabilityID": "CVE-2026-2", "severity": "CRITICAL", "packagePURL": "pkg:deb/debian/openssl@3"}
HIGH = {"vulnerabilityID": "CVE-2026-3", "severity": "HIGH", "fixedVersion": "1.1\n<b>", "class": "lang-pkgs"}


def running(digest: str = RUNNING) -> SeenPod:
    """A pod of one container that runs this."""
    status: dict[str, Any] = {"name": "agent", "state": {}, "restartCount": 0}
    status["imageID"] = f"registry.example.org/agentweave/example-agent@{digest}" if digest else ""
    spec = POD["spec"] | {"initContainers": [], "containers": [{"name": "agent", "image": IMAGE}]}
    raw = POD | {"spec": spec, "status": POD["status"] | {"containerStatuses": [status]}}
    return SeenPod(read_pod(raw), kept=keep_pod(raw))


def followed(
    *reports: Mapping[str, Any], without: tuple[str, ...] = (), groups: tuple[Group, ...] = (Group.REPORTS,)
) -> Followed:
    """All kinds of reports, listed; those `without` have no CRD."""
    kinds = report_kinds()
    made = Followed(
        Access(None), kinds, groups, [""], lambda: NOW, float, lambda low, _: low, lambda _: None, Patience()
    )
    for each in made.every([kind.name for kind in kinds]):
        if each.kind.name in without:
            each.not_there(understood=True)
            continue
        each.answered()
        for raw in reports:
            if raw["kind"] == each.kind.name:
                each.put({**raw, "metadata": raw["metadata"] | {"uid": raw["metadata"]["name"]}})
    return made


def finding(
    control: str, *reports: Mapping[str, Any], of: Followed | None = None, pod: SeenPod | None = None
) -> Finding:
    """What is found of the agent by these reports."""
    seen = reports_of(AGENT, [pod or running()], of or followed(*reports))
    evidence = EvidenceSet(AGENT, {SourceName.SCANNER_REPORT: seen})
    found = judge_control(CATALOGUE.by_id[control], evidence, Facts(now=NOW, sdk=load_sdk_facts()), load_judges())
    if found.state == "unknown":
        assert found.reason in CATALOGUE.by_id[control].unknown_reasons, found
    return found


@pytest.mark.parametrize(
    ("control", "reports", "said"),
    [
        (
            SCANNED,
            [vulnerabilities(at=NOW)],
            "pass: The image of container agent was scanned: no critical vulnerability has a fixed version.",
        ),
        (
            SCANNED,
            [vulnerabilities(OPEN, at=NOW)],
            "pass: The image of container agent was scanned: no critical vulnerability has a fixed version.",
        ),
        (
            SCANNED,
            [vulnerabilities(BAD, OPEN, HIGH, at=NOW)],
            (
                "fail Violated: 1 critical vulnerabilities of container agent have a fixed "
                "version: CVE-2026-1 (fixed in 2.0), CVE-2026-2, CVE-2026-3 (fixed in 1.1?<b>)."
            ),
        ),
        (CRITICAL, [vulnerabilities(at=NOW)], "pass: Container agent has no critical and no high vulnerability."),
        (
            CRITICAL,
            [vulnerabilities({"severity": "UNKNOWN"}, at=NOW)],
            "pass: Container agent has no critical and no high vulnerability, 1 without a severity.",
        ),
        (
            CRITICAL,
            [vulnerabilities(OPEN, HIGH, at=NOW)],
            (
                "fail Violated: Container agent has 1 critical and 1 high vulnerabilities: "
                "CVE-2026-2, CVE-2026-3 (fixed in 1.1?<b>)."
            ),
        ),
        (
            DEPENDENCIES,
            [vulnerabilities(BAD, at=NOW)],
            "fail Violated: 1 critical vulnerabilities are in language packages of container agent.",
        ),
        (
            DEPENDENCIES,
            [vulnerabilities(OPEN, HIGH, at=NOW)],
            "pass: The language packages of container agent have no critical vulnerability.",
        ),
        (
            DEPENDENCIES,
            [vulnerabilities(OPEN, at=NOW), bill("pkg:pypi/httpx@1", at=NOW)],
            "pass: The language packages of container agent have no critical vulnerability.",
        ),
        (
            DEPENDENCIES,
            [vulnerabilities(at=NOW)],
            (
                "unknown NoData: No report names a language package of container agent, so it is "
                "not known whether they were scanned."
            ),
        ),
        (
            DEPENDENCIES,
            [vulnerabilities({"severity": "CRITICAL"}, at=NOW)],
            (
                "unknown Unparseable: The report on container agent does not say which of its "
                "vulnerabilities are in language packages."
            ),
        ),
        (
            SBOM,
            [bill("pkg:pypi/httpx@1", "pkg:deb/debian/libc6@2", at=NOW)],
            "pass: The SBOM of container agent lists 2 components (CycloneDX).",
        ),
        (SBOM, [bill(at=NOW)], "fail Violated: The SBOM of container agent lists no component."),
        (
            SECRETS,
            [report("ExposedSecretReport", at=NOW, summary={"criticalCount": 1, "highCount": 2})],
            "fail Refuted: A scanner found 3 secrets of high severity in the image of container agent.",
        ),
        (
            SECRETS,
            [report("ExposedSecretReport", at=NOW)],
            "unknown AttestationMissing: There is no valid pipeline record.",
        ),
        (
            MINIMAL,
            [vulnerabilities(at=NOW, os={"family": "debian", "name": "9", "eosl": True})],
            "fail Refuted: The system of container agent (debian) is past its end of life.",
        ),
        (
            MINIMAL,
            [vulnerabilities(at=NOW), bill(*(f"pkg:deb/debian/p{n}@1" for n in range(301)), at=NOW)],
            "fail Refuted: Container agent has 301 packages of its operating system, over 300.",
        ),
        (MINIMAL, [vulnerabilities(at=NOW)], "unknown AttestationMissing: There is no valid attestation record."),
    ],
)
def test_a_fresh_report_of_the_running_digest_decides(control: str, reports: list[dict[str, Any]], said: str) -> None:
    found = finding(control, *reports)
    assert f"{f'{found.state} {found.reason}'.strip()}: {found.message}" == said


@pytest.mark.parametrize(
    ("made", "pod", "said"),
    [
        (followed(), running(), "NoData: There is no VulnerabilityReport of the image that container agent runs."),
        (
            followed(vulnerabilities(at=NOW, digest=OTHER)),
            running(),
            (
                "NoData: The VulnerabilityReports of agentweave/example-agent are not about the "
                "digest that container agent runs."
            ),
        ),
        (
            followed(vulnerabilities(at=NOW - 365 * DAY)),
            running(),
            "Stale: The report on container agent is 365 days old, over 7.",
        ),
        (
            followed(vulnerabilities(at=NOW + DAY)),
            running(),
            "Unparseable: The report on container agent is dated in the future.",
        ),
        (
            followed(vulnerabilities(at=NOW)),
            running(""),
            "NoData: The kubelet has not reported which image container agent runs.",
        ),
        (
            followed(without=("VulnerabilityReport",)),
            running(),
            "SourceMissing: The cluster has no CRD of VulnerabilityReport objects.",
        ),
        (
            followed(without=tuple(kind.name for kind in report_kinds())),
            running(),
            "SourceMissing: The cluster has no CRDs of Trivy-operator or of a policy engine.",
        ),
        (
            followed(groups=()),
            running(),
            "NotEnabled: Reports of scanners are not read: checklist.kubernetes.reports is off.",
        ),
    ],
)
@pytest.mark.parametrize("control", [SCANNED, CRITICAL, DEPENDENCIES])
def test_no_report_of_the_running_digest_is_unknown_and_never_a_clean_one(
    control: str, made: Followed, pod: SeenPod, said: str
) -> None:
    found = finding(control, of=made, pod=pod)
    assert (found.state, f"{found.reason}: {found.message}") == ("unknown", said)


def test_reports_that_may_not_be_listed_are_forbidden_and_their_source_is_down() -> None:
    made = followed()
    for each in made.every([kind.name for kind in report_kinds()]):
        each.failed("403: no", RefusedError(403, "no"))
    found = finding(SCANNED, of=made)
    assert (found.reason, found.message) == ("Forbidden", "Reports of scanners may not be listed.")
    assert made.up()["kubernetes_VulnerabilityReport"] == "Forbidden"


def test_an_image_named_by_a_tag_is_known_by_the_sbom_that_has_its_id_and_its_digest() -> None:
    of_tag = vulnerabilities(BAD, at=NOW, digest=IMAGE_ID)
    assert finding(SCANNED, of_tag).reason == "NoData"
    both = bill("pkg:pypi/a@1", at=NOW, digest=IMAGE_ID, repo_digests=[f"registry.example.org/x@{RUNNING}"])
    assert finding(SCANNED, of_tag, both).reason == "Violated"
    other = bill("pkg:pypi/a@1", at=NOW, digest=IMAGE_ID, repo_digests=[f"registry.example.org/x@{OTHER}"])
    assert finding(SCANNED, of_tag, other).reason == "NoData"


def test_of_several_reports_of_one_image_the_newest_counts_and_of_one_moment_the_worst() -> None:
    old, new = vulnerabilities(BAD, at=NOW - DAY, name="old"), vulnerabilities(at=NOW, name="new")
    assert finding(SCANNED, old, new).state == "pass"
    assert finding(SCANNED, vulnerabilities(BAD, at=NOW, name="a"), new).state == "fail"


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ([{"result": "pass", "message": f"verified image signatures for {IMAGE}"}], "pass"),
        ([{"result": "pass", "message": f"verified image signatures for {IMAGE} (cached)"}], "pass"),
        (
            [{"result": "fail", "message": f"failed to verify image {IMAGE}: .attestors[0]: no signatures found"}],
            "fail Violated",
        ),
        ([{"result": "error", "message": f"failed to verify image {IMAGE}: dial tcp: i/o timeout"}], "unknown NoData"),
        (
            [{"result": "pass", "message": "verified image signatures for registry.example.org/other:1.0.0"}],
            "unknown NoData",
        ),
        ([{"result": "pass", "message": "validation rule 'verify-image-tag' passed."}], "unknown NoData"),
        ([{"result": "pass", "source": "KyvernoImageValidatingPolicy", "message": "success"}], "unknown NoData"),
        ([{"result": "fail", "source": "KyvernoImageValidatingPolicy", "message": "no"}], "fail Violated"),
        (
            [{"result": "pass", "source": "somebody", "message": f"verified image signatures for {IMAGE}"}],
            "unknown NoData",
        ),
        (
            [
                {
                    "result": "pass",
                    "message": f"verified image signatures for {IMAGE}",
                    "timestamp": {"seconds": int(NOW - 30 * DAY)},
                }
            ],
            "unknown Stale",
        ),
    ],
)
def test_a_signature_is_good_where_kyverno_says_so_of_this_very_image(results: list[dict[str, Any]], said: str) -> None:
    pod = running()
    found = finding(SIGNED, verified(*results, pod=pod.pod.name, uid=pod.pod.uid), pod=pod)
    assert f"{found.state} {found.reason}".strip() == said, found


def test_a_signature_by_a_tag_under_which_pods_run_several_images_proves_nothing() -> None:
    result, pod = {"result": "pass", "message": f"verified image signatures for {IMAGE}"}, running()
    told = verified(result, pod=pod.pod.name, uid=pod.pod.uid)
    seen = reports_of(AGENT, [pod, running(OTHER)], followed(told))
    evidence = EvidenceSet(AGENT, {SourceName.SCANNER_REPORT: seen})
    found = judge_control(CATALOGUE.by_id[SIGNED], evidence, Facts(now=NOW, sdk=load_sdk_facts()), load_judges())
    said = "Pods run several images under the tag of container agent's; which of them was verified is not told."
    assert (found.reason, found.message) == ("NoData", said)


@pytest.mark.parametrize("left", [{}, {"criticalCount": 0}, {"highCount": 0}])
def test_a_report_that_does_not_count_what_is_critical_and_high_is_no_clean_one(left: dict[str, int]) -> None:
    raw = vulnerabilities(at=NOW)
    raw["report"]["summary"] = left
    with pytest.raises(MALFORMED_OBJECT):
        vulnerability_report(raw)


@pytest.mark.parametrize(("count", "is_read"), [(200, True), (201, False)])
def test_an_agent_whose_pods_run_more_images_than_are_judged_is_unknown(count: int, *, is_read: bool) -> None:
    pods = [running(f"sha256:{number:064x}") for number in range(count)]
    seen = reports_of(AGENT, pods, followed(vulnerabilities(at=NOW)))
    assert isinstance(seen, Missing) is not is_read
    if isinstance(seen, Missing):
        assert (seen.reason, seen.message) == ("Unparseable", "Its pods run more than 200 different images.")


def test_a_signature_of_another_pod_of_that_name_proves_nothing() -> None:
    result = {"result": "pass", "message": f"verified image signatures for {IMAGE}"}
    pod = running()
    assert finding(SIGNED, verified(result, pod=pod.pod.name, uid="another"), pod=pod).reason == "NoData"
    assert finding(SIGNED, verified(result, pod="another", uid=pod.pod.uid), pod=pod).reason == "NoData"


def test_a_container_that_is_injected_fails_no_team() -> None:
    seen = reports_of(AGENT, [running()], followed(vulnerabilities(BAD, at=NOW)))
    evidence = EvidenceSet(AGENT, {SourceName.SCANNER_REPORT: seen})
    facts = Facts(now=NOW, sdk=load_sdk_facts(), container_roles={"agent": "sidecar"})
    assert judge_control(CATALOGUE.by_id[SCANNED], evidence, facts, load_judges()).state == "unknown"


def test_a_report_with_a_thousand_vulnerabilities_keeps_counts_and_ten_names() -> None:
    found = [BAD | {"vulnerabilityID": f"CVE-{n:05}", "description": "x" * 1000} for n in range(1000)]
    kept = vulnerability_report(vulnerabilities(*found, at=NOW))
    assert (kept["critical"], kept["fixable"], len(kept["worst"])) == (1000, 1000, 10)
    assert len(json.dumps(kept)) < 1000
    assert "and 6 more" in finding(SCANNED, vulnerabilities(*found, at=NOW)).message


def test_a_report_of_nobody_and_a_secret_in_it_are_not_kept() -> None:
    counts = {"criticalCount": 1, "highCount": 0}
    raw = report("ExposedSecretReport", at=NOW, summary=counts, secrets=[{"match": "AKIAIOSFODNN7EXAMPLE"}])
    seen = reports_of(AGENT, [running()], followed(raw))
    assert not isinstance(seen, Missing)
    assert "AKIA" not in repr(seen)


def test_a_report_that_is_dated_in_the_future_hides_no_other() -> None:
    bad = vulnerabilities({"severity": "CRITICAL", "fixedVersion": "2"}, at=NOW - DAY)
    assert finding(SCANNED, bad, vulnerabilities(at=NOW + DAY, name="two")).state == "fail"


@pytest.mark.parametrize(("control", "severity"), [(SCANNED, "CRITICAL"), (CRITICAL, "CRITICAL"), (CRITICAL, "HIGH")])
def test_a_summary_that_counts_less_than_the_report_lists_is_not_believed(control: str, severity: str) -> None:
    raw = vulnerabilities({"severity": severity, "fixedVersion": "2"}, at=NOW)
    raw["report"]["summary"] = {"criticalCount": 0, "highCount": 0}
    assert finding(control, raw).state == "fail"


def test_secrets_that_are_listed_count_where_the_summary_has_none() -> None:
    listed = report("ExposedSecretReport", at=NOW, secrets=[{"severity": "HIGH", "match": "password=hunter2"}])
    found = finding(SECRETS, listed)
    assert found.state == "fail"
    assert "hunter2" not in repr(found)


def test_a_summary_that_counts_more_than_the_report_lists_proves_no_scan() -> None:
    raw = vulnerabilities(at=NOW)
    raw["report"]["summary"] = {"criticalCount": 2, "highCount": 0}
    found = finding(SCANNED, raw)
    assert (found.reason, found.message) == (
        "Unparseable",
        "The report on container agent counts 2 critical vulnerabilities and does not list them.",
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "report",
                    "summary",
                    "artifact",
                    "digest",
                    "os",
                    "components",
                    "vulnerabilities",
                    "criticalCount",
                    "metadata",
                    "component",
                    "properties",
                    "severity",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


@given(JSON)
def test_whatever_a_report_is_it_is_read_or_malformed(raw: Any) -> None:
    for reduce in (vulnerability_report, sbom_report):
        try:
            reduce({"report": raw})
        except MALFORMED_OBJECT:
            continue


def test_no_pod_is_no_data() -> None:
    seen = reports_of(AGENT, [], followed(vulnerabilities(at=NOW)))
    assert isinstance(seen, Missing)
    assert seen.reason is UnknownReason.NO_DATA
