"""Does a drill say how far it got? Real Alertmanagers with receivers that work and that do not, and counters alone."""

import asyncio
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.alerting.test_drill import Echo
from tests.commands.test_cli import call
from tests.servers.alertmanager_server import AlertmanagerServer, run_alertmanager
from tests.servers.opa_lies import run_liar
from tests.servers.process import eventually
from tests.servers.webhook import run_webhook
from watcher.alerting.delivery import (
    Integration,
    Sent,
    closed,
    failed,
    missing,
    read_counters,
    read_receivers,
)
from watcher.alerting.drill import Memory, drill

PAGER = (Integration("pagerduty", ("routing_key_file /nowhere/key",)),)
PAGE = """# HELP alertmanager_notifications_total The total number of attempted notifications.
alertmanager_notifications_total{integration="email"} 0
alertmanager_notifications_total{integration="pagerduty"} 12
alertmanager_notifications_failed_total{integration="pagerduty",reason="clientError"} 1
alertmanager_notifications_failed_total{integration="pagerduty",reason="other"} 2
alertmanager_notification_requests_total{integration="pagerduty"} 20
alertmanager_notification_requests_failed_total{integration="pagerduty"} 11
alertmanager_notifications_total{integration="slack",receiver_name="ours"} 5
alertmanager_notifications_total{integration="slack",receiver_name="of others"} 7
alertmanager_notification_latency_seconds_count{integration="pagerduty"} 20
"""


def _config(url: str) -> str:
    return f"""
route:
  receiver: chat
  group_wait: 1s
  group_interval: 1s
  routes:
    - {{matchers: [severity="critical"], receiver: pager}}
    - {{matchers: [drill="true"], group_wait: 1h, receiver: chat}}
receivers:
  - {{name: chat, webhook_configs: [{{url: "{url}"}}]}}
  - {{name: pager, pagerduty_configs: [{{routing_key_file: /nowhere/key}}]}}
"""


def test_a_missing_secret_of_a_receiver_by_which_every_page_failed_is_exit_code_1(tmp_path: Path) -> None:
    with run_webhook() as webhook, run_alertmanager(_config(webhook.url)) as alertmanager:
        alertmanager.post({"labels": {"alertname": "Real", "severity": "critical"}})
        eventually(lambda: _failed(alertmanager) > 0)
        config = tmp_path / "watcher.yaml"
        config.write_text(f"alertmanager: {{url: {alertmanager.url}}}")
        told = call("drill", "--config", str(config))
    assert (told.returncode, told.stdout) == (
        1,
        "warning: accepted, routed to chat (not delivered: --deliver tests that)\n",
    )
    [line] = told.stderr.splitlines()
    assert line.startswith(f"critical: the drill failed: {alertmanager.url} took the alert, routed to pager, but all ")
    assert line.endswith(
        " notifications by pagerduty have failed since it started "
        "(its log says why; it reads routing_key_file /nowhere/key)"
    )


def _failed(alertmanager: AlertmanagerServer) -> float:
    return read_counters(alertmanager.own_metrics(), ()).get("pagerduty", Sent()).failed


def test_with_deliver_somebody_gets_an_alert_that_says_that_it_is_a_drill(tmp_path: Path) -> None:
    with run_webhook() as webhook:
        page, chat = (
            "pagerduty_configs: [{routing_key_file: /nowhere/key}]",
            f"webhook_configs: [{{url: {webhook.url}}}]",
        )
        both = _config(webhook.url).replace(page, chat)
        with run_alertmanager(both) as alertmanager:
            config = tmp_path / "watcher.yaml"
            config.write_text(
                f"alertmanager: {{url: {alertmanager.url}, runbook_url: 'https://w.example.org/runbooks'}}"
            )
            told = call("drill", "--config", str(config), "--deliver", "--within", "30")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.splitlines() == [
        "critical: accepted, routed to pager (notified by webhook)",
        "warning: accepted, routed to chat (notified by webhook)",
    ]
    alerts = [alert for notification in webhook.told() for alert in notification.body["alerts"]]
    assert {alert["labels"]["severity"] for alert in alerts} == {"critical", "warning"}
    for alert in alerts:
        assert alert["labels"]["drill"] == "deliver"
        assert alert["annotations"]["summary"] == "This is a drill: nothing is wrong."
        assert alert["annotations"]["runbook_url"] == "https://w.example.org/runbooks/AgentWeaveDrillMissed"


def test_with_deliver_a_receiver_that_cannot_notify_is_trouble_though_nothing_ever_failed() -> None:
    with run_webhook() as webhook, run_alertmanager(_config(webhook.url)) as alertmanager:
        begin = time.monotonic()
        critical, warning = asyncio.run(drill(alertmanager.url, deliver=60.0))
        assert time.monotonic() - begin < 50
    assert "1 of 1 notifications by pagerduty failed (its log says why; it reads routing_key_file" in critical.trouble
    assert warning.severity == "warning"


def test_what_is_not_notified_in_time_is_trouble() -> None:
    with run_webhook() as webhook:
        late = _config(webhook.url).replace("group_wait: 1s", "group_wait: 1h")
        with run_alertmanager(late) as alertmanager:
            critical, warning = asyncio.run(drill(alertmanager.url, deliver=1.0))
    assert warning.trouble == (
        f"{alertmanager.url} took the alert, routed to chat, but fewer notifications by webhook were taken within 1s "
        "than there are ways for the alerts: the group_wait or group_interval of its route is longer"
    )
    assert "fewer notifications by pagerduty were taken" in critical.trouble


def test_one_of_two_alerts_that_was_notified_does_not_stand_for_the_other() -> None:
    with run_webhook() as webhook:
        pager = f"webhook_configs: [{{url: {webhook.url}}}]"
        late = _config(webhook.url).replace("pagerduty_configs: [{routing_key_file: /nowhere/key}]", pager)
        late = late.replace('drill="true"', 'drill="deliver"')  # so that the warning waits for an hour
        with run_alertmanager(late) as alertmanager:
            drilled = asyncio.run(drill(alertmanager.url, deliver=4.0))
        assert [notification.body["receiver"] for notification in webhook.told()][:1] == ["pager"]
    assert all("fewer notifications by webhook were taken within 4s" in each.trouble for each in drilled)


def test_counters_that_cannot_be_read_are_said_and_hold_against_nobody() -> None:
    async def main() -> tuple[str, str]:
        async with run_liar(Echo()) as liar:
            plain = await drill(liar.url, 1.0)
            assert [each.trouble for each in plain] == ["", ""]
            delivered = await drill(liar.url, 1.0, deliver=1.0)
        return plain[0].said, delivered[0].trouble

    said, trouble = asyncio.run(main())
    assert said == (
        "whether it passes alerts on is not known: gives an answer to /api/v2/status that is none of Alertmanager"
    )
    assert "but whether it was notified is not known: gives an answer to /api/v2/status" in trouble


def test_a_scheduled_drill_judges_what_was_notified_since_the_one_before() -> None:
    with run_webhook() as webhook, run_alertmanager(_config(webhook.url)) as alertmanager:
        alertmanager.post({"labels": {"alertname": "Real", "severity": "critical"}})
        eventually(lambda: _failed(alertmanager) > 0)
        memory = Memory()
        first, _ = asyncio.run(drill(alertmanager.url, memory=memory))
        assert "have failed since it started" in first.trouble
        noted = memory.counters
        assert noted is not None
        eventually(lambda: _failed(alertmanager) > noted["pagerduty"].failed)  # it tries again at each interval
        second, _ = asyncio.run(drill(alertmanager.url, memory=memory))
        assert "have failed since the last drill" in second.trouble
        assert memory.counters != noted


@pytest.mark.parametrize(
    ("before", "now", "begins"),
    [
        ({}, {}, ""),
        ({}, {"pagerduty": Sent(3, 0, 3)}, ""),
        ({}, {"pagerduty": Sent(3, 2, 1)}, ""),
        ({}, {"slack": Sent(3, 3, 0)}, ""),  # not ours
        ({}, {"pagerduty": Sent(3, 3, 0)}, "all 3 notifications by pagerduty have failed since it started"),
        (
            {"pagerduty": Sent(9, 0, 9)},
            {"pagerduty": Sent(12, 3, 9)},
            "all 3 notifications by pagerduty have failed since",
        ),
        ({"pagerduty": Sent(9, 9, 0)}, {"pagerduty": Sent(9, 9, 0)}, ""),  # nothing since
        ({"pagerduty": Sent(9, 0, 9)}, {"pagerduty": Sent(2, 2, 0)}, "all 2 notifications by"),  # it was restarted
    ],
)
def test_a_way_is_closed_where_nothing_at_all_went_through(
    before: dict[str, Sent], now: dict[str, Sent], begins: str
) -> None:
    said = closed(PAGER, before, now)
    assert len(said) == bool(begins)
    assert "".join(said).startswith(begins)


def test_counters_are_summed_by_integration_and_those_of_other_receivers_left_out() -> None:
    assert read_counters(PAGE, ["ours"]) == {
        "email": Sent(),
        "pagerduty": Sent(notifications=12, failed=3, passed=9),
        "slack": Sent(notifications=5),
    }


def test_receivers_are_read_with_the_files_that_they_need() -> None:
    config = """
receivers:
  - name: pager
    pagerduty_configs: [{routing_key_file: /a, http_config: {authorization: {credentials_file: /b}}}]
    webhook_configs: [{url: http://a}, {url: http://b}]
  - name: nobody
"""
    assert read_receivers(config) == {
        "pager": (
            Integration("pagerduty", ("routing_key_file /a", "credentials_file /b")),
            Integration("webhook", ()),
            Integration("webhook", ()),
        ),
        "nobody": (),
    }
    two = read_receivers(config)["pager"]
    assert missing(two, {}, {"webhook": Sent(1, 0, 1), "pagerduty": Sent(1, 0, 1)}) == ["webhook"]


@given(st.text(max_size=300))
def test_any_text_is_a_configuration_or_is_refused(text: str) -> None:
    try:
        receivers = read_receivers(text)
    except ValueError:
        return
    assert all(isinstance(name, str) for name in receivers)


@given(st.text(max_size=200), st.dictionaries(st.sampled_from(["pagerduty", "slack"]), st.builds(Sent), max_size=2))
def test_any_text_is_a_page_of_counters(text: str, before: dict[str, Sent]) -> None:
    now = read_counters(f"{PAGE}{text}\n", ())
    assert failed(PAGER, {}, now)
    closed(PAGER, before, now)
