"""What is refused of manifests: templates, kinds that are none, keys that stand twice; and how that is printed."""

import io
from pathlib import Path

import pytest

from probes.controls.evidence import AgentRef
from tests.checklist.test_manifests import CONFIG_MAP, fleet_of, workload
from watcher.checklist.manifests.documents import UNRENDERED
from watcher.checklist.manifests.gathering import gather
from watcher.checklist.manifests.objects import STANDARD_INPUT, Objects, read_objects


def _objects(text: str) -> Objects:
    return read_objects([STANDARD_INPUT], io.BytesIO(text.encode()), "default")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: '{{ $labels.pod }}'\nb: [", "3: not YAML: did not find expected node content"),
        ("a: '{{ $labels.pod }}'\nb: 1\nb: 2", "3: b: the same key as on line 2, expected it once"),
        ("a: '{{ $labels.pod }}'\nb: !x y", "2: b: tags are not supported; a text that begins with ! needs quotes"),
        ("a: '{{ $labels.pod }}'\nb: {{ .Values.b }}", f"2: {UNRENDERED}"),
        ('a: 1\nb:\n  {{- include "x" . | nindent 4 }}', f"3: {UNRENDERED}"),
        ("{{/*\nA comment\n*/}}\na: 1", f"1: {UNRENDERED}"),
        ("a: {b: {{ .Values.b\n  }}, c: 1]", f"1: {UNRENDERED}"),
    ],
)  # fmt: skip
def test_a_template_is_blamed_only_where_its_own_line_is_wrong(text: str, why: str) -> None:
    assert _objects(text).broken == [f"standard input:{why}"]


@pytest.mark.parametrize(
    "value",
    [
        '"{{ .Values.cpu }}"',
        "'{{- default 1 .Values.cpu }}'",
        "'x{{ .Release.Name }}'",
        "'{{ include \"cpu\" . }}'",
        "'{{ tpl .Values.cpu . }}'",
        "'a {{- if (eq .Chart.Name 1) }}b{{ end }}'",
    ],
)
def test_a_template_of_helm_in_a_text_is_not_judged_as_that_text(value: str) -> None:
    fleet = fleet_of(CONFIG_MAP, workload(more=f"x: [{{cpu: {value}}}]"), workload("other"))
    assert [each.workload.name for each in fleet.agents[AgentRef("prod", "search")]] == ["other"]
    assert fleet.problems == [f"standard input:22: spec.template.spec.x[0].cpu: {UNRENDERED}"]


@pytest.mark.parametrize(
    "text",
    [
        workload(more="x: ['{{ $labels.pod }}', '{{ .Data.data.password }}', '{{ values }}', '{{ .Valuesque }}']"),
        workload().replace("labels:", "annotations: {vault: '{{ .Values.x }}'}\n      labels:"),
        CONFIG_MAP.replace("name: search\n", "name: search\n      description: '{{ .Values.d }}'\n"),
        "{apiVersion: example.org/v1, kind: Widget, metadata: {name: a}, spec: {text: '{{ .Values.x }}'}}",
    ],
)
def test_templates_of_others_are_texts_as_all_others(text: str) -> None:
    assert _objects(text).broken == []


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ('apiVersion: v1, kind: "Config\\e[31mMap"', "kind: expected a name, got a text"),
        ("apiVersion: v1, kind: Config Map", "kind: expected a name, got a text"),
        ("apiVersion: v1, kind: ''", "kind: expected a name, got an empty text"),
        ("apiVersion: v1, kind: '{{ .Values.kind }}'", UNRENDERED),
        ('apiVersion: "v1\\u202e", kind: ConfigMap', "apiVersion: expected a name, got a text"),
        ("apiVersion: '{{ .Values.api }}', kind: ConfigMap", UNRENDERED),
        ("apiVersion: 1, kind: ConfigMap", "apiVersion: expected text, got a number"),
    ],
)
def test_a_kind_is_a_name_and_nothing_else(head: str, why: str) -> None:
    objects = _objects(f"{{{head}, metadata: {{name: a}}}}")
    assert (objects.found, objects.broken) == ([], [f"standard input:1: {why}"])


_SECRET = "hunter2-horse-battery"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (_SECRET, "1: expected an object of Kubernetes, got a text"),
        ("12345678", "1: expected an object of Kubernetes, got a number"),
        (f"{{apiVersion: v1, kind: ConfigMap, metadata: {_SECRET}}}", "1: metadata: expected a mapping, got a text"),
        (f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: '{_SECRET} x'}}}}",
         "1: metadata.name: expected a name, got a text"),
        (f"{{apiVersion: '{_SECRET} x', kind: ConfigMap}}", "1: apiVersion: expected a name, got a text"),
        (f"{{apiVersion: v1, kind: {_SECRET}}}", "1: kind: expected a name, got a text"),
        (f"{{apiVersion: v1, kind: List, items: {_SECRET}}}", "1: items: expected a list, got a text"),
        (f"{{a: {{<<: {_SECRET}}}}}", "1: a: <<: expected a mapping, got a text"),
        ("ghp_SECRETabc: {a: 1, a: 2}", "1: <not shown>.a: the same key as on line 1, expected it once"),
        ("password=hunter2: 1\npassword=hunter2: 1", "2: <not shown>: the same key as on line 1, expected it once"),
        ("{x AKIAIOSFODNN7SECRET1: !a b}",
         "1: <not shown>: tags are not supported; a text that begins with ! needs quotes"),
    ],
)  # fmt: skip
def test_no_text_that_may_be_a_secret_is_told_of_what_is_refused(text: str, why: str) -> None:
    assert _objects(text).broken == [f"standard input:{why}"]


def test_of_a_workload_without_containers_no_value_is_told() -> None:
    text = f"{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{containers: {_SECRET}}}}}"
    fleet = fleet_of(text)
    assert fleet.problems == ["standard input:1: Pod a: spec.containers: expected a list of containers, got a text"]


def test_nothing_that_a_terminal_obeys_is_in_what_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[31m\u202e.yaml"
    second = CONFIG_MAP.replace("kind: ConfigMap", "kind: [")
    path.write_text(
        f"{CONFIG_MAP}---\n{CONFIG_MAP}---\n{second}---\n5\n---\n{workload().replace('env: [', 'env: 5 #')}"
    )
    (tmp_path / "b\x1b.yaml").symlink_to("nowhere")
    fleet = gather(read_objects([tmp_path], io.BytesIO(), "default"), 1.0, "1.0.0")
    shown = f"{tmp_path}/a\\x1b[31m\\u202e.yaml"
    assert fleet.notes == [f"{shown}:12: ConfigMap prod/search-config is given twice, first {shown}:1"]
    assert fleet.problems == [
        f"{shown}:26: not YAML: did not find expected ',' or ']'",
        f"{tmp_path}/b\\x1b.yaml: a broken link, or no regular file",
        f"{shown}:48: Deployment search-agent: spec.template.spec.containers[0].env: expected a list, got a number",
    ]


LIST = """\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata:
    name: a
    name: b
- {apiVersion: v1, kind: ConfigMap, metadata: {name: good}}
- {apiVersion: v1, kind: ConfigMap, kind: ConfigMap, metadata: {name: c, name: d}}
"""


def test_of_a_list_only_the_item_with_a_key_twice_is_lost() -> None:
    objects = _objects(f"# a\n---\n{LIST}")
    assert [each.ref for each in objects.found] == ["standard input:11"]
    assert objects.broken == [
        "standard input:10: items[0].metadata.name: the same key as on line 9, expected it once",
        "standard input:12: items[2].kind: the same key as on line 12, expected it once",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (LIST.replace("kind: List", "kind: List\nkind: List"), "3: kind: the same key as on line 2"),
        (f"{LIST}items: []\n", "8: items[0].metadata.name: the same key as on line 7"),
        (LIST.replace("metadata:\n", "metadata: &a\n").replace("metadata: {name: good}", "metadata: *a"),
         "8: items[0].metadata.name: the same key as on line 7"),
        ("a: 1\na: 2\nkind: List\n", "2: a: the same key as on line 1"),
    ],
)  # fmt: skip
def test_where_more_than_an_item_has_a_key_twice_nothing_is_believed(text: str, line: str) -> None:
    objects = _objects(text)
    assert (objects.found, objects.broken) == ([], [f"standard input:{line}, expected it once"])
