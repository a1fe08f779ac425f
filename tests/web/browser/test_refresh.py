"""The script of the pages in a real Chromium: pages refresh themselves, and what the reader does with them stays."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.engine.toy import FIRE
from tests.servers.chromium import Chromium, Tab, run_chromium
from tests.servers.process import eventually
from tests.servers.uvicorn_tls import run_uvicorn
from tests.web.fleet.made_fleet import BURNS, CALM, MadeFleet, smoke

HOSTILE = "<img src=x onerror='window.struck = 1'><script>window.struck = 1</script>"
ROW = "[...document.querySelectorAll('.rows tbody tr')].find((row) => row.textContent.includes('{}'))"
ORDER = "[...document.querySelectorAll('.rows tbody b')].map((name) => name.textContent)"
REFRESHED = "refresh().then(() => true)"
TROUBLE = "document.querySelector('[role=alert].stale').textContent"

pytestmark = pytest.mark.xdist_group("chromium")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with run_chromium() as found:
        yield found


@pytest.fixture
def fleet(tmp_path: Path) -> MadeFleet:
    return MadeFleet(
        tmp_path,
        {"prod/search/search-0": [smoke()], "prod/search/search-1": [CALM]}
        | {f"prod/{name}/{name}": [CALM] for name in "abc"},
    )


@pytest.fixture
def tab(chromium: Chromium, fleet: MadeFleet) -> Iterator[Tab]:
    """The page of the fleet, open."""
    with run_uvicorn(certificate=None, key=None, app=fleet.app) as address, chromium.tab() as found:
        found.shaped(1200)
        found.open(f"http://{address}/")
        yield found


def test_a_refresh_keeps_selection_focus_open_details_scroll_and_typed_text(fleet: MadeFleet, tab: Tab) -> None:
    tab.shaped(700)
    tab("Emulation.setDeviceMetricsOverride", width=700, height=250, deviceScaleFactor=1, mobile=False)
    tab.run(f"row = {ROW.format('search')}; row.querySelector('details').open = true; row.querySelector('a').focus()")
    tab.run("getSelection().selectAllChildren(row.querySelector('td:nth-child(3) a')); scrollTo(0, 200)")
    tab.run("document.querySelector('input[type=search]').value = 'half a wo'")
    top = tab.run("row.getBoundingClientRect().top")
    fleet.turn("prod/a/a", BURNS)
    tab.run(REFRESHED)
    assert tab.run(ORDER)[:2] == ["a", "search"]
    assert tab.run("row.isConnected && row.querySelector('details').open")
    assert tab.run("document.activeElement === row.querySelector('a')")
    assert tab.run("getSelection().toString()") == "Smoke hall"
    assert tab.run("document.querySelector('input[type=search]').value") == "half a wo"
    assert tab.run("row.getBoundingClientRect().top") == pytest.approx(top, abs=2)
    assert tab.run("document.title") == "(1) Fleet · AgentWeave Watcher"


@pytest.mark.parametrize("browser", ["new", "older"])
def test_a_row_that_moves_takes_focus_and_selection_along(fleet: MadeFleet, tab: Tab, browser: str) -> None:
    if browser == "older":
        tab.run("delete Element.prototype.moveBefore")
    tab.run("row = [...document.querySelectorAll('.rows tr')].at(-1)")
    tab.run("row.querySelector('a').focus(); getSelection().selectAllChildren(row.querySelector('b'))")
    fleet.turn("prod/c/c", BURNS)
    tab.run(REFRESHED)
    assert tab.run(ORDER)[0] == "c"
    assert tab.run("document.activeElement === row.querySelector('a')")
    assert tab.run("getSelection().toString()") == "c"


def test_a_selection_within_a_text_that_turns_stays_where_it_was(fleet: MadeFleet, tab: Tab) -> None:
    tab.run(f"text = {ROW.format('search')}.querySelector('.health').firstChild")
    tab.run("getSelection().setBaseAndExtent(text, 0, text, text.length)")
    fleet.turn("prod/search/search-0", BURNS)
    tab.run(REFRESHED)
    assert tab.run("getSelection().toString()") == "critica"  # as long as `warning`


def test_a_row_that_is_resolved_goes_and_one_that_is_new_comes_without_a_reload(fleet: MadeFleet, tab: Tab) -> None:
    tab.run("window.kept = document.querySelector('main')")
    assert tab.run(f"{ROW.format('search')}.querySelector('.health').textContent") == "warning"
    fleet.turn("prod/search/search-0", CALM)
    fleet.turn("prod/b/b", BURNS, smoke("cellar"))
    tab.until(f"{ROW.format('search')}.querySelector('.health').textContent === 'healthy'")  # by itself, in time
    assert tab.run(ORDER)[0] == "b"
    assert tab.run("window.kept === document.querySelector('main')")


def test_what_agents_say_becomes_no_markup_by_a_refresh(fleet: MadeFleet, tab: Tab) -> None:
    fleet.turn("prod/a/a", FIRE.true(HOSTILE))
    tab.run(REFRESHED)
    assert HOSTILE in tab.run(f"{ROW.format('Fire')}.textContent")
    assert tab.run("document.querySelectorAll('main img, main script').length") == 0
    assert tab.run("window.struck === undefined")


def test_a_paused_page_asks_for_nothing_until_it_is_resumed(fleet: MadeFleet, tab: Tab) -> None:
    tab.run("document.querySelector('header button').click()")
    fleet.turn("prod/a/a", BURNS)
    tab.run(REFRESHED)
    assert tab.run(ORDER)[0] == "search"
    assert tab.run("document.querySelector('header button').textContent") == "Resume"
    tab.run("document.querySelector('header button').click()")
    tab.until(f"{ORDER}[0] === 'a'")


def test_an_open_page_survives_a_restart_of_the_watcher(chromium: Chromium, fleet: MadeFleet) -> None:
    with ExitStack() as stack, chromium.tab() as tab:
        first = stack.enter_context(ExitStack())
        address = first.enter_context(run_uvicorn(certificate=None, key=None, app=fleet.app))
        tab.open(f"http://{address}/")
        first.close()
        tab.run(REFRESHED)
        assert tab.run(TROUBLE).startswith("The watcher does not answer. This page is as of 2026-09-21T")
        assert tab.run(ORDER)[0] == "search"
        fleet.turn("prod/a/a", BURNS)
        port = int(address.rpartition(":")[2])
        stack.enter_context(run_uvicorn(certificate=None, key=None, app=fleet.app, port=port))
        tab.until(f"{ORDER}[0] === 'a'")  # it asks again by itself
        assert tab.run("document.querySelector('[role=alert].stale').hidden")


def test_the_page_of_an_agent_that_is_gone_stays_and_says_so(chromium: Chromium, tmp_path: Path) -> None:
    fleet = MadeFleet(tmp_path, {"prod/a/a-0": [BURNS]})
    with run_uvicorn(certificate=None, key=None, app=fleet.app) as address, chromium.tab() as tab:
        tab.open(f"http://{address}/agents/prod/a-0")
        fleet.engine.board.states.clear()
        tab.run(REFRESHED)
        assert "may be gone. This page is as of" in tab.run(TROUBLE)
        assert "It burns." in tab.run("document.querySelector('main').textContent")


def test_the_slash_key_leads_to_the_search_unless_one_types_or_turned_it_off(tab: Tab) -> None:
    tab.press("/")
    assert tab.run("document.activeElement.name") == "q"
    tab.press("/")
    assert tab.run("document.activeElement.value") == "/"
    tab.open(tab.run("location.origin") + "/runbooks")
    tab.press("/")
    tab.until("location.pathname === '/' && document.activeElement?.name === 'q'")
    tab.run("document.querySelector('footer button').click()")
    tab.run("document.activeElement.blur()")
    tab.press("/")
    assert tab.run("document.activeElement === document.body")
    assert tab.run("document.querySelector('footer').textContent") == "Press / to search. Turn this on"


def test_times_have_the_readers_own_time_beside_them(tab: Tab) -> None:
    assert tab.run("document.querySelector('#as-of time').dataset.local") is None  # UTC is local here
    tab("Emulation.setTimezoneOverride", timezoneId="Asia/Kolkata")
    tab.open(tab.run("location.href"))
    assert tab.run("document.querySelector('#as-of time').textContent") == "2026-09-21T14:13:20Z"
    assert tab.run("document.querySelector('#as-of time').dataset.local") == "19:43 GMT+5:30"


def test_commands_are_copied_as_text_without_what_a_terminal_acts_on_unseen(tab: Tab) -> None:
    origin = tab.run("location.origin")
    tab.allow("clipboardReadWrite", "clipboardSanitizedWrite")
    tab("Page.bringToFront")
    tab.open(f"{origin}/runbooks/AgentWeaveSVIDExpired")
    tab.run("pre = document.querySelector('main pre'); pre.textContent = 'echo \\u001b[31m\\u202ered\\n\\n'")
    tab.run("pre.nextElementSibling.click()")
    tab.until("pre.nextElementSibling.textContent !== 'Copy'")
    assert tab.run("navigator.clipboard.readText()") == r"echo \u001b[31m\u202ered"


def test_without_javascript_a_page_has_all_that_it_has_and_reloads_itself(chromium: Chromium, fleet: MadeFleet) -> None:
    with run_uvicorn(certificate=None, key=None, app=fleet.app) as address, chromium.tab() as tab:
        tab("Emulation.setScriptExecutionDisabled", value=True)
        tab.open(f"http://{address}/")
        assert tab.run(ORDER) == ["search", "a", "b", "c"]
        assert tab.run("document.querySelector('meta[http-equiv=refresh]').content") == "15"
        assert tab.run("document.querySelectorAll('header button').length") == 0


def test_a_page_loads_itself_anew_when_the_watcher_has_another_script(tab: Tab) -> None:
    tab.run("document.querySelector('script[src]').setAttribute('src', '/page.js?older'); window.older = true")
    tab.run("refresh()")
    eventually(lambda: tab.run("window.older === undefined && document.readyState === 'complete'"))
