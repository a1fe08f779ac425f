"""The pages of the checklist as a daemon serves them, whatever its agents are named."""

from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest

from tests.servers.daemon import DaemonProcess, run_daemon
from tests.servers.process import eventually
from tests.web.markup import Markup

SCRIPT = "<script>alert(1)"
HOSTILE = {"namespace": "<i>&amp;", "agent": f"{SCRIPT}?#&é", "pod": "p'\"\\"}
TLS = "security.transport.tls13-enforced"
REMOVED = {"control": TLS, "reason": f"{SCRIPT} says so", "by": "platform"}
LENIENT = {"name": "lenient", "namespaces": ["lab-*"], "required": {"remove": [REMOVED]}}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    nobody = {"metrics": "http://127.0.0.1:9/metrics"}
    targets = [HOSTILE | nobody, {"namespace": "lab-1", "agent": "search"} | nobody]
    pace = {"sources": {"agent_metrics": {"interval": "400ms", "timeout": "350ms"}}}
    config = {"discovery": {"static": targets}, "checklist": {"profiles": [LENIENT]}} | pace
    with run_daemon(tmp_path_factory.mktemp("checklist"), config) as found:
        eventually(lambda: "<b>2</b> agents" in found.get("/readiness").text, within=60)
        yield found


def where(namespace: str, agent: str) -> str:
    return f"/readiness/{quote(namespace, safe='')}/{quote(agent, safe='')}"


def test_an_agent_of_any_name_has_its_page_and_becomes_no_markup(daemon: DaemonProcess) -> None:
    own = where(HOSTILE["namespace"], HOSTILE["agent"])
    assert own in Markup(daemon.get("/readiness").text).links
    for path in ("/readiness", own, f"/controls/{TLS}", where("lab-1", "search")):
        answer = daemon.get(path)
        assert answer.status_code == 200
        seen = Markup(answer.text)
        assert not seen.tags & {"script", "i", "img"}
        assert seen.handlers == []
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert f"{SCRIPT}?#&é" in Markup(daemon.get(own).text).text


def test_every_link_of_the_pages_leads_somewhere(daemon: DaemonProcess) -> None:
    pages = ("/readiness", where("lab-1", "search"), "/", "/agents/lab-1/search", f"/controls/{TLS}")
    links = {link for page in pages for link in Markup(daemon.get(page).text).own_links if "/runbooks/" not in link}
    assert {"/readiness", where("lab-1", "search"), "/api/v1/readiness/lab-1/search"} <= links
    few = sorted(links, key=lambda link: (link.startswith("/controls/"), link))[:40]
    assert {link: daemon.get(link).status_code for link in few} == dict.fromkeys(few, 200)


def test_a_report_says_what_its_profile_does_not_require(daemon: DaemonProcess) -> None:
    told = Markup(daemon.get(where("lab-1", "search")).text).text
    assert f"{TLS}: {SCRIPT} says so (platform)" in told
    assert "profilelenient" in told
    assert "Not required here by the profile" not in daemon.get(where(HOSTILE["namespace"], HOSTILE["agent"])).text


def test_the_page_and_the_api_tell_the_same_of_an_agent(daemon: DaemonProcess) -> None:
    [told] = daemon.get("/api/v1/readiness/lab-1/search").json()["agents"]
    page = daemon.get(where("lab-1", "search")).text
    for each in told["findings"]:
        row = page.partition(f'<tr id="{each["control"]}">')[2].partition("</tr>")[0]
        assert f'class="state {each["state"]}"' in row, each["control"]
        rollup = "sums up others" in row
        assert ("not required" not in row) == (each["required"] or rollup), each["control"]


def test_the_runbook_of_a_regression_leads_to_the_agents_and_fills_in_the_control(daemon: DaemonProcess) -> None:
    query = urlencode({"namespace": "lab-1", "control": TLS})
    seen = Markup(daemon.get(f"/runbooks/AgentWeaveReadinessRegressed?{query}").text)
    assert f"/readiness?{query}" in seen.links
    assert f"/controls/{TLS}" in seen.links
    commands = "\n".join(seen.commands)
    assert f'--arg control "{TLS}"' in commands
    assert "namespace=lab-1&findings=true" in commands
    assert "Not filled in below: $WORKLOAD. The link" in seen.text


def test_a_control_that_a_shell_would_run_is_not_filled_in(daemon: DaemonProcess) -> None:
    query = urlencode({"namespace": "lab-1", "control": "$(id)"})
    seen = Markup(daemon.get(f"/runbooks/AgentWeaveReadinessRegressed?{query}").text)
    assert "$(id)" not in "\n".join(seen.commands)
    assert "Not filled in below: $CONTROL. The given value has characters that a shell may act on" in seen.text
    assert daemon.get("/controls/$(id)").status_code == 404


def test_the_runbook_of_missing_evidence_leads_to_what_is_missing(daemon: DaemonProcess) -> None:
    seen = Markup(daemon.get("/runbooks/AgentWeaveControlsUnknown?evidence=kubernetes_object").text)
    assert "Which sources of evidence are down, and which agents are ready" in seen.text
    assert "0 agents" not in seen.text
