"""`readiness --manifests`: verdicts, exit codes, selection and each format, by the command as people call it."""

import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from probes.controls.catalogue.loading import load_catalogue
from tests.repository import ROOT
from watcher.checklist.agent_report import Chosen, Place
from watcher.checklist.asked_report import report_of
from watcher.checklist.reports.json_text import json_text
from watcher.checklist.reports.sarif_report import as_sarif, uri_of
from watcher.cli import main

RESOURCES = "{cpu: 1, memory: 1Gi, ephemeral-storage: 1Gi}"
AGENT = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: c, namespace: prod}
data:
  config.yaml: |
    agent: {name: search}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: search, namespace: prod, labels: {team: a}}
spec:
  template:
    spec:
      serviceAccountName: search
      terminationGracePeriodSeconds: 45
      volumes: [{name: v, configMap: {name: c}}]
      containers:
      - name: agent
        env: [{name: AGENTWEAVE_CONFIG_PATH, value: /c/config.yaml}]
        volumeMounts: [{name: v, mountPath: /c}]
        resources: {limits: %s}
"""
BAD = AGENT % "{cpu: 1}"
CPU, MEMORY = "deployment.resources.cpu-limits", "deployment.resources.memory-limits"
GRACE = "reliability.shutdown.timeout"


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    """An agent with limits, except on memory."""
    path = tmp_path / "agent.yaml"
    path.write_text(BAD)
    return path


def _run(*arguments: str) -> int:
    return main(["readiness", *arguments])


def test_a_required_control_that_fails_ends_with_1_and_is_told_with_its_place(
    manifests: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("--manifests", str(manifests), "--control", MEMORY) == 1
    assert capsys.readouterr().out == (
        f"prod/search: not ready ({manifests}:8)\n"
        "  required: 6 fail, 93 unknown, 6 pass, 1 not applicable (1 of 106 shown)\n"
        "  all: 6 fail, 179 unknown, 7 pass, 4 not applicable; 4% to 97% met, 7% known\n"
        "  deployment\n"
        f"    ✗ fail {MEMORY}: Violated: The container agent has no resources.limits.memory above 0. [{manifests}:21]\n"
        "Exit code 1: a required control fails of prod/search.\n"
    )


def test_reasons_that_are_only_counted_are_explained_once_and_many_agents_are_summed_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second = BAD.partition("---\n")[2].replace("search", "second").replace("name: c}", "name: d}")
    (tmp_path / "a.yaml").write_text(f"{BAD}---\n{second}")
    assert _run("--manifests", str(tmp_path), "--section", "testing") == 0
    own, others = (
        (
            "  required: 6 fail, 93 unknown, 6 pass, 1 not applicable (15 of 106 shown)\n"
            "  all: 6 fail, 179 unknown, 7 pass, 4 not applicable; 4% to 97% met, 7% known\n"
        ),
        (
            "  required: 5 fail, 97 unknown, 4 pass (15 of 106 shown)\n"
            "  all: 5 fail, 186 unknown, 5 pass; 3% to 97% met, 5% known\n"
        ),
    )
    assert capsys.readouterr().out == (
        f"prod/search: not ready ({tmp_path}/a.yaml:8)\n"
        f"{own}"
        "  testing\n"
        "    ? 20 not decided: 17 AttestationMissing, 3 SourceMissing\n"
        "\n"
        f"prod/second: not ready ({tmp_path}/a.yaml:23)\n"
        f"{others}"
        "  testing\n"
        "    ? 20 not decided: 17 AttestationMissing, 3 SourceMissing\n"
        "\n"
        "SourceMissing: manifests do not show it, a running agent or another system does.\n"
        "AttestationMissing: no evidence can show it: people or a pipeline must record it.\n"
        "2 agents: 2 not ready\n"
        "Exit code 0: no required control fails, and whether all are met is not known of prod/search, prod/second.\n"
    )


def test_an_account_whose_name_is_a_pattern_excuses_nobody_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    role = "{apiVersion: rbac.authorization.k8s.io/v1, kind: %s, metadata: {name: r, namespace: prod}, %s}"
    reads = role % ("Role", "rules: [{apiGroups: [''], resources: [secrets], verbs: [get]}]")
    bound = role % ("RoleBinding", "roleRef: {kind: Role, name: r}, subjects: [{kind: ServiceAccount, name: %s}]")
    control = "deployment.secrets.rbac-configured"
    for account, subject, told in (("search", "search", ""), ("search", "other", "other"), ("'*'", "other", "other")):
        agent = BAD.replace("serviceAccountName: search", f"serviceAccountName: {account}")
        (tmp_path / "a.yaml").write_text("---\n".join([agent, f"{reads}\n", f"{bound % subject}\n"]))
        _run("--manifests", str(tmp_path), "--control", control)
        found = f"✗ fail {control}: Violated: system:serviceaccount:prod:{told} may read Secrets, by RoleBinding r."
        assert (found in capsys.readouterr().out) == bool(told), (account, subject)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--control", CPU], 0),
        (["--control", CPU, "--fail-on", "unknown"], 0),
        (["--control", CPU, "--control", MEMORY], 1),
        (["--control", "testing.unit.pass"], 0),
        (["--control", "testing.unit.pass", "--fail-on", "unknown"], 3),
        (["--control", GRACE], 0),
        (["--section", "testing"], 0),
        (["--section", "deployment", "--owner", "team"], 1),
        (["--section", "nothing"], 2),
        (["--agent", "other"], 2),
        (["--namespace", "dev"], 2),
        (["--namespace", "prod", "--agent", "search", "--required"], 1),
    ],
)
def test_the_exit_code_is_that_of_the_contract_for_what_is_selected(
    manifests: Path, arguments: list[str], code: int
) -> None:
    assert _run("--manifests", str(manifests), *arguments) == code


def test_the_readme_says_how_the_command_ends() -> None:
    said = (ROOT / "README.md").read_text()
    assert (
        "# exit 1 if a required control fails, 3 if not all could be judged, 2 if there is no agent; "
        "--fail-on unknown: 3 also if one is unknown\n"
    ) in said


@pytest.mark.parametrize(
    ("arguments", "more", "told"),
    [
        (["--control", CPU], "", "0: no required control fails"),
        (["--section", "testing", "--fail-on", "unknown"], "", "3: a required control is not known of prod/search"),
        (["--control", MEMORY], "---\n5\n", "1: a required control fails of prod/search"),
        (["--control", CPU], "---\n5\n", "3: 1 of what was given could not be judged, as standard error says"),
    ],
)
def test_the_text_ends_with_why_the_command_ends_as_it_does(
    manifests: Path, arguments: list[str], more: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    manifests.write_text(BAD + more)
    assert _run("--manifests", str(manifests), *arguments) == int(told[0])
    assert capsys.readouterr().out.splitlines()[-1] == f"Exit code {told}."


def test_of_many_agents_that_fail_three_are_named(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alone = BAD.partition("---\n")[2].replace("name: c}", "name: none}")
    manifests.write_text("---\n".join(alone.replace("name: search, n", f"name: a{n}, n") for n in range(5)))
    assert _run("--manifests", str(manifests), "--control", MEMORY) == 1
    told = "Exit code 1: a required control fails of prod/a0, prod/a1, prod/a2 and 2 more."
    assert capsys.readouterr().out.splitlines()[-1] == told


def test_a_control_that_is_named_counts_although_it_is_not_required(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text((AGENT % RESOURCES).replace("terminationGracePeriodSeconds: 45", "x: 1"))
    assert _run("--manifests", str(path), "--control", GRACE) == 1
    assert _run("--manifests", str(path), "--section", "reliability", "--owner", "security") == 2


def test_an_unknown_control_is_refused_with_what_was_meant(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--manifests", str(manifests), "--control", "deployment.resources.cpu-limit") == 2
    expected = f"'deployment.resources.cpu-limit' is no control; did you mean {CPU}?"
    assert capsys.readouterr().err == f"agentweave-watcher readiness: {expected}\n"


def test_without_an_agent_it_says_how_one_is_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text("{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}")
    assert _run("--manifests", str(tmp_path)) == 2
    assert "no agent among 1 object in 1 file; an agent's container has AGENTWEAVE" in capsys.readouterr().err


def test_what_could_not_be_read_is_told_and_never_ends_with_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(f"{AGENT % RESOURCES}---\nkind: {{{{ .Values.kind }}}}\n")
    assert _run("--manifests", str(path), "--control", CPU) == 3
    told = capsys.readouterr()
    assert "prod/search: not ready" in told.out
    assert told.err == f"{path}:23: a template that is not rendered ({{{{); give what `helm template` prints\n"


def test_a_version_of_the_sdk_that_nobody_knows_is_told_everywhere_and_proves_nothing(
    manifests: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    jitter = "reliability.retry.jitter"
    told = "SDK 3.0.0 is not known: what rests on what it does with its config is unknown"
    arguments = ("--manifests", str(manifests), "--control", jitter, "--output", "json")
    for version, state, notes in (("1.0.0", "pass", []), ("3.0.0", "unknown", [told])):
        assert _run(*arguments, "--sdk-version", version) == 0
        out, err = capsys.readouterr()
        assert json.loads(out)["notes"] == notes
        assert [each["state"] for each in json.loads(out)["agents"][0]["findings"]] == [state]
        assert err == "".join(f"{each}\n" for each in notes)


@pytest.mark.parametrize("form", ["json", "markdown", "html", "sarif"])
def test_what_to_know_stands_in_each_format_that_is_kept(
    form: str, manifests: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = _output(form, manifests, capsys, "--sdk-version", "3.0.0")
    assert told.count("SDK 3.0.0 is not known: what rests on what it does with its config is unknown") == 1


def test_standard_input_is_read_as_helm_writes_it() -> None:
    text = f"---\n# Source: agent/templates/all.yaml\n{BAD}".replace(", namespace: prod", "")
    command = [
        sys.executable,
        "-m",
        "watcher",
        "readiness",
        "--manifests",
        "-",
        "--namespace",
        "dev",
        "--control",
        MEMORY,
    ]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("dev/search: not ready (standard input:10)\n")


def test_two_workloads_of_one_agent_have_the_worst_finding_of_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second = (AGENT % RESOURCES).partition("---\n")[2].replace("name: search, namespace", "name: second, namespace")
    for first, other in ((BAD, second), (AGENT % RESOURCES, second.replace(RESOURCES, "{cpu: 1}"))):
        (tmp_path / "a.yaml").write_text(f"{first}---\n{other}")
        assert _run("--manifests", str(tmp_path), "--control", MEMORY) == 1
        assert "is several workloads" in capsys.readouterr().err


def _output(form: str, path: Path, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    assert _run("--manifests", str(path), "--output", form, *more) == 1
    return capsys.readouterr().out


def test_json_has_the_shape_of_the_contract(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(_output("json", manifests, capsys))
    (agent,) = found["agents"]
    assert set(found) == {"generated_at", "catalogue", "agents", "fleet", "problems", "notes"}
    assert (agent["namespace"], agent["agent"], agent["labels"]) == ("prod", "search", {"team": "a"})
    assert (agent["readiness"], agent["profile"]) == ("not_ready", "checklist")
    assert sum(agent["counts"].values()) == len(agent["findings"]) - 16
    (finding,) = [each for each in agent["findings"] if each["control"] == MEMORY]
    assert (finding["state"], finding["reason"], finding["required"]) == ("fail", "Violated", True)
    assert [each["ref"] for each in finding["evidence"]] == [f"{manifests}:21"]


def test_a_label_that_is_a_secret_or_longer_than_kubernetes_takes_is_not_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = f"ghp_{'a1B2' * 9}"
    given = f"labels: {{team: a, key: {token}, long: {'b' * 1000}, number: 7, list: [{token}]}}"
    (tmp_path / "a.yaml").write_text(BAD.replace("labels: {team: a}", given))
    out = _output("json", tmp_path, capsys)
    assert token not in out
    told = {"team": "a", "key": "<secret>", "long": "b" * 63, "number": "7", "list": "<secret>"}
    assert json.loads(out)["agents"][0]["labels"] == told


@pytest.mark.parametrize("place", ["value: /c/config.yaml", "mountPath: /c"])
def test_a_path_of_a_config_that_is_a_secret_is_not_told(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = f"ghp_{'a1B2' * 9}"
    key, _, _ = place.partition(":")
    (tmp_path / "a.yaml").write_text(BAD.replace(place, f"{key}: {token}"))
    out = _output("json", tmp_path, capsys)
    assert token not in out
    assert "Its config is not known: no volume is mounted at" in out


def test_junit_counts_what_its_cases_say(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = ET.fromstring(_output("junit", manifests, capsys))  # noqa: S314  our own
    (suite,) = root.findall("testsuite")
    cases = suite.findall("testcase")
    assert int(suite.attrib["tests"]) == len(cases) == 196
    assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure")) == int(root.attrib["failures"])
    assert int(suite.attrib["skipped"]) == len(suite.findall("testcase/skipped"))
    (case,) = [each for each in cases if each.attrib["name"] == MEMORY]
    failure = case.find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "Violated: The container agent has no resources.limits.memory above 0."
    assert failure.text is not None
    assert failure.text.startswith(f"{manifests}:21: Violated: ")


def test_sarif_has_failed_and_open_results_only_each_with_a_place_and_a_rule(
    manifests: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(manifests.parent)
    found = json.loads(_output("sarif", manifests, capsys))
    (run,) = found["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert found["version"] == "2.1.0"
    assert len({each["id"] for each in rules}) == len(rules)
    marks = [each["partialFingerprints"]["primaryLocationLineHash"] for each in run["results"]]
    assert len(set(marks)) == len(marks)
    for each in run["results"]:
        assert rules[each["ruleIndex"]]["id"] == each["ruleId"]
        (place,) = each["locations"]
        assert place["physicalLocation"]["artifactLocation"]["uri"] == "agent.yaml"
        assert place["physicalLocation"]["region"]["startLine"] >= 1
        assert (each["kind"], each["level"] == "none") in (("fail", False), ("open", True), ("review", True))
    ids = {each["ruleId"]: each["kind"] for each in run["results"]}
    assert (ids[MEMORY], ids["testing.unit.pass"], CPU in ids) == ("fail", "review", False)


SECRETS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: others, namespace: prod}
data:
  plain: a
  token: ghp_abcdefghijklmnopqrstuvwxyz0123456789
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: all, namespace: prod}
spec:
  podSelector: {}
  ingress:
  - from: [{podSelector: {}}]
    ports: [{port: 22}]
  - ports: [{port: 8443}]
"""
IN_THE_OPEN = """
        - {name: AGENTWEAVE_CONFIG_PATH, value: /c/config.yaml}
        - {name: DB_PASSWORD, value: hunter2x}
        envFrom: [{configMapRef: {name: others}}]
        securityContext: {runAsUser: 0}
"""


@pytest.mark.parametrize(
    ("control", "file", "text"),
    [
        ("security.secrets.none-in-config", "others.yaml", "  token:"),
        ("security.secrets.env-secured", "others.yaml", "  token:"),
        ("deployment.network.ingress-rules", "others.yaml", "    ports: [{port: 22}]"),
        ("deployment.image.no-root-user", "agent.yaml", "        securityContext:"),
        (MEMORY, "agent.yaml", "        resources:"),
        (GRACE, "agent.yaml", "      terminationGracePeriodSeconds:"),
    ],
)
def test_what_is_wrong_is_told_with_the_line_of_the_field_in_the_file_that_has_it(
    control: str, file: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "others.yaml").write_text(SECRETS)
    agent = BAD.replace("[{name: AGENTWEAVE_CONFIG_PATH, value: /c/config.yaml}]\n", IN_THE_OPEN)
    (tmp_path / "agent.yaml").write_text(agent.replace("Seconds: 45", "Seconds: 10"))
    assert _run("--manifests", str(tmp_path), "--control", control, "--output", "sarif") == 1
    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"].endswith(f"/{file}")
    lines = (tmp_path / file).read_text().splitlines()
    assert lines[place["region"]["startLine"] - 1].startswith(text)


def test_what_is_open_is_told_with_the_line_of_what_leaves_it_open(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "agent.yaml"
    path.write_text(BAD.replace("env: [", "env: [{name: A, value: b},\n          {name: API_KEY, value: hunter2x}, "))
    _run("--manifests", str(path), "--control", "security.secrets.none-in-config", "--output", "json")
    (finding,) = json.loads(capsys.readouterr().out)["agents"][0]["findings"]
    assert finding["reason"] == "NoPolicy"
    assert [each["ref"] for each in finding["evidence"]] == [f"{path}:20", f"{path}:5"]


@pytest.mark.parametrize("arguments", [("--section", "loadtest"), ("--control", GRACE), ("--control", CPU)])
@pytest.mark.parametrize("form", ["text", "json", "markdown", "html"])
def test_whatever_is_chosen_the_readiness_is_that_of_the_agent(
    form: str, arguments: tuple[str, str], manifests: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("--manifests", str(manifests), "--output", form, *arguments) == 0
    text = capsys.readouterr().out
    if form == "json":
        (agent,) = json.loads(text)["agents"]
        assert (agent["readiness"], sum(agent["counts"].values())) == ("not_ready", 196)
        assert agent["required_shown"] == f"{1 if CPU in arguments else 0} of 106"
    else:
        assert "not ready" in text
        assert f"({1 if CPU in arguments else 0} of 106 shown)" in text


def test_what_sarif_leaves_out_is_told_in_it() -> None:
    finding = {
        "state": "fail", "underlying": "fail", "required": True, "reason": "Violated", "assurance": None,
        "message": "x", "since": "2026-11-30T11:00:00Z", "pods": {}, "evidence": [],
    }  # fmt: skip
    open_one = {**finding, "state": "unknown", "underlying": "unknown", "reason": "NoData"}
    findings = [{"control": CPU, **open_one}, {"control": MEMORY, **finding}, {"control": GRACE, **finding}]
    agent = {"namespace": "prod", "agent": "a", "profile": "checklist", "labels": {}, "findings": findings}
    answer = {"generated_at": "2026-11-30T11:00:00Z", "agents": [agent]}
    report = report_of(json.dumps(answer).encode(), load_catalogue(), Chosen())
    advice = "choose with --namespace, --agent, --section or --required"
    for most, left, told in ((3, 3, []), (2, 2, ["1 results are left out, all of them open"]),
                             (1, 1, ["2 results are left out, 1 that fail among them"])):  # fmt: skip
        run = json.loads(as_sarif(report, most))["runs"][0]
        notes = [each["message"]["text"] for each in run["invocations"][0]["toolExecutionNotifications"]]
        assert notes == [f"{each}: GitHub takes no more than {most}; {advice}" for each in told]
        assert len(run["results"]) == left


def test_a_place_is_relative_where_it_can_be_and_a_uri_at_all_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert uri_of(Place(f"{tmp_path}/a b.yaml", 1)) == "a%20b.yaml"
    assert uri_of(Place("/elsewhere/a.yaml", 1)) == "file:///elsewhere/a.yaml"
    assert uri_of(Place("x/../a.yaml", 1)) == uri_of(Place("./a.yaml", 1)) == "a.yaml"
    assert uri_of(Place("../other/a.yaml", 1)) == f"file://{tmp_path.parent}/other/a.yaml"
    assert uri_of(Place("a\udcff.yaml", 1)) == "a%FF.yaml"


def test_sarif_names_no_file_of_standard_input_and_says_that_github_needs_one(manifests: Path) -> None:
    command = [sys.executable, "-m", "watcher", "readiness", "--manifests", "-", "--output", "sarif"]
    done = subprocess.run(command, input=manifests.read_text(), capture_output=True, text=True, check=False)
    told = "what came by standard input has no file, and GitHub refuses such a report: give it as a file\n"
    assert (done.returncode, done.stderr) == (1, told)
    locations = [each["locations"] for each in json.loads(done.stdout)["runs"][0]["results"]]
    assert len(locations) > 100
    assert all(
        each == [{"logicalLocations": [{"fullyQualifiedName": "prod/search", "kind": "resource"}]}]
        for each in locations
    )


@pytest.mark.parametrize("form", ["text", "json", "markdown", "html", "junit", "sarif"])
def test_no_format_has_what_a_terminal_obeys(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "\\u009b31m\\u202e\\u001b"
    text = BAD.replace("team: a", f'team: "{hostile}"').replace("name: agent\n", f'name: "agent{hostile}"\n')
    text = text.replace("name: c, n", "name: d, n").replace(
        "  template:\n", f'  template:\n    metadata: {{labels: {{app.kubernetes.io/instance: "search{hostile}"}}}}\n'
    )
    (tmp_path / "a\x9b\u202e.yaml").write_text(text)
    assert _run("--manifests", str(tmp_path), "--output", form) == 1
    told = "".join(capsys.readouterr()).replace("\n", "")
    assert "search" in told
    assert [each for each in told if not each.isprintable()] == []


def test_json_keeps_what_is_printable_as_it_is() -> None:
    shown = {"é": "日本 😀\n", "x": "\x9b\u202e\U000e0001"}
    assert json_text(shown) == '{\n  "é": "日本 😀\\n",\n  "x": "\\u009b\\u202e\\udb40\\udc01"\n}\n'
    assert json.loads(json_text(shown)) == shown


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]


HOSTILE = "<img src=x onerror=y>|`*"


@pytest.mark.parametrize("form", ["html", "markdown"])
def test_what_manifests_say_makes_no_markup(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(BAD.replace("name: agent\n", f"name: '{HOSTILE}'\n"))
    text = _output(form, path, capsys, "--control", MEMORY)
    assert "onerror" in text
    assert "<img" not in text.replace("\\<img", "")


def test_html_is_one_file_with_a_row_a_control(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = _Page()
    page.feed(_output("html", manifests, capsys))
    assert page.links == []
    assert "script" not in page.tags
    assert page.tags.count("tr") == 1 + 196 + 14  # the head, controls, sections
    assert page.text.count("What fails") == 1
    assert page.text.index("memory above 0") < page.text.index("All controls") < page.text.index(MEMORY)


def test_markdown_has_a_row_a_control(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = _output("markdown", manifests, capsys)
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| |")]
    assert len(rows) == 196
    assert text.startswith("# Production readiness\n\n## prod/search: not ready\n")
