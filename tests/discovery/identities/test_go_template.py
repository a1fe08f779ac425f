"""The template of a ClusterSPIFFEID gives what Go's text/template gives, or says what of it is not understood."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.servers.tools import tool
from watcher.discovery.identities.go_template import (
    ANNOTATIONS,
    FIELDS,
    LABELS,
    MAX_TEMPLATE,
    TemplateError,
    annotations_of,
    parse_template,
    render,
)

DATA: dict[str, Any] = {
    "TrustDomain": "example.org",
    "ClusterName": "blue",
    "ClusterDomain": "cluster.local",
    "PodMeta": {
        "Name": "search-0",
        "Namespace": "prod",
        "UID": "1f0",
        "Labels": {"app": "search", "app.kubernetes.io/name": "search", "empty": ""},
        "Annotations": {"env": "live", "a b": "spaced", "Über": "ü"},
    },
    "PodSpec": {"ServiceAccountName": "runner", "NodeName": "node-1"},
}
MAPS = {LABELS: DATA["PodMeta"]["Labels"], ANNOTATIONS: DATA["PodMeta"]["Annotations"]}


def field(path: str) -> str:
    """The value in DATA at a path such as `.PodMeta.Name`."""
    value: Any = DATA
    for part in path.split(".")[1:]:
        value = value[part]
    return str(value)


def ours(text: str) -> str:
    return render(parse_template(text), {path: field(path) for path in FIELDS}, MAPS)


Go = Callable[[str], tuple[str, str]]


@pytest.fixture(scope="module")
def go() -> Iterator[Go]:
    """What Go renders, and its error."""
    with subprocess.Popen([tool("go-template")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        asked, answers = process.stdin, process.stdout

        def ask(text: str) -> tuple[str, str]:
            print(json.dumps({"Template": text, "Data": DATA}), file=asked, flush=True)
            answer = json.loads(answers.readline())
            return answer["Text"], answer["Error"]

        yield ask
        asked.close()


@pytest.mark.parametrize(
    "text",
    [
        "spiffe://{{ .TrustDomain }}/ns/{{ .PodMeta.Namespace }}/sa/{{ .PodSpec.ServiceAccountName }}",
        "spiffe://{{.TrustDomain}}/{{.ClusterName}}/{{.ClusterDomain}}/{{.PodMeta.UID}}/{{.PodSpec.NodeName}}",
        'spiffe://example.org/{{ index .PodMeta.Labels "app.kubernetes.io/name" }}',
        "spiffe://example.org/{{ index .PodMeta.Annotations `a b` }}/{{ .PodMeta.Labels.app }}",
        '{{ index .PodMeta.Labels "none" }}|{{ .PodMeta.Labels.none }}|{{ .PodMeta.Labels.empty }}',
        '{{ index .PodMeta.Annotations "Über" }}',
        "a \n{{- .PodMeta.Name -}}\t b",
        "a {{ .PodMeta.Name -}} \n {{- .PodMeta.Name }} b",
        "{{\n.PodMeta.Name\n}}",
        "{{- .PodMeta.Name}} }} {",
        "}}",
    ],
)
def test_what_is_understood_is_what_go_renders(go: Go, text: str) -> None:
    assert (ours(text), "") == go(text)


@pytest.mark.parametrize(
    "text",
    [
        "a {{- /**/ -}} b",
        "{{.PodMeta.Name-}}",
        "{{-.PodMeta.Name}}",
        '{{ index .PodMeta.Labels "app }}',
        '{{ index .PodMeta.Labels "a\\"b" }}',
        '{{index .PodMeta.Labels"app"}}',
        '{{ index .PodMeta.Labels "app" "more" }}',
        "{{ .PodMeta }}",
        "{{ .PodMeta.Labels }}",
        "{{ .PodMeta.labels.app }}",
        "{{ .PodMeta.Labels.app.more }}",
        "{{ .NodeMeta.Name }}",
        "{{ .PodMeta.Name | printf }}",
        '{{ if eq .PodMeta.Name "x" }}y{{ end }}',
        "{{ $x := .PodMeta.Name }}{{ $x }}",
        "{{ .TrustDomain",
        "{{ }}",
        "{{",
    ],
)
def test_what_is_not_understood_is_refused_whatever_go_makes_of_it(text: str) -> None:
    with pytest.raises(TemplateError, match="is not understood, only text") as refused:
        parse_template(text)
    assert len(str(refused.value)) < 600


_SPACES = st.sampled_from(("", " ", "\t", "\n", "  ", "\r\n"))
_LITERALS = st.text("ab/ \t\n{}-.", max_size=6)
_PLACES = st.sampled_from(
    (*FIELDS, f"{LABELS}.app", f"{LABELS}.none", f'index {LABELS} "app"', f"index {ANNOTATIONS} `no`")
)
_ACTIONS = st.builds(
    lambda left, before, path, after, right: f"{{{{{left}{before}{path}{after}{right}}}}}",
    st.sampled_from(("", "- ", "-")), _SPACES, _PLACES, _SPACES, st.sampled_from(("", " -", "-")),
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(_LITERALS | _ACTIONS, max_size=6).map("".join))
def test_any_mixture_of_text_and_actions_is_what_go_renders_or_refused(go: Go, text: str) -> None:
    try:
        found = ours(text)
    except TemplateError:
        return
    assert (found, "") == go(text)


@given(st.text(max_size=300).filter(lambda text: "{{" not in text))
def test_text_without_actions_stays_as_it_is(text: str) -> None:
    assert ours(text) == text


@given(st.text('{}.-|"`\\ \nindexPodMetaLabels$()', max_size=100))
def test_anything_is_a_template_or_refused_with_a_sentence(text: str) -> None:
    with suppress(TemplateError):
        ours(text)


def test_a_refusal_says_what_was_found_and_what_is_understood() -> None:
    with pytest.raises(TemplateError, match=r"\{\{ \.NodeMeta\.Name \}\}.*only text, \.TrustDomain.*index"):
        parse_template("spiffe://td/{{ .NodeMeta.Name }}")


def test_a_field_that_the_config_does_not_say_is_not_left_empty() -> None:
    with pytest.raises(TemplateError, match=r"\.ClusterName is not known"):
        render(parse_template("a{{ .ClusterName }}"), {".ClusterName": ""}, {})


def test_a_template_of_any_length_is_refused_at_once() -> None:
    with pytest.raises(TemplateError, match="2048"):
        parse_template("{{" * MAX_TEMPLATE)


def test_annotations_are_named_by_the_templates_that_use_them() -> None:
    template = parse_template(
        '{{ index .PodMeta.Annotations "a/b" }}{{ .PodMeta.Annotations.c }}{{ .PodMeta.Labels.d }}'
    )
    assert annotations_of(template) == {"a/b", "c"}
