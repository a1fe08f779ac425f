"""The OPA source against real OPAs, and against what an OPA never is."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvloop

from probes.contract import EvaluationContext, Fault, OwnIdentity, Source, SourceContext, Target, TargetKey
from probes.opa import PROBE, OPAHistory, OPALimits
from probes.readings.canary import Canary
from probes.readings.decision import Actual, DecisionLogs, OPAReading
from probes.readings.opa.policies import LoadedPolicies, policy_digest
from probes.sources.names import Names
from probes.sources.opa import KIND, OPASettings
from tests.servers.bundle_server import BundleServer, run_bundle_server
from tests.servers.opa_lies import Liar, Lie, Question, cuts, drips, hangs, run_liar, says, says_then_closes, writes
from tests.servers.opa_server import OPAServer, fetch_bundle, run_opa
from tests.servers.process import eventually

NOW = 1_800_000_000.0
TARGET = Target(key=TargetKey("prod", "search", "search-0"), spiffe_ids=("spiffe://example.org/agent/search",))
DENIES = says(200, b'{"result": false}')
ALL_WELL = {"OPAWrongAllow": "false", "OPAPolicyMissing": "false", "OPADecisionError": "false"}


@dataclass(frozen=True)
class NoIdentity:
    current: OwnIdentity | None = None
    confirmed: bool = False


def opened(**settings: object) -> Source:
    source_context = SourceContext(NoIdentity(), lambda: NOW, lambda: NOW, Names())
    return KIND.open(OPASettings.model_validate({"interval": "30s", "timeout": "1s"} | settings), source_context)


def limits(*canaries: Mapping[str, object], **more: object) -> OPALimits:
    return OPALimits.model_validate({"canaries": canaries} | more)


async def look(source: Source, target: Target, given: OPALimits | None = None) -> OPAReading:
    reading = await source.look(target, PROBE.wants(given or limits()))
    assert isinstance(reading, OPAReading)
    return reading


def verdicts(reading: OPAReading, given: OPALimits | None = None, **changes: Any) -> dict[str, str]:
    plain = EvaluationContext(
        target=TARGET, limits=given or limits(), now=NOW, date=NOW, interval=30.0, endpoint="opa", reached=True
    )
    found = PROBE.judge(reading, changes.pop("history", OPAHistory()), plain._replace(**changes)).verdicts
    return {
        each.kind.name + (f"/{each.subject}" if each.subject else ""): f"{each.status} {each.reason}".strip()
        for each in found
    }


def actuals(reading: OPAReading) -> dict[str, str]:
    return {answer.canary: answer.actual.value for answer in reading.answers}


def meet(lie: Lie, then: Callable[[Liar], Awaitable[OPAReading]], /) -> OPAReading:
    async def main() -> OPAReading:
        async with run_liar(lie) as liar:
            return await then(liar)

    return asyncio.run(main())


def one_look(lie: Lie, given: OPALimits | None = None, **settings: object) -> OPAReading:
    async def then(liar: Liar) -> OPAReading:
        return await look(opened(**settings), replace(TARGET, opa=liar.url), given)

    return meet(lie, then)


def test_a_decision_takes_a_time_above_zero_in_a_loop_whose_clock_stands_still_while_it_works() -> None:
    async def main() -> list[OPAReading]:
        async with run_liar(DENIES) as liar:
            source, target = opened(), replace(TARGET, opa=liar.url)
            return [await look(source, target) for _ in range(5)]

    readings = uvloop.run(main())
    assert all(answer.reply.seconds > 0 for reading in readings for answer in reading.answers)


POLICIES = {
    "denies.rego": "package denies\ndefault allow := false\nallow if input.action == data.may\n",
    "allows.rego": "package allows\nallow := true\n",
    "hole.rego": """package hole
        default allow := false
        allow if {
            contains(input.caller_spiffe_id, "/agent/orchestrator")
            contains(input.resource_spiffe_id, "/agent/worker")
        }""",
    "callee.rego": """package callee
        default allow := false
        allow if startswith(input.callee_spiffe_id, "spiffe://example.org/")""",
    "empty.rego": "package empty\ndefault allow := false\nallow if not input.caller_spiffe_id\n",
    "patchy.rego": 'package patchy\nallow if input.action == "index"\nallow := false if input.caller_spiffe_id\n',
    "raises.rego": "package raises\nallow := true if input.action\nallow := false if input.caller\n",
    "odd.rego": 'package odd\nallow := "true"\n',
    "slow.rego": """package slow
        default allow := false
        allow if count([1 | some x in numbers.range(1, 200); some y in numbers.range(1, 200); x == y]) < 0""",
    "endless.rego": """package endless
        default allow := false
        allow if count([1 | some x in numbers.range(1, 9000); some y in numbers.range(1, 9000); x == y]) < 0""",
    "data.json": '{"may": "index"}',
}
MAY = {"name": "may", "expect": "allow", "input": {"action": "index"}}


@pytest.fixture(scope="module")
def opa() -> Iterator[OPAServer]:
    with run_opa(POLICIES) as server:
        yield server


def ask(opa: OPAServer, path: str, given: OPALimits | None = None, **settings: object) -> OPAReading:
    return asyncio.run(look(opened(**settings), replace(TARGET, opa=opa.url, decision_path=path), given))


@pytest.mark.parametrize(
    ("path", "actual", "expected"),
    [
        ("denies/allow", "deny", ALL_WELL),
        ("/denies/allow/", "deny", ALL_WELL),
        ("denies", "deny", ALL_WELL),  # the whole package: an object with `allow`
        ("allows/allow", "allow", {"OPAWrongAllow": "true CanaryAllowed"}),
        ("hole/allow", "allow", {"OPAWrongAllow": "true CanaryAllowed"}),
        ("callee/allow", "allow", {"OPAWrongAllow": "true CanaryAllowed"}),
        ("empty/allow", "deny", {"OPAWrongAllow": "true CanaryAllowed"}),
        ("missing/allow", "undefined", {"OPAPolicyMissing": "true Undefined", "OPADefaultMissing": "false"}),
        ("raises/allow", "error", {"OPADecisionError": "true EvaluationError", "OPAUnreachable": "false"}),
        ("odd/allow", "malformed", {"OPADecisionError": "true Malformed", "OPAUnreachable": "false"}),
    ],
)
def test_a_real_opa_is_judged_by_what_it_decides(
    opa: OPAServer, path: str, actual: str, expected: Mapping[str, str]
) -> None:
    reading = ask(opa, path)

    assert actuals(reading)["foreign-caller"] == actual
    assert expected.items() <= verdicts(reading).items()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("denies/allow", {"OPAWrongDeny": "false", "OPADefaultMissing": "false"}),
        ("patchy/allow", {"OPADefaultMissing": "false", "OPAPolicyMissing": "false"}),
        ("hole/allow", {"OPAWrongDeny": "true CanaryDenied"}),
        ("missing/allow", {"OPAWrongDeny": "false", "OPAPolicyMissing": "true Undefined"}),
    ],
)
def test_a_canary_of_the_operators_shows_what_a_deny_canary_cannot(
    opa: OPAServer, path: str, expected: Mapping[str, str]
) -> None:
    assert expected.items() <= verdicts(ask(opa, path, limits(MAY))).items()


def test_a_rule_without_a_default_is_told_from_a_missing_one(opa: OPAServer) -> None:
    other = {"name": "other", "expect": "deny", "input": {"action": "drop"}}
    found = verdicts(ask(opa, "patchy/allow", limits(MAY, other)))

    assert (found["OPADefaultMissing"], found["OPAPolicyMissing"]) == ("true NoDefault", "false")


def test_an_error_of_a_policy_is_told_in_the_words_of_opa(opa: OPAServer) -> None:
    error = ask(opa, "raises/allow").error
    assert error.startswith("OPA could not evaluate the policy: /")
    assert "/policies/raises.rego:3: rule data.raises.allow produced conflicting values: true at " in error
    assert error.endswith("(eval_conflict_error)")


def test_slow_decisions_are_slow_after_twenty(opa: OPAServer) -> None:
    given, history, found = limits(slow_after="2ms"), OPAHistory(), {}
    for _ in range(10):
        judged = PROBE.judge(
            ask(opa, "slow/allow", given),
            history,
            EvaluationContext(target=TARGET, limits=given, now=NOW, date=NOW, interval=30.0, endpoint="opa"),
        )
        history, found = judged.history, {each.kind.name: each.status.value for each in judged.verdicts}
    assert found["OPADecisionSlow"] == "true"
    assert min(history.ticks) > 20


def test_a_decision_that_never_comes_is_a_timeout_within_the_deadline(opa: OPAServer) -> None:
    async def main() -> tuple[OPAReading, float]:
        loop = asyncio.get_running_loop()
        started = loop.time()
        reading = await look(opened(timeout="200ms"), replace(TARGET, opa=opa.url, decision_path="endless/allow"))
        return reading, loop.time() - started

    reading, seconds = asyncio.run(main())
    assert (reading.fault, reading.result) == (Fault.STALLED, "timeout")
    assert verdicts(reading)["OPAUnreachable"] == "true Timeout"
    assert seconds < 0.5


def test_evidence_shows_each_answer(opa: OPAServer) -> None:
    first = json.loads(json.dumps(ask(opa, "allows/allow").evidence()))["answers"][0]

    assert first.pop("duration_seconds") > 0
    assert first == {
        "canary": "foreign-caller",
        "expected": "deny",
        "actual": "allow",
        "http_status": 200,
        "body": '{"result":true}\n',
        "error": "",
    }


def test_an_opa_without_status_plugin_has_no_condition_of_bundles(opa: OPAServer) -> None:
    reading = ask(opa, "denies/allow")

    assert reading.report is not None
    assert not [name for name in verdicts(reading) if "Bundle" in name or "Revision" in name]


def test_an_opa_with_status_plugin_but_no_bundles_has_no_condition_of_bundles() -> None:
    with run_opa(POLICIES, config={"status": {"console": True}}) as server:
        reading = ask(server, "denies/allow")
    assert reading.report is not None
    assert (reading.report.unknown, reading.report.bundles) == (None, ())


@pytest.fixture
def bundles() -> Iterator[BundleServer]:
    with run_bundle_server() as server:
        yield server


def bundle_verdict(opa: OPAServer, stale_after: str) -> str:
    given = limits(bundle_stale_after=stale_after)
    return verdicts(ask(opa, "denies/allow", given), given)["OPABundleStale/authz"]


def test_a_bundle_is_watched_through_loading_going_stale_and_breaking(bundles: BundleServer) -> None:
    with run_opa({}, config=fetch_bundle(bundles.url)) as opa:
        assert bundle_verdict(opa, "15m") == "true NeverLoaded"

        bundles.publish("one", POLICIES)
        eventually(lambda: opa.bundle_status("authz").get("active_revision") == "one")
        reading = ask(opa, "denies/allow")
        samples = PROBE.judge(
            reading,
            OPAHistory(),
            EvaluationContext(target=TARGET, limits=limits(), now=NOW, date=NOW, interval=30, endpoint="opa"),
        )
        assert [(each.metric.name, each.labels) for each in samples.samples] == [
            ("opa_bundle_info", ("authz", "one")),
            ("opa_bundle_last_success_timestamp_seconds", ("authz",)),
        ]
        assert verdicts(reading)["OPABundleStale/authz"] == "false"

        bundles.publish("two", {"authz.rego": "package denies\nallow if nobody_defined_this(1)\n"})
        eventually(lambda: opa.bundle_status("authz").get("code"))
        assert bundle_verdict(opa, "15m") == "false"  # it cannot have stood for long: the activation is recent
        eventually(lambda: bundle_verdict(opa, "1ms") == "true ActivationFailed")

        bundles.publish("three", POLICIES)
        eventually(lambda: not opa.bundle_status("authz").get("code"))
        bundles.stop()
        eventually(lambda: opa.bundle_status("authz").get("code"))
        assert bundle_verdict(opa, "15m") == "false"
        eventually(lambda: bundle_verdict(opa, "1ms") == "true BundleStale")
        assert actuals(ask(opa, "denies/allow"))["foreign-caller"] == "deny"  # the old policy goes on deciding


OLD_REGO = "package denies\n\ndefault allow = false\n\nallow {\n    input.action == data.may\n}\n"
NO_IF = (
    "OPA fetches the bundle and cannot use it: "
    "policies/authz.rego:5: `if` keyword is required before rule body (rego_parse_error). "
)


def bundle_text(opa: OPAServer) -> tuple[str, str]:
    reading = ask(opa, "denies/allow")
    asked = EvaluationContext(target=TARGET, limits=limits(), now=NOW, date=NOW, interval=30.0, endpoint="opa")
    [found] = [
        each for each in PROBE.judge(reading, OPAHistory(), asked).verdicts if each.kind.name == "OPABundleStale"
    ]
    return found.reason, found.text


def persisting(bundles: BundleServer, directory: Path) -> dict[str, Any]:
    config = fetch_bundle(bundles.url)
    config["bundles"]["authz"]["persist"] = True
    return config | {"persistence_directory": str(directory)}


def test_a_bundle_in_the_rego_of_opa_0_is_told_with_file_line_and_reason(bundles: BundleServer) -> None:
    bundles.publish("old", {"policies/authz.rego": OLD_REGO})
    with run_opa({}, config=fetch_bundle(bundles.url)) as opa:
        eventually(lambda: opa.bundle_status("authz").get("code"))
        assert bundle_text(opa) == ("NeverLoaded", f"{NO_IF}No version of it was ever active in this OPA.")
        assert verdicts(ask(opa, "denies/allow"))["OPAPolicyMissing"] == "true Undefined"


def test_a_copy_on_disk_that_runs_in_place_of_a_bundle_that_does_not_compile_is_told(
    bundles: BundleServer, tmp_path: Path
) -> None:
    bundles.publish("good", POLICIES)
    with run_opa({}, config=persisting(bundles, tmp_path)) as opa:
        eventually(lambda: opa.bundle_status("authz").get("active_revision"))
    bundles.publish("old", {"policies/authz.rego": OLD_REGO})
    with run_opa({}, config=persisting(bundles, tmp_path)) as opa:
        eventually(lambda: opa.bundle_status("authz").get("code"))
        on_disk = "What still runs is the copy that OPA kept on disk, revision good."
        assert bundle_text(opa) == ("ActivationFailed", f"{NO_IF}{on_disk}")
        assert actuals(ask(opa, "denies/allow"))["foreign-caller"] == "deny"


def test_a_bundle_that_is_no_archive_is_told_to_have_come_and_to_be_none(bundles: BundleServer) -> None:
    bundles.publish_garbage()
    with run_opa({}, config=fetch_bundle(bundles.url)) as opa:
        eventually(lambda: opa.bundle_status("authz").get("code"))
        assert bundle_text(opa) == (
            "NeverLoaded",
            (
                "OPA fetches the bundle and cannot use it: "
                "bundle read failed: archive read failed: gzip: invalid header. "
                "No version of it was ever active in this OPA."
            ),
        )


def test_an_opa_that_dies_is_refused() -> None:
    with run_opa(POLICIES) as opa:
        opa.process.kill()
        opa.process.wait()
        reading = ask(opa, "denies/allow")
    assert (reading.fault, reading.result) == (Fault.REFUSED, "error")
    assert actuals(reading) == {"foreign-caller": "unreachable", "empty-input": "unreachable"}
    assert verdicts(reading)["OPAUnreachable"] == "true ConnectionRefused"


def test_opas_own_authorization_is_told_from_its_decisions() -> None:
    authz = 'package system.authz\ndefault allow := false\nallow if {\n input.identity == "sesame"\n}\n'
    arguments = ("--authentication=token", "--authorization=basic")
    # run_opa waits for /health, which authorization covers too
    with run_opa(POLICIES | {"authz.rego": authz + 'allow if input.path == ["health"]\n'}, arguments=arguments) as opa:
        outside = ask(opa, "denies/allow")
    assert set(verdicts(outside).values()) == {"unknown Unauthorized"}


HTML = b"<!DOCTYPE html><html><body>Welcome</body></html>"


@pytest.mark.parametrize(
    ("lie", "actual", "expected"),
    [
        (says(200, HTML), "malformed", {"OPADecisionError": "true Malformed", "OPAWrongAllow": "unknown SourceFailed"}),
        (says(200, b'{"result": null}'), "malformed", {"OPADecisionError": "true Malformed"}),
        (says(200, b'{"result": "true"}'), "malformed", {"OPADecisionError": "true Malformed"}),
        (says(200, b'{"result":' + b"[" * 10_000 + b"]" * 10_000 + b"}"), "malformed", {}),
        (says(200, b'{"result": true, "x": "' + b"y" * (1 << 17) + b'"}'), "malformed", {}),
        (says(200, b"[" + b"1," * (1 << 20) + b"1]"), "malformed", {"OPADecisionError": "true Malformed"}),
        (says(204, b""), "malformed", {}),
        (says(302, b"", "Location: http://127.0.0.1:1/\r\n"), "malformed", {"OPADecisionError": "true Malformed"}),
        (says(404, b"404 page not found\n"), "malformed", {"OPADecisionError": "true Malformed"}),
        (
            says(401, b""),
            "error",
            {"OPAUnreachable": "unknown Unauthorized", "OPADecisionError": "unknown Unauthorized"},
        ),
        (says(403, HTML), "error", {"OPAUnreachable": "unknown Unauthorized"}),
        (says(500, HTML), "unreachable", {"OPAUnreachable": "true HTTPError", "OPAWrongAllow": "unknown SourceFailed"}),
        (says(503, b""), "unreachable", {"OPAUnreachable": "true HTTPError"}),
        (says(500, b'{"code": "internal_error"}'), "error", {"OPADecisionError": "true EvaluationError"}),
        (says(200, b'{"result": true}', "Content-Encoding: gzip\r\n"), "malformed", {}),
        (writes(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), "malformed", {"OPAUnreachable": "false"}),
        (writes(b""), "unreachable", {"OPAUnreachable": "true HTTPError"}),
        (writes(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"result": true}'), "unreachable", {}),
        (cuts, "unreachable", {"OPAUnreachable": "true HTTPError", "OPADecisionError": "unknown SourceFailed"}),
    ],
)
def test_a_lie_is_one_of_the_six_answers_and_never_a_decision(
    lie: Lie, actual: str, expected: Mapping[str, str]
) -> None:
    reading = one_look(lie)
    found = verdicts(reading)

    assert actuals(reading)["foreign-caller"] == actual
    assert expected.items() <= found.items()
    assert found["OPAWrongAllow"] != "false"
    assert reading.error
    assert len(json.dumps(reading.evidence())) < 4096


@pytest.mark.parametrize(
    "lie", [hangs, drips(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 999, 0.01)], ids=["silent", "slow headers"]
)
def test_an_answer_that_does_not_come_in_time_is_a_timeout(lie: Lie) -> None:
    reading = one_look(lie, timeout="100ms")

    assert reading.fault is Fault.STALLED
    assert verdicts(reading)["OPAUnreachable"] == "true Timeout"


def test_an_address_that_stays_silent_is_unknown_until_it_was_reached() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        host, port = server.getsockname()
        with socket.create_connection((host, port)):  # it fills the queue, so that nobody else is answered
            silent = replace(TARGET, opa=f"http://{host}:{port}")
            reading = asyncio.run(look(opened(timeout="100ms"), silent))

    assert reading.fault is Fault.SILENT
    assert verdicts(reading, reached=False)["OPAUnreachable"] == "unknown NeverReached"
    assert verdicts(reading)["OPAUnreachable"] == "true Lost"


def test_opa_is_asked_as_agents_ask_it() -> None:
    async def then(liar: Liar) -> OPAReading:
        reading = await look(opened(), replace(TARGET, opa=f"{liar.url}/base/", decision_path="hvs/authz/al low"))
        assert [(each.method, each.path) for each in liar.questions] == [
            ("POST", "/base/v1/data/hvs/authz/al%20low"),
            ("POST", "/base/v1/data/hvs/authz/al%20low"),
            ("GET", "/base/v1/status"),
            ("GET", "/base/v1/config"),
            ("GET", "/base/v1/policies"),
        ]
        assert liar.questions[0].headers["content-type"] == "application/json"
        assert liar.questions[1].input == {}
        assert liar.connections == 1
        return reading

    assert actuals(meet(DENIES, then)) == {"foreign-caller": "deny", "empty-input": "deny"}


def test_a_server_that_closes_after_each_answer_is_asked_all_the_same() -> None:
    reading = one_look(says_then_closes(200, b'{"result": false}'))

    assert actuals(reading) == {"foreign-caller": "deny", "empty-input": "deny"}


def test_canaries_are_asked_of_the_agents_that_they_are_meant_for() -> None:
    given = limits(
        {"name": "mine", "agents": ["search"], "expect": "allow", "input": {"who": "${spiffe_id}"}},
        {"name": "others", "agents": ["index"], "expect": "deny", "input": {}},
        builtin_canaries=False,
    )

    async def then(liar: Liar) -> OPAReading:
        reading = await look(opened(), replace(TARGET, opa=liar.url), given)
        assert [each.input for each in liar.decisions] == [{"who": "spiffe://example.org/agent/search"}]
        return reading

    assert actuals(meet(DENIES, then)) == {"mine": "deny"}


def test_where_no_canary_is_meant_the_opa_is_still_watched_for_reachability() -> None:
    given = limits(builtin_canaries=False)

    assert verdicts(one_look(DENIES, given)) | verdicts(one_look(cuts, given)) == {
        "OPAUnreachable": "true HTTPError",
        "OPADecisionError": "unknown SourceFailed",
        "OPADecisionSlow": "unknown SourceFailed",
        "OPABundleStale": "unknown SourceFailed",
        "OPARevisionSkew": "unknown SourceFailed",
    }


def test_a_canary_that_cannot_be_filled_in_is_named_in_the_evidence() -> None:
    given = limits({"name": "who", "expect": "allow", "input": {"who": "${spiffe_id}"}})

    async def then(liar: Liar) -> OPAReading:
        return await look(opened(), replace(TARGET, opa=liar.url, spiffe_ids=()), given)

    reading = meet(DENIES, then)
    assert reading.evidence()["not_asked"] == ["who"]
    assert "OPAWrongDeny" not in verdicts(reading)


def test_what_was_answered_before_a_connection_broke_is_still_judged() -> None:
    async def allows_once(question: Any, writer: asyncio.StreamWriter) -> None:
        await (says(200, b'{"result": true}') if question.input else cuts)(question, writer)

    reading = one_look(allows_once)
    found = verdicts(reading)
    assert (reading.fault, reading.result) == (None, "error")
    assert (found["OPAUnreachable"], found["OPAWrongAllow"]) == ("false", "true CanaryAllowed")


def test_a_token_that_cannot_be_read_is_trouble_of_the_watcher(tmp_path: Path) -> None:
    source = opened(bearer_token_file=str(tmp_path / "missing"))
    reading = asyncio.run(look(source, replace(TARGET, opa="https://127.0.0.1:1")))
    assert verdicts(reading)["OPAUnreachable"] == "unknown WatcherImpaired"
    assert reading.result == "error"


def test_a_tls_server_that_nothing_vouches_for_is_no_reachable_opa(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("not a certificate")

    async def then(liar: Liar) -> OPAReading:
        secure = replace(TARGET, opa=liar.url.replace("http:", "https:"))
        plain = await look(opened(), secure)
        assert plain.answers[0].actual is Actual.UNREACHABLE
        return await look(opened(ca_file=ca), secure)

    assert verdicts(meet(DENIES, then))["OPAUnreachable"] == "unknown WatcherImpaired"


STATUS = {"result": {"bundles": {"authz": {"last_successful_request": "2026-11-23T10:00:00Z"}}}}


def with_status(status: int = 200, body: bytes = json.dumps(STATUS).encode(), headers: str = "") -> Lie:
    async def answer(question: Any, writer: asyncio.StreamWriter) -> None:
        if question.method == "GET":
            await says(status, body, headers)(question, writer)
        else:
            await DENIES(question, writer)

    return answer


def test_the_clock_of_opa_is_read_from_its_answer() -> None:
    reading = one_look(with_status(headers="Date: Mon, 23 Nov 2026 10:16:00 GMT\r\n"))

    assert reading.report is not None
    assert reading.report.clock - reading.report.bundles[0].last_success == 960
    assert (reading.report.at, verdicts(reading)["OPABundleStale/authz"]) == (NOW, "true NeverLoaded")


@pytest.mark.parametrize(
    "date",
    [
        "",
        "Date: yesterday\r\n",
        "Date: Mon, 23 Nov 2026 10:16:00 +99999999999999999999\r\n",  # an OverflowError, and no ValueError
        "Date: Mon, 23 Nov 99999 10:16:00 GMT\r\n",
    ],
)
def test_without_a_date_the_own_clock_must_do(date: str) -> None:
    report = one_look(with_status(headers=date)).report

    assert report is not None
    assert report.clock == NOW


@pytest.mark.parametrize(
    ("lie", "expected"),
    [
        (with_status(401), "unknown Unauthorized"),
        (with_status(503), "unknown SourceFailed"),
        (with_status(200, HTML), "unknown Malformed"),
        (with_status(200, b"x" * (1 << 21)), "unknown Malformed"),
        (with_status(200, b"[" * 100_000), "unknown Malformed"),
    ],
)
def test_a_status_that_cannot_be_had_says_nothing_of_decisions(lie: Lie, expected: str) -> None:
    found = verdicts(one_look(lie))

    assert ALL_WELL.items() <= found.items()
    assert found["OPABundleStale"] == found["OPARevisionSkew"] == expected


def test_bundles_stay_known_by_name_when_their_status_cannot_be_had_any_more() -> None:
    answers = [with_status(), with_status(503)]

    async def then(liar: Liar) -> OPAReading:
        source, target = opened(interval="80ms", timeout="70ms"), replace(TARGET, opa=liar.url)
        await look(source, target)
        await asyncio.sleep(0.08)
        return await look(source, target)

    async def first_this_then_that(question: Any, writer: asyncio.StreamWriter) -> None:
        await (answers.pop(0) if question.method == "GET" else DENIES)(question, writer)

    assert verdicts(meet(first_this_then_that, then))["OPABundleStale/authz"] == "unknown SourceFailed"


def statuses(lie: Lie, waits: Sequence[float]) -> list[int]:
    """How often the status was asked for, after a look and then after each wait and another one."""
    counts: list[int] = []

    async def then(liar: Liar) -> OPAReading:
        source = opened(interval="80ms", timeout="70ms")
        for wait in (0.0, *waits):
            await asyncio.sleep(wait)
            reading = await look(source, replace(TARGET, opa=liar.url))
            counts.append(liar.asked_for("/v1/status"))
        return reading

    meet(lie, then)
    return counts


def test_the_status_is_asked_at_every_fifth_look_while_all_is_well() -> None:
    assert statuses(with_status(200, b'{"result": {}}'), [0.0, 0.08, 0.4, 0.0]) == [1, 1, 1, 2, 2]


def test_the_status_is_asked_at_each_look_while_something_is_wrong() -> None:
    assert statuses(with_status(503), [0.0, 0.08, 0.08]) == [1, 1, 2, 3]


def test_the_config_is_asked_once_and_what_it_said_is_told_at_each_look() -> None:
    async def main() -> None:
        async with run_liar(says(200, b'{"result": {"decision_logs": {"console": true}}}')) as liar:
            source, target = opened(), replace(TARGET, opa=liar.url)
            told = [(await look(source, target)).logs for _ in range(3)]
            assert [each and each.kept for each in told] == [True, True, True]
            assert liar.asked_for("/v1/config") == 1
            source.fleet_changed([])
            source.fleet_changed([target])
            await look(source, target)
            assert liar.asked_for("/v1/config") == 2  # what was known of an OPA goes with its targets

    asyncio.run(main())


def test_opa_shows_whether_its_config_has_decision_logs(opa: OPAServer) -> None:
    assert ask(opa, "denies/allow").logs == DecisionLogs(NOW, kept=False, status=200)


@pytest.mark.parametrize(("status", "body"), [(403, b"{}"), (200, b"<html>"), (200, b"[" * 3000), (500, b"{}")])
def test_a_config_that_is_not_shown_costs_nothing_else(status: int, body: bytes) -> None:
    reading = one_look(with_config(status, body))
    assert actuals(reading) == {"foreign-caller": "deny", "empty-input": "deny"}
    assert reading.logs == DecisionLogs(NOW, None, status)


def test_opa_tells_which_policy_it_has(opa: OPAServer) -> None:
    policies = ask(opa, "denies/allow").policies
    listed = httpx.get(f"{opa.url}/v1/policies", trust_env=False).json()["result"]
    assert len(listed) > 1
    assert policies == LoadedPolicies(NOW, policy_digest({each["id"]: each["raw"] for each in listed}), 200, read=True)


def test_policies_are_asked_once_a_minute_and_what_was_told_stays_while_opa_tells_nothing() -> None:
    told = [says(200, b'{"result": [{"id": "a", "raw": "package a"}]}'), says(503, b""), says(200, b'{"result": []}')]
    counts, digests = [], []

    async def lie(question: Question, writer: asyncio.StreamWriter) -> None:
        await (told[0] if question.path.endswith("/v1/policies") else DENIES)(question, writer)

    async def main() -> None:
        async with run_liar(lie) as liar:
            source, target = opened(), replace(TARGET, opa=liar.url)
            while told:
                for _ in range(2):
                    found = (await look(source, target)).policies
                    digests.append(found is not None and bool(found.digest))
                counts.append(liar.asked_for("/v1/policies"))
                told.pop(0)
                source._policies._again_at.clear()  # type: ignore[attr-defined]  # a minute later

    asyncio.run(main())
    assert counts == [1, 2, 3]
    assert digests == [True, True, True, True, False, False]


def with_config(status: int, body: bytes) -> Lie:
    """Denies, and says this of its config."""

    async def lie(question: Question, writer: asyncio.StreamWriter) -> None:
        await (says(status, body) if question.path.endswith("/v1/config") else DENIES)(question, writer)

    return lie


def targets_of(liar: Liar, count: int) -> list[Target]:
    return [replace(TARGET, key=TargetKey("prod", "search", f"search-{n}"), opa=liar.url) for n in range(count)]


def test_an_opa_of_several_targets_is_asked_once_for_all() -> None:
    async def main() -> None:
        async with run_liar(DENIES) as liar:
            source, targets = opened(), targets_of(liar, 5)
            source.fleet_changed(targets)
            first = [await look(source, target) for target in targets]
            assert len(liar.decisions) == 2
            await asyncio.gather(*(look(source, target) for target in targets))
            assert len(liar.decisions) == 4
            assert [all(answer.fresh for answer in reading.answers) for reading in first] == [True] + [False] * 4
            assert {str(actuals(reading)) for reading in first} == {str(actuals(first[0]))}
            await source.close()

    asyncio.run(main())


def test_no_target_is_given_the_same_answer_at_two_looks() -> None:
    async def main() -> None:
        async with run_liar(DENIES) as liar:
            source, targets = opened(), targets_of(liar, 2)
            source.fleet_changed(targets)
            asked = []
            for index in (0, 0, 1, 1, 0, 0, 1):
                await look(source, targets[index])
                asked.append(len(liar.decisions) // 2)
            assert asked == [1, 2, 2, 3, 3, 4, 4]
            await source.close()

    asyncio.run(main())


def test_a_shared_answer_is_not_older_than_an_interval() -> None:
    async def main() -> None:
        async with run_liar(DENIES) as liar:
            source, targets = opened(interval="80ms", timeout="70ms"), targets_of(liar, 2)
            source.fleet_changed(targets)
            await look(source, targets[0])
            await asyncio.sleep(0.1)
            assert (await look(source, targets[1])).answers[0].fresh
            await source.close()

    asyncio.run(main())


def test_of_a_shared_opa_only_the_questions_that_differ_are_asked_again() -> None:
    async def main() -> None:
        given = limits({"name": "who", "expect": "allow", "input": {"who": "${agent}"}})
        async with run_liar(DENIES) as liar:
            source = opened()
            one, same, other = targets_of(liar, 3)
            other = replace(other, key=TargetKey("prod", "index", "index-0"))
            source.fleet_changed([one, same, other])
            for target in (one, same, other):
                await look(source, target, given)
            assert [each.input for each in liar.decisions[2:]] == [{"who": "search"}, {"who": "index"}]
            await source.close()

    asyncio.run(main())


def test_the_status_of_a_shared_opa_is_asked_once_and_told_to_all() -> None:
    async def main() -> None:
        async with run_liar(with_status()) as liar:
            source, targets = opened(), [replace(each, decision_path=each.key.pod) for each in targets_of(liar, 3)]
            source.fleet_changed(targets)
            readings = await asyncio.gather(*(look(source, target) for target in targets))
            assert [reading.report is not None for reading in readings] == [True] * 3
            assert (liar.asked_for("/v1/status"), liar.asked_for("/v1/config")) == (1, 1)
            await source.close()

    asyncio.run(main())


def test_a_shared_answer_that_failed_does_not_make_a_look_silent_that_has_another() -> None:
    async def main() -> None:
        async def cuts_built_in(question: Any, writer: asyncio.StreamWriter) -> None:
            await (DENIES if question.body == b'{"input":{"who":"index"}}' else cuts)(question, writer)

        given = limits({"name": "who", "agents": ["index"], "expect": "deny", "input": {"who": "${agent}"}})
        async with run_liar(cuts_built_in) as liar:
            source, (one, other) = opened(), targets_of(liar, 2)
            other = replace(other, key=TargetKey("prod", "index", "index-0"))
            source.fleet_changed([one, other])
            assert (await look(source, one, given)).fault is Fault.RESET
            reading = await look(source, other, given)
            assert (actuals(reading)["who"], reading.fault, reading.result) == ("deny", None, "error")
            await source.close()

    asyncio.run(main())


def test_a_look_that_is_given_up_does_not_take_the_answers_from_others() -> None:
    async def main() -> None:
        async with run_liar(says(200, b'{"result": false}')) as liar:
            source, (one, other) = opened(), targets_of(liar, 2)
            source.fleet_changed([one, other])
            asking = asyncio.create_task(look(source, one))
            await asyncio.sleep(0)
            waiting = asyncio.create_task(look(source, other))
            await asyncio.sleep(0)
            asking.cancel()
            assert actuals(await waiting) == {"foreign-caller": "deny", "empty-input": "deny"}
            assert len(liar.decisions) == 2
            await source.close()

    asyncio.run(main())


def test_questions_under_way_end_with_the_source() -> None:
    async def main() -> None:
        async with run_liar(hangs) as liar:
            source, targets = opened(timeout="20s"), targets_of(liar, 2)
            source.fleet_changed(targets)
            asking = asyncio.create_task(look(source, targets[0]))
            await asyncio.sleep(0.05)
            async with asyncio.timeout(1):
                await source.close()
            with pytest.raises(asyncio.CancelledError):
                await asking

    asyncio.run(main())


def test_the_input_of_a_canary_comes_to_a_real_opa_as_it_was_written(opa: OPAServer) -> None:
    own = Canary(name="c", expect="allow", input={"action": "index", "odd": ['é\u2028"\\', {"a": None}, 1.5]})

    assert actuals(ask(opa, "denies/allow", OPALimits(canaries=(own,))))["c"] == "allow"
