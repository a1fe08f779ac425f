"""Network policies: what they let in and out, and that an empty list proves something only where it is complete."""

import pytest

from tests.probes.controls.judges.kubernetes_object.objects import FORBIDDEN, SOME_ONLY, finding, listing, said

DEFINED, DENY = "deployment.network.policies-defined", "deployment.network.default-deny"
INGRESS, EGRESS = "deployment.network.ingress-rules", "deployment.network.egress-rules"
ALL = [DEFINED, DENY, INGRESS, EGRESS]
SPEC = "{containers: [{name: agent, ports: [{containerPort: 8443, name: https}, {containerPort: 9090}]}]}"
PEER = "from: [{podSelector: {matchLabels: {a: b}}}]"
PRIVATE = "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16"
DNS = "{to: [{namespaceSelector: {}}], ports: [{port: 53, protocol: UDP}]}"


def _policy(spec: str) -> str:
    return f"{{kind: NetworkPolicy, name: p, spec: {{{spec}}}}}"


def _found(control: str, *specs: str, lacks: object = None) -> tuple[str, str, str]:
    given = {"NetworkPolicy": listing(*map(_policy, specs), lacks=lacks)}  # type: ignore[arg-type]
    return said(finding(control, SPEC, listings=given))


@pytest.mark.parametrize("control", ALL)
def test_no_policy_fails_only_by_a_complete_list(control: str) -> None:
    assert _found(control)[0] == "fail"
    assert _found(control, lacks=SOME_ONLY) == ("unknown", "SourceMissing", SOME_ONLY.message)
    assert _found(control, lacks=FORBIDDEN)[:2] == ("unknown", "Forbidden")
    assert finding(control, SPEC, listings={"NetworkPolicy": FORBIDDEN}).reason == "Forbidden"


def test_a_policy_that_selects_the_pods_is_proven_even_by_a_part_of_the_list() -> None:
    assert _found(DEFINED, "podSelector: {}", lacks=SOME_ONLY)[0] == "pass"


@pytest.mark.parametrize(
    ("rule", "state"),
    [
        (f"{{{PEER}, ports: [{{port: 8443}}]}}", "pass"),
        (f"{{{PEER}, ports: [{{port: https}}]}}", "pass"),
        (f"{{{PEER}, ports: [{{port: 8443}}, {{port: 22}}]}}", "fail"),
        (f"{{{PEER}, ports: [{{port: metrics}}]}}", "fail"),
        (f"{{{PEER}, ports: [{{port: 8443, endPort: 8444}}]}}", "fail"),
        (f"{{{PEER}}}", "fail"),
        (f"{{{PEER}, ports: [{{protocol: TCP}}]}}", "fail"),
        ("{ports: [{port: 8443}]}", "fail"),
        ("{from: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 8443}]}", "fail"),
        ("{}", "fail"),
    ],
)
def test_rules_for_what_comes_in_name_peers_and_declared_ports(rule: str, state: str) -> None:
    assert _found(INGRESS, f"ingress: [{rule}]")[0] == state
    partly = _found(INGRESS, f"ingress: [{rule}]", lacks=SOME_ONLY)[0]
    assert partly == ("unknown" if state == "pass" else "fail")


def test_a_policy_for_the_other_direction_restricts_nothing() -> None:
    assert _found(INGRESS, "policyTypes: [Egress]")[2] == "No NetworkPolicy restricts ingress."
    assert _found(EGRESS, "policyTypes: [Ingress]")[2] == "No NetworkPolicy restricts egress."
    assert _found(EGRESS, f"egress: [{DNS}]")[0] == "pass"


@pytest.mark.parametrize(
    ("rules", "state"),
    [
        (DNS, "pass"),
        ("{to: [{podSelector: {}}], ports: [{port: 8181}]}", "fail"),
        ("{to: [{podSelector: {}}], ports: [{port: 1, endPort: 100}]}", "pass"),
        (f"{DNS}, {{ports: [{{port: 443}}]}}", "fail"),
        (f"{DNS}, {{to: [{{ipBlock: {{cidr: 0.0.0.0/0}}}}], ports: [{{port: 443}}]}}", "fail"),
        (f"{DNS}, {{to: [{{ipBlock: {{cidr: 0.0.0.0/0, except: [{PRIVATE}]}}}}], ports: [{{port: 443}}]}}", "pass"),
        (f"{DNS}, {{to: [{{ipBlock: {{cidr: 0.0.0.0/0, except: [{PRIVATE}]}}}}]}}", "fail"),
        (f"{DNS}, {{to: [{{ipBlock: {{cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}}}], ports: [{{port: 443}}]}}", "fail"),
        (f"{DNS}, {{to: [{{ipBlock: {{cidr: '::/0', except: ['fc00::/7']}}}}], ports: [{{port: 443}}]}}", "pass"),
        (f"{DNS}, {{}}", "fail"),
    ],
)
def test_rules_for_what_goes_out_allow_dns_and_not_everything(rules: str, state: str) -> None:
    assert _found(EGRESS, f"policyTypes: [Egress], egress: [{rules}]")[0] == state


@pytest.mark.parametrize(
    ("specs", "state"),
    [
        (("podSelector: {}, policyTypes: [Ingress, Egress]",), "pass"),
        (("policyTypes: [Ingress]", "policyTypes: [Egress]"), "pass"),
        (("podSelector: {}, policyTypes: [Ingress]",), "fail"),
        (("podSelector: {matchLabels: {a: b}}, policyTypes: [Ingress, Egress]",), "fail"),
        (("policyTypes: [Ingress, Egress], ingress: [{}]",), "fail"),
        (("policyTypes: [Ingress, Egress]", "policyTypes: [Egress], egress: [{}]"), "fail"),
    ],
)
def test_default_deny_isolates_all_pods_both_ways(specs: tuple[str, ...], state: str) -> None:
    assert _found(DENY, *specs)[0] == state
