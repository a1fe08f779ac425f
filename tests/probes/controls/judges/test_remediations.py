"""What the catalogue tells people to write into a config is good for all controls, not for that one alone."""

import re

import pytest
import yaml

from probes.controls.catalogue.control import Control, SourceName
from probes.controls.judging import Says, load_judges
from tests.probes.controls.judges.configs import READING, SDK, said
from tests.probes.controls.made import CATALOGUE

_PATH = r"\b((?:agent|identity|authorization|transport|observability)(?:\.[a-z_]+)+)"
_VALUE = r"([^\s,]+?)(?=[,.;)]?(?:\s|$))"
_SECTION = re.compile(rf"{_PATH} with ((?:[a-z_.]+: [^\s,]+(?:, | and )?)+)")
_ONE = re.compile(rf"{_PATH}(?:: |, such as ){_VALUE}")
_PAIR = re.compile(rf"([a-z_.]+): {_VALUE}")


def examples(control: Control) -> dict[str, object]:
    """The keys and values that its remediation tells to set."""
    found: dict[str, object] = {}
    for section, pairs in _SECTION.findall(control.remediation):
        found |= {f"{section}.{key}": yaml.safe_load(value) for key, value in _PAIR.findall(pairs)}
    return found | {path: yaml.safe_load(value) for path, value in _ONE.findall(control.remediation)}


WITH_EXAMPLES = {control.id: found for control in CATALOGUE.controls if (found := examples(control))}
OF_CONFIGS = [
    name
    for name, judges in load_judges().controls.items()
    if any(SourceName.AGENT_CONFIG in each.sources for each in judges)
]


def test_there_are_examples_to_judge() -> None:
    assert WITH_EXAMPLES["observability.tracing.enabled"] == {
        "observability.tracing.enabled": True,
        "observability.tracing.exporter": "otlp",
        "observability.tracing.endpoint": "https://tempo:4317",
    }
    assert WITH_EXAMPLES["predeploy.config.tls-version"] == {"transport.tls_min_version": "1.3"}
    assert len(WITH_EXAMPLES) >= 10


@pytest.mark.parametrize("name", sorted(WITH_EXAMPLES))
@pytest.mark.parametrize("sdk", [SDK, READING])
def test_an_example_of_a_remediation_makes_no_other_control_fail(name: str, sdk: object) -> None:
    for control in OF_CONFIGS:
        before = said(control, {}, sdk=sdk)  # type: ignore[arg-type]
        after = said(control, WITH_EXAMPLES[name], sdk=sdk)  # type: ignore[arg-type]
        assert [each for each in after if each[0] is Says.BAD and each not in before] == [], control
