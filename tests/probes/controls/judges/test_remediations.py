"""How to mend it: what one control advises for the config, no other control takes amiss."""

import re

import yaml

from probes.controls.catalogue.control import SourceName
from probes.controls.judging import Says, load_judges
from tests.probes.controls.judges.configs import SDK, said
from tests.probes.controls.made import CATALOGUE

_VALUE = r"(?P<value>\"[^\"]*\"|\S+?)(?=[,.]?(?:\s|$))"
_EXAMPLE = re.compile(rf"(?P<section>[a-z_]+(?:\.[a-z_]+)+) with |(?P<key>[a-z_]+(?:\.[a-z_]+)*): {_VALUE}")
_NAMES = {each.path.rpartition(".")[2] for each in SDK.newest.config} | {"jitter", "success_threshold"}
_SECTIONS = tuple(f"{each.path}." for each in SDK.newest.config if each.type == "mapping" and "." not in each.path)


def examples(text: str) -> dict[str, object]:
    """The values of a remediation by their paths: `a.b with c: 1, d: 2`, or `a.b.c: 1, d: 2`."""
    found: dict[str, object] = {}
    above = ""
    for each in _EXAMPLE.finditer(text):
        if each["section"]:
            above = each["section"]
            continue
        path = each["key"] if each["key"].startswith(_SECTIONS) else f"{above}.{each['key']}"
        if path.startswith(_SECTIONS) and path.rpartition(".")[2] in _NAMES:
            above = path.rpartition(".")[0]
            found[path] = yaml.safe_load(each["value"])
    return found


ADVICE = {each.id: found for each in CATALOGUE.controls if (found := examples(each.remediation))}


def test_the_examples_of_the_catalogue_are_found() -> None:
    assert ADVICE["observability.tracing.enabled"] == {
        "observability.tracing.enabled": True,
        "observability.tracing.exporter": "otlp",
        "observability.tracing.endpoint": "https://tempo:4317",
    }
    assert ADVICE["reliability.retry.tuned"] == {
        "transport.retry.max_attempts": 3,
        "transport.retry.backoff_base_seconds": 1.0,
        "transport.retry.backoff_max_seconds": 30.0,
    }
    assert len(ADVICE) >= 10


def test_what_one_control_advises_no_other_control_takes_amiss() -> None:
    judged = load_judges().controls
    asked = [name for name, judges in judged.items() if any(SourceName.AGENT_CONFIG in each.sources for each in judges)]
    for advised_by, changes in ADVICE.items():
        bad = {name: why for name in asked for says, why in said(name, changes) if says is Says.BAD}
        bad = {name: why for name, why in bad.items() if (Says.BAD, why) not in said(name, {})}
        assert bad == {}, advised_by


def test_advice_that_is_taken_amiss_is_noticed() -> None:
    told = said(
        "security.transport.no-plaintext", examples("Set observability.tracing with endpoint: http://tempo:4317.")
    )
    assert told == [(Says.BAD, "observability.tracing.endpoint is http:// to a host that is not loopback.")]
