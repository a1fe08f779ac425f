"""Mails: the example's receiver, from a real Alertmanager through a real mail server, to the word."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path

import yaml

from tests.alerting.test_alertmanager import ALWAYS, CONFIG, PIN, faster
from tests.alerting.test_notification_texts import DASHBOARD, RUNBOOK, alert, silenced
from tests.servers.alertmanager_server import AlertmanagerServer, run_alertmanager
from tests.servers.process import eventually
from tests.servers.smtp_server import MailServer, run_mail_server
from watcher.demo.authority import Authority


@contextmanager
def mailing(home: Path, *, pinned: bool = True) -> Iterator[tuple[AlertmanagerServer, MailServer]]:
    """The example, where mails are sent in place of pages."""
    now = time.time()
    authority = Authority("example.org", now)
    served = authority.issue("spiffe://example.org/mail", not_before=now - 60, not_after=now + 900, hosts=["127.0.0.1"])
    with run_mail_server(*served.write(home)) as server:
        (home / "password").write_text(server.password)
        config = faster(CONFIG) | {"time_intervals": ALWAYS}
        [mail] = next(each for each in config["receivers"] if each["name"] == "email")["email_configs"]
        mail |= {"smarthost": server.address, "auth_username": server.user, "tls_config": _trusting(authority, home)}
        mail |= {"auth_password_file": str(home / "password")}
        for route in config["route"]["routes"]:
            route["receiver"] = "email"
        with run_alertmanager(yaml.safe_dump(config), pinned=pinned) as alertmanager:
            yield alertmanager, server


def _trusting(authority: Authority, home: Path) -> dict[str, str]:
    return {"ca_file": str(authority.write_bundle(home))}


def sent(server: MailServer, count: int = 1) -> list[EmailMessage]:
    """The mails, once there are so many."""
    return eventually(lambda: server.received if len(server.received) >= count else [])


def read(mail: EmailMessage) -> tuple[str, list[str]]:
    """Its subject, and the lines of its text."""
    [part] = [each for each in mail.walk() if not each.is_multipart()]
    assert part.get_content_type() == "text/plain"
    return str(mail["Subject"]), part.get_content().rstrip().splitlines()


def told_of(name: str, mail: EmailMessage, subject: str = "") -> list[str]:
    """The lines of an alert that fires; the link to a silence is that of the mail which is for it alone."""
    wanted = (alert(name, subject=subject) if subject else alert(name))["labels"]
    links = re.findall(r"^Silence (.*)$", "\n".join(read(mail)[1]), re.MULTILINE)
    [silence] = [link for link in links if silenced(link) == wanted]
    texts = [f"{name} is.", f"What {name} is, on <!channel>."]
    return [*texts, f"Runbook {RUNBOOK}{name}", f"Dashboard {DASHBOARD}{name}", f"Silence {silence}"]


@PIN
def test_a_mail_says_which_agent_what_and_where_to_read_on(pinned: bool, tmp_path: Path) -> None:
    with mailing(tmp_path, pinned=pinned) as (alertmanager, server):
        alertmanager.post(alert("SVIDExpired"))
        [mail] = sent(server)
    assert (mail["From"], mail["To"]) == ("alertmanager@example.org", "on-call@example.org")
    assert read(mail) == ("[c] prod/search SVIDExpired", told_of("SVIDExpired", mail))


@PIN
def test_a_mail_on_several_tells_each_and_lists_them_in_its_subject(pinned: bool, tmp_path: Path) -> None:
    with mailing(tmp_path, pinned=pinned) as (alertmanager, server):
        alertmanager.post(alert("CircuitBreakerOpen", subject="index"), alert("MemoryHigh"))
        [mail] = sent(server)
    assert read(mail) == (
        "[c] prod/search MemoryHigh, CircuitBreakerOpen index",
        [*told_of("MemoryHigh", mail), "", *told_of("CircuitBreakerOpen", mail, subject="index")],
    )


@PIN
def test_in_a_mail_what_fires_comes_first_and_what_is_over_is_told_in_the_past(pinned: bool, tmp_path: Path) -> None:
    with mailing(tmp_path, pinned=pinned) as (alertmanager, server):
        alertmanager.post(alert("CPUHigh"), alert("MemoryHigh"))
        sent(server)
        alertmanager.post(alert("CPUHigh", over=True))
        second = sent(server, 2)[1]
        alertmanager.post(alert("MemoryHigh", over=True))
        third = sent(server, 3)[2]
    assert read(second) == (
        "[c] prod/search MemoryHigh",
        [*told_of("MemoryHigh", second), "", "Over: CPUHigh was."],
    )
    assert read(third) == ("Over: [c] prod/search MemoryHigh", ["Over: MemoryHigh was."])


def test_a_mail_on_two_troubles_of_many_agents_says_of_how_many(tmp_path: Path) -> None:
    with mailing(tmp_path) as (alertmanager, server):
        alertmanager.post(
            alert("FleetWide", condition="AgentUnreachable", extent="20 of 60 agents"),
            alert("FleetWide", condition="OPAUnreachable", extent="18 of 60 agents"),
        )
        [mail] = sent(server)
        alertmanager.post(alert("FleetWide", over=True, condition="AgentUnreachable", extent="2 of 60 agents"))
        alertmanager.post(alert("FleetWide", over=True, condition="OPAUnreachable", extent="1 of 60 agents"))
        over = eventually(lambda: [each for each in server.received if read(each)[0].startswith("Over: ")])
    assert read(mail)[0] == "[c] AgentUnreachable on 20 of 60 agents, OPAUnreachable on 18 of 60 agents"
    assert read(over[0])[0] == "Over: [c] AgentUnreachable on many agents, OPAUnreachable on many agents"


ODD = 'ranker"\nBcc: stranger@example.com\n\né<b>'


@PIN
def test_a_callee_with_line_ends_in_its_name_makes_no_header_of_its_own(pinned: bool, tmp_path: Path) -> None:
    with mailing(tmp_path, pinned=pinned) as (alertmanager, server):
        alertmanager.post(alert("CircuitBreakerOpen", subject=ODD))
        [mail] = sent(server)
    assert sorted(mail.keys()) == ["Content-Type", "Date", "From", "MIME-Version", "Message-Id", "Subject", "To"]
    assert [mail[name] for name in ("From", "To")] == ["alertmanager@example.org", "on-call@example.org"]
    assert "prod/search CircuitBreakerOpen ranker" in mail["Subject"]
    assert told_of("CircuitBreakerOpen", mail, subject=ODD)


def test_a_mail_server_that_does_not_know_the_password_is_told_by_alertmanager_and_nothing_is_lost(
    tmp_path: Path,
) -> None:
    with mailing(tmp_path) as (alertmanager, server):
        server.password = "another"
        alertmanager.post(alert("SVIDExpired"))
        eventually(lambda: _failed(alertmanager))
        server.password = (tmp_path / "password").read_text()
        [mail] = sent(server)
    assert read(mail)[0] == "[c] prod/search SVIDExpired"


def _failed(alertmanager: AlertmanagerServer) -> bool:
    counted = re.findall(r'notification_requests_failed_total{integration="email".*} (\d+)', alertmanager.own_metrics())
    return any(map(int, counted))
