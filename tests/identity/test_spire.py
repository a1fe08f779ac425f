"""The watcher's identity from the real SPIRE."""

import asyncio
import time
from dataclasses import replace

import pytest

from tests.identity.identities import QUICK, started, told, until
from tests.servers.spire import INSTALLED, WORKLOAD, run_spire
from watcher.config.identity import IdentitySettings
from watcher.identity.material import spiffe_id

pytestmark = pytest.mark.skipif(not INSTALLED, reason="needs spire-server and spire-agent on PATH")

PATIENT = replace(QUICK, every=60, retry=0.5, patience=3)


def test_svids_of_spire_rotate_without_a_restart() -> None:
    async def main(settings: IdentitySettings) -> None:
        async with started(settings, time.time, PATIENT) as identity:
            await until(lambda: identity.current, within=15)
            before = identity.current
            assert before is not None
            assert spiffe_id(before.chain[0]) == WORKLOAD
            assert identity.confirmed
            # SPIRE rotates when about half of the lifetime (20 s, and 10 s for clocks that are late) remains.
            await until(lambda: identity.current is not before, within=25)
            assert identity.current is not None
            assert identity.current.chain != before.chain
            assert identity.trouble == ""

    with run_spire() as spire:
        spire.register(svid_ttl=20)
        with spire.agent():
            asyncio.run(main(IdentitySettings(workload_api=f"unix://{spire.workload_api}")))


def test_a_missing_registration_and_a_dead_agent_are_told_apart_and_survived(caplog: pytest.LogCaptureFixture) -> None:
    with run_spire() as spire:

        async def main(settings: IdentitySettings) -> None:
            async with started(settings, time.time, PATIENT) as identity:
                assert identity.trouble.startswith("SocketMissing: ")
                with spire.agent():
                    await until(lambda: identity.trouble.startswith("NotRegistered: "), within=15)
                    spire.register(svid_ttl=3600)
                    await until(lambda: identity.trouble == "", within=15)
                    spire.unregister()
                    await until(lambda: "NotRegistered" in told(caplog)[2:], within=15)
                    spire.register(svid_ttl=1800)
                    before = identity.current
                    await until(lambda: identity.current is not before, within=15)
                await until(lambda: "NobodyListens" in told(caplog)[3:], within=15)
                before = identity.current
                with spire.agent():
                    await until(lambda: identity.current is not before, within=15)
                    assert identity.trouble == ""

        asyncio.run(main(IdentitySettings(workload_api=f"unix://{spire.workload_api}")))
