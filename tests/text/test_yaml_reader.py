import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from watcher.text.yaml_reader import UnsupportedYamlError, YamlReader, plain_value


def read(text: str) -> object:
    return YamlReader(text).document()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("no", "no"),
        ("on", "on"),
        ("0", 0),
        ("-12", -12),
        ("012", 12),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1e999", "1e999"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1:30", "1:30"),
        ("10.0.0.1", "10.0.0.1"),
        ("2026-11-23", "2026-11-23"),
        ("30s", "30s"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_an_unquoted_scalar_is_what_yaml_1_2_says(text: str, value: object) -> None:
    assert plain_value(text) == value
    assert type(plain_value(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: '5'", {"a": "5"}),
        ('a: "true"', {"a": "true"}),
        ("a: !!str 5", {"a": "5"}),
        ("a: |\n  5\n", {"a": "5\n"}),
        ("5: x", {"5": "x"}),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}", {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}),
        (
            "a: &x {b: 1}\nd: &y {b: 2, c: 3}\ne: {<<: [*x, *y]}",
            {"a": {"b": 1}, "d": {"b": 2, "c": 3}, "e": {"b": 1, "c": 3}},
        ),
        ("# nothing", None),
    ],
)
def test_a_document_holds_what_json_could(text: str, value: object) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        (
            "a: 1\nb: !!python/object:os.system x",
            2,
            "b: tags are not supported; a text that begins with ! needs quotes",
        ),
        ("a: !!set {x}", 1, "a: tags are not supported"),
        ("a: &x [*x]", 1, "a[0]: an alias of nothing that stands before it"),
        ("a: *x", 1, "a: an alias of nothing that stands before it; a text that begins with * needs quotes"),
        ("? [a]\n: b", 1, "expected a plain key"),
        ("a: 1\n---\nb: 2", 2, "expected one YAML document, got a second one"),
        ("a: {<<: 5}", 1, "a: <<: expected a mapping, got a number"),
        ("[" * 100_000, 1, "nested too deeply"),
        ("{a: " * 100_000, 1, "nested too deeply"),
        ("- " * 100_000, 1, "nested too deeply"),
    ],
)
def test_what_a_config_must_not_have_is_refused_with_its_line(text: str, line: int, why: str) -> None:
    with pytest.raises(UnsupportedYamlError) as caught:
        read(text)
    assert caught.value.line == line
    assert why in str(caught.value)


def test_a_bomb_of_aliases_is_refused_before_it_is_written_out() -> None:
    states = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 30)]
    with pytest.raises(UnsupportedYamlError, match="too large with its aliases written out"):
        read("\n".join(["a0: &a0 [x]", *states]))


def test_aliases_do_not_add_up_to_a_depth_that_is_refused_otherwise() -> None:
    states = [f"a{i}: &a{i} {'[' * 20}*a{i - 1}{']' * 20}" for i in range(1, 9)]
    with pytest.raises(UnsupportedYamlError, match="nested too deeply"):
        read("\n".join([f"a0: &a0 {'[' * 20}{']' * 20}", *states]))


def test_a_repeated_key_is_told_with_both_lines_and_the_last_one_holds_as_for_the_library() -> None:
    text = "a: 1\nb:\n  - c: 2\n    c: 3\na: 4\n"
    reader = YamlReader(text)
    assert reader.document() == yaml.safe_load(text) == {"a": 4, "b": [{"c": 3}]}
    assert reader.mistakes == [
        (4, "b[0].c: the same key as on line 3, expected it once"),
        (5, "a: the same key as on line 1, expected it once"),
    ]


@pytest.mark.parametrize(
    "merges", ["<<: *a, <<: *b", "<<: [*a, *b]", "<<: [*b, *a], <<: *a", "<<: *b, x: 3", "x: 3, <<: *b"]
)
def test_of_several_merged_mappings_the_one_counts_that_counts_for_the_library(merges: str) -> None:
    text = f"a: &a {{x: 1, y: 1}}\nb: &b {{x: 2, z: 2}}\nc: {{{merges}}}\n"
    assert read(text) == yaml.safe_load(text)


def _is_read_alike(text: str) -> bool:
    """Not of `0E0` and its kind: the library writes YAML 1.1, where they are text; in YAML 1.2 they are numbers."""
    tag = yaml.SafeLoader("").resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]  # theirs
    return tag != "tag:yaml.org,2002:str" or not text or isinstance(plain_value(text), str)


TEXTS = st.text().filter(_is_read_alike)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
)


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_what_a_yaml_library_wrote_is_read_back(value: dict[str, object]) -> None:
    text = yaml.dump(value, Dumper=yaml.CSafeDumper, allow_unicode=False)
    assert read(text) == value


@given(st.text("0123456789.eE+-xo_", max_size=12))
def test_a_number_is_finite(text: str) -> None:
    value = plain_value(text)
    assert not isinstance(value, float) or math.isfinite(value)
