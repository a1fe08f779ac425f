"""Secrets by environment, by file, in the open, and who may read them; the value of one stands in no message."""

from base64 import b64encode

import pytest

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import AgentConfigFile, Missing, Seen
from tests.probes.controls.judges.kubernetes_object.objects import FORBIDDEN, SOME_ONLY, finding, listing, said
from tests.probes.controls.made import NOW

ENV, USED = "security.secrets.env-secured", "deployment.secrets.k8s-secrets-used"
IN_CONFIG, MOUNTED = "security.secrets.none-in-config", "deployment.secrets.mounted-securely"
READERS = "deployment.secrets.rbac-configured"
AWS = "AKIA" + "QYLPMN5HFIQR7XYA"
NO_CONFIG = Missing(UnknownReason.SOURCE_MISSING, "The config is not known.")
BY_REF = "valueFrom: {secretKeyRef: {name: s, key: k}}"
BY_CONFIG_MAP = "valueFrom: {configMapKeyRef: {name: c, key: k}}"
ROLE = "{kind: Role, name: reader, rules: [{apiGroups: [''], resources: [secrets], verbs: [%s]}]}"


def _env(*entries: str) -> str:
    return f"{{containers: [{{name: agent, env: [{', '.join(f'{{{each}}}' for each in entries)}]}}]}}"


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


@pytest.mark.parametrize(
    ("above", "state"), [("value: hunter2", "fail"), (BY_CONFIG_MAP, "fail"), (BY_REF, "pass"), ("value: ''", "pass")]
)
def test_a_secret_that_refers_to_another_variable_comes_from_where_that_does(above: str, state: str) -> None:
    entries = (f"name: FIRST, {above}", "name: DB_PASSWORD, value: $(FIRST)", "name: A_TOKEN, value: $(DB_PASSWORD)")
    assert finding(ENV, _env(*entries)).state == state


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
    prefixed = "{containers: [{name: agent, envFrom: [{prefix: API_, configMapRef: {name: c}}]}]}"
    maps = {"ConfigMap": listing("{name: c, data: {KEY: x}}")}
    expected = "Container agent: the variable API_KEY has its value from the ConfigMap c."
    assert finding(ENV, prefixed, listings=maps).message == expected
    unread = finding(ENV, whole, listings={"ConfigMap": listing(lacks=SOME_ONLY)})
    assert (unread.state, unread.reason) == ("unknown", "NoData")


@pytest.mark.parametrize("control", [USED, IN_CONFIG])
def test_a_known_format_in_a_config_map_or_a_variable_fails_by_rule_and_never_by_value(control: str) -> None:
    maps = {"ConfigMap": listing(f"{{name: c, data: {{config.yaml: 'key {AWS}'}}}}")}
    found = finding(control, "{containers: [{name: agent}]}", listings=maps)
    assert said(found) == ("fail", "Violated", "ConfigMap c: config.yaml has a value of the form: AWS access key.")
    assert AWS not in repr(found)
    binary = b64encode(b"\xff " + AWS.encode()).decode()
    maps = {"ConfigMap": listing(f"{{name: c, binaryData: {{key.bin: {binary}}}}}")}
    found = finding(control, "{containers: [{name: agent}]}", listings=maps)
    assert found.message == "ConfigMap c: key.bin has a value of the form: AWS access key."
    by_env = finding(control, _env(f"name: A, value: {AWS}"))
    assert by_env.message == "Container agent: the variable A has a value of the form: AWS access key."


@pytest.mark.parametrize("control", [USED, IN_CONFIG])
@pytest.mark.parametrize(("lacks", "reason"), [(SOME_ONLY, "NoData"), (FORBIDDEN, "Forbidden")])
def test_config_maps_that_were_not_read_leave_it_open(control: str, lacks: Missing, reason: str) -> None:
    spec = _env(f"name: TOKEN, {BY_REF}")
    maps = {"ConfigMap": listing(lacks=lacks)}
    found = finding(control, spec, listings=maps)
    assert (found.state, found.reason) == ("unknown", reason)


def test_a_config_that_was_not_seen_may_have_a_secret() -> None:
    spec = _env(f"name: TOKEN, {BY_REF}")
    assert said(finding(IN_CONFIG, spec, config=NO_CONFIG)) == ("unknown", "SourceMissing", NO_CONFIG.message)
    assert finding(IN_CONFIG, spec).state == "pass"
    assert finding(IN_CONFIG, _env(f"name: A, value: {AWS}"), config=NO_CONFIG).state == "fail"


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
    accounts = ["system:serviceaccount:prod:search"]
    assert finding(READERS, "{}", listings=given, accounts=accounts).state == state  # type: ignore[arg-type]


def test_the_account_of_an_agent_is_a_name_and_no_pattern() -> None:
    given = _bound("{kind: ServiceAccount, name: other}")
    readers = ["system:serviceaccount:prod:*"]
    assert finding(READERS, "{}", listings=given, accounts=readers).state == "fail"  # type: ignore[arg-type]
    assert finding(READERS, "{}", listings=given, readers=readers).state == "pass"  # type: ignore[arg-type]


@pytest.mark.parametrize("unsure", ["prod:other", "prod:*", "*"])
def test_who_may_be_an_agent_is_no_stranger_until_that_is_known(unsure: str) -> None:
    others = [f"system:serviceaccount:{unsure}"]
    given = _bound("{kind: ServiceAccount, name: other}")
    found = finding(READERS, "{}", listings=given, unsure=others)  # type: ignore[arg-type]
    told = "and it is not known yet whether an agent runs as this account."
    assert said(found) == ("unknown", "Unreachable", f"system:serviceaccount:prod:other may read Secrets, {told}")
    assert finding(READERS, "{}", listings=_bound(ANN), unsure=others).state == "fail"  # type: ignore[arg-type]
    elsewhere = _bound("{kind: ServiceAccount, name: other, namespace: dev}")
    state = "unknown" if unsure == "*" else "fail"
    assert finding(READERS, "{}", listings=elsewhere, unsure=others).state == state  # type: ignore[arg-type]


def test_a_role_on_something_else_that_is_called_secrets_reads_none() -> None:
    given = {**_bound(ANN), "Role": listing((ROLE % "get").replace("['']", "[example.org]"))}
    assert finding(READERS, "{}", listings=given).state == "pass"  # type: ignore[arg-type]


def test_roles_that_may_not_all_be_listed_leave_it_open_but_hide_no_stranger() -> None:
    given = {**_bound(ANN, "create"), "ClusterRole": FORBIDDEN}
    assert finding(READERS, "{}", listings=given).reason == "Forbidden"  # type: ignore[arg-type]
    given = {**_bound(ANN), "ClusterRole": FORBIDDEN}
    assert finding(READERS, "{}", listings=given).state == "fail"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LLM_MAX_TOKEN", "4096"),
        ("OAUTH_TOKEN", "https://id.example.org/token"),
        ("DB_PASSWORD", "vault:secret/data/db#password"),
        ("DB_PASSWORD", "/run/secrets/token"),
        ("DB_PASSWORD", "${PASSWORD}"),
    ],
)
def test_a_literal_that_may_be_none_is_left_to_people(name: str, value: str) -> None:
    entry = _env(f"name: {name}, value: '{value}'")
    told = f"Container agent: the variable {name} has the name of a secret, and a value that may be none."
    for control in (ENV, USED):
        assert said(finding(control, entry)) == ("unknown", "NoPolicy", f"{told} People must look.")
    assert finding(MOUNTED, entry).state == "unknown"


@pytest.mark.parametrize("name", ["PGPASSWORD", "DB_PWD", "DB_PASS", "AWS_SECRET_ACCESS_KEY"])
def test_a_literal_under_any_name_of_a_secret_fails(name: str) -> None:
    found = finding(ENV, _env(f"name: {name}, value: hunter2"))
    assert said(found) == ("fail", "Violated", f"Container agent: the variable {name} has a literal value.")


def test_names_are_judged_and_where_none_is_that_of_a_secret_no_more_is_said() -> None:
    url = "postgres://search:" + "hunter2@db:5432"
    found = finding(ENV, _env(f"name: DATABASE_URL, value: '{url}'", "name: ALLOW_EMPTY_PASSWORD, value: 'yes'"))
    assert said(found) == ("pass", "", "No variable has the name of a secret.")
    told = "Container agent: the variable DATABASE_URL has a value of the form: password in a URL."
    assert finding(IN_CONFIG, _env(f"name: DATABASE_URL, value: '{url}'")).message == told


def test_a_secret_that_refers_to_a_variable_of_a_whole_config_map_stands_in_it() -> None:
    agent = "envFrom: [{configMapRef: {name: c}}], env: [{name: DB_PASSWORD, value: $(PLAIN)}]"
    maps = {"ConfigMap": listing("{name: c, data: {PLAIN: hunter2}}")}
    found = finding(ENV, f"{{containers: [{{name: agent, {agent}}}]}}", listings=maps)
    assert found.message == "Container agent: the variable DB_PASSWORD has its value from the ConfigMap c."


PLACES = [
    (f"args: ['--key={AWS}']", "its args"),
    (f"command: [run, --key, {AWS}]", "its command"),
    (f"livenessProbe: {{exec: {{command: [check, {AWS}]}}}}", "its livenessProbe.exec.command"),
    (f"lifecycle: {{preStop: {{exec: {{command: [bye, {AWS}]}}}}}}", "its lifecycle.preStop.exec.command"),
    (
        f"readinessProbe: {{httpGet: {{httpHeaders: [{{name: Authorization, value: {AWS}}}]}}}}",
        "its readinessProbe.httpGet.httpHeaders.value",
    ),
]


@pytest.mark.parametrize("control", [USED, IN_CONFIG])
@pytest.mark.parametrize(("given", "place"), PLACES)
def test_a_known_format_is_found_in_every_text_of_a_container(control: str, given: str, place: str) -> None:
    for kind in ("containers", "initContainers", "ephemeralContainers"):
        found = finding(control, f"{{containers: [{{name: agent}}], {kind}: [{{name: x, {given}}}]}}")
        told = f"Container x: {place} has a value of the form: AWS access key."
        assert said(found) == ("fail", "Violated", told)
        assert AWS not in repr(found)


def test_a_known_format_is_found_beside_what_is_no_variable() -> None:
    spec = f"{{containers: [{{name: agent, env: [5, null, {{name: A, value: {AWS}}}]}}]}}"
    assert (
        finding(IN_CONFIG, spec).message == "Container agent: the variable A has a value of the form: AWS access key."
    )
    odd = f"{{containers: [{{name: agent, env: {{a: {{value: {AWS}}}}}}}]}}"
    assert (
        finding(IN_CONFIG, odd).message == "Container agent: its env.a.value has a value of the form: AWS access key."
    )


def test_a_known_format_is_found_in_the_rest_of_the_template() -> None:
    spec = f"{{containers: [{{name: agent}}], volumes: [{{name: v, csi: {{volumeAttributes: {{key: {AWS}}}}}}}]}}"
    found = finding(IN_CONFIG, spec)
    assert (
        found.message == "The pod template: volumes.0.csi.volumeAttributes.key has a value of the form: AWS access key."
    )
    noted = finding(IN_CONFIG, "{containers: [{name: agent}]}", annotations={"note": AWS})
    assert noted.message == "The pod template: annotations.note has a value of the form: AWS access key."


RANDOM = "aZ3kP9qLw2Xy7Rt5Vb8Nc4Md6Jf1Hg0Ks"
DOUBTS = [
    ("env: [{name: PGPASSWORD, value: hunter2}]", "the variable PGPASSWORD", "the name of its key says so"),
    (f"env: [{{name: SALT, value: {RANDOM}}}]", "the variable SALT", "it looks random"),
    ("args: [--db-password=hunter2]", "its args", "the name of its key says so"),
    ("args: [--token, hunter2, --verbose]", "its args", "the name of its key says so"),
    ("command: [sh, -c, 'PGPASSWORD=hunter2 psql']", "its command", "the name of its key says so"),
    *(
        (f"env: [{{name: U, value: '{text}'}}]", "the variable U", "it has what reads like a password")
        for text in (
            "jdbc:postgresql://h/db?user=a&password=hunter2",
            "host=db user=a password=hunter2",
            "--api-key=hunter2",
            "Authorization: Basic YWRtaW46aHVudGVyMg==",
            "Authorization: Bearer hunter2",
            "Bearer hunter2",
            "https://x.blob.core.windows.net/c?sv=1&sig=hunter2",
        )
    ),
    ("env: [{name: API_KEY_V2, value: hunter2}]", "the variable API_KEY_V2", "the name of its key says so"),
    ("env: [{name: GITHUB_PAT, value: hunter2}]", "the variable GITHUB_PAT", "the name of its key says so"),
    (
        "startupProbe: {exec: {command: [sh, -c, 'curl -u admin:hunter2 http://x']}}",
        "its startupProbe.exec.command",
        "it has what reads like a password",
    ),
    (
        "readinessProbe: {httpGet: {httpHeaders: [{name: Authorization, value: Bearer hunter2}]}}",
        "its readinessProbe.httpGet.httpHeaders",
        "the name of its key says so",
    ),
    (f"livenessProbe: {{exec: {{command: [check, {RANDOM}]}}}}", "its livenessProbe.exec.command", "it looks random"),
]


@pytest.mark.parametrize(("given", "place", "why"), DOUBTS)
def test_what_only_may_be_a_secret_in_a_container_is_left_to_people(given: str, place: str, why: str) -> None:
    found = finding(IN_CONFIG, f"{{containers: [{{name: agent, {given}}}]}}")
    told = f"Container agent: {place} may be a secret: {why}. People must look."
    assert said(found) == ("unknown", "NoPolicy", told)
    assert "hunter2" not in repr(found)


FILES = [
    ('data: {app.yaml: "db:\\n  password: hunter2"}', "app.yaml", "the name of a key in it says so"),
    ("data: {app.yaml: 'db: {host: a, password: hunter2}'}", "app.yaml", "the name of a key in it says so"),
    ('data: {app.json: \'{"dbPassword":"hunter2"}\'}', "app.json", "the name of a key in it says so"),
    ("data: {app.env: 'export DB_PWD=hunter2'}", "app.env", "the name of a key in it says so"),
    ("data: {DB_PASSWORD: hunter2}", "DB_PASSWORD", "the name of its key says so"),
    (f"data: {{salt: {RANDOM}}}", "salt", "it looks random"),
    (
        f"binaryData: {{store.jks: {b64encode(bytes(range(256))).decode()}}}",
        "store.jks",
        "it is binary, which is not read",
    ),
    ("binaryData: {broken: 'a'}", "broken", "it is binary, which is not read"),
]


@pytest.mark.parametrize(("given", "key", "why"), FILES)
def test_what_only_may_be_a_secret_in_a_config_map_is_left_to_people(given: str, key: str, why: str) -> None:
    maps = {"ConfigMap": listing(f"{{name: c, {given}}}")}
    found = finding(IN_CONFIG, "{containers: [{name: agent}]}", listings=maps)
    assert said(found) == ("unknown", "NoPolicy", f"ConfigMap c: {key} may be a secret: {why}. People must look.")


CERTIFICATE = f"-----BEGIN CERTIFICATE-----\\n{RANDOM * 2}\\n{RANDOM * 2}\\n-----END CERTIFICATE-----"
REFERRING = {
    "env: [{name: TOKEN_FILE, value: /run/token}]": "the variable TOKEN_FILE",
    "env: [{name: GOOGLE_APPLICATION_CREDENTIALS, value: /var/google/key.json}]": (
        "the variable GOOGLE_APPLICATION_CREDENTIALS"
    ),
    "args: [--password-file=/run/secrets/db, --verbose]": "its args",
    "args: [--token=$(TOKEN), --no-auth, 'true']": "its args",
    "command: [sh, -c, 'exec agent --db-password=\"$DB_PASSWORD\"']": "its command",
}
USUAL = [
    *REFERRING,
    "env: [{name: GIT_SHA, value: 0f6a1c2b3d4e5f60718293a4b5c6d7e8f9012345}]",
    "env: [{name: MAX_TOKENS, value: '4096'}, {name: PWD, value: /app}, {name: AUTH, value: oidc}]",
    "env: [{name: TOKEN_FILE, value: /var/run/secrets/kubernetes.io/serviceaccount/token}]",
    "env: [{name: U, value: 'jdbc:pg://h/db?user=a&password=${PASSWORD}&ssl=on'}, {name: A, value: auth=none}]",
    "args: [run, -u, '1000:1000']",
    "readinessProbe: {httpGet: {httpHeaders: [{name: Host, value: a}, {name: Authorization, value: ''}]}}",
    "command: [], args: null, livenessProbe: {exec: {command: []}}",
    "env: [{name: AUTH_PATH, value: /auth}, {name: CORS_ALLOW_CREDENTIALS, value: 'true'}]",
    "image: registry.acme-corp.net/sk-learn-inference-server-for-search:1.0",
]


@pytest.mark.parametrize("given", USUAL)
def test_what_containers_usually_say_is_no_secret(given: str) -> None:
    spec = f"{{containers: [{{name: agent, {given}}}]}}"
    checksum = {"checksum/config": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
    told = "No ConfigMap of the pod and no text of its template has a known format of a secret."
    found = finding(IN_CONFIG, spec, annotations=checksum)
    assert (found.state, found.evidence[0].source) == ("pass", "agent_config")
    assert told in found.message
    if spec not in (f"{{containers: [{{name: agent, {each}}}]}}" for each in REFERRING):
        assert finding(USED, spec, annotations=checksum).state == "not_applicable"


@pytest.mark.parametrize(
    "given",
    [
        'data: {policy.rego: "allow { token := input.token; token.secret == data.secret }"}',
        f'data: {{ca.crt: "{CERTIFICATE}"}}',
        'data: {app.yaml: "db:\\n  passwordFile: /run/x\\n  password: ${DB_PASSWORD}\\n  token: $TOKEN"}',
        'data: {app.yaml: "model:\\n  maxTokens: 5\\n  auth: oidc\\n  allowCredentials: true"}',
        'data: {README.md: "password: is asked for"}',
        f"binaryData: {{plain.txt: {b64encode(b'hello').decode()}}}",
    ],
)
def test_what_config_maps_usually_say_is_no_secret(given: str) -> None:
    maps = {"ConfigMap": listing(f"{{name: c, {given}}}")}
    assert finding(IN_CONFIG, "{containers: [{name: agent}]}", listings=maps).state == "pass"


@pytest.mark.parametrize(("given", "place"), REFERRING.items())
def test_what_says_where_a_secret_is_proves_none_that_there_is_none(given: str, place: str) -> None:
    told = f"Container agent: {place} refers to a secret, and none is seen there. People must look."
    found = said(finding(USED, f"{{containers: [{{name: agent, {given}}}]}}"))
    assert found == ("unknown", "NoPolicy", told)


def test_a_config_that_says_where_a_secret_is_proves_none_that_there_is_none() -> None:
    for text in ("${DB_PASSWORD}", "/run/secrets/db", "vault:db#password"):
        config = AgentConfigFile({"db": {"password": text}}, {}, "1.0.0", in_place=True)
        found = finding(USED, "{containers: [{name: agent}]}", config=Seen(config, NOW, "config.yaml"))
        told = "The agent's config refers to a secret, and none is seen there. People must look."
        assert said(found) == ("unknown", "NoPolicy", told)
    maps = {"ConfigMap": listing('{name: c, data: {app.yaml: "db:\\n  password: ${DB_PASSWORD}"}}')}
    found = finding(USED, "{containers: [{name: agent}]}", listings=maps)
    told = "ConfigMap c: app.yaml refers to a secret, and none is seen there. People must look."
    assert said(found) == ("unknown", "NoPolicy", told)


NEEDING = [USED, MOUNTED, "deployment.secrets.rotation-automated", "security.secrets.rotated"]


@pytest.mark.parametrize("control", NEEDING)
@pytest.mark.parametrize("given", [given for given, _, _ in DOUBTS[1:]])
def test_what_may_be_a_secret_in_a_container_leaves_open_whether_there_is_one(control: str, given: str) -> None:
    assert finding(control, f"{{containers: [{{name: agent, {given}}}]}}").state != "not_applicable"


@pytest.mark.parametrize("control", NEEDING)
@pytest.mark.parametrize(("given", "key", "why"), FILES)
def test_what_may_be_a_secret_in_a_config_map_leaves_it_open_too(control: str, given: str, key: str, why: str) -> None:
    maps = {"ConfigMap": listing(f"{{name: c, {given}}}")}
    found = finding(control, "{containers: [{name: agent}]}", listings=maps)
    assert found.state == "unknown"
    if control == USED:
        assert said(found)[1:] == ("NoPolicy", f"ConfigMap c: {key} may be a secret: {why}. People must look.")


@pytest.mark.parametrize("database", [{"password": "hunter2"}, {"password": 12345678}, {"salt": RANDOM}])
def test_what_may_be_a_secret_in_the_config_leaves_it_open_too(database: dict[str, object]) -> None:
    config = AgentConfigFile({"database": database}, {}, "1.0.0", in_place=True)
    read = Seen(config, NOW, "config.yaml")
    assert finding(MOUNTED, "{containers: [{name: agent}]}", config=read).state == "unknown"
    found = finding(USED, "{containers: [{name: agent}]}", config=read)
    why = "it looks random" if "salt" in database else "the name of its key says so"
    told = f"A value of the agent's config may be a secret: {why}. People must look."
    assert said(found) == ("unknown", "NoPolicy", told)


@pytest.mark.parametrize("control", NEEDING)
@pytest.mark.parametrize(
    "spec",
    [
        "{containers: [{name: agent, env: [{name: PGPASSWORD, value: hunter2}]}]}",
        f"{{containers: [{{name: agent, args: ['--key={AWS}']}}]}}",
        "{containers: [{name: agent, env: [{name: KEY, value: 'vault:secret/data/search#key'}]}]}",
        "{containers: [{name: agent}], ephemeralContainers: [{name: x, envFrom: [{secretRef: {name: s}}]}]}",
        "{containers: [], volumes: [{name: v, csi: {driver: secrets-store.csi.k8s.io}}]}",
        "{containers: [], volumes: [{name: v, projected: {sources: [{secret: {name: s}}]}}]}",
    ],
)
def test_an_agent_that_has_a_secret_is_asked(control: str, spec: str) -> None:
    found = finding(control, spec)
    assert found.state != "not_applicable"
    assert found.reason != "NoPolicy"


@pytest.mark.parametrize("control", NEEDING)
@pytest.mark.parametrize(
    "annotation",
    ["vault.hashicorp.com/agent-inject", "vault.security.banzaicloud.io/vault-addr", "operator.1password.io/inject"],
)
def test_an_agent_into_which_secrets_are_put_is_asked(control: str, annotation: str) -> None:
    found = finding(control, "{containers: [{name: agent}]}", annotations={annotation: "true"})
    assert found.state != "not_applicable"
    assert found.reason != "NoPolicy"
    off = finding(control, "{containers: [{name: agent}]}", annotations={annotation: "false"})
    assert off.state == "not_applicable"


def test_a_secret_that_is_no_file_is_not_mounted_securely() -> None:
    literal = finding(MOUNTED, _env("name: PGPASSWORD, value: hunter2"))
    told = "Container agent takes the secret PGPASSWORD by its environment."
    assert said(literal) == ("fail", "Violated", told)
    injected = finding(
        MOUNTED, "{containers: [{name: agent}]}", annotations={"vault.hashicorp.com/agent-inject": "true"}
    )
    told = "No Secret is seen that the pod takes as a file."
    assert said(injected) == ("unknown", "NoData", told)
    store = "{containers: [], volumes: [{name: v, csi: {driver: secrets-store.csi.k8s.io}}]}"
    told = "The modes of the files of the volume v, of a secret store, are not seen."
    assert said(finding(MOUNTED, store)) == ("unknown", "NoData", told)


def test_secrets_that_only_annotations_or_values_ask_for_are_no_secrets_of_kubernetes_yet() -> None:
    none = "Secrets are asked for by annotations or values alone; no Secret is seen that the pod takes."
    annotated = finding(USED, "{containers: [{name: agent}]}", annotations={"vault.hashicorp.com/agent-inject": "true"})
    assert said(annotated) == ("unknown", "NoData", none)
    for taken in (
        "{containers: [], volumes: [{name: v, secret: {secretName: s}}]}",
        "{containers: [], volumes: [{name: v, csi: {driver: secrets-store.csi.k8s.io}}]}",
        _env(f"name: TOKEN, {BY_REF}"),
    ):
        assert finding(USED, taken).state == "pass"


def test_what_may_be_a_secret_in_the_open_keeps_other_secrets_from_a_pass() -> None:
    maps = {"ConfigMap": listing("{name: c, data: {DB_PASSWORD: hunter2}}")}
    found = finding(USED, _env(f"name: TOKEN, {BY_REF}"), listings=maps)
    told = "ConfigMap c: DB_PASSWORD may be a secret: the name of its key says so. People must look."
    assert said(found) == ("unknown", "NoPolicy", told)


def test_a_mode_that_is_no_number_is_told_as_that() -> None:
    for spec in (
        "{containers: [], volumes: [{name: v, secret: {defaultMode: '0400'}}]}",
        "{containers: [], volumes: [{name: v, secret: {defaultMode: 256, items: [{key: a, path: a, mode: '0400'}]}}]}",
    ):
        told = "A mode of the volume v is no number, which Kubernetes refuses."
        assert said(finding(MOUNTED, spec)) == ("unknown", "Unparseable", told)
