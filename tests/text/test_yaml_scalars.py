"""Unquoted scalars as Kubernetes and agents read them, where that is not what YAML 1.2 says."""

import math
from datetime import date

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from watcher.text.yaml_scalars import agent_value, kubernetes_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0440", 0o440),
        ("0o440", 0o440),
        ("-010", -8),
        ("0b11", 3),
        ("0x1F", 31),
        ("1_000", 1000),
        ("089", 89),
        ("0", 0),
        ("-7", -7),
        ("1.5", 1.5),
        ("1_0.5", 10.5),
        ("1e3", 1000.0),
        ("yes", True),
        ("Off", False),
        ("n", False),
        ("true", True),
        ("null", None),
        ("~", None),
        ("", None),
        ("10m", "10m"),
        ("1.2.3", "1.2.3"),
        ("2026-11-30", "2026-11-30"),
        ("0_", 0),
        ("_1", "_1"),
        ("yEs", "yEs"),
        ("1" * 400, "1" * 400),
    ],
)
def test_a_scalar_of_a_manifest_is_what_go_yaml_makes_of_it(text: str, value: object) -> None:
    found = kubernetes_value(text)
    assert (found, type(found)) == (value, type(value))


@given(st.text(alphabet="0123456789-+._eExobynYNtfalsrue~:", max_size=12))
def test_a_scalar_of_a_config_is_what_the_library_of_the_agent_makes_of_it(text: str) -> None:
    try:
        theirs = yaml.safe_load(f"[{text}]")[0] if text else None
    except (yaml.YAMLError, ValueError):
        return
    if isinstance(theirs, date | dict) or (isinstance(theirs, float) and not math.isfinite(theirs)):
        theirs = text
    assert agent_value(text) == theirs


@given(st.text(alphabet="0123456789-+._eExobyn", max_size=12))
def test_any_scalar_of_a_manifest_is_read(text: str) -> None:
    assert isinstance(kubernetes_value(text), str | int | float | bool | None)
