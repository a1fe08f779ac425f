"""Network policies: what they let in and out, and that an empty list proves something only where it is complete."""

import pytest

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import AgentConfigFile, Missing, Seen
from tests.probes.controls.judges.kubernetes_object.objects import FORBIDDEN, SOME_ONLY, finding, listing, said
from tests.probes.controls.made import NOW

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
        (f"{{{PEER}, ports: [{{port: 1, endPort: 65535}}]}}", "fail"),
        ("{ports: [{port: 8443}]}", "fail"),
        ("{from: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 8443}]}", "fail"),
        ("{}", "fail"),
        ("null", "fail"),
        (f"{{{PEER}, ports: [{{port: 8443}}, null]}}", "fail"),
        ("{from: [{ipBlock: {cidr: 10.0.0.0/0}}], ports: [{port: 8443}]}", "fail"),
        ("{from: [{ipBlock: {cidr: '::1/00'}}], ports: [{port: 8443}]}", "fail"),
        ("{from: [{ipBlock: {cidr: 0.0.0.0/1}}, {ipBlock: {cidr: 128.0.0.0/1}}], ports: [{port: 8443}]}", "fail"),
        ("{from: [{ipBlock: {cidr: 0.0.0.0/1}}, {ipBlock: {cidr: '8000::/1'}}], ports: [{port: 8443}]}", "pass"),
        ("{from: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 8443}]}", "pass"),
    ],
)
def test_rules_for_what_comes_in_name_peers_and_declared_ports(rule: str, state: str) -> None:
    assert _found(INGRESS, f"ingress: [{rule}]")[0] == state
    partly = _found(INGRESS, f"ingress: [{rule}]", lacks=SOME_ONLY)[0]
    assert partly == ("unknown" if state == "pass" else "fail")


@pytest.mark.parametrize(
    ("peers", "told"),
    [
        ("{ipBlock: {cidr: 0.0.0.0/0}}", "lets all sources in."),
        ("{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}", "lets all sources in but those in except."),
        ("{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}, {ipBlock: {cidr: '::/0'}}", "lets all sources in."),
    ],
)
def test_what_a_rule_leaves_out_of_all_sources_is_told(peers: str, told: str) -> None:
    found = _found(INGRESS, f"ingress: [{{from: [{peers}], ports: [{{port: 8443}}]}}]")
    assert found[::2] == ("fail", f"NetworkPolicy p {told}")


def test_a_policy_for_the_other_direction_restricts_nothing() -> None:
    assert _found(INGRESS, "policyTypes: [Egress]")[2] == "No NetworkPolicy restricts ingress."
    assert _found(EGRESS, "policyTypes: [Ingress]")[2] == "No NetworkPolicy restricts egress."
    assert _found(EGRESS, f"egress: [{DNS}]")[0] == "pass"


@pytest.mark.parametrize(
    ("rules", "state"),
    [
        (DNS, "pass"),
        ("{to: [{podSelector: {}}], ports: [{port: 8181}]}", "fail"),
        ("{to: [{namespaceSelector: {}}], ports: [{port: 1, endPort: 100, protocol: UDP}]}", "pass"),
        ("{to: [{namespaceSelector: {}}], ports: [{port: 54, endPort: 100, protocol: UDP}]}", "fail"),
        (f"{DNS}, {{ports: [{{port: 443}}]}}", "fail"),
        (f"{DNS}, {{to: [{{ipBlock: {{cidr: 0.0.0.0/0}}}}], ports: [{{port: 443}}]}}", "fail"),
        (f"{DNS}, {{to: [{{ipBlock: {{cidr: 0.0.0.0/0, except: [{PRIVATE}]}}}}], ports: [{{port: 443}}]}}", "pass"),
        (f"{DNS}, {{to: [{{ipBlock: {{cidr: 0.0.0.0/0, except: [{PRIVATE}]}}}}]}}", "fail"),
        (f"{DNS}, {{to: [{{ipBlock: {{cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}}}], ports: [{{port: 443}}]}}", "fail"),
        (f"{DNS}, {{to: [{{ipBlock: {{cidr: '::/0', except: ['fc00::/7']}}}}], ports: [{{port: 443}}]}}", "pass"),
        (f"{DNS}, {{}}", "fail"),
        (f"{DNS}, null", "fail"),
        (f"{DNS}, {{to: [{{ipBlock: {{cidr: 10.0.0.0/0}}}}], ports: [{{port: 443}}]}}", "fail"),
        (f"{DNS}, {{to: [{{ipBlock: {{cidr: 0.0.0.0/1}}}}, {{ipBlock: {{cidr: 128.0.0.0/1}}}}]}}", "fail"),
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
        (("policyTypes: [Ingress, Egress], ingress: [null]",), "fail"),
        (("policyTypes: [Ingress, Egress]", "egress: [null]"), "fail"),
        *(
            (
                (
                    "policyTypes: [Ingress, Egress]",
                    f"policyTypes: [{kind}], {kind.lower()}: [{{{peers}: [{block}]{ports}}}]",
                ),
                state,
            )
            for kind, peers in (("Ingress", "from"), ("Egress", "to"))
            for block, ports, state in (
                ("{ipBlock: {cidr: 0.0.0.0/0}}", "", "fail"),
                ("{ipBlock: {cidr: '::/0'}}", ", ports: [{protocol: TCP}]", "fail"),
                ("{ipBlock: {cidr: 0.0.0.0/1}}, {ipBlock: {cidr: 128.0.0.0/1}}", "", "fail"),
                ("{ipBlock: {cidr: 0.0.0.0/0}}", ", ports: [{port: 1, endPort: 65535}]", "fail"),
                ("{ipBlock: {cidr: 0.0.0.0/0}}", ", ports: [{port: 443}]", "pass"),
                ("{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}", "", "pass"),
                ("{ipBlock: {cidr: 0.0.0.0/1}}", "", "pass"),
                ("{namespaceSelector: {}}", "", "pass"),
            )
        ),
    ],
)
def test_default_deny_isolates_all_pods_both_ways(specs: tuple[str, ...], state: str) -> None:
    assert _found(DENY, *specs)[0] == state


@pytest.mark.parametrize(
    ("rule", "state"),
    [
        ("{to: [{namespaceSelector: {}}], ports: [{port: 53}]}", "fail"),
        ("{to: [{namespaceSelector: {}}], ports: [{port: 53, protocol: TCP}]}", "fail"),
        ("{to: [{namespaceSelector: {}}], ports: [{port: 53}, {port: 53, protocol: UDP}]}", "pass"),
        ("{to: [{namespaceSelector: {}}], ports: [{protocol: UDP}]}", "pass"),
        ("{to: [{namespaceSelector: {}}], ports: [{port: dns, protocol: UDP}]}", "pass"),
        ("{to: [{namespaceSelector: {}}]}", "pass"),
        ("{to: [{podSelector: {}}]}", "fail"),
        ("{to: [{podSelector: {matchLabels: {app: opa}}}], ports: [{port: 53, protocol: UDP}]}", "fail"),
        ("{to: [{podSelector: {matchLabels: {app: own-dns}}}], ports: [{port: 53, protocol: UDP}]}", "pass"),
        ("{to: [{ipBlock: {cidr: 10.96.0.10/32}}], ports: [{port: 53, protocol: UDP}]}", "pass"),
        ("{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]}", "fail"),
        ("{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}]}", "pass"),
        ("{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: openshift-dns}}}]}", "pass"),
        ("{to: [{namespaceSelector: {matchLabels: {purpose: system}}}]}", "pass"),
        ("{to: [{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}]}", "pass"),
        ("{to: [{namespaceSelector: {}, podSelector: {matchLabels: {app: opa}}}]}", "fail"),
    ],
)
def test_dns_is_udp_port_53_to_a_peer_that_can_be_dns(rule: str, state: str) -> None:
    found = _found(EGRESS, f"policyTypes: [Egress], egress: [{rule}]")
    assert found[0] == state
    if state == "fail":
        assert found == ("fail", "Violated", "No rule lets out to DNS, UDP port 53.")
    assert _found(EGRESS, f"policyTypes: [Egress], egress: [{rule}]", lacks=SOME_ONLY)[0] == "unknown"


def test_a_pod_that_brings_its_own_dns_may_ask_any_pod() -> None:
    given = {"NetworkPolicy": listing(_policy("policyTypes: [Egress], egress: [{to: [{podSelector: {}}]}]"))}
    assert finding(EGRESS, f"{{dnsPolicy: None, {SPEC[1:]}", listings=given).state == "pass"


def _with_config(rule: str, document: dict[str, object]) -> tuple[str, str, str]:
    given = {"NetworkPolicy": listing(_policy(f"policyTypes: [Egress], egress: [{DNS}, {rule}]"))}
    config = AgentConfigFile(document, {}, "1.0.0", in_place=True)
    return said(finding(EGRESS, SPEC, listings=given, config=Seen(config, NOW, "config.yaml")))


TO_OPA = "{to: [{ipBlock: {cidr: 10.0.0.0/24, except: [10.0.0.128/25]}}], ports: [{port: 8181}]}"


@pytest.mark.parametrize(
    ("endpoint", "state"),
    [
        ("http://localhost:8181", "pass"),
        ("http://127.0.0.1:8181", "pass"),
        ("https://10.0.0.7:8181", "pass"),
        ("https://10.0.0.7:8182", "unknown"),
        ("https://10.0.0.7", "unknown"),
        ("https://10.0.0.200:8181", "unknown"),
        ("https://10.0.1.7:8181", "unknown"),
        ("https://opa.prod:8181", "unknown"),
        ("https://10.0.0.7:99999", "unknown"),
    ],
)
def test_an_endpoint_of_the_config_is_let_out_to_by_its_address_or_it_is_not_known(endpoint: str, state: str) -> None:
    found = _with_config(TO_OPA, {"authorization": {"opa_endpoint": endpoint}})
    assert found[0] == state
    if state == "unknown":
        told = "Whether a rule lets out to authorization.opa_endpoint is not known: its address is not."
        assert found == ("unknown", "SourceMissing", told)


def test_what_the_config_shows_of_its_endpoints_is_evidence_of_a_pass_and_of_nothing_else() -> None:
    def shown(endpoint: str, lacks: Missing | None = None, *, in_place: bool = True) -> tuple[str, bool]:
        given = {"NetworkPolicy": listing(_policy(f"policyTypes: [Egress], egress: [{DNS}, {TO_OPA}]"), lacks=lacks)}
        config = AgentConfigFile({"authorization": {"opa_endpoint": endpoint}}, {}, "1.0.0", in_place=in_place)
        found = finding(EGRESS, SPEC, listings=given, config=Seen(config, NOW, "config.yaml"))
        return found.state, "agent_config" in {each.source for each in found.evidence}

    assert shown("http://localhost:8181") == ("pass", True)
    assert shown("http://localhost:8181", in_place=False) == ("pass", False)
    assert shown("http://opa:8181")[0] == "unknown"
    assert shown("http://localhost:8181", SOME_ONLY)[0] == "unknown"


def test_the_collector_of_traces_is_an_endpoint_where_anything_is_traced() -> None:
    tracing = {"endpoint": "https://tempo:4317"}
    assert _with_config(TO_OPA, {"observability": {"tracing": tracing}})[0] == "unknown"
    assert _with_config(TO_OPA, {"observability": {"tracing": {**tracing, "enabled": False}}})[0] == "pass"


def test_the_endpoints_of_a_config_that_cannot_be_read_are_not_known() -> None:
    given = {"NetworkPolicy": listing(_policy(f"policyTypes: [Egress], egress: [{DNS}]"))}
    broken = AgentConfigFile({}, {}, "1.0.0", in_place=True, broken=((1, "not YAML"),))
    found = finding(EGRESS, SPEC, listings=given, config=Seen(broken, NOW, "config.yaml"))
    told = "The config cannot be read, so its endpoints are not known."
    assert said(found) == ("unknown", "Unparseable", told)
    none = Missing(UnknownReason.SOURCE_MISSING, "The config is not known.")
    assert finding(EGRESS, SPEC, listings=given, config=none).state == "pass"


def test_policies_of_other_kinds_leave_open_what_network_policies_alone_would_decide() -> None:
    spec = "{containers: [{name: agent, ports: [{containerPort: 8443}]}]}"
    deny = "{name: deny, kind: NetworkPolicy, spec: {podSelector: {}, policyTypes: [Ingress, Egress]}}"
    cilium = {"CiliumNetworkPolicy": listing("{kind: CiliumNetworkPolicy, name: open}")}
    none = {"NetworkPolicy": listing()}
    control, defined = "deployment.network.default-deny", "deployment.network.policies-defined"
    assert finding(control, spec, listings={"NetworkPolicy": listing(deny)}).state == "pass"
    left_open = finding(control, spec, listings={"NetworkPolicy": listing(deny), **cilium})
    told = "CiliumNetworkPolicy open is about its pods, and its rules are not judged."
    assert (left_open.state, told in left_open.message) == ("unknown", True)
    assert finding(defined, spec, listings=none).state == "fail"
    assert finding(defined, spec, listings=none | cilium).state == "unknown"
    forbidden = finding(defined, spec, listings=none | {"AdminNetworkPolicy": FORBIDDEN})
    assert (forbidden.state, forbidden.reason) == ("unknown", "Forbidden")


@pytest.mark.parametrize("control", ALL)
def test_of_pods_on_the_network_of_their_nodes_a_policy_proves_nothing(control: str) -> None:
    policy = _policy(f"podSelector: {{}}, policyTypes: [Ingress, Egress], egress: [{DNS}]")
    spec = SPEC.replace("{containers", "{hostNetwork: true, containers")
    found = finding(control, spec, listings={"NetworkPolicy": listing(policy)})
    told = "The pods are on the network of their nodes (hostNetwork), where network plugins pass over NetworkPolicies."
    assert said(found) == ("unknown", "SourceMissing", told)
    assert finding(control, SPEC, listings={"NetworkPolicy": listing(policy)}).state == "pass"
    assert finding(control, spec, listings={"NetworkPolicy": listing()}).state == "fail"


def test_everywhere_in_halves_is_everywhere_without_private_ranges_in_except() -> None:
    rule = "to: [{{ipBlock: {{cidr: 0.0.0.0/1{}}}}}, {{ipBlock: {{cidr: 128.0.0.0/1}}}}], ports: [{{port: 443}}]"
    told = "NetworkPolicy p lets out to everywhere, without ports or private ranges in except."
    policy = "podSelector: {{}}, policyTypes: [Egress], egress: [{}, {{{}}}]"
    found = _found(EGRESS, policy.format(DNS, rule.format("")))
    assert found[::2] == ("fail", told)
    assert _found(EGRESS, policy.format(DNS, rule.format(", except: [10.0.0.0/8]")))[0] == "pass"
