"""What a config has of passwords is in no line about its mistakes."""

from pathlib import Path

import pytest

from watcher.config.file import ConfigError
from watcher.config.settings import load_settings


@pytest.mark.parametrize(
    "text",
    [
        "discovery: {static: [{namespace: prod, agent: search, metrics: 'https://admin:hunter2@10.0.0.7/metrics'}]}",
        "discovery: {static: [{namespace: prod, agent: search, metrics: 'http:/admin:hunter2@10.0.0.7/metrics'}]}",
        "discovery: {static: [{namespace: prod, agent: search, opa: 'http://admin:hunter2'}]}",
        "discovery: {static: [{namespace: prod, agent: search, opa: 'ftp://h/?token=hunter2'}]}",
        "discovery: {static: [{namespace: prod, agent: search, metrics: '10.0.0.7:9090/metrics?token=hunter2'}]}",
        "discovery: {static: [{namespace: prod, agent: search, metrics: 'http:/10.0.0.7/metrics?token=hunter2'}]}",
        "discovery: {static: [{namespace: prod, agent: search, address: '10.0.0.7:8443?token=hunter2'}]}",
        "discovery: {static: [{namespace: prod, agent: search, decision_path: 'authz/allow?token=hunter2'}]}",
        "alertmanager: {url: 'alertmanager:9093/?token=hunter2'}",
        "alertmanager: {url: 'http:admin:hunter2%40h/m'}",
        "alertmanager: {url: 'admin:hunter2%40h/m'}",
        "alertmanager: {url: 'http//admin:hunter2/m'}",
        "alertmanager: {url: 'h h/m;token=hunter2'}",
        "server: {basic_auth_users: {admin: !hunter2 }}",
        "server: {basic_auth_users: {admin: *hunter2 }}",
        "discovery: {static: [{namespace: prod, agent: search, address: 'https://admin:hunter2@10.0.0.7:8443'}]}",
        "discovery: {static: [{namespace: prod, agent: search, spiffe_id: 'https://admin:hunter2@10.0.0.7'}]}",
        "discovery: {static: 'https://admin:hunter2@10.0.0.7'}",
        "alertmanager: {url: 'http://admin:hunter2@alertmanager:9093'}",
        "alertmanager: {url: 'http://alertmanager:9093/?token=hunter2'}",
        "identity: {workload_api: 'https://admin:hunter2@10.0.0.7'}",
        "server: {host: 'http://admin:hunter2@10.0.0.7'}",
        "server: {port: 'http://admin:hunter2@10.0.0.7'}",
        "'https://admin:hunter2@10.0.0.7'",
    ],
)
def test_no_line_about_a_mistake_has_a_password(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_settings(file, {})
    assert "hunter2" not in "".join(error.value.mistakes)
