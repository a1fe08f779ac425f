"""From a real agent over its mTLS port to a finding: discovered, asked, judged."""

import asyncio
import json
import time
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from probes import load_checklist_sources, load_probes
from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import Missing, Seen
from probes.controls.finding import State
from probes.controls.judging import load_judges
from probes.controls.verdict.control import judge_control
from probes.readings.health.answer import HealthAnswer, Way
from tests.probes.controls.made import CATALOGUE, evidence, facts, pod
from tests.servers.uvicorn_tls import run_uvicorn
from watcher.checklist.live.probing.prober import ProbedEvidence
from watcher.checklist.live.probing.source_settings import source_settings
from watcher.config.settings import load_settings
from watcher.demo.authority import Authority
from watcher.engine.engine import Engine
from watcher.runtime.clock import boot_id, system_clock

NOW = time.time()
OURS = Authority("example.org", NOW)
HEALTH = [kind for kind in load_checklist_sources() if kind.name == "health"]


async def _healthy(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok", "checks": {"spire": "ok", "opa": "ok"}})


def _config(home: Path, address: str) -> Path:
    own = home / "own"
    own.mkdir()
    OURS.issue("spiffe://example.org/watcher", not_before=NOW - 9, not_after=NOW + 3600).write(own)
    identity = {"cert_file": str(own / "svid.pem"), "key_file": str(own / "svid.key")}
    identity |= {"bundle_file": str(OURS.write_bundle(own)), "trust_domain": "example.org"}
    static = [{"namespace": "prod", "agent": "search", "pod": "search-0", "address": address}]
    file = home / "config.yaml"
    file.write_text(json.dumps({"identity": identity, "discovery": {"static": static}}))
    return file


async def _asked(config: Path) -> tuple[Seen[object] | Missing, dict[str, str]]:
    """What is known of the only target once it was asked, and whether the source is up."""
    settings = load_settings(config, {})
    engine = Engine(settings, load_probes(), system_clock(boot_id(), None))
    prober = ProbedEvidence(engine, source_settings({"health": 900.0}, HEALTH), kinds=HEALTH)
    await engine.identity.start()
    await engine.identity.wait_first(5)
    await engine.replace_targets(settings.targets, {})
    key = settings.targets[0].key
    async with asyncio.timeout(20):
        while prober.remembered("health", key) is None:
            await prober.tick()
            await asyncio.sleep(0.01)
    (agent,) = prober.take_changed()
    found = prober.evidence_of(agent, settings.targets).pods["search-0"][SourceName.HEALTH]
    up = dict(prober.sources_up())
    await prober.close()
    await engine.close()
    return found, up


@pytest.mark.parametrize("strict", [True, False])
def test_an_agent_of_the_config_is_asked_and_its_health_endpoint_passes(tmp_path: Path, *, strict: bool) -> None:
    svid = OURS.issue("spiffe://example.org/agent/search", not_before=NOW - 9, not_after=NOW + 3600)
    certificate, key = svid.write(tmp_path)
    bundle = OURS.write_bundle(tmp_path) if strict else None
    app = Starlette(routes=[Route("/health", _healthy)])
    with run_uvicorn(certificate=certificate, key=key, client_ca=bundle, app=app) as address:
        found, up = asyncio.run(_asked(_config(tmp_path, address)))
    assert isinstance(found, Seen), found
    assert isinstance(found.value, HealthAnswer)
    assert (found.value.way, found.ref) == (Way.MTLS, f"pod/prod/search-0:{address.rpartition(':')[2]}")
    assert up == {"health": ""}
    seen = evidence(pod("search-0", since=found.observed_at - 3600, health=found))
    at = facts(found.observed_at)
    finding = judge_control(CATALOGUE.by_id["reliability.health.endpoint"], seen, at, load_judges())
    assert (finding.state, finding.message) == (State.PASS, "search-0: /health answers 200 and says healthy.")


def test_without_an_identity_nobody_is_asked(tmp_path: Path) -> None:
    config = _config(tmp_path, "127.0.0.1:1")
    config.write_text(json.dumps({"discovery": json.loads(config.read_text())["discovery"]}))
    settings = load_settings(config, {})

    async def main() -> tuple[Seen[object] | Missing, dict[str, str]]:
        engine = Engine(settings, load_probes(), system_clock(boot_id(), None))
        prober = ProbedEvidence(engine, source_settings({}, HEALTH), kinds=HEALTH)
        await engine.replace_targets(settings.targets, {})
        await prober.tick()
        for _ in range(10):  # turns of the loop, for the one attempt that is under way
            await asyncio.sleep(0)
        (agent,) = prober.take_changed()
        found = prober.evidence_of(agent, settings.targets).pods["search-0"][SourceName.HEALTH]
        up = dict(prober.sources_up())
        await prober.close()
        await engine.close()
        return found, up

    found, up = asyncio.run(main())
    assert isinstance(found, Missing)
    assert (found.reason, found.message) == ("Unreachable", "The watcher has no valid SVID to show.")
    assert up == {}  # where the config wants no identity, none is missing
