"""One agent of the demo is ready: each record is in place, each witness was heard; and it turns when one of them does.

Everything here is the demo's own: its agent, its stage and its config, in a daemon that asks them over HTTP as it would
ask a cluster, Prometheus, Alertmanager, Loki and Jaeger. Only who waits is spared: what is asked by the minute is asked
by a reload.
"""

import asyncio
import contextlib
import io
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from probes.contract.units import utc
from tests.servers.daemon import Page
from tests.servers.tools import need
from watcher.cli import main
from watcher.commands.run import listen
from watcher.config.settings import Settings, load_settings
from watcher.daemon import Daemon
from watcher.demo.fleet import NAMESPACE, READY, DemoFleet
from watcher.demo.opa import Policy
from watcher.demo.stage.records import signed_by

READY_WITHIN = 120.0
"""Seconds from the start of the demo."""

TOLD_WITHIN = 20.0
EXIT = {"ready": 0, "not_ready": 1, "indeterminate": 3}

DEFAULT_DENY, REVIEWED = "security.authz.default-deny", "security.authz.opa-policies-reviewed"
UNIT_TESTS, DATA_REVERSIBLE = "testing.unit.pass", "deployment.rollback.data-reversible"
MOCKS, VULNERABLE = "testing.unit.mocks-used", "deployment.image.no-critical-vulns"
ALERTS, TESTED = "observability.alerts.critical-configured", "observability.alerts.tested"
CENTRALIZED = "observability.logging.centralized"


class Playing:
    """The demo, and what the daemon says of the agent."""

    def __init__(self, fleet: DemoFleet, daemon: Daemon, config: Path, url: str) -> None:
        self.fleet, self.stage, self._daemon, self._config = fleet, fleet.stage, daemon, config
        self.url, self._client = url, httpx.AsyncClient(base_url=url, trust_env=False, timeout=10)
        self._lines = 200

    async def ask_anew(self) -> None:
        """Have Prometheus, Alertmanager and Loki asked now, as a reload with other settings does."""
        self._lines += 1
        config = yaml.safe_load(self._config.read_text())
        config["checklist"]["logs"]["lines"] = self._lines
        self._config.write_text(yaml.safe_dump(config))
        await self._daemon.reload()

    async def told(self) -> Mapping[str, Any]:
        """What the API says of the agent; empty before it does."""
        answer = await self._client.get(f"/api/v1/readiness/{NAMESPACE}/{READY}")
        return answer.json()["agents"][0] if answer.status_code == 200 else {}

    async def finding(self, control: str) -> Mapping[str, Any]:
        """One finding; empty before there is one."""
        return next((each for each in (await self.told()).get("findings", ()) if each["control"] == control), {})

    async def until(self, what: str, wanted: Callable[[], Awaitable[bool]], within: float = TOLD_WITHIN) -> None:
        """Come back when it holds."""
        end = time.monotonic() + within
        while not await wanted():
            assert time.monotonic() < end, f"{what}: {await self.unmet()}"
            await asyncio.sleep(0.2)

    async def unmet(self) -> list[str]:
        """What keeps it from being ready."""
        met = ("pass", "attested", "not_applicable")
        found = [each for each in (await self.told())["findings"] if each["required"] and each["state"] not in met]
        return [f"{each['control']} {each['state']} {each['reason']}: {each['message']}" for each in found]

    async def until_ready(self, within: float = TOLD_WITHIN) -> None:
        """Come back when it is ready."""

        async def is_ready() -> bool:
            return (await self.told()).get("readiness") == "ready"

        await self.until("not ready", is_ready, within)

    async def turned(self, control: str, state: str, verdict: str) -> Mapping[str, Any]:
        """The finding of a control that turns to this state, and the agent with it: in the API, metrics and JUnit."""

        async def has_turned() -> bool:
            return (await self.finding(control)).get("state") == state

        await self.until(f"{control} is not {state}", has_turned)
        await self._is_told(control, state, verdict)
        return await self.finding(control)

    async def _is_told(self, control: str, state: str, verdict: str) -> None:
        assert (await self.told())["readiness"] == verdict
        page = Page((await self._client.get("/metrics")).text)
        assert page.value("readiness", agent=READY, verdict=verdict) == 1
        assert bool(page.all("control_not_met", agent=READY, control=control)) is (state in ("fail", "expired"))
        code, junit = await asyncio.to_thread(self._junit)
        assert code == EXIT[verdict]
        assert re.search(rf"<testcase [^>]*{re.escape(control)}[^>]*>\s*<(failure|error)", junit), junit[:2000]

    def _junit(self) -> tuple[int, str]:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            code = main(["readiness", "--url", self.url, "--agent", READY, "--output", "junit"])
        return code, printed.getvalue()

    async def close(self) -> None:
        """Ask no more."""
        await self._client.aclose()


async def becomes_ready(demo: Playing) -> None:
    """Its OPA starts late, and its health says so: that it does is one of the controls."""
    began = time.monotonic()

    async def told_of_its_opa() -> bool:
        found = await demo.finding("reliability.health.dependency-checks")
        return any(each["source"] == "conditions" for each in found.get("evidence", ())) and found["state"] == "pass"

    await demo.until("its health", told_of_its_opa, 90.0)
    assert (await demo.told())["readiness"] == "not_ready"
    await demo.fleet.own_opa.start()
    await demo.until_ready(READY_WITHIN - (time.monotonic() - began))
    told = await demo.told()
    assert told["counts"]["waived"] == told["counts"]["expired"] == 0
    required = {each["control"]: each for each in told["findings"] if each["required"]}
    assert len(required) == 105  # the checklist's own, two less and one more
    sources = {each["source"] for found in required.values() for each in found["evidence"]}
    assert sources >= {"kubernetes_pod", "prometheus", "logs", "traces", "scanner_report", "workload_api", "handshake"}
    assert required[UNIT_TESTS]["record"]["verified"] == "signature"
    code, junit = await asyncio.to_thread(demo._junit)
    assert (code, "<failure" in junit) == (0, False)


async def another_image(demo: Playing) -> None:
    demo.stage.roll_out("2.1")
    found = await demo.turned(DATA_REVERSIBLE, "expired", "indeterminate")
    assert found["reason"] == "DigestChanged"
    demo.stage.roll_out("2.0")
    await demo.until_ready()


async def a_record_ends(demo: Playing) -> None:
    path = demo.stage.records / "attestations.yaml"
    before = path.read_text()
    records = list(yaml.safe_load_all(before))
    [of_mocks] = [each for each in records if each["control"] == MOCKS]
    of_mocks |= {"at": utc(time.time() - 60), "expires_at": utc(time.time() + 4)}
    path.write_text(yaml.safe_dump_all(records))
    found = await demo.turned(MOCKS, "expired", "indeterminate")
    assert found["reason"] == "AttestationExpired"
    of_mocks |= {"at": utc(time.time() - 30), "expires_at": utc(time.time() + 3600)}
    path.write_text(yaml.safe_dump_all(records))
    await demo.until_ready()


async def opa_allows_a_foreigner(demo: Playing) -> None:
    await demo.fleet.own_opa.set(READY, Policy.ALLOWS_ALL)
    found = await demo.turned(DEFAULT_DENY, "fail", "not_ready")
    assert "Allowed, but must be denied: foreign-caller" in found["message"]
    assert (await demo.finding(REVIEWED))["state"] == "fail"  # whatever the review says
    await demo.fleet.own_opa.set(READY, Policy.SOUND)
    await demo.until_ready(90.0)  # which policy it has is asked once a minute


async def the_wrong_key_signs(demo: Playing) -> None:
    path = demo.stage.records / "pipeline.yaml"
    before = path.read_text()
    envelopes = list(yaml.safe_load_all(before))
    strange = signed_by(Ed25519PrivateKey.generate(), {})["signatures"]
    path.write_text(yaml.safe_dump_all([each | {"signatures": strange} for each in envelopes]))
    found = await demo.turned(UNIT_TESTS, "unknown", "indeterminate")
    assert found["reason"] == "RecordRemoved"
    path.write_text(before)
    await demo.until_ready()


async def a_critical_vulnerability(demo: Playing) -> None:
    demo.stage.find_vulnerabilities("CVE-2026-4711")
    found = await demo.turned(VULNERABLE, "fail", "not_ready")
    assert "Container agent has 1 critical and 0 high vulnerabilities: CVE-2026-4711." in found["message"]
    demo.stage.find_vulnerabilities()
    await demo.until_ready()


async def a_rule_is_deleted(demo: Playing) -> None:
    path = demo.stage.rules / "svid.yaml"
    before = path.read_text()
    rules = yaml.safe_load(before)
    for group in rules["groups"]:
        group["rules"] = [each for each in group["rules"] if each.get("alert") != "AgentWeaveSVIDRotationOverdue"]
    path.write_text(yaml.safe_dump(rules))
    await demo.ask_anew()
    found = await demo.turned(ALERTS, "fail", "not_ready")
    assert "No alerting rule is loaded that answers alerts.svid-rotation-failing." in found["message"]
    path.write_text(before)
    await demo.ask_anew()
    await demo.until_ready()


async def logs_stop(demo: Playing) -> None:
    demo.stage.logs.stop()
    await demo.ask_anew()
    found = await demo.turned(CENTRALIZED, "fail", "not_ready")
    assert f"The store has had no line of pod {READY}-0 for an hour, in which it served " in found["message"]


async def the_pager_loses_its_secret(demo: Playing) -> None:
    demo.stage.alertmanager.secret.unlink()
    await demo.ask_anew()
    found = await demo.turned(TESTED, "fail", "not_ready")
    assert "8 of 20 notifications by pagerduty failed in the last 24 h" in found["message"]


def test_an_agent_is_ready_and_turns_with_each_thing_that_made_it_so(tmp_path: Path) -> None:
    need("a running daemon")

    async def story() -> None:
        with listen("127.0.0.1", 0) as listener:
            async with DemoFleet(tmp_path, names=(READY,)) as fleet:
                config = fleet.write_config()

                async def reload() -> Settings:
                    return load_settings(config, {})

                daemon = Daemon(await reload(), reload, simulated=fleet.pods)
                url = fleet.stage.watcher_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
                running = asyncio.create_task(daemon.run(listener))
                rotating = asyncio.create_task(fleet.agents[READY].keep_rotating())
                demo = Playing(fleet, daemon, config, url)
                try:
                    await becomes_ready(demo)
                    await another_image(demo)
                    await a_record_ends(demo)
                    await opa_allows_a_foreigner(demo)
                    await the_wrong_key_signs(demo)
                    await a_critical_vulnerability(demo)
                    await a_rule_is_deleted(demo)
                    await logs_stop(demo)
                    await the_pager_loses_its_secret(demo)
                finally:
                    rotating.cancel()
                    await demo.close()
                    daemon.stop()
                    await running

    asyncio.run(story())
