"""Each page as a daemon serves it, in a real Chromium: on a screen and a phone, light and dark, judged by axe-core.

`SCREENSHOTS=DIR make test ARGS=tests/web/browser` keeps the pictures there.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.chromium import Tab, run_chromium
from tests.servers.daemon import DaemonProcess, run_daemon
from tests.servers.process import eventually
from tests.servers.tools import npm_file
from tests.servers.watched_fleet import run_fleet

pytestmark = pytest.mark.xdist_group("chromium")

PAGES = {
    "fleet": "/",
    "agent": "/agents/prod/search-0",
    "runbook": "/runbooks/AgentWeaveMemoryHigh?namespace=prod&agent=search&pod=search-0",
    "changes": "/changes",
    "readiness": "/readiness",
    "records": "/records",
    "control": "/controls/security.transport.tls13-enforced",
    "missing": "/agents/prod/serch-0",
}
REPORT = {"report": "/readiness/prod/search"}  # two hundred lines: axe has seen their like on the page of a control
RUN_AXE = """axe.run({resultTypes: ["violations"], rules: {"target-size": {enabled: true}}}).then(({violations}) =>
  violations.map(({id, nodes}) => [id, nodes[0].target.join(" "), nodes[0].failureSummary]))"""
CUT = """[...document.querySelectorAll("body *")].filter((each) => {
  const {width, left, right} = each.getBoundingClientRect();
  const isWhole = getComputedStyle(each).overflowX !== "hidden" && !["TD", "TH"].includes(each.tagName);
  const isHidden = each.scrollWidth > each.clientWidth + 1 && !isWhole;
  return width && (right > innerWidth + 1 || left < 0 || isHidden) && !each.closest("pre, .hidden, svg");
}).map((each) => each.outerHTML.slice(0, 200))"""


@dataclass(frozen=True)
class Seen:
    """A daemon, and a page of a browser that looks at it."""

    daemon: DaemonProcess
    tab: Tab
    axe: str
    pictures: Path

    def looks(self, name: str, width: int, *, dark: bool) -> None:
        """Open a page of this size, and take a picture of it."""
        self.tab.shaped(width, dark=dark)
        self.tab.open(self.daemon.url + (PAGES | REPORT)[name])
        self.tab.screenshot(self.pictures / f"{name}-{width}{'-dark' if dark else ''}.png")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    home = tmp_path_factory.mktemp("looks")
    pictures = Path(os.environ.get("SCREENSHOTS") or home)
    pictures.mkdir(parents=True, exist_ok=True)
    axe = npm_file("axe-core", "axe.min.js").read_text()
    slow = {"interval": "2s", "timeout": "1s"}
    pace = {"sources": dict.fromkeys(("handshake", "agent_metrics"), slow)}
    nowhere = [
        {"namespace": "prod", "agent": f"a-name-as-long-as-they-come-in-a-fleet-{number}", "address": "127.0.0.1:9"}
        for number in range(6)
    ]
    with run_chromium() as chromium, run_fleet(home, "search", "billing", with_opa=False) as fleet:
        agents = [fleet.target("search", pod="search-0", memory_limit="30Mi"), fleet.target("billing")]
        with run_daemon(home, fleet.config(*agents, *nowhere, **pace)) as daemon, chromium.tab() as tab:
            daemon.says("MemoryHigh", "true", pod="search-0")
            eventually(lambda: "<b>8</b> agents" in daemon.get("/readiness").text, within=60)
            yield Seen(daemon, tab, axe, pictures)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, True)])
def test_axe_finds_nothing_on_a_page(seen: Seen, name: str, width: int, dark: bool) -> None:
    seen.looks(name, width, dark=dark)
    seen.tab.run(seen.axe)
    assert seen.tab.run(RUN_AXE) == []


@pytest.mark.parametrize("name", PAGES | REPORT)
@pytest.mark.parametrize(("width", "dark"), [(390, False), (1440, True)])
def test_nothing_of_a_page_is_cut_off(seen: Seen, name: str, width: int, dark: bool) -> None:
    seen.looks(name, width, dark=dark)
    assert seen.tab.run("document.documentElement.scrollWidth") <= width
    assert seen.tab.run(CUT) == []


def test_pages_ask_the_watcher_alone_and_their_policy_stops_nothing_of_them(seen: Seen) -> None:
    for path in PAGES.values():
        seen.tab.open(seen.daemon.url + path)
        assert seen.tab.run("document.querySelector('footer kbd').textContent") == "/"  # made by the script
        seen.tab.run("refresh().then(() => true)")
    asked = {each["request"]["url"] for each in seen.tab.heard("Network.requestWillBeSent")}
    assert {url for url in asked if not url.startswith((seen.daemon.url, "data:"))} == set()
    said = [each["entry"]["text"] for each in seen.tab.heard("Log.entryAdded")]
    assert [text for text in said if "404" not in text] == []


def test_a_critical_fault_is_on_the_first_screen_of_a_phone(seen: Seen) -> None:
    seen.looks("fleet", 390, dark=False)
    first = "document.querySelector('.rows tbody .health')"
    assert seen.tab.run(f"{first}.textContent") == "critical"
    assert seen.tab.run(f"{first}.getBoundingClientRect().bottom < innerHeight")
