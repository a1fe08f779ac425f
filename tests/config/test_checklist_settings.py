"""The section `checklist`: what may stand in it, and what is wrong with it, told with its place."""

import json
from pathlib import Path

import pytest

from probes.controls.catalogue.control import SourceName
from probes.controls.catalogue.loading import load_catalogue
from probes.controls.profile import NotRequired, Profile
from watcher.checklist.live.kubernetes.configs.config_maps import OLD, reading_every
from watcher.checklist.live.moments import ages_of
from watcher.config.checklist import LONGEST_HEALTH, LONGEST_ROUND, LONGEST_TLS_POSTURE, ChecklistSettings
from watcher.config.file import ConfigError
from watcher.config.settings import load_settings

CPU = "deployment.resources.cpu-limits"


def _load(tmp_path: Path, **section: object) -> ChecklistSettings:
    path = tmp_path / "watcher.yaml"
    path.write_text(json.dumps({"checklist": section}, indent=1))
    return load_settings(path, {}).checklist


def _mistake(tmp_path: Path, **section: object) -> str:
    with pytest.raises(ConfigError) as refused:
        _load(tmp_path, **section)
    [mistake] = refused.value.mistakes
    return mistake.partition(": ")[2]


def test_the_example_of_the_contract_for_prometheus_is_taken(tmp_path: Path) -> None:
    alerts = {"alerts.svid-rotation": "MyRotationAlert", "alerts.latency": "Slow"}
    prometheus = _load(tmp_path, prometheus={"url": "http://prometheus:9090", "alerts": alerts}).prometheus
    assert prometheus is not None
    assert (prometheus.url, prometheus.alerts) == ("http://prometheus:9090", alerts)


def test_without_the_section_all_are_judged_by_the_checklists_own_criteria(tmp_path: Path) -> None:
    path = tmp_path / "watcher.yaml"
    path.write_text("")
    settings = load_settings(path, {}).checklist
    assert settings == ChecklistSettings()
    assert (settings.enabled, settings.environment, settings.profiles) == (True, "production", ())
    intervals = settings.intervals
    assert (intervals.objects, intervals.health, intervals.tls_posture) == (300, 900, 3600)
    assert (intervals.prometheus, settings.prometheus) == (300, None)


def test_the_section_of_the_contract_is_taken_as_far_as_it_is_built(tmp_path: Path) -> None:
    required = {
        "add": ["deployment.network.default-deny"],
        "remove": [{"control": CPU, "reason": "throttling", "by": "platform"}],
    }
    settings = _load(
        tmp_path,
        enabled=True,
        environment="production",
        intervals={"objects": "5m", "health": "15m", "tls_posture": "1h"},
        profiles=[
            {"name": "production", "namespaces": ["prod-*"], "required": required},
            {"name": "dev", "namespaces": ["dev-*"], "alerts": False},
        ],
        container_roles={"istio-proxy": "sidecar"},
        trust_domains=["example.org"],
        secret_readers=["system:serviceaccount:argocd:*"],
        hostile_handshakes=False,
    )
    removed = (NotRequired(CPU, "throttling", "platform"),)
    assert settings.required_by == (
        Profile("production", ("prod-*",), ("deployment.network.default-deny",), removed),
        Profile("dev", ("dev-*",), alerts=False),
    )
    assert settings.roles == {"istio-proxy": "sidecar"}


@pytest.mark.parametrize(
    ("section", "mistake"),
    [
        ({"profiles": [{"name": "a", "namespaces": ["*"], "required": {"add": ["no.such"]}}]},
         "checklist.profiles[0].required.add[0]: no.such is no control"),
        ({"profiles": [{"name": "a", "namespaces": ["*"], "required": {"add": ["criteria.security"]}}]},
         "checklist.profiles[0].required.add[0]: criteria.security is a roll-up: name its members"),
        ({"profiles": [{"name": "a", "namespaces": ["*"],
                        "required": {"remove": [{"control": "no.such", "reason": "x", "by": "y"}]}}]},
         "checklist.profiles[0].required.remove[0].control: no.such is no control"),
        ({"profiles": [{"name": "a", "namespaces": ["x"]}, {"name": "a", "namespaces": ["y"]}]},
         "checklist.profiles[1].name: expected another name, a is that of another profile too"),
        ({"profiles": [{"name": "checklist", "namespaces": ["x"]}]},
         "checklist.profiles[0].name: expected another name, checklist is that of the checklist's own criteria"),
        ({"profiles": [{"name": "a", "namespaces": []}]},
         "checklist.profiles[0].namespaces: "),
        ({"history": {"keep": "1h"}},
         "checklist.history.keep: expected a duration from 1d to 4000d, got 1h"),
        ({"history": {"max_bytes": "1Ki"}}, "checklist.history.max_bytes: expected a size from 1Mi to 16Gi, got "),
        ({"intervals": {"objects": "10s"}},
         "checklist.intervals.objects: expected a duration from 1m to 1h, got 10s"),
        ({"intervals": {"objects": "61m"}},
         "checklist.intervals.objects: expected a duration from 1m to 1h, got 1h1m"),
        ({"intervals": {"health": "16m"}},
         "checklist.intervals.health: expected a duration from 1m to 15m, got 16m"),
        ({"intervals": {"tls_posture": "24h"}},
         "checklist.intervals.tls_posture: expected a duration from 1m to 1h, got 1d0h"),
        ({"intervals": {"log": "1h"}},
         "checklist.intervals.log: unknown key, did you mean logs?"),
        ({"intervals": {"prometheus": "11m"}},
         "checklist.intervals.prometheus: expected a duration from 1m to 10m, got 11m"),
        ({"trust_domains": ["Example.org"]},
         "checklist.trust_domains[0]: expected a trust domain such as example.org"),
        ({"container_roles": {"istio-proxy": "main"}},
         "checklist.container_roles.istio-proxy: "),
        ({"environment": "a b"},
         "checklist.environment: expected 1 to 63 letters, digits and dashes, got 'a b'"),
        ({"secret_readers": [""]},
         "checklist.secret_readers[0]: expected a pattern such as prod-*, got ''"),
        ({"traces": {"kind": "jaeger"}},
         "checklist.traces.url: missing, but required"),
        ({"prometheus": {"url": "http://prometheus?a=b"}},
         "checklist.prometheus.url: expected a URL without a query, got "),
        ({"prometheus": {"url": "http://prometheus", "bearer_token_file": "/token"}},
         "checklist.prometheus: expected an https URL with bearer_token_file: a token is sent over verified TLS"),
        ({"prometheus": {"url": "http://prometheus", "labels": {"a-b": "c"}}},
         "checklist.prometheus.labels.a-b: expected the name of a label such as cluster, got 'a-b'"),
        ({"prometheus": {"url": "http://prometheus", "alerts": {"alerts.none": "Mine"}}},
         "checklist.prometheus.alerts.alerts.none: expected one of the six lines alerts.*, such as alerts.svid-"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, section: dict[str, object], mistake: str) -> None:
    assert _mistake(tmp_path, **section).startswith(mistake)


def test_no_interval_that_is_taken_leaves_what_was_seen_to_grow_too_old() -> None:
    ages = ages_of(load_catalogue().controls)
    assert min(ages[SourceName.HEALTH]) == LONGEST_HEALTH
    assert min(ages[SourceName.TLS_POSTURE]) == LONGEST_TLS_POSTURE
    assert min(*ages[SourceName.AGENT_CONFIG], *ages[SourceName.KUBERNETES_OBJECT]) == OLD
    assert [reading_every(each) for each in (60.0, 300.0, LONGEST_ROUND)] == [60.0, 300.0, OLD * 0.8]
