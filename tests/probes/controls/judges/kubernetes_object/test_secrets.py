"""Secrets by environment, by file, in the open, and who may read them; the value of one stands in no message."""

import pytest

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import AgentConfigFile, Missing, Seen
from probes.controls.judges.kubernetes_object.secrets import looks_secret
from tests.probes.controls.judges.kubernetes_object.objects import FORBIDDEN, SOME_ONLY, finding, listing, said
from tests.probes.controls.made import NOW

ENV, USED = "security.secrets.env-secured", "deployment.secrets.k8s-secrets-used"
IN_CONFIG, MOUNTED = "security.secrets.none-in-config", "deployment.secrets.mounted-securely"
READERS = "deployment.secrets.rbac-configured"
AWS = "AKIA" + "QYLPMN5HFIQR7XYA"
NO_CONFIG = Missing(UnknownReason.SOURCE_MISSING, "The config is not known.")
BY_REF = "valueFrom: {secretKeyRef: {name: s, key: k}}"
ROLE = "{kind: Role, name: reader, rules: [{apiGroups: [''], resources: [secrets], verbs: [%s]}]}"


def _env(*entries: str) -> str:
    return f"{{containers: [{{name: agent, env: [{', '.join(f'{{{each}}}' for each in entries)}]}}]}}"


@pytest.mark.parametrize("name", ["DB_PASSWORD", "TOKEN", "openai-api.key", "API_KEY", "PRIVATE_KEY", "APP_SECRET_KEY"])
def test_names_of_secrets(name: str) -> None:
    assert looks_secret(name)


@pytest.mark.parametrize("name", ["MAX_TOKENS", "TOKEN_FILE", "SECRET_NAME", "PASSWORDLESS", "KEY", "TOKEN_URL"])
def test_names_that_are_none(name: str) -> None:
    assert not looks_secret(name)


def test_a_literal_secret_fails_and_its_value_is_nowhere() -> None:
    found = finding(ENV, _env("name: DB_PASSWORD, value: hunter2"))
    assert said(found) == ("fail", "Violated", "Container agent: the variable DB_PASSWORD has a literal value.")
    assert "hunter2" not in repr(found)
    named = finding(ENV, _env(f"name: {AWS}_TOKEN, value: x"))
    assert AWS not in repr(named)


@pytest.mark.parametrize("control", [ENV, USED])
@pytest.mark.parametrize(
    ("entry", "state"),
    [
        (BY_REF, "pass"),
        ("value: ''", "pass"),
        ("value: $(OTHER)", "pass"),
        ("value: x", "fail"),
        ("value: $(OTHER)x", "fail"),
        ("valueFrom: {configMapKeyRef: {name: c, key: k}}", "fail"),
    ],
)
def test_where_the_value_of_a_secret_comes_from_decides(control: str, entry: str, state: str) -> None:
    assert finding(control, _env(f"name: DB_PASSWORD, {entry}", f"name: A_TOKEN, {BY_REF}")).state == state


def test_that_no_secret_is_needed_is_proven_by_a_config_that_could_be_read_and_has_none() -> None:
    nothing = "{containers: [{name: agent}]}"
    assert finding(USED, nothing).state == "not_applicable"
    broken = AgentConfigFile({}, {}, "1.0.0", in_place=True, broken=((3, "not YAML: found a tab"),))
    found = finding(USED, nothing, config=Seen(broken, NOW, "config.yaml"))
    assert said(found) == ("unknown", "Unparseable", "The agent's config cannot be read.")
    with_secret = AgentConfigFile({"agent": {"key": AWS}}, {}, "1.0.0", in_place=True)
    assert finding(USED, nothing, config=Seen(with_secret, NOW, "config.yaml")).state != "not_applicable"


def test_a_secret_of_an_init_container_and_of_a_whole_config_map_fails() -> None:
    init = "{initContainers: [{name: init, env: [{name: TOKEN, value: x}]}], containers: [{name: agent}]}"
    assert finding(ENV, init).message == "Container init: the variable TOKEN has a literal value."
    whole = "{containers: [{name: agent, envFrom: [{configMapRef: {name: c}}]}]}"
    maps = {"ConfigMap": listing("{name: c, data: {DB_PASSWORD: x}}")}
    expected = "Container agent: the variable DB_PASSWORD has its value from the ConfigMap c."
    assert finding(ENV, whole, listings=maps).message == expected
    unread = finding(ENV, whole, listings={"ConfigMap": listing(lacks=SOME_ONLY)})
    assert (unread.state, unread.reason) == ("unknown", "NoData")


@pytest.mark.parametrize("control", [USED, IN_CONFIG])
def test_a_known_format_in_a_config_map_or_a_variable_fails_by_rule_and_never_by_value(control: str) -> None:
    maps = {"ConfigMap": listing(f"{{name: c, data: {{config.yaml: 'key {AWS}'}}}}")}
    found = finding(control, "{containers: [{name: agent}]}", listings=maps)
    assert said(found) == ("fail", "Violated", "ConfigMap c: config.yaml has a value of the form: AWS access key.")
    assert AWS not in repr(found)
    by_env = finding(control, _env(f"name: A, value: {AWS}"))
    assert by_env.message == "Container agent: the variable A has a value of the form: AWS access key."


@pytest.mark.parametrize("control", [USED, IN_CONFIG])
@pytest.mark.parametrize(("lacks", "reason"), [(SOME_ONLY, "NoData"), (FORBIDDEN, "Forbidden")])
def test_config_maps_that_were_not_read_leave_it_open(control: str, lacks: Missing, reason: str) -> None:
    spec = _env(f"name: TOKEN, {BY_REF}")
    maps = {"ConfigMap": listing(lacks=lacks)}
    found = finding(control, spec, listings=maps, config=NO_CONFIG)
    assert (found.state, found.reason) == ("unknown", reason)
    assert finding(control, spec, config=NO_CONFIG).state == "pass"


@pytest.mark.parametrize(
    ("spec", "state"),
    [
        (_env(f"name: TOKEN, {BY_REF}"), "fail"),
        ("{containers: [{name: agent, envFrom: [{secretRef: {name: s}}]}]}", "fail"),
        ("{containers: [], volumes: [{name: v, secret: {secretName: s}}]}", "fail"),
        ("{containers: [], volumes: [{name: v, secret: {secretName: s, defaultMode: 0o400}}]}", "pass"),
        (
            "{containers: [], volumes: [{name: v, secret: {defaultMode: 256, items: [{key: a, path: a, mode: 420}]}}]}",
            "fail",
        ),
        ("{containers: [], volumes: [{name: v, secret: {items: [{key: a, path: a, mode: 288}]}}]}", "pass"),
        *(
            (f"{{containers: [], volumes: [{{name: v, secret: {{defaultMode: {mode}}}}}]}}", state)
            for mode, state in ((0o440, "pass"), (0o600, "fail"), (0o450, "fail"), (0o444, "fail"))
        ),
        ("{containers: [], volumes: [{name: v, projected: {sources: [{secret: {name: s}}]}}]}", "fail"),
        (
            "{containers: [], volumes: [{name: v, projected: {defaultMode: 288, sources: [{secret: {name: s}}]}}]}",
            "pass",
        ),
    ],
)
def test_secrets_are_files_that_others_cannot_read(spec: str, state: str) -> None:
    spec = spec.replace("0o400", "256")
    assert finding(MOUNTED, spec).state == state


@pytest.mark.parametrize("control", [USED, MOUNTED])
def test_an_agent_that_provably_has_no_secret_is_not_asked(control: str) -> None:
    spec = "{containers: [{name: agent, env: [{name: MAX_TOKENS, value: '5'}]}]}"
    assert finding(control, spec).state == "not_applicable"
    assert finding(control, spec, config=NO_CONFIG).state != "not_applicable"
    assert finding(control, spec, listings={"ConfigMap": listing(lacks=FORBIDDEN)}).state != "not_applicable"
    assert finding(control, FORBIDDEN).state == "unknown"


def _bound(subject: str, verbs: str = "get", ref: str = "{kind: Role, name: reader}") -> dict[str, object]:
    binding = f"{{kind: RoleBinding, name: b, roleRef: {ref}, subjects: [{subject}]}}"
    rest = {kind: listing() for kind in ("ClusterRole", "ClusterRoleBinding")}
    return {**rest, "Role": listing(ROLE % verbs), "RoleBinding": listing(binding)}


ANN = "{kind: User, name: ann}"


def test_who_may_read_secrets_is_named_with_the_binding() -> None:
    found = finding(READERS, "{}", listings=_bound(ANN))  # type: ignore[arg-type]
    assert said(found) == ("fail", "Violated", "ann may read Secrets, by RoleBinding b.")
    assert finding(READERS, "{}", listings=_bound(ANN), readers=["ann"]).state == "pass"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("subject", "verbs", "ref", "state"),
    [
        (ANN, "create, delete", "{kind: Role, name: reader}", "pass"),
        (ANN, "'*'", "{kind: Role, name: reader}", "fail"),
        (ANN, "get", "{kind: ClusterRole, name: view}", "pass"),
        (ANN, "get", "{kind: ClusterRole, name: edit}", "fail"),
        ("{kind: Group, name: 'system:masters'}", "get", "{kind: Role, name: reader}", "pass"),
        ("{kind: Group, name: 'system:authenticated'}", "get", "{kind: Role, name: reader}", "fail"),
        ("{kind: ServiceAccount, name: search}", "get", "{kind: Role, name: reader}", "pass"),
        ("{kind: ServiceAccount, name: other}", "get", "{kind: Role, name: reader}", "fail"),
        ("{kind: ServiceAccount, name: x, namespace: cert-manager}", "get", "{kind: Role, name: reader}", "pass"),
    ],
)
def test_agents_and_known_controllers_may_others_may_not(subject: str, verbs: str, ref: str, state: str) -> None:
    given = _bound(subject, verbs, ref)
    readers = ["system:serviceaccount:prod:search"]
    assert finding(READERS, "{}", listings=given, readers=readers).state == state  # type: ignore[arg-type]


def test_a_role_on_something_else_that_is_called_secrets_reads_none() -> None:
    given = {**_bound(ANN), "Role": listing((ROLE % "get").replace("['']", "[example.org]"))}
    assert finding(READERS, "{}", listings=given).state == "pass"  # type: ignore[arg-type]


def test_roles_that_may_not_all_be_listed_leave_it_open_but_hide_no_stranger() -> None:
    given = {**_bound(ANN, "create"), "ClusterRole": FORBIDDEN}
    assert finding(READERS, "{}", listings=given).reason == "Forbidden"  # type: ignore[arg-type]
    given = {**_bound(ANN), "ClusterRole": FORBIDDEN}
    assert finding(READERS, "{}", listings=given).state == "fail"  # type: ignore[arg-type]
