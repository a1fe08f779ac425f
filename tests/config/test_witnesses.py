"""The sections of those who know something of agents beside the watcher: what is refused, and in which words."""

from typing import Any

import pytest
from pydantic import ValidationError

from watcher.config.checklist import ChecklistSettings

LOKI, JAEGER = {"kind": "loki", "url": "http://loki:3100"}, {"kind": "jaeger", "url": "http://jaeger:16686"}
TOKEN_OVER_TLS = "expected an https URL with bearer_token_file: a token is sent over verified TLS only"


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"logs": {"kind": "loki"}}, "expected url with kind: loki, and with no other kind"),
        ({"logs": {"kind": "kubernetes", "url": "http://a"}}, "expected url with kind: loki, and with no other kind"),
        ({"logs": LOKI | {"url": "http://user:hunter22@loki"}}, "without user, password and fragment"),
        ({"logs": LOKI | {"url": "http://loki/?a=b"}}, "expected a URL without a query"),
        ({"logs": LOKI | {"bearer_token_file": "/t"}}, TOKEN_OVER_TLS),
        ({"logs": LOKI | {"pod_label": 'pod"}'}}, "expected the name of a label such as pod"),
        ({"logs": LOKI | {"tenant": "a\nb"}}, "expected the name of a tenant"),
        ({"logs": LOKI | {"lines": 99}}, "greater than or equal to 100"),
        ({"logs": LOKI | {"lines": 5001}}, "less than or equal to 5000"),
        ({"logs": LOKI | {"interval": "1m"}}, "expected a duration from 5m to 1h, got 1m0s"),
        ({"intervals": {"logs": "2h"}}, "expected a duration from 5m to 1h, got 2h0m"),
        ({"intervals": {"traces": "2h"}}, "expected a duration from 5m to 1h, got 2h0m"),
        ({"traces": {"kind": "jaeger"}}, "Field required"),
        ({"traces": JAEGER | {"kind": "zipkin"}}, "Input should be 'jaeger' or 'tempo'"),
        ({"traces": JAEGER | {"service": "${pod}"}}, "expected a name such as ${agent}"),
        ({"traces": JAEGER | {"bearer_token_file": "/t"}}, TOKEN_OVER_TLS),
        ({"document_links": {"allow_hosts": ["https://wiki.example.org"]}}, "expected an address such as"),
        ({"document_links": {"allow_hosts": ["*.example.org"]}}, "expected an address such as"),
        ({"document_links": {"hosts": []}}, "Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_meant_is_refused(section: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ChecklistSettings.model_validate(section)
    assert says in str(refused.value.errors()[0]["msg"])
    assert "hunter22" not in str(refused.value.errors()[0]["msg"])


def test_what_the_contract_shows_is_taken_and_nothing_is_on_by_itself() -> None:
    plain = ChecklistSettings()
    assert (plain.logs, plain.traces, plain.document_links.check) == (None, None, False)
    made = ChecklistSettings.model_validate(
        {
            "intervals": {"logs": "1h", "traces": "1h"},
            "logs": {"kind": "loki", "url": "https://loki", "lines": 200, "interval": "1h", "bearer_token_file": "/t"},
            "traces": {"kind": "tempo", "url": "http://tempo:3200/prefix", "service": "${namespace}/${agent}"},
            "document_links": {"check": True, "allow_hosts": ["wiki.example.org", "10.0.0.7:8080"]},
        }
    )
    assert made.logs is not None
    assert (made.logs.lines, made.logs.interval) == (200, 3600.0)
