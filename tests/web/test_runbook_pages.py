"""A runbook as it opens from an alert: what the watcher sees now, and commands that are ready and safe to paste."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from tests.alerting.rules import OPTIONAL, alerts
from tests.servers.agents import LIMIT
from tests.servers.daemon import DaemonProcess, run_daemon, write_config
from tests.servers.process import eventually
from tests.servers.watched_fleet import WatchedFleet, run_fleet
from tests.web.markup import Markup

SCRIPT = "<script>alert(1)</script>"
HOSTILE = {"namespace": "<i>&amp;", "agent": "a;$(id)", "pod": "p'\"\\`id`"}
EYE = {"namespace": "watch", "workload": "statefulset/eye", "selector": "a/b=eye", "pod": "eye-0"}
BREAKERS = {"breaker": {"open_for": "1ms"}, "opa": {"canaries": []}}


@dataclass(frozen=True)
class Served:
    """A daemon over two pods of `search`, of which one has its memory full, and others with the same trouble."""

    daemon: DaemonProcess
    fleet: WatchedFleet

    def page(self, alert: str, **query: str) -> Markup:
        """The runbook as the link of an alert opens it."""
        answer = self.daemon.get(f"/runbooks/AgentWeave{alert}?{urlencode(query)}")
        assert answer.status_code == 200
        return Markup(answer.text)

    def html(self, alert: str, **query: str) -> str:
        """The same as text."""
        return self.daemon.get(f"/runbooks/AgentWeave{alert}?{urlencode(query)}").text


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("runbooks")
    with run_fleet(home, "search", "planner", "billing", "orders") as fleet:
        targets = [
            fleet.target("search", pod="search-0"),
            fleet.target("planner") | {"agent": "search", "pod": "search-1"},
            fleet.target("billing"),
            fleet.target("orders") | {"namespace": "lab"},
            fleet.target("orders") | HOSTILE,
        ]
        for agent in ("billing", "planner"):
            fleet.agents[agent].hide(fleet.agents[agent].pool)
        server = {"server": {"port": 0, "allowed_hosts": ["watcher.example.org"]}}
        own = {
            "installation": {"namespace": "watch", "workload": "statefulset/eye", "selector": "a/b=eye", "pod": "eye-0"}
        }
        with run_daemon(home, fleet.config(*targets, probes=BREAKERS) | server | own) as daemon:
            for agent, pod in (("billing", "billing"), ("orders", "orders"), ("planner", "search-1")):
                fleet.agents[agent].memory.set(LIMIT)
                daemon.says("MemoryHigh", "true MemoryHigh", pod=pod)
            # What turned is kept within a second.
            eventually(lambda: daemon.get("/api/v1/changes?condition=MemoryHigh").json()["total"] == 4)
            yield Served(daemon, fleet)


def test_the_targets_of_an_alert_are_shown_trouble_first_with_their_looks(served: Served) -> None:
    html = served.html("MemoryHigh", namespace="prod", agent="search")
    seen, _ = html.split("What else changed")
    assert seen.index('<a href="/agents/prod/search-1">') < seen.index('<a href="/agents/prod/search-0">')
    assert seen.count("of the limit of 512.0 MiB") == 1
    for source in ("handshake", "agent_metrics", "opa"):
        assert seen.count(f"probe result: {source}") == 2
    assert "/agents/prod/billing" not in seen


def test_a_condition_stands_before_the_others_of_its_target(served: Served) -> None:
    html = served.html("PoolSaturated", namespace="prod", agent="search", pod="search-1")
    asked, _ = html.split("What else changed")
    assert asked.index("SignalAbsent") < asked.index("of the limit of 512.0 MiB")
    assert "search-0" not in asked


def test_a_link_leads_to_the_step_for_the_reason_that_is_seen(served: Served) -> None:
    page = served.page("MemoryHigh", namespace="prod", agent="search")
    assert "#MemoryHigh" in page.links
    assert "MemoryHigh" in page.ids


def test_what_changed_before_is_told_from_near_to_far(served: Served) -> None:
    [target] = [each for each in served.daemon.targets("?agent=search") if each["pod"] == "search-1"]
    [since] = [each["since"] for each in target["conditions"] if each["condition"] == "MemoryHigh"]
    _, changed = served.html("MemoryHigh", namespace="prod", agent="search").split("What else changed")
    changed, _ = changed.split("<article>")
    assert changed.startswith(f' in the ten minutes before <time datetime="{since}">{since}</time><')
    assert "First seen in that time: 2 of the same agent, 3 of others" in changed
    assert 'href="/agents/prod/billing"' in changed
    assert 'href="/agents/prod/search-1"' not in changed  # it is told above
    assert "MemoryHigh failing on 2 targets" in changed


def test_other_agents_with_the_same_trouble_are_counted(served: Served) -> None:
    page = served.page("MemoryHigh", namespace="prod", agent="search")
    assert "MemoryHigh is true of 3 other agents too" in page.text
    assert "/runbooks/AgentWeaveFleetWide?condition=MemoryHigh" in page.links


def test_commands_are_filled_in_with_the_one_pod_that_has_the_condition(served: Served) -> None:
    page = served.page("MemoryHigh", namespace="prod", agent="search")
    commands = "\n".join(page.commands)
    assert not re.search(r"\$\{?(NAMESPACE|AGENT|POD|WATCHER)\b", commands)
    assert f"{served.daemon.url}/api/v1/targets" in commands
    assert "kubectl -n prod" in commands
    assert "search-1" in commands
    assert "search-0" not in commands
    assert "Not filled in below: $WORKLOAD. The link" in page.text  # targets of the config have none
    assert "Not filled in" not in served.page("MetricsUnavailable", namespace="prod", agent="search", pod="a").text


def test_commands_for_the_watcher_itself_are_filled_in_also_in_sentences(served: Served) -> None:
    page = served.page("WatcherDown")
    for command in (
        "kubectl -n watch get statefulset/eye",
        "kubectl -n watch get pods -l a/b=eye -o wide",
        "kubectl -n watch rollout undo statefulset/eye",
        "kubectl -n watch port-forward pod/eye-0 9847:http",
    ):
        assert any(command in each for each in page.commands), command
    assert "kubectl -n watch describe pods -l a/b=eye > watcher-down.txt" in page.text
    assert "Not filled in" not in page.text
    assert 'namespace="watch"' in page.text
    other = served.page("WatcherStalled", watcher_pod="eye-2")
    assert any("kubectl -n watch exec eye-2 -- python3" in each for each in other.commands)
    assert any("{WATCHER_POD:?}" in each for each in served.page("WatcherStalled", watcher_pod="$(id)").commands)


def test_what_is_not_filled_in_is_marked_in_blocks_and_in_sentences(served: Served) -> None:
    html = served.html("PoolExhausted", namespace="prod", agent="search")
    assert "<code>kubectl -n prod rollout undo <mark>${WORKLOAD:?}</mark></code>" in html
    assert "<mark>${CALLEE_ADDRESS:?the top one of the list}</mark>" in html
    assert "pool=<mark>$SUBJECT</mark>}" in html


def test_where_no_pod_or_several_have_it_the_pod_stays_open(served: Served) -> None:
    for agent, pod in (("search", "search-0"), ("planner", "search-1")):
        served.fleet.agents[agent].breaker.labels("crowded").set(1)
        served.daemon.says("CircuitBreakerOpen", "true", pod=pod, subject="crowded")
    for alert, subject in (("AgentUnreachable", ""), ("CircuitBreakerOpen", "crowded")):
        page = served.page(alert, namespace="prod", agent="search", subject=subject)
        assert re.search(r"Not filled in below: \$POD\b[^.]*\. The link does not name one", page.text)
        assert any("${POD:?}" in each for each in page.commands)
    given = served.page("AgentUnreachable", namespace="prod", agent="search", pod="search-0")
    assert not any("{POD:?}" in each for each in given.commands)


def test_a_runbook_without_a_query_is_the_text_alone(served: Served) -> None:
    page = served.page("MemoryHigh")
    assert "What the watcher sees now" not in page.text
    assert "Not filled in below: $NAMESPACE, $AGENT, $POD, $WORKLOAD. The link" in page.text
    assert {"Meaning", "Mitigation", "Related"} <= set(page.text.split("\n"))


@pytest.mark.parametrize(
    "value",
    [
        *("a b", "a'b", 'a"b', "$(id)", "`id`", "a;id", "a\nid", "-rf", ".ssh", "a/b", "é", "a\\b", "a*", "{a,b}"),
        *(SCRIPT, "a" * 254, "search-1\n", "a:b", "~", "a&b", "a|b", "a>b", "!!", "#a", "\x00a"),
    ],
)
def test_a_value_that_a_shell_could_act_on_is_never_part_of_a_command(served: Served, value: str) -> None:
    page = served.page("MemoryHigh", namespace=value, agent=value, pod=value)
    bare = served.page("MemoryHigh")
    assert page.commands == bare.commands
    assert "Not filled in below: $NAMESPACE, $AGENT, $POD. The given value" in page.text


@pytest.mark.parametrize("subject", ["ranker", "spiffe://example.org/agent/ranker", "pool.a:8443"])
def test_a_subject_may_be_a_spiffe_id(served: Served, subject: str) -> None:
    page = served.page("CircuitBreakerOpen", namespace="prod", agent="search", subject=subject)
    assert any(subject in each for each in page.commands)
    assert "$SUBJECT" not in page.text


def test_a_subject_is_held_to_the_same_rule(served: Served) -> None:
    page = served.page("CircuitBreakerOpen", namespace="prod", agent="search", pod="search-0", subject="a$(id)")
    assert any("${SUBJECT:?}" in each for each in page.commands)
    assert not any("$(id)" in each for each in page.commands)


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("watcher.example.org", "http://watcher.example.org/"),
        ("10.0.0.1:9847", "http://10.0.0.1:9847/"),
        ("[::1]:9847", "http://[::1]:9847/"),
        ("10.0.0.1:", "${WATCHER:?}/"),
    ],
)
def test_the_watcher_is_addressed_as_it_was_reached(served: Served, host: str, base: str) -> None:
    answer = served.daemon.get("/runbooks/AgentWeaveMemoryHigh?namespace=prod&agent=search", Host=host)
    page = Markup(answer.text)
    assert any(f"{base}api/v1/targets" in each for each in page.commands)
    assert ("Not filled in below: $WATCHER. The given value" in page.text) == base.startswith("$")


@pytest.mark.parametrize("host", ["a;id", "$(id)", "a/b", "user@host", "host:", "-o.example.org", "a\tb", ""])
def test_an_address_that_is_none_of_the_watchers_gets_no_page(served: Served, host: str) -> None:
    assert served.daemon.get("/runbooks/AgentWeaveMemoryHigh", Host=host).status_code == 421


def test_only_the_named_subject_is_looked_at(served: Served) -> None:
    breaker = served.fleet.agents["billing"].breaker
    breaker.labels("vision").set(1)
    served.daemon.says("CircuitBreakerOpen", "true", pod="billing", subject="vision")
    vision = served.page("CircuitBreakerOpen", namespace="prod", agent="billing", subject="vision")
    ranker = served.page("CircuitBreakerOpen", namespace="prod", agent="billing", subject="ranker")
    nobody = served.page("CircuitBreakerOpen", namespace="prod", agent="billing", subject="nobody")
    assert not any("{POD:?}" in each for each in vision.commands)
    assert any("${POD:?}" in each for each in ranker.commands)
    assert "CircuitBreakerOpen of nobody is not judged here now." in nobody.text
    shown, _ = served.html("CircuitBreakerOpen", subject="vision").split("What else changed")
    assert {link for link in Markup(shown).links if link.startswith("/agents/")} == {"/agents/prod/billing"}


def test_a_target_that_is_not_known_is_said_to_be_gone(served: Served) -> None:
    page = served.page("MemoryHigh", namespace="prod", agent="nobody", pod="nobody-0")
    told = "The watcher knows no target with namespace prod, agent nobody, pod nobody-0; it may be gone."
    assert told in page.text
    assert any("kubectl -n prod" in each for each in page.commands)


def test_an_alert_about_many_agents_shows_who_has_its_condition(served: Served) -> None:
    page = served.page("FleetWide", condition="MemoryHigh")
    assert "4 agents, 4 targets have MemoryHigh now." in page.text
    assert "MemoryHigh: 4" in page.text
    assert "/?namespace=prod&agent=search" in page.links
    assert any(link in page.links for link in ("#MemoryHigh", "#Memory%2A"))
    assert "0 agents, 0 targets have Hope now." in served.page("FleetWide", condition="Hope").text


def test_an_alert_about_unknown_verdicts_shows_whose_they_are(served: Served) -> None:
    page = served.page("VerdictUnknown", namespace="prod", probe="pool", reason="SignalAbsent")
    assert "2 agents, 2 targets have unknown verdicts of the probe pool now, reason SignalAbsent." in page.text
    assert "#SignalAbsent" in page.links
    assert "0 agents" in served.page("VerdictUnknown", namespace="prod", probe="pool", reason="Stale").text
    assert "0 agents" in served.page("VerdictUnknown", namespace="lab", probe="pool", reason="SignalAbsent").text
    assert "2 agents, 2 targets" in served.page("VerdictUnknown", probe="pool").text


def test_an_alert_about_a_source_shows_whose_verdicts_it_leaves_unknown(served: Served) -> None:
    told = served.page("WatcherBlind", source="agent_metrics").text
    assert re.search(
        r"[2-9] agents, \d targets have unknown verdicts that rest on the source agent_metrics now\.", told
    )
    assert "0 agents, 0 targets" in served.page("WatcherBlind", source="smoke").text


def test_an_alert_about_the_watcher_shows_its_own_troubles(tmp_path: Path) -> None:
    target = {"namespace": "prod", "agent": "search", "address": "127.0.0.1:9"}
    config = {"discovery": {"static": [target]}}
    with run_daemon(tmp_path, config) as daemon:
        assert "The watcher itself is not impaired." in daemon.get("/runbooks/AgentWeaveWatcherImpaired").text
        write_config(tmp_path, {"sever": {}})
        daemon.reload()
        opened = Markup(daemon.get("/runbooks/AgentWeaveWatcherImpaired?reason=ConfigRejected").text)
        for page in (opened, Markup(daemon.get("/").text)):
            assert "ConfigRejected: the newest config or server file was rejected" in page.text
        assert "#ConfigRejected" in opened.links


def _raw(daemon: DaemonProcess, path: str) -> tuple[int, str]:
    """Without what a client would make of the path first."""
    with _connection(daemon) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        assert "default-src 'none'" in (answer.headers["Content-Security-Policy"] or "")
        return answer.status, answer.read().decode()


@contextmanager
def _connection(daemon: DaemonProcess) -> Iterator[HTTPConnection]:
    connection = HTTPConnection(*daemon.address, timeout=10)
    try:
        yield connection
    finally:
        connection.close()


@pytest.mark.parametrize(
    "path",
    [
        *("../../etc/passwd", "..%2f..%2fetc%2fpasswd", "..", "%2e%2e", "....//etc/passwd", "/etc/passwd"),
        *(
            "AgentWeaveMemoryHigh.md",
            "AgentWeaveMemoryHigh/",
            "AgentWeaveMemoryHigh/..",
            "%00",
            "AgentWeaveMemoryHigh%00",
        ),
        *("agentweavememoryhigh", "../rules/svid.yaml", "AgentWeaveHope", "..%5c..%5cetc", "%ff", quote(SCRIPT), "."),
    ],
)
def test_a_name_that_is_not_on_the_list_is_not_found(served: Served, path: str) -> None:
    status, text = _raw(served.daemon, f"/runbooks/{path}")
    assert status == 404
    page = Markup(text)
    assert page.text.count("There is no runbook") == 1
    assert "/runbooks" in page.links
    assert "root:" not in text
    assert "script" not in page.tags


def test_nothing_in_a_query_or_from_an_agent_becomes_markup(served: Served) -> None:
    script = dict.fromkeys(("namespace", "agent", "pod", "subject", "condition", "probe", "reason", "x"), SCRIPT)
    pages = [served.html(alert, **script) for alert in ("MemoryHigh", "FleetWide", "VerdictUnknown", "WatcherDown")]
    pages += [served.html("MemoryHigh", **HOSTILE), served.html("FleetWide", condition="MemoryHigh")]
    pages += [served.html("FleetWide", condition="", probe=SCRIPT)]
    for html in pages:
        page = Markup(html)
        assert not page.tags & {"script", "i", "img"}
        assert page.handlers == []
    assert SCRIPT in Markup(pages[0]).text
    assert HOSTILE["pod"] in Markup(pages[4]).text


def test_links_to_other_runbooks_keep_the_query_and_lead_somewhere(served: Served) -> None:
    page = served.page("MemoryHigh", namespace="prod", agent="search")
    assert "/runbooks/AgentWeaveMemoryDrift?namespace=prod&agent=search" in page.links
    assert {link: served.daemon.get(link).status_code for link in page.own_links} == dict.fromkeys(page.own_links, 200)
    assert not [link for link in page.links if link.endswith(".md")]


def test_the_pages_of_the_fleet_and_of_an_agent_lead_to_the_runbook(served: Served) -> None:
    link = "/runbooks/AgentWeaveMemoryHigh?namespace=prod&agent=search&pod=search-1"
    for path in ("/", "/agents/prod/search-1"):
        assert link in Markup(served.daemon.get(path).text).links
    subject = "/runbooks/AgentWeavePoolExhausted?namespace=prod&agent=search&pod=search-0&subject=outbound"
    assert subject in Markup(served.daemon.get("/agents/prod/search-0").text).links


@pytest.mark.parametrize("path", ["/runbooks", "/runbooks/"])
def test_the_list_has_every_runbook_below_its_severity(served: Served, path: str) -> None:
    html = served.daemon.get(path).text
    parts = dict(re.findall(r"<h2>(\w+)</h2>(.*?)(?=<h2>|$)", html, re.DOTALL))
    assert list(parts) == ["critical", "none", "warning"]
    worst = {alert.name: alert for alert in (*alerts(), *alerts(OPTIONAL))}  # of one with two, the page stands last
    for alert in worst.values():
        part = parts[alert.labels["severity"]]
        assert f'<td class="component">{alert.labels["component"]}</td>' in part
        assert f'href="/runbooks/{alert.name}"' in part


def test_every_link_that_an_alert_gives_opens(served: Served) -> None:
    for alert in alerts():
        url = re.sub(r"\{\{.*?\}\}", "x", alert.annotations["runbook_url"])
        assert url.startswith("http://127.0.0.1:9847/"), alert.name
        assert served.daemon.get(url.removeprefix("http://127.0.0.1:9847")).status_code == 200, url


def test_a_page_is_not_loaded_anew_while_somebody_copies_from_it(served: Served) -> None:
    assert "http-equiv" in served.daemon.get("/").text
    assert "http-equiv" not in served.html("MemoryHigh", namespace="prod")
