"""The pages of the checklist: which agents are ready, one agent's report, and the controls."""

import asyncio
import html
import re
import time
from urllib.parse import quote

import pytest

from probes.controls.catalogue.control import Assurance, SourceName, UnknownReason
from probes.controls.catalogue.terms import Automation, Bind, Owner, RecordKind
from probes.controls.evidence import AgentRef, Missing
from probes.controls.finding import EvidenceShown, Finding, RecordRef, State
from probes.controls.findings.store import FindingStore
from probes.controls.profile import NotRequired, Profile
from probes.controls.readiness import Verdict
from tests.probes.controls.made import NOW
from tests.probes.controls.seed import TEXT
from tests.web.checklist.made_checklist import CATALOGUE, NOTHING_SEEN, REQUIRED, MadeChecklist, finding, get
from tests.web.markup import Markup
from watcher.checklist.live.turns import Regression
from watcher.web.checklist.agent_checklist import Line, to_know
from watcher.web.checklist.control_counts import SHOWN_AGENTS
from watcher.web.checklist.fleet_readiness import NAMED, SHOWN, fleet_readiness

SEARCH, BILLING, OTHER = AgentRef("prod", "search"), AgentRef("prod", "billing"), AgentRef("lab", "search")
MTLS, TLS = "security.transport.mtls-required", "security.transport.tls13-enforced"
ANY = {"namespace": "", "agent": "", "verdict": "", "control": ""}
SCRIPT = "<script>alert(1)"


def met(*but: Finding) -> list[Finding]:
    """Every control passes, but these."""
    return [*(finding(name, State.PASS, assurance=Assurance.OBSERVED) for name in NOTHING_SEEN), *but]


def fails(control: str, message: str = "It is not so.", **more: object) -> Finding:
    return finding(control, State.FAIL, reason="Violated", message=message, **more)


def text(live: MadeChecklist | None, path: str) -> str:
    """What a person reads."""
    return re.sub(r"\s+", " ", Markup(get(live, path).text).text)


def test_agents_are_counted_by_verdict_and_shown_worst_first() -> None:
    live = MadeChecklist({SEARCH: met(), BILLING: met(fails(MTLS)), OTHER: []})
    page = get(live, "/readiness").text
    counts = {name: int(count) for count, name in re.findall(r"<b>(\d+)</b> ([a-z ]+)<", page)}
    assert counts == {"agents": 3, "not ready": 1, "indeterminate": 1, "ready with waivers": 0, "ready": 1}
    order = [page.index(f'"/readiness/{each.namespace}/{each.agent}"') for each in (BILLING, OTHER, SEARCH)]
    assert order == sorted(order)
    assert f'"/readiness/prod/billing#{MTLS}"' in page


def test_the_controls_that_most_agents_fail_come_first_and_lead_to_these_agents() -> None:
    live = MadeChecklist(
        {SEARCH: met(fails(TLS), fails(MTLS)), BILLING: met(fails(MTLS)), OTHER: met(finding(TLS, State.EXPIRED))}
    )
    found = asyncio.run(fleet_readiness(live, ANY))
    assert [(each.control.id, each.failing, each.expired) for each in found.unmet] == [(MTLS, 2, 0), (TLS, 1, 1)]
    told = text(live, "/readiness")
    assert "2 agents fail" in told
    assert "1 agent fails, 1 expired" in told
    narrowed = get(live, f"/readiness?control={TLS}").text
    assert "/readiness/lab/search" in narrowed
    assert "/readiness/prod/billing" not in narrowed


def test_what_got_worse_stands_there_the_newest_first() -> None:
    turned = {
        TLS: Regression(NOW - 7200, State.PASS, State.FAIL),
        MTLS: Regression(NOW - 60, State.ATTESTED, State.EXPIRED),
    }
    live = MadeChecklist({SEARCH: met(fails(TLS), finding(MTLS, State.EXPIRED))}, regressed=turned)
    told = text(live, "/readiness")
    newest = f"prod/search mTLS required {MTLS} attested to expired, 1m0s ago"
    assert told.index(newest) < told.index(f"prod/search TLS 1.3 enforced {TLS} pass to fail, 2h0m ago")
    many = {AgentRef("prod", f"agent-{number}"): met() for number in range(6)}
    told = text(MadeChecklist(many, regressed=turned), "/readiness")
    assert told.count("attested to expired") == 6
    assert "and 2 that turned before these" in told
    assert "Met within the last 7 days" not in text(MadeChecklist(many), "/readiness")


def test_what_is_not_required_neither_counts_nor_is_named() -> None:
    optional = next(each.id for each in CATALOGUE.controls if not (each.required or each.members))
    live = MadeChecklist({SEARCH: met(fails(optional))})
    found = asyncio.run(fleet_readiness(live, ANY))
    assert (list(found.unmet), list(found.lines[0].unmet), found.verdicts[Verdict.READY]) == ([], [], 1)
    [line] = asyncio.run(fleet_readiness(live, ANY | {"control": optional})).lines
    assert line.agent == SEARCH  # who asks for it is told


def test_a_line_names_the_most_severe_and_counts_the_rest() -> None:
    some = sorted(REQUIRED)[:20]
    live = MadeChecklist({SEARCH: met(*map(fails, some))})
    [line] = asyncio.run(fleet_readiness(live, ANY)).lines
    severities = [CATALOGUE.by_id[name].severity for name in some]
    assert [each.severity for each in line.unmet] == sorted(
        severities, key=["critical", "high", "medium", "low"].index
    )[:NAMED]
    assert line.left_out == 20 - NAMED
    assert f"and {20 - NAMED} more." in text(live, "/readiness")


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("namespace=lab", {OTHER}),
        ("agent=search", {SEARCH, OTHER}),
        ("verdict=not_ready", {BILLING}),
        ("verdict=ready&namespace=prod", {SEARCH}),
        ("verdict=nonsense", set()),
    ],
)
def test_the_page_is_narrowed_by_what_is_asked_for(query: str, shown: set[AgentRef]) -> None:
    live = MadeChecklist({SEARCH: met(), BILLING: met(fails(MTLS)), OTHER: met()})
    page = get(live, f"/readiness?{query}").text
    assert {each for each in (SEARCH, BILLING, OTHER) if f'"/readiness/{each.namespace}/{each.agent}"' in page} == shown


def test_what_cannot_be_known_is_told_on_top() -> None:
    live = MadeChecklist(
        {SEARCH: []},
        sources={"kubernetes_object": "Forbidden", "opa": ""},
        last_complete=None,
        waiting=2,
    )
    for path in ("/readiness", "/readiness/prod/search"):
        told = text(live, path)
        assert "The source kubernetes_object gives no evidence: Forbidden. Controls that need it are unknown." in told
        assert "source opa" not in told
        assert "has not been judged as a whole since the watcher began" in told
        assert "2 agents were not judged yet." in told


def test_a_checklist_that_is_not_judged_any_more_says_how_old_it_is() -> None:
    for age, told in ((300.0, False), (3 * 3600.0, True)):
        live = MadeChecklist({SEARCH: []}, last_complete=NOW - age)
        for path in ("/readiness", "/readiness/prod/search"):
            assert (
                "The last round over all agents was complete 3h0m ago: rounds no longer end." in text(live, path)
            ) is told
    said = "The last round over all agents was complete at 2027-01-15T05:00:00Z, 3h0m ago. "
    assert f"{said}Each finding has the time of its own evidence." in text(live, "/readiness")
    report = text(live, "/readiness/prod/search")
    assert "last round complete at" in report
    assert "seen since" not in report  # a round ends when the last agent was looked through, and others were before


def test_the_report_has_every_line_of_the_checklist_in_its_order() -> None:
    page = get(MadeChecklist({SEARCH: []}), "/readiness/prod/search").text
    rows = re.findall(r'<tr id="([a-z0-9.-]+)">', page)
    assert sorted(rows) == sorted(each.id for each in CATALOGUE.controls)
    lines = TEXT.splitlines()
    chapters = [html.unescape(each) for each in re.findall(r'<h2 class="chapter">(.*?)</h2>', page)]
    places = [lines.index(each) for each in chapters[:-2]]
    assert places == sorted(set(places))
    assert chapters[-2:] == ["Deployment Checklist Template", "Templates"]  # the last line stands below both
    headings = re.findall(r"<h3>(.*?)</h3>", page.partition('"chapter"')[2])
    assert headings[:2] == ["Identity &amp; Authentication", "Authorization"]
    assert headings.index("Metrics: Must-have metrics") == headings.index("Metrics") + 1


def row(page: str, control: str) -> str:
    """One line of the report as a person reads it."""
    [found] = re.findall(rf'<tr id="{re.escape(control)}">(.*?)</tr>', page, re.DOTALL)
    return re.sub(r"\s+", " ", Markup(found).text).strip()


def test_a_line_says_its_state_why_since_when_by_what_evidence_and_how_to_mend_it() -> None:
    seen = [EvidenceShown(SourceName.TLS_POSTURE, f"pod/prod/search-{n}:8443", NOW - 60, "TLS 1.2") for n in range(7)]
    failed = fails(
        TLS,
        "It takes TLS 1.2.",
        since=NOW - 3600,
        evidence=tuple(seen),
        pods={"search-0": State.FAIL, "search-1": State.PASS},
        all_pods=3,
        evidence_lost_since=NOW - 30,
    )
    live = MadeChecklist({SEARCH: met(failed)}, regressed={TLS: Regression(NOW - 3600, State.PASS, State.FAIL)})
    told = row(get(live, "/readiness/prod/search").text, TLS)
    assert told.startswith("✗ fail TLS 1.3 enforced")
    assert (
        "Violated It takes TLS 1.2. Since 2027-01-15T07:00:00Z. It was pass until 2027-01-15T07:00:00Z. Seen on" in told
    )
    assert "Seen on 2 of 3 pods." in told
    assert "The evidence is lost since 2027-01-15T07:59:30Z" in told
    assert "tls_posture pod/prod/search-0:8443, 2027-01-15T07:59:00Z: TLS 1.2" in told
    assert told.count("tls_posture") == 5
    assert "and 2 more; the JSON below has all" in told
    assert f"How to fix it {CATALOGUE.by_id[TLS].remediation.replace('`', '')}" in told


def test_a_pass_says_how_good_its_evidence_is_and_nothing_of_mending() -> None:
    told = row(get(MadeChecklist({SEARCH: met()}), "/readiness/prod/search").text, TLS)
    assert told.startswith("✓ pass observed TLS 1.3 enforced")
    assert "How to fix it" not in told


def test_a_waiver_leaves_what_is_under_it_to_be_seen_with_its_record() -> None:
    record = RecordRef(
        "waive-1", RecordKind.WAIVER, NOW - 86400, NOW + 86400, "ann", "https://docs/x", verified="source"
    )
    waived = finding(TLS, State.WAIVED, underlying=State.FAIL, reason="Violated", message="TLS 1.2.", record=record)
    told = row(get(MadeChecklist({SEARCH: met(waived)}), "/readiness/prod/search").text, TLS)
    assert told.startswith("~ waived else fail")
    assert (
        "Record waive-1 (waiver) by ann, 2027-01-14T08:00:00Z to 2027-01-16T08:00:00Z; checked by: source. https://docs/x"
        in told
    )
    assert "How to fix it" in told


def work(page: str) -> str:
    """The part above the lines."""
    return re.sub(r"\s+", " ", Markup(page.partition('<h2 class="chapter">')[0]).text)


def test_what_the_team_can_do_stands_apart_from_what_others_must() -> None:
    own = {owner: next(name for name in sorted(REQUIRED) if CATALOGUE.by_id[name].owner is owner) for owner in Owner}
    live = MadeChecklist({SEARCH: met(*(fails(name, f"Of {owner}.") for owner, name in own.items()))})
    told = work(get(live, "/readiness/prod/search").text)
    headings = ["The team: 1", "The platform: 1", "Security: 1", "The pipeline: 1"]
    places = [told.index(each) for each in headings]
    assert places == sorted(places)
    for heading, owner in zip(headings, (Owner.TEAM, Owner.PLATFORM, Owner.SECURITY, Owner.PIPELINE), strict=True):
        assert f"Of {owner}." in told[told.index(heading) :].split(": 1", 2)[1]


def test_what_is_unknown_is_told_by_who_can_make_it_known() -> None:
    reasons = [UnknownReason.NOT_ENABLED, UnknownReason.FORBIDDEN, UnknownReason.ATTESTATION_MISSING]
    reasons += [UnknownReason.OBSERVING, UnknownReason.DECLARED_ONLY]
    names = sorted(REQUIRED)[:5]
    unknown = [finding(name, State.UNKNOWN, reason=reason) for name, reason in zip(names, reasons, strict=True)]
    told = work(get(MadeChecklist({SEARCH: met(*unknown)}), "/readiness/prod/search").text)
    for heading in ("enable it: 1", "evidence available: 1", "bring a record: 1", "being observed: 1", "provable: 1"):
        assert heading in told
    assert "What keeps it from being ready" not in told


def test_what_this_version_does_not_judge_is_nobodys_fault() -> None:
    ours, beyond = [each for each in CATALOGUE.controls if each.automation is Automation.AUTO][:2]
    lines = [
        Line(each, finding(each.id, State.UNKNOWN, reason=UnknownReason.SOURCE_MISSING), required=True, regressed=None)
        for each in (ours, beyond)
    ]
    whose = {each.heading: [line.control.id for line in each.lines] for each in to_know(lines, {beyond.id})}
    assert whose == {
        "The operator of the watcher: make the evidence available": [ours.id],
        "Nobody yet: a later version of the watcher": [beyond.id],
    }


def test_the_head_of_the_report_has_what_an_auditor_asks_for() -> None:
    removed = NotRequired(MTLS, "one network for all", "platform")
    live = MadeChecklist(
        {SEARCH: met()},
        profiles={SEARCH: Profile("lenient", remove=(removed,))},
        digests={
            Bind.IMAGE_DIGEST: frozenset({"sha256:aa"}),
            Bind.POLICY_DIGEST: Missing(UnknownReason.FORBIDDEN, "It may not be read."),
        },
    )
    told = work(get(live, "/readiness/prod/search").text)
    assert "date: 2027-01-15T08:00:00Z" in told.replace("date2027", "date: 2027")
    assert f"version {CATALOGUE.version}, {CATALOGUE.digest}" in told
    assert "AgentWeave Watcher " in told
    assert "digest of the imagesha256:aa" in told
    assert "digest of the policynot known: It may not be read." in told
    assert "profilelenient" in told
    assert f"{MTLS}: one network for all (platform)" in told


def test_an_agent_that_is_not_judged_is_said_to_be_none_and_the_nearest_are_offered() -> None:
    live = MadeChecklist({SEARCH: met()})
    answer = get(live, f"/readiness/{quote(SCRIPT, safe='')}/x")
    assert answer.status_code == 404
    assert f"No agent {SCRIPT}/x is judged; it may be gone" in Markup(answer.text).text
    near = Markup(get(live, "/readiness/prod/serch").text)
    assert "/readiness/prod/search" in near.links
    assert "Production readiness of prod/search" in near.text


def test_nothing_of_an_agent_becomes_markup_or_turns_a_line_around() -> None:
    hostile = AgentRef("<i>&amp;", "a\u202eb\"'>" + SCRIPT)
    odd = f"{SCRIPT}\x1b[31m\u202e"
    shown = EvidenceShown(SourceName.KUBERNETES_OBJECT, odd, NOW, odd)
    record = RecordRef(odd, RecordKind.ATTESTATION, NOW, NOW, odd, f"javascript:{odd}")
    profile = Profile("p", remove=(NotRequired(MTLS, odd, odd),))
    live = MadeChecklist(
        {hostile: met(fails(TLS, odd, evidence=(shown,), record=record))},
        profiles={hostile: profile},
        digests={Bind.IMAGE_DIGEST: frozenset({odd})},
        sources={odd: odd},
    )
    where = "/".join(quote(part, safe="") for part in hostile)
    for path in (
        "/readiness",
        f"/readiness/{where}",
        "/controls",
        f"/controls/{TLS}",
        f"/readiness?namespace={quote(odd)}",
    ):
        answer = get(live, path)
        assert answer.status_code == 200
        seen = Markup(answer.text)
        assert not seen.tags & {"script", "i", "img"}
        assert seen.handlers == []
        assert not [char for char in answer.text if not char.isprintable() and char != "\n"]
        assert not [link for link in seen.links if not link.startswith(("/", "#", "data:,"))]
    assert SCRIPT in Markup(get(live, f"/readiness/{where}").text).text


def test_every_link_leads_somewhere() -> None:
    live = MadeChecklist({SEARCH: met(fails(MTLS)), BILLING: []})
    pages = ["/readiness", "/readiness/prod/search", "/controls", f"/controls/{MTLS}"]
    for path in pages:
        seen = Markup(get(live, path).text)
        own = {link for link in seen.own_links if link.startswith(("/readiness", "/controls"))}
        assert own
        for link in sorted(own)[:30]:
            target, _, place = link.partition("#")
            answer = get(live, target)
            assert answer.status_code == 200, link
            assert not place or place in Markup(answer.text).ids, link
        assert {link[1:] for link in seen.links if link.startswith("#")} <= seen.ids


def test_no_page_needs_a_script_or_asks_another_host() -> None:
    live = MadeChecklist({SEARCH: met(fails(MTLS))})
    for path in ("/readiness", "/readiness/prod/search", "/controls", f"/controls/{MTLS}"):
        page = get(live, path).text
        assert not re.search(r"<script(?! src=./page\.js)|https?://|style=|@import|<img", page), path


def test_the_controls_are_listed_with_how_many_agents_have_which_state() -> None:
    live = MadeChecklist({SEARCH: met(fails(MTLS)), BILLING: met()})
    page = get(live, "/controls").text
    listed = re.findall(r'<a href="/controls/([a-z0-9.-]+)">', page)
    assert sorted(listed) == sorted(each.id for each in CATALOGUE.controls)
    told = re.sub(r"\s+", " ", Markup(page).text)
    assert re.search(rf"{re.escape(MTLS)} \S+ \S+ 1 ✗ fail 1 ✓ pass", told), told[:1000]


def test_the_page_of_a_control_says_what_it_is_and_which_agents_do_not_meet_it() -> None:
    agents = {AgentRef("prod", f"agent-{number:03d}"): met() for number in range(SHOWN_AGENTS + 9)}
    worst = AgentRef("prod", "zebra")
    page = get(MadeChecklist({**agents, worst: met(fails(MTLS, "Nothing selects it."))}), f"/controls/{MTLS}")
    told = re.sub(r"\s+", " ", Markup(page.text).text)
    assert told.index("prod/zebra") < told.index("prod/agent-000")
    assert "Violated Nothing selects it." in told
    assert "and 10 more, none worse than these" in told
    for heading in ("The checklist asks", "Pass", "Fail", "Evidence", "How to fix it", "Decided today"):
        assert heading in told
    rollup = next(each for each in CATALOGUE.controls if each.members)
    assert f'<a href="/controls/{rollup.members[0]}">' in get(MadeChecklist({}), f"/controls/{rollup.id}").text


def test_a_control_that_does_not_exist_is_said_to_be_none() -> None:
    answer = get(MadeChecklist({}), f"/controls/{quote(SCRIPT, safe='')}")
    assert (answer.status_code, f"There is no control {SCRIPT}." in Markup(answer.text).text) == (404, True)


def test_pages_say_where_the_checklist_is_turned_off() -> None:
    for path in ("/readiness", "/readiness/prod/search", "/controls", f"/controls/{MTLS}"):
        answer = get(None, path)
        assert (answer.status_code, "checklist.enabled: false" in answer.text) == (404, True)


def test_a_page_of_a_thousand_agents_is_small_and_made_in_turns() -> None:
    some = sorted(REQUIRED)
    live = MadeChecklist(
        {AgentRef(f"ns-{n % 20}", f"agent-{n}"): met(*map(fails, some[n % 30 : n % 30 + 20])) for n in range(1000)}
    )
    page = get(live, "/readiness")
    assert f"The first {SHOWN} of 1000 are shown" in text(live, "/readiness")
    assert len(page.content) < 200_000
    turns, longest = asyncio.run(_turns_beside(live))
    assert turns > 10
    assert longest < 0.2  # seconds; alone it is a few milliseconds


async def _turns_beside(live: MadeChecklist) -> tuple[int, float]:
    """How often others had their turn while the page was made, and the longest that they waited."""
    gaps: list[float] = []

    async def others() -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(0)
            now = time.monotonic()
            gaps.append(now - last)
            last = now

    beside = asyncio.create_task(others())
    await asyncio.sleep(0)
    await fleet_readiness(live, ANY)
    beside.cancel()
    return len(gaps), max(gaps)


def test_the_states_of_a_store_are_those_of_its_findings() -> None:
    store = FindingStore(CATALOGUE.controls)
    mixed = {
        name: each._replace(state=state)
        for (name, each), state in zip(NOTHING_SEEN.items(), list(State) * 40, strict=False)
    }
    store.put(SEARCH, mixed)
    assert (
        store.states(SEARCH)
        == [each.state for each in store.get(SEARCH).values()]
        == [each.state for each in mixed.values()]
    )
    assert store.states(BILLING) == []
