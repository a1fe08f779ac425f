"""From files to agents: lists, folders, what is broken, names, configs and what concerns an agent."""

import io
import os
import re
import textwrap
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import AgentConfigFile, AgentObjects, AgentRef, Listing, Missing, Seen
from probes.controls.judges.kubernetes_object.network.read_policies import read_policies
from watcher.checklist.manifests.documents import MAX_BYTES, UNRENDERED, Budget, parts, read_documents
from watcher.checklist.manifests.gathering import Fleet, gather
from watcher.checklist.manifests.objects import STANDARD_INPUT, ManifestsError, read_objects

CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: search-config, namespace: prod}
data:
  config.yaml: |
    agent:
      name: search
    transport:
      retry:
        jitter: true
"""
PATH = "{name: AGENTWEAVE_CONFIG_PATH, value: /etc/agent/config.yaml}"


def workload(
    name: str = "search-agent", env: str = PATH, kind: str = "Deployment", more: str = "", labels: str = "app: search"
) -> str:
    """A workload whose container mounts the ConfigMap search-config."""
    return textwrap.dedent(f"""\
        apiVersion: apps/v1
        kind: {kind}
        metadata: {{name: {name}, namespace: prod}}
        spec:
          template:
            metadata:
              labels: {{{labels}}}
            spec:
              volumes: [{{name: c, configMap: {{name: search-config}}}}]
              {more}
              containers:
              - name: agent
                env: [{env}]
                volumeMounts: [{{name: c, mountPath: /etc/agent}}]
        """)


def fleet_of(*documents: str, namespace: str = "default") -> Fleet:
    """What standard input with these documents holds."""
    text = "\n---\n".join(documents)
    return gather(read_objects([STANDARD_INPUT], io.BytesIO(text.encode()), namespace), 1.0, "1.0.0")


def objects_of(fleet: Fleet, agent: str = "search", namespace: str = "prod") -> AgentObjects:
    """The objects of an agent."""
    found = fleet.agents[AgentRef(namespace, agent)][0].evidence.of(SourceName.KUBERNETES_OBJECT, AgentObjects)
    assert isinstance(found, Seen)
    return found.value


def config_of(fleet: Fleet, agent: str = "search") -> Seen[AgentConfigFile] | Missing:
    """The config of an agent."""
    return fleet.agents[AgentRef("prod", agent)][0].evidence.of(SourceName.AGENT_CONFIG, AgentConfigFile)


def listed(objects: AgentObjects, kind: str) -> Listing:
    """The objects of a kind."""
    found = objects.listing(kind)
    assert isinstance(found, Seen)
    return found.value


def test_an_agent_has_the_name_of_its_config_and_the_lines_of_its_config_are_those_of_the_file() -> None:
    fleet = fleet_of(CONFIG_MAP, workload())
    assert (list(fleet.agents), fleet.problems, fleet.notes) == ([AgentRef("prod", "search")], [], [])
    config = config_of(fleet)
    assert isinstance(config, Seen)
    assert config.value.get("transport.retry.jitter") is True
    assert (config.ref, config.value.line("transport.retry.jitter")) == ("standard input", 10)
    assert config.value.in_place is True


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ("app.kubernetes.io/instance: one, app.kubernetes.io/name: two", "one"),
        ("app.kubernetes.io/name: two", "two"),
        ("app: search", "search-agent"),
    ],
)
def test_without_its_config_an_agent_is_named_as_the_daemon_names_it(labels: str, name: str) -> None:
    fleet = fleet_of(workload(labels=labels))
    assert list(fleet.agents) == [AgentRef("prod", name)]
    config = config_of(fleet, name)
    assert isinstance(config, Missing)
    assert config.message == "Its config is not known: its ConfigMap search-config is not among what was given."


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet", "Job", "Rollout", "CloneSet"])
def test_whatever_has_a_pod_template_runs_agents_also_kinds_that_nobody_knows(kind: str) -> None:
    assert list(fleet_of(CONFIG_MAP, workload(kind=kind)).agents) == [AgentRef("prod", "search")]


def test_a_cron_job_and_a_bare_pod_run_agents() -> None:
    pod = (
        f"{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{containers: [{{name: agent, env: [{PATH}]}}]}}}}"
    )
    assert list(fleet_of(pod, namespace="dev").agents) == [AgentRef("dev", "a")]
    inner = f"{{spec: {{template: {{spec: {{containers: [{{name: agent, env: [{PATH}]}}]}}}}}}}}"
    made = pod.replace("name: a}", "generateName: a-}")
    assert list(fleet_of(made, namespace="dev").agents) == [AgentRef("dev", "a")]
    cron = f"{{apiVersion: batch/v1, kind: CronJob, metadata: {{name: b}}, spec: {{jobTemplate: {inner}}}}}"
    assert list(fleet_of(cron).agents) == [AgentRef("default", "b")]


def test_what_is_no_agent_and_what_is_not_known_is_passed_over() -> None:
    other = workload(env="{name: OTHER, value: x}")
    crd = "{apiVersion: example.org/v1, kind: Widget, metadata: {name: w}, spec: {template: 5}}"
    fleet = fleet_of(other, crd, "{apiVersion: v1, kind: Namespace, metadata: {name: prod}}")
    assert (fleet.agents, fleet.problems) == ({}, [])


def test_the_annotation_makes_an_agent_too() -> None:
    spec = "{metadata: {annotations: {agentweave.io/watch: 'true'}}, spec: {containers: [{name: x}]}}"
    fleet = fleet_of(f"{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: d}}, spec: {{template: {spec}}}}}")
    assert list(fleet.agents) == [AgentRef("default", "d")]


def test_pods_of_an_owner_that_is_given_are_not_judged_beside_it() -> None:
    owned = "{name: p, namespace: prod, ownerReferences: [{uid: u1, kind: ReplicaSet, name: r, controller: true}]}"
    pod = f"{{apiVersion: v1, kind: Pod, metadata: {owned}, spec: {{containers: [{{name: agent, env: [{PATH}]}}]}}}}"
    owner = "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: r, namespace: prod, uid: u1}}"
    assert fleet_of(owner, pod).agents == {}
    assert list(fleet_of(pod).agents) == [AgentRef("prod", "r")]


def _with_env(entries: str, env_from: str = "[]", mount: str = "{name: c, mountPath: /etc/agent}") -> str:
    base = workload(env=entries)
    return base.replace("[{name: c, mountPath: /etc/agent}]", f"[{mount}]\n        envFrom: {env_from}")


ENV_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: env, namespace: prod}
data: {AGENTWEAVE_CONFIG_PATH: /etc/agent/config.yaml}
"""


@pytest.mark.parametrize(
    "agent",
    [
        _with_env("", "[{configMapRef: {name: env}}]"),
        _with_env(
            "{name: AGENTWEAVE_CONFIG_PATH, valueFrom: {configMapKeyRef: {name: env, key: AGENTWEAVE_CONFIG_PATH}}}"
        ),
        _with_env("{name: D, value: /etc/agent}, {name: AGENTWEAVE_CONFIG_PATH, value: $(D)/config.yaml}"),
        _with_env(PATH, mount="{name: c, mountPath: /etc/agent/config.yaml, subPath: config.yaml}"),
        workload().replace(
            "configMap: {name: search-config}", "projected: {sources: [{configMap: {name: search-config}}]}"
        ),
        workload().replace(
            "configMap: {name: search-config}",
            "configMap: {name: search-config, items: [{key: config.yaml, path: config.yaml}]}",
        ),
    ],
)
def test_the_config_is_found_in_every_way_in_which_an_agent_gets_it(agent: str) -> None:
    assert isinstance(config_of(fleet_of(CONFIG_MAP, ENV_MAP, agent)), Seen)


def _broken(config_map: str, agent: str = "search-agent") -> tuple[tuple[int, str], ...]:
    config = config_of(fleet_of(config_map, workload()), agent)
    assert isinstance(config, Seen)
    assert (config.value.document, config.value.in_place) == ({}, True)
    return config.value.broken


def test_a_config_that_cannot_be_read_says_where_in_the_file() -> None:
    assert _broken(CONFIG_MAP.replace("name: search\n", "name: [\n")) == (
        (9, "not YAML: did not find expected ',' or ']'"),
    )
    a_list = CONFIG_MAP.partition("  config.yaml")[0] + "  config.yaml: '[1, 2]'\n"
    assert _broken(a_list) == (
        (5, "expected a mapping with sections such as agent, got a list (line 1 of its own text)"),
    )


def test_of_two_equal_keys_of_a_config_nothing_is_believed_and_both_lines_of_the_file_are_told() -> None:
    twice = f"{CONFIG_MAP}        jitter: false\n"
    assert _broken(twice, "search") == ((11, "transport.retry.jitter: the same key as on line 10, expected it once"),)
    quoted = CONFIG_MAP.partition("  config.yaml")[0] + '  config.yaml: "agent: {name: a}\\nagent: {name: b}"\n'
    told = "agent: the same key as on line 1, expected it once (line 2 of its own text)"
    assert _broken(quoted, "b") == ((5, told),)


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("|\n    agent:\n      name: search\n", 7),
        ("|-  # of the agent\n    agent:\n      name: search\n", 7),
        ("&config |2\n    agent:\n      name: search\n", 7),
        ("\n    |\n    agent:\n      name: search\n", 8),
        ("|\n\n\n    agent:\n      name: search\n", 9),
        (">\n    agent: {name: search}\n", 5),
        ("'agent: {name: search}'\n", 5),
        ('"agent: {name: search, description: a |\n    b}"\n', 5),
    ],
)
def test_lines_of_a_config_are_those_of_the_file_where_its_text_stands_there_as_it_is(value: str, line: int) -> None:
    config = config_of(fleet_of(CONFIG_MAP.partition(" |")[0] + " " + value, workload()))
    assert isinstance(config, Seen)
    assert config.value.line("agent.name") == line
    assert config.value.line("identity") == 5


def test_policies_concern_an_agent_by_their_selector_and_namespace() -> None:
    def policy(name: str, selector: str, namespace: str = "prod") -> str:
        meta = f"{{name: {name}, namespace: {namespace}}}"
        head = f"apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {meta}"
        return f"{{{head}, spec: {{podSelector: {selector}}}}}"

    fleet = fleet_of(
        CONFIG_MAP,
        workload(),
        policy("all", "{}"),
        policy("mine", "{matchLabels: {app: search}}"),
        policy("one-of", "{matchExpressions: [{key: app, operator: In, values: [search, b]}]}"),
        policy("not", "{matchExpressions: [{key: app, operator: Exists}], matchLabels: {a: b}}"),
        policy("elsewhere", "{}", "dev"),
        policy("broken", "{matchExpressions: [{key: app, operator: Near}]}"),
        policy("calico", "{}").replace("networking.k8s.io/v1", "projectcalico.org/v3"),
    )
    found = listed(objects_of(fleet), "NetworkPolicy")
    assert [each.name for each in found.objects] == ["all", "mine", "one-of"]
    assert not found.complete


def test_what_policies_say_is_read_once_for_all_agents_that_the_same_ones_select() -> None:
    head = "apiVersion: networking.k8s.io/v1, kind: NetworkPolicy"
    policies = [f"{{{head}, metadata: {{name: p{n}, namespace: prod}}, spec: {{podSelector: {{}}}}}}" for n in range(3)]
    own = f"{{{head}, metadata: {{name: own, namespace: prod}}, spec: {{podSelector: {{matchLabels: {{app: c}}}}}}}}"
    agents = [workload(name, labels=f"app: {name}").replace("search-config", name) for name in ("a", "b", "c")]
    fleet = fleet_of(*agents, *policies, own)
    first, second, third = (listed(objects_of(fleet, name), "NetworkPolicy") for name in ("a", "b", "c"))
    assert first is second
    assert read_policies(first) is read_policies(second)
    assert [each.name for each in third.objects] == ["p0", "p1", "p2", "own"]


def test_config_maps_that_a_pod_names_and_that_are_not_given_leave_the_list_open() -> None:
    assert listed(objects_of(fleet_of(CONFIG_MAP, workload())), "ConfigMap").complete
    more = "initContainers: [{name: i, envFrom: [{configMapRef: {name: other}}]}]"
    found = listed(objects_of(fleet_of(CONFIG_MAP, workload(more=more))), "ConfigMap")
    assert [each.name for each in found.objects] == ["search-config"]
    assert found.lacks is not None
    assert found.lacks.message == "Of its ConfigMaps, other is not among what was given."


def test_two_workloads_that_are_one_agent_are_told_and_both_judged() -> None:
    fleet = fleet_of(CONFIG_MAP, workload("a"), workload("b", kind="StatefulSet"))
    assert [each.workload.name for each in fleet.agents[AgentRef("prod", "search")]] == ["a", "b"]
    assert fleet.notes == [
        (
            "prod/search is several workloads, judged as one agent, the worst of each control: "
            "Deployment a (standard input:13), StatefulSet b (standard input:29)"
        )
    ]


def test_an_object_that_is_given_twice_is_told() -> None:
    assert fleet_of(CONFIG_MAP, CONFIG_MAP).notes == [
        "standard input:13: ConfigMap prod/search-config is given twice, first standard input:1"
    ]
    services = (
        f"{{apiVersion: {group}v1, kind: Service, metadata: {{name: a}}}}" for group in ("", "serving.knative.dev/")
    )
    assert fleet_of(*services).notes == []


def test_of_a_list_with_broken_items_the_good_ones_are_read_and_the_broken_told_with_their_line() -> None:
    text = textwrap.dedent("""\
        apiVersion: v1
        kind: List
        items:
        - 5
        - {apiVersion: v1, kind: ConfigMap, metadata: {name: good}}
        - {apiVersion: v1, metadata: {name: x}}
        - {apiVersion: v1, kind: ConfigMap}
        - {apiVersion: v1, kind: ConfigMap, metadata: {name: [1]}}
        """)
    objects = read_objects([STANDARD_INPUT], io.BytesIO(text.encode()), "default")
    assert [each.ref for each in objects.found] == ["standard input:5"]
    assert objects.broken == [
        "standard input:4: expected an object of Kubernetes, got a number",
        "standard input:6: kind: expected text, got nothing",
        "standard input:7: metadata: expected a mapping, got nothing",
        "standard input:8: metadata.name: expected a name, got a list",
    ]


def test_a_list_of_one_kind_gives_its_kind_to_items_without() -> None:
    text = "{apiVersion: v1, kind: ConfigMapList, items: [{apiVersion: v1, metadata: {name: a}}]}"
    objects = read_objects([STANDARD_INPUT], io.BytesIO(text.encode()), "x")
    assert [(each.kind, each.namespace, each.name) for each in objects.found] == [("ConfigMap", "x", "a")]


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ("a: [", "3: not YAML: did not find expected node content"),
        ("name: {{ .Values.name }}", f"2: {UNRENDERED}"),
        ("{{- if .Values.on }}\na: b\n{{- end }}", f"2: {UNRENDERED}"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: '{{ .Release.Name }}'", f"2: {UNRENDERED}"),
        ("a: 1\na: 2", "3: a: the same key as on line 2, expected it once"),
        (f"ghp_{'a' * 36}: 1\nghp_{'a' * 36}: 2", "3: <not shown>: the same key as on line 2, expected it once"),
        (
            "apiVersion: v1\nkind: A\nmetadata:\n  name: no",
            "2: metadata.name: expected a name, got false, which needs quotes",
        ),
        ("a: !!python/object:os.system x", "2: a: tags are not supported; a text that begins with ! needs quotes"),
    ],
)
def test_a_broken_document_is_told_with_its_line_and_costs_no_other(broken: str, why: str) -> None:
    text = f"---\n{broken}\n---\n{CONFIG_MAP}"
    objects = read_objects([STANDARD_INPUT], io.BytesIO(text.encode()), "default")
    assert [each.name for each in objects.found] == ["search-config"]
    assert len(objects.broken) == 1
    assert objects.broken[0].startswith(f"standard input:{why}")


def _bomb(before: int, last: int) -> str:
    """Values that aliases repeat: ten times as many with each of `before`, and `last` times all of these."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, before)]
    lines.append(f"z: [{', '.join([f'*a{before - 1}'] * last)}]")
    return "\n".join(lines).replace("\n", "\n              ")


@pytest.mark.parametrize("above", [7, 8, 9])
def test_a_bomb_of_aliases_costs_nothing_below_the_limit_and_is_refused_above_it(above: int) -> None:
    begin = time.process_time()
    below = fleet_of(CONFIG_MAP, workload(more=_bomb(4, 7)))
    refused = fleet_of(CONFIG_MAP, workload(more=_bomb(above, 1)))
    assert time.process_time() - begin < 0.2
    assert (list(below.agents), below.problems) == ([AgentRef("prod", "search")], [])
    assert refused.agents == {}
    why = "spec.template.spec.a4[7]: too large with its aliases written out"
    assert refused.problems == [f"standard input:26: {why}"]


def test_what_merges_repeat_counts_too_and_what_was_refused_costs_no_other_document() -> None:
    keys = ", ".join(f"k{n}: x" for n in range(1000))
    merges = f"{{apiVersion: v1, kind: A, metadata: {{name: a}}, b: &b {{{keys}}}, c: [{'{<<: *b}, ' * 60}]}}"
    fleet = fleet_of(merges, CONFIG_MAP, workload(more="x: [&y [1], *y]"))
    assert fleet.problems == ["standard input:1: c[49].<<: too large with its aliases written out"]
    assert list(fleet.agents) == [AgentRef("prod", "search")]


def test_a_long_text_is_not_repeated_without_end() -> None:
    text = f"{{apiVersion: v1, kind: A, metadata: {{name: a}}, b: &b {'x' * 2**16}, c: [{'*b, ' * 30}]}}"
    assert fleet_of(text).problems == ["standard input:1: c[17]: too large with its aliases written out"]


def test_a_text_that_is_nested_too_deeply_is_refused() -> None:
    assert "nested too deeply" in next(iter(read_documents("[" * 100_000))).broken


def test_values_are_counted_over_all_files(tmp_path: Path) -> None:
    for name in "abcde":
        (tmp_path / f"{name}.yaml").write_text(f"{CONFIG_MAP}---\n[{'1, ' * 400}]")
    objects = read_objects([tmp_path], io.BytesIO(), "default", Budget(most_values=1000))
    assert [each.file for each in objects.found] == [f"{tmp_path}/{name}.yaml" for name in "abc"]
    assert objects.broken == [f"{tmp_path}/c.yaml:11: more than 1000 values in all: this and the rest are not read"]


def test_bytes_are_counted_over_all_files(tmp_path: Path) -> None:
    for name in "abcd":
        (tmp_path / f"{name}.yaml").write_text(CONFIG_MAP + "#" * 2**20)
    objects = read_objects([tmp_path], io.BytesIO(), "default", Budget(most_bytes=3 * 2**20))
    assert [each.file for each in objects.found] == [f"{tmp_path}/{name}.yaml" for name in "ab"]
    assert objects.broken == [f"{tmp_path}/c.yaml:1: more than 3 MiB in all: this and the rest are not read"]


def test_what_aliases_repeat_is_counted_over_all_files(tmp_path: Path) -> None:
    for name in "abcd":
        (tmp_path / f"{name}.yaml").write_text(f"{CONFIG_MAP}x: [&a [1, 2, 3], *a, *a]\n")
    objects = read_objects([tmp_path], io.BytesIO(), "default", Budget(most_repeated=20))
    assert [each.file for each in objects.found] == [f"{tmp_path}/{name}.yaml" for name in "ab"]
    assert objects.broken == [
        f"{tmp_path}/{name}.yaml:11: x[2]: too large with its aliases written out" for name in "cd"
    ]


def test_values_of_configs_are_counted_agent_by_agent(tmp_path: Path) -> None:
    agents = [workload(name).replace("/etc/agent/config.yaml", f"/etc/agent/{name}.yaml") for name in "abcd"]
    config = "  {0}.yaml: '{{agent: {{name: {0}}}, x: [1, 2, 3]}}'\n"
    configs = CONFIG_MAP.partition("  config.yaml")[0] + "".join(map(config.format, "abcd"))
    path = tmp_path / "a.yaml"
    path.write_text("---\n".join([configs, *agents]))
    fleet = gather(read_objects([path], io.BytesIO(), "default"), 1.0, "1.0.0", most_values=10)
    seen = [isinstance(config_of(fleet, name), Seen) for name in "abcd"]
    assert seen == [True, True, False, False]
    why = "too many values in the configs of agents: those of the agents after it are not read"
    assert fleet.problems == [f"{path}:29: {why}"]
    missing = config_of(fleet, "d")
    assert isinstance(missing, Missing)
    assert missing.message == "Its config was not read: those before it have too many values."


def test_documents_with_nothing_in_them_cost_too() -> None:
    *_, last = read_documents("---\n" * 2**20, Budget(most_values=1000))
    assert (last.line, last.broken) == (90, "more than 1000 values in all: this and the rest are not read")


def test_what_may_be_read_of_all_files_is_less_than_a_minute_of_work() -> None:
    budget = Budget()
    assert (budget.most_bytes, budget.most_values, budget.most_repeated) == (64 * 2**20, 1_000_000, 100_000)


def test_what_is_too_large_or_no_text_is_refused_and_the_next_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    (tmp_path / "b.yaml").write_bytes(b"a: \xff")
    (tmp_path / "c.yaml").write_text(CONFIG_MAP)
    objects = read_objects([tmp_path], io.BytesIO(), "default")
    assert objects.broken == [
        f"{tmp_path}/a.yaml: larger than 32 MiB: nothing of it was read",
        f"{tmp_path}/b.yaml:1: not YAML: expected UTF-8, got byte 0xff",
    ]
    assert [each.ref for each in objects.found] == [f"{tmp_path}/c.yaml:1"]


def test_of_a_folder_what_is_no_object_is_nobodys_mistake_and_of_a_file_it_is(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.yml").write_text(CONFIG_MAP)
    (tmp_path / "values.yaml").write_text("replicas: 2")
    (tmp_path / "notes.txt").write_text("{")
    objects = read_objects([tmp_path], io.BytesIO(), "default")
    assert ([each.name for each in objects.found], objects.broken, objects.files) == (["search-config"], [], 2)
    named = read_objects([tmp_path / "values.yaml"], io.BytesIO(), "default")
    assert named.broken == [f"{tmp_path}/values.yaml:1: expected an object of Kubernetes, with apiVersion and kind"]


def test_of_a_folder_what_is_no_file_is_told_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").symlink_to("nowhere")
    (tmp_path / "c.yaml").write_text(CONFIG_MAP)
    objects = read_objects([tmp_path], io.BytesIO(), "default")
    assert [each.name for each in objects.found] == ["search-config"]
    assert objects.broken == [f"{tmp_path}/{name}.yaml: a broken link, or no regular file" for name in "ab"]


def test_a_chart_and_a_path_that_is_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestsError, match="nowhere: cannot be read: No such file"):
        read_objects([tmp_path / "nowhere"], io.BytesIO(), "default")
    (tmp_path / "Chart.yaml").write_text("name: x")
    (tmp_path / "templates").mkdir()
    with pytest.raises(ManifestsError, match="a chart, not manifests: give what `helm template"):
        read_objects([tmp_path], io.BytesIO(), "default")


def test_a_pod_template_that_kubernetes_would_refuse_is_told_and_costs_no_other() -> None:
    wrong = workload("wrong").replace(f"env: [{PATH}]", "env: 5")
    fleet = fleet_of(CONFIG_MAP, wrong, workload())
    assert list(fleet.agents) == [AgentRef("prod", "search")]
    assert fleet.problems == [
        "standard input:25: Deployment wrong: spec.template.spec.containers[0].env: expected a list, got a number"
    ]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("labels: {app: search}", "labels: [a]",
         "metadata.labels: expected a mapping, got a list"),
        (f"env: [{PATH}]", "env: [5]",
         "spec.containers[0].env[0]: expected a mapping, got a number"),
        ("mountPath: /etc/agent", "path: /a",
         "spec.containers[0].volumeMounts[0].mountPath: expected it, and it is not there"),
        ("{name: search-config}", "{items: [{key: a}]}",
         "spec.volumes[0].configMap.items[0].path: expected it, and it is not there"),
        (f"env: [{PATH}]", f"env: [{PATH}]\n        ports: [{{name: a, containerPort: b}}]",
         "spec.containers[0].ports[0].containerPort: expected a whole number, got a text"),
        (f"env: [{PATH}]", f"env: [{PATH}]\n        resources: 5",
         "spec.containers[0].resources: expected a mapping, got a number"),
        (f"env: [{PATH}]", f"env: [{PATH}]\n        envFrom: {{a: b}}",
         "spec.containers[0].envFrom: expected a list, got a mapping"),
    ],
)  # fmt: skip
def test_the_field_that_is_not_as_kubernetes_has_it_is_named(old: str, new: str, why: str) -> None:
    (problem,) = fleet_of(CONFIG_MAP, workload("wrong").replace(old, new)).problems
    assert problem.partition(": ")[2] == f"Deployment wrong: spec.template.{why}"


_texts = st.sampled_from(
    ["---\n", "a: b\n", "- x\n", "kind: List\n", "items:\n", "{{ x }}\n", "'", '"', "  ", "&a ", "*a\n"]
)


def test_a_second_container_of_a_pod_that_says_where_a_config_is_is_told_and_not_passed_over() -> None:
    inits = f"[{{name: w, env: [{PATH}]}}, {{name: b, restartPolicy: Always, env: [{PATH}]}}]"
    two = workload(more=f"initContainers: {inits}")
    fleet = fleet_of(CONFIG_MAP, two)
    assert list(fleet.agents) == [AgentRef("prod", "search")]
    assert fleet.problems == [
        (
            "standard input:22: Deployment search-agent: the container b says where its config is, too "
            "(AGENTWEAVE_CONFIG_PATH): a pod is judged as one agent, agent, and b is not judged"
        )
    ]
    assert fleet_of(CONFIG_MAP, workload()).problems == []


@given(st.lists(_texts | st.text(max_size=6), max_size=12).map("".join))
def test_whatever_the_text_is_reading_it_ends_without_an_error(text: str) -> None:
    raw = text.encode(errors="replace")
    gather(read_objects([STANDARD_INPUT], io.BytesIO(raw), "default"), 1.0, "1.0.0")


def test_numbers_and_words_of_manifests_are_what_kubernetes_reads_and_those_of_configs_what_agents_read() -> None:
    more = "terminationGracePeriodSeconds: 0o60\n              securityContext: {runAsNonRoot: yes, fsGroup: 0440}"
    fleet = fleet_of(CONFIG_MAP.replace("jitter: true", "jitter: on\n        max_attempts: 010"), workload(more=more))
    template = objects_of(fleet).template
    assert isinstance(template, Seen)
    assert template.value.spec["terminationGracePeriodSeconds"] == 48
    assert template.value.spec["securityContext"] == {"runAsNonRoot": True, "fsGroup": 288}
    config = config_of(fleet)
    assert isinstance(config, Seen)
    assert (config.value.get("transport.retry.jitter"), config.value.get("transport.retry.max_attempts")) == (True, 8)


@given(st.text(alphabet="-\n\r\t a#", max_size=40))
@example("---")
@example("\n---\n----\n ---\n---#\n--- \n---\r\n---")
def test_a_text_is_cut_at_each_marker_at_the_start_of_a_line_and_nowhere_else(text: str) -> None:
    cut = list(parts(text))
    assert "".join(each.text for each in cut) == text
    begins = [0, *(found.start() for found in re.finditer(r"^---(?=[ \t\r\n]|\Z)", text, re.MULTILINE))]
    assert [each.text for each in cut] == [text[a:b] for a, b in zip(begins, [*begins[1:], len(text)], strict=True)]
    assert [each.offset for each in cut] == [text[:begin].count("\n") for begin in begins]
