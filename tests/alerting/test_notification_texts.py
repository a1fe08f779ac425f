"""What a person reads: the example's receivers, on a real Alertmanager, for one alert, many, and some that are over."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from tests.alerting.promtool import TEXTS
from tests.alerting.test_alertmanager import AGENT, ALWAYS, CONFIG, PIN, RULES, faster
from tests.servers.alertmanager_server import AlertmanagerServer, amtool, run_alertmanager
from tests.servers.process import eventually
from tests.servers.webhook import Notification, Webhook, run_webhook

RUNBOOK, DASHBOARD = "http://127.0.0.1:9847/runbooks/AgentWeave", "http://127.0.0.1:3000/d/"


def alert(name: str, *, over: bool = False, extent: str = "", **labels: str) -> dict[str, Any]:
    """An alert as Prometheus sends it; the labels are beyond those of its rule."""
    rule = RULES[f"AgentWeave{name}"]
    now = datetime.now(UTC)
    times = {"startsAt": now - timedelta(minutes=5), "endsAt": now + timedelta(minutes=0 if over else 5)}
    texts = {
        "summary": f"{name} is.",
        "description": f"What {name} is, on <!channel>.",
        "resolved": f"{name} was.",
        "runbook_url": f"{RUNBOOK}{name}",
        "dashboard_url": f"{DASHBOARD}{name}",
    }
    return {
        "labels": rule.alert | labels,
        "annotations": texts | ({"extent": extent} if extent else {}),
        **{key: at.isoformat() for key, at in times.items()},
    }


@contextmanager
def receivers(home: Path, *, pinned: bool) -> Iterator[tuple[AlertmanagerServer, Webhook]]:
    """The example with its own receivers, whose services are the webhook."""
    with run_webhook() as webhook:
        (home / "key").write_text("a key")
        (home / "slack").write_text(f"{webhook.url}/slack")
        config = faster(CONFIG) | {"time_intervals": ALWAYS}
        named = {receiver["name"]: receiver for receiver in config["receivers"]}
        [pagerduty] = named["pagerduty"]["pagerduty_configs"]
        pagerduty |= {"routing_key_file": str(home / "key"), "url": f"{webhook.url}/pagerduty"}
        [slack] = named["slack"]["slack_configs"]
        slack |= {"api_url_file": str(home / "slack")}
        with run_alertmanager(yaml.safe_dump(config), pinned=pinned) as alertmanager:
            yield alertmanager, webhook


def told(webhook: Webhook, path: str, count: int = 1) -> list[Notification]:
    """The notifications of one receiver, once there are so many."""

    def come() -> list[Notification]:
        found = webhook.told(path)
        return found if len(found) >= count else []

    return eventually(come)


@PIN
def test_a_page_says_which_agent_what_and_where_to_read_on(pinned: bool, tmp_path: Path) -> None:
    with receivers(tmp_path, pinned=pinned) as (alertmanager, webhook):
        alertmanager.post(alert("SVIDExpired"))
        [page] = told(webhook, "/pagerduty")
    assert (page.body["routing_key"], page.body["event_action"]) == ("a key", "trigger")
    payload = page.body["payload"]
    assert payload["summary"] == "[c] prod/search SVIDExpired"
    assert [payload[part] for part in ("severity", "class", "component", "group")] == [
        *("critical", "AgentWeaveSVIDExpired", "svid", "prod")
    ]
    firing = payload["custom_details"]["firing"]
    assert isinstance(firing, str)
    *words, silence = firing.split()
    assert (
        words
        == (f"SVIDExpired is. What SVIDExpired is, on <!channel>. {RUNBOOK}SVIDExpired {DASHBOARD}SVIDExpired").split()
    )
    assert silenced(silence) == RULES["AgentWeaveSVIDExpired"].alert
    assert links(page) == {"Runbook": f"{RUNBOOK}SVIDExpired", "Dashboard": f"{DASHBOARD}SVIDExpired"}
    assert silence_of(page) == silence


def links(page: Notification) -> dict[str, str]:
    return {link["text"]: link["href"] for link in page.body["links"] if link["text"] != "Silence"}


def silence_of(page: Notification) -> str:
    [link] = [link["href"] for link in page.body["links"] if link["text"] == "Silence"]
    return str(link)


def silenced(link: str) -> dict[str, str]:
    """The labels of the alerts that Alertmanager's page of a new silence is filled in with by this link."""
    where, _, said = link.partition("/#/silences/new?filter=")
    assert re.fullmatch(r"http://[\w.-]+:\d+", where)
    assert re.fullmatch(r"[\w%.~-]+", said)  # nothing that Slack, mail or a browser would take for its own
    matchers = unquote(said)
    assert (matchers[0], matchers[-1]) == ("{", "}")
    pairs = re.findall(r'(\w+)=("(?:[^"\\]|\\.)*")(?:,|$)', matchers[1:-1])
    assert ",".join(f"{name}={value}" for name, value in pairs) == matchers[1:-1]
    return {name: json.loads(value) for name, value in pairs}


ODD = 'a b+c,d="e"\\ |<f>é%20'


@PIN
def test_the_link_to_a_silence_is_for_this_alert_alone_whatever_its_labels_are(pinned: bool, tmp_path: Path) -> None:
    with receivers(tmp_path, pinned=pinned) as (alertmanager, webhook):
        told_of = alert("CircuitBreakerOpen", subject=ODD)
        alertmanager.post(told_of, alert("CircuitBreakerOpen", subject="ranker"), alert("OPABundleStale", subject=ODD))
        [page], [message] = told(webhook, "/pagerduty"), told(webhook, "/slack")
        assert silenced(silence_of(page)) == told_of["labels"]
        [attachment] = message.body["attachments"]
        [link] = re.findall(r"<([^|>]*)\|Silence>", attachment["text"])
        assert silenced(link) == alert("OPABundleStale", subject=ODD)["labels"]
        alertmanager.silence(**silenced(silence_of(page)))
        muted = eventually(lambda: [each for each in alertmanager.alerts() if each["status"]["silencedBy"]])
        assert [each["labels"] for each in muted] == [told_of["labels"]]


@PIN
def test_a_page_of_several_lists_the_conditions_with_their_callees(pinned: bool, tmp_path: Path) -> None:
    with receivers(tmp_path, pinned=pinned) as (alertmanager, webhook):
        callees = [alert("CircuitBreakerOpen", subject=subject) for subject in ("index", "ranker")]
        alertmanager.post(*callees, alert("MemoryHigh"))
        [page] = told(webhook, "/pagerduty")
    summary = "[c] prod/search MemoryHigh, CircuitBreakerOpen index, CircuitBreakerOpen ranker"
    assert page.body["payload"]["summary"] == summary


@PIN
def test_where_one_is_over_and_one_fires_title_and_links_are_of_the_one_that_fires(
    pinned: bool, tmp_path: Path
) -> None:
    with receivers(tmp_path, pinned=pinned) as (alertmanager, webhook):
        alertmanager.post(alert("CPUHigh"), alert("MemoryHigh"))
        alertmanager.post(alert("MemoryDrift"), alert("OPABundleStale", subject="authz"))
        told(webhook, "/pagerduty"), told(webhook, "/slack")
        alertmanager.post(alert("CPUHigh", over=True), alert("MemoryDrift", over=True))
        page, message = told(webhook, "/pagerduty", 2)[1], told(webhook, "/slack", 2)[1]
    assert page.body["payload"]["summary"] == "[c] prod/search MemoryHigh"
    assert links(page) == {"Runbook": f"{RUNBOOK}MemoryHigh", "Dashboard": f"{DASHBOARD}MemoryHigh"}
    assert page.body["payload"]["custom_details"]["resolved"] == "CPUHigh was."
    [attachment] = message.body["attachments"]
    title = "[c] prod/search OPABundleStale authz"
    assert (attachment["title"], attachment["title_link"]) == (title, f"{RUNBOOK}OPABundleStale")
    assert attachment["fallback"] == title
    text = re.sub(r"<[^|>]*\|Silence>", "<SILENCE>", attachment["text"])
    assert text.splitlines() == [
        "*OPABundleStale is.*",
        "What OPABundleStale is, on  !channel .",
        f"<{RUNBOOK}OPABundleStale|Runbook> · <{DASHBOARD}OPABundleStale|Dashboard> · <SILENCE>",
        "Over: MemoryDrift was.",
    ]


@PIN
def test_two_on_many_agents_say_of_how_many_and_no_sentence_twice(pinned: bool, tmp_path: Path) -> None:
    with receivers(tmp_path, pinned=pinned) as (alertmanager, webhook):
        alertmanager.post(
            alert("FleetWide", condition="AgentUnreachable", extent="20 of 60 agents"),
            alert("FleetWide", condition="OPAUnreachable", extent="18 of 60 agents"),
        )
        alertmanager.post(
            alert("FleetWide", condition="CPUHigh", namespace="dev", extent="3 of 3 agents in namespace dev")
        )
        pages = told(webhook, "/pagerduty", 2)
    assert sorted(page.body["payload"]["summary"] for page in pages) == [
        "[c] AgentUnreachable on 20 of 60 agents, OPAUnreachable on 18 of 60 agents",
        "[c] CPUHigh on 3 of 3 agents in namespace dev",
    ]


@PIN
def test_what_is_over_is_told_in_the_past(pinned: bool, tmp_path: Path) -> None:
    with receivers(tmp_path, pinned=pinned) as (alertmanager, webhook):
        alertmanager.post(alert("MemoryDrift"))
        told(webhook, "/slack")
        alertmanager.post(alert("MemoryDrift", over=True))
        message = told(webhook, "/slack", 2)[1]
    [attachment] = message.body["attachments"]
    assert attachment["title"] == attachment["fallback"] == "Over: [c] prod/search MemoryDrift"
    assert attachment["text"].strip() == "Over: MemoryDrift was."


@PIN
@pytest.mark.parametrize(
    ("extent", "was"),
    [
        ("2 of 60 agents", "many agents"),
        ("2 of 5 agents on node n3", "many agents on node n3"),
        ("1 of 8 agents in namespace 9-of-10", "many agents in namespace 9-of-10"),
    ],
)
def test_how_few_were_left_when_it_ended_is_not_told_of_what_many_had(
    extent: str, was: str, pinned: bool, tmp_path: Path
) -> None:
    with receivers(tmp_path, pinned=pinned) as (alertmanager, webhook):
        alertmanager.post(alert("FleetWideWarning", condition="CPUHigh", extent=extent))
        told(webhook, "/slack")
        alertmanager.post(alert("FleetWideWarning", over=True, condition="CPUHigh", extent=extent))
        message = told(webhook, "/slack", 2)[1]
    [attachment] = message.body["attachments"]
    assert attachment["title"] == f"Over: [c] CPUHigh on {was}"


TEXTS_OF_OTHERS = (
    *("a: b", "a:", "a:\nb", "a:\tb", "- a", "[a", "{a: b", "'", '"', "&a", "*a", "!a", "%a", "@a", "`a", "a # b"),
    *("---", "...", "null", "true", "12", "1e3", "2026-01-01", "a\nb: c", "a\n- b", "? a\n: b", "a:\u2028b", "a:\x85b"),
    *("{{ .Value }}", "a\x00b", "\\: a", "é: ü", "a" * 3000 + ": b"),
)


@PIN
def test_whatever_stands_in_a_description_the_page_arrives_and_has_it_as_a_text(pinned: bool, tmp_path: Path) -> None:
    alerts = [alert("SVIDExpired", agent=f"a{number}") for number in range(len(TEXTS_OF_OTHERS))]
    for each, text in zip(alerts, TEXTS_OF_OTHERS, strict=True):
        each["annotations"]["description"] = text
    with receivers(tmp_path, pinned=pinned) as (alertmanager, webhook):
        alertmanager.post(*alerts)
        pages = told(webhook, "/pagerduty", len(alerts))
    assert [type(page.body["payload"]["custom_details"]["firing"]) for page in pages] == [str] * len(alerts)


@PIN
def test_the_name_of_a_callee_is_no_mention_in_slack(pinned: bool, tmp_path: Path) -> None:
    with receivers(tmp_path, pinned=pinned) as (alertmanager, webhook):
        alertmanager.post(alert("CircuitBreakerFlapping", subject="<!channel>"))
        [message] = told(webhook, "/slack")
    [attachment] = message.body["attachments"]
    assert attachment["title"] == attachment["fallback"] == "[c] prod/search CircuitBreakerFlapping  !channel "


def test_warnings_of_the_watcher_say_whom_they_are_about(tmp_path: Path) -> None:
    with receivers(tmp_path, pinned=True) as (alertmanager, webhook):
        alertmanager.post(
            *(
                alert("VerdictUnknown", reason=why, namespace="prod", probe="pool")
                for why in ("Malformed", "SignalAbsent")
            )
        )
        [message] = told(webhook, "/slack")
    [attachment] = message.body["attachments"]
    assert attachment["title"] == ("[c] VerdictUnknown prod pool Malformed, VerdictUnknown prod pool SignalAbsent")


def rendered(template: str, data: dict[str, Any], home: Path) -> str:
    """What Alertmanager's own template engine makes of a text."""
    file = home / "data.json"
    file.write_text(json.dumps(data))
    none = home / "none.tmpl"
    none.write_text("")
    made: subprocess.CompletedProcess[str] = amtool(
        *("template", "render", f"--template.glob={none}", f"--template.data={file}", f"--template.text={template}"),
        pinned=True,
    )
    assert made.returncode == 0, made.stdout
    return made.stdout


def test_mail_says_the_same_and_what_is_over_after_what_fires(tmp_path: Path) -> None:
    [mail] = next(each for each in CONFIG["receivers"] if each["name"] == "email")["email_configs"]
    alerts = [
        alert("MemoryDrift", over=True) | {"status": "resolved"},
        alert("OPABundleStale", subject="authz") | {"status": "firing"},
    ]
    of = {"commonLabels": AGENT, "groupLabels": AGENT, "externalURL": "http://am:9093"}
    data = {"receiver": "email", "status": "firing", "alerts": alerts, **of}
    assert rendered(mail["headers"]["Subject"], data, tmp_path).strip() == "[c] prod/search OPABundleStale authz"
    text = rendered(mail["text"], data, tmp_path)
    [silence] = re.findall(r"^Silence (.*)$", text, re.MULTILINE)
    assert silenced(silence) == alerts[1]["labels"]
    assert text.splitlines() == [
        "OPABundleStale is.",
        "What OPABundleStale is, on <!channel>.",
        f"Runbook {RUNBOOK}OPABundleStale",
        f"Dashboard {DASHBOARD}OPABundleStale",
        f"Silence {silence}",
        "",
        "Over: MemoryDrift was.",
        *[""] * text.endswith("\n\n"),
    ]
    over = data | {"status": "resolved", "alerts": alerts[:1]}
    assert rendered(mail["headers"]["Subject"], over, tmp_path).strip() == "Over: [c] prod/search MemoryDrift"


@pytest.mark.parametrize("name", sorted(RULES))
def test_no_description_is_read_as_a_yaml_object(name: str) -> None:
    for kind in ("summary", "description", "resolved"):
        assert isinstance(yaml.safe_load(TEXTS[name][kind].replace("{", "").replace("}", "")), str), (name, kind)
