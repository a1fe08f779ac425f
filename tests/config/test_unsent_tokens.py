"""A token that would not be sent where the config seems to want it is a mistake with its place."""

from pathlib import Path

import pytest

from watcher.config.file import ConfigError
from watcher.config.settings import load_settings

AGENT = "discovery:\n  static:\n    - {namespace: prod, agent: search, metrics: 'https://10.0.0.7/metrics', "
TLS_ONLY, NOBODY = "a token is sent over verified TLS only", "a token is for nobody by default"
SENT_TO_NOBODY = (
    "this token is sent to nobody: no static target has metrics, and bearer_token_for names no target that discovery "
    "finds"
)


def refused(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    try:
        load_settings(file, {})
    except ConfigError as error:
        return [each.removeprefix(f"{file}:") for each in error.mistakes]
    return []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("agent_metrics: {bearer_token_file: /run/token}", []),
        (
            "opa: {bearer_token_file: /run/token}",
            [f"3: discovery.static[0].opa: expected an https URL with sources.opa.bearer_token_file: {TLS_ONLY}"],
        ),
        ("opa: {interval: 30s}", []),
    ],
)
def test_a_static_target_that_is_not_https_is_refused_beside_a_token_for_it(
    tmp_path: Path, source: str, said: list[str]
) -> None:
    text = f"{AGENT}opa: 'http://10.0.0.7:8181'}}\nsources:\n  {source}\n"
    assert refused(tmp_path, text) == said


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "agent_metrics: {bearer_token_file: /run/token}",
            [f"2: sources.agent_metrics.bearer_token_file: {SENT_TO_NOBODY}"],
        ),
        ("agent_metrics: {bearer_token_file: /run/token, bearer_token_for: [{namespace: prod}]}", []),
        (
            "agent_metrics: {bearer_token_for: [{namespace: prod}]}",
            ["2: sources.agent_metrics.bearer_token_for: requires bearer_token_file"],
        ),
        (
            "agent_metrics: {bearer_token_file: /run/token, bearer_token_for: [{}]}",
            [f"2: sources.agent_metrics.bearer_token_for[0]: expected a namespace, a host or both: {NOBODY}"],
        ),
    ],
)
def test_a_token_is_for_nobody_by_default(tmp_path: Path, source: str, said: list[str]) -> None:
    assert refused(tmp_path, f"sources:\n  {source}\n") == said
