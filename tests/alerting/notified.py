"""How many notifications a storm makes: what fires in virtual time, through a real Alertmanager with our routes.

All times of the routes are cut to a sixtieth, and all storms are sent at once, each as a cluster of its own.
`python -m tests.alerting.notified` plays them all, and puts the table into docs/alerting.md.
"""

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.alerting.promtool import Story
from tests.alerting.restarted import ROWS, restarted
from tests.alerting.storms import Agent, Alert, Ill, Installation, fleet, story, struck, timeline
from tests.alerting.test_alertmanager import SLOWER, example
from tests.repository import ROOT
from tests.servers.alertmanager_server import AlertmanagerServer
from tests.servers.webhook import Notification

DEAD, REFUSED, SILENT = "AgentUnreachable", "OPAUnreachable", "MetricsUnavailable"
_A = {"job": "team-a", "instance": "10.0.0.1:9847"}
_B = {"job": "team-b", "instance": "10.0.0.2:9847"}
_AFTER = 8.0  # seconds: more than a group waits before it tells of an end, at a sixtieth


@dataclass(frozen=True)
class Storm:
    """What happens, in whole minutes."""

    words: str
    minutes: int
    installations: Sequence[Installation]


@dataclass(frozen=True)
class Count:
    """What came of it: incidents, and notifications that something fires, of the pager and of Slack."""

    incidents: int
    pages: int
    warnings: int


def _dead(agents: Sequence[Agent], ill: Sequence[Agent]) -> list[Installation]:
    """In every way: three conditions."""
    return [Installation(agents, [each for one in (DEAD, REFUSED, SILENT) for each in struck(ill, one, 4, 44, 3)])]


def storms() -> list[Storm]:
    """Those of the table."""
    seven, many = fleet(7), fleet(60, 3, 12)
    wavering = [*struck(seven[:4], DEAD, 4, 60), Ill(seven[4], DEAD, 4, 60, lambda at: at % 6 < 3)]
    other = [*struck(seven[:3], DEAD, 4, 44, 3), Ill(seven[0], "OPAWrongAllow", 20, 44)]
    mended = [*struck(seven[:5], DEAD, 4, 30), *struck(seven[5:], DEAD, 4, 80)]
    elsewhere = [Agent(f"b{n}", f"other-{n % 20}", f"m{n % 30}") for n in range(500)]
    one = struck(seven[:1], DEAD, 4, 70)
    return [
        Storm("3 of 3 agents dead", 30, _dead(seven[:3], seven[:3])),
        Storm("the same, and OPA of one of them allows what must be denied", 30, [Installation(seven[:3], other)]),
        Storm("4 of 4 agents dead, each in its own namespace", 30, _dead(fleet(4, 4), fleet(4, 4))),
        Storm("4 of 7 agents unreachable, a fifth wavers", 45, [Installation(seven, wavering)]),
        Storm("7 of 7 unreachable, 5 of them mended, then the others", 50, [Installation(seven, mended)]),
        Storm("20 of 60 agents dead", 30, _dead(many, many[:20])),
        Storm("60 of 60 agents dead", 30, _dead(many, many)),
        Storm(
            "8 of 8 agents of a namespace unreachable, 500 elsewhere are well",
            30,
            [Installation([*fleet(8), *elsewhere], struck(fleet(8), DEAD, 4, 44, 3))],
        ),
        Storm("the 5 agents of a node dead, of 60", 30, _dead(many, [each for each in many if each.node == "n3"])),
        Storm(
            "one agent unreachable, the watcher killed meanwhile", 45, [Installation(seven, one, gone=range(20, 40))]
        ),
        Storm(
            "7 of 7 unreachable, the watcher killed meanwhile",
            45,
            [Installation(seven, struck(seven, DEAD, 4, 70), gone=range(20, 40))],
        ),
        Storm(
            "two installations with a page each, one of which dies for an hour",
            100,
            [
                Installation(seven, struck(seven[:1], DEAD, 4, 170), _A, range(20, 140)),
                Installation(seven, struck(seven[1:2], REFUSED, 4, 170), _B),
            ],
        ),
    ]


def notified(played: Iterable[Storm], directory: Path) -> dict[str, Count]:
    """What each of them makes, by its words."""
    fired = {storm.words: timeline("current", told_of(storm), storm.minutes, directory) for storm in played}
    with example(pinned=True) as (alertmanager, webhook):
        _send(alertmanager, fired)
        time.sleep(_AFTER)
        told = webhook.told()
    return {
        words: counted(each for each in told if each.body["groupLabels"].get("cluster") == words) for words in fired
    }


def counted(told: Iterable[Notification]) -> Count:
    """How many of these say that something fires."""
    firing = [each for each in told if each.body["status"] == "firing"]
    pages = [each for each in firing if each.path == "/pagerduty"]
    incidents = {each.body["groupKey"] for each in pages}
    return Count(len(incidents), len(pages), len([each for each in firing if each.path == "/slack"]))


def _of_restarts(directory: Path) -> dict[str, Count]:
    told = restarted(directory)
    return {words: counted(told[run]) for words, run in ROWS.items()}


def told_of(storm: Storm) -> Story:
    """Its series."""
    return story(storm.words, 2 * storm.minutes, *storm.installations)


def _send(alertmanager: AlertmanagerServer, fired: Mapping[str, Sequence[Alert]]) -> None:
    """As Prometheus does, at a sixtieth of the time."""
    moments: dict[int, list[dict[str, object]]] = {}
    for words, alerts in fired.items():
        for alert in alerts:
            labels = {**alert.labels, "cluster": words}
            moments.setdefault(alert.begin, []).append({"labels": labels, "over": False})
            moments.setdefault(alert.end, []).append({"labels": labels, "over": True})
    begin = time.monotonic()
    for at in sorted(moments):
        time.sleep(max(0.0, begin + at / SLOWER - time.monotonic()))
        now = datetime.now(UTC)
        alertmanager.post(
            *(
                {
                    "labels": each["labels"],
                    "startsAt": (now - timedelta(seconds=1)).isoformat(),
                    "endsAt": (now if each["over"] else now + timedelta(hours=1)).isoformat(),
                }
                for each in moments[at]
            )
        )


def table(counts: Mapping[str, Count]) -> str:
    """In Markdown."""
    head = ["| storm | incidents | pages sent | messages to Slack |", "|---|---|---|---|"]
    return "\n".join(
        [*head, *(f"| {words} | {each.incidents} | {each.pages} | {each.warnings} |" for words, each in counts.items())]
    )


if __name__ == "__main__":
    with TemporaryDirectory() as home:
        made = table(notified(storms(), Path(home)) | _of_restarts(Path(home)))
    document = ROOT / "docs" / "alerting.md"
    before, _, rest = document.read_text().partition("<!-- storms -->\n")
    document.write_text(f"{before}<!-- storms -->\n{made}\n{rest[rest.index('<!-- /storms -->') :]}")
    sys.stdout.write(f"{made}\n")
