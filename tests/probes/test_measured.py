"""A condition that passes says by how much: each with its numbers, to the word, and nothing of what was not seen."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from probes import AnyProbe, load_probes
from probes.breaker import PROBE as BREAKER
from probes.breaker.transitions import BreakerLimits
from probes.contract import Evaluation
from probes.contract.condition import Status
from probes.contract.picture import PictureContext
from probes.cpu import PROBE as CPU
from probes.cpu import CPULimits
from probes.memory import PROBE as MEMORY
from probes.memory import MemoryLimits
from probes.memory.drift import BLOCK
from probes.opa import PROBE as OPA
from probes.opa import OPAHistory
from probes.pool import PROBE as POOL
from probes.pool import PoolLimits
from probes.readings.decision import Actual, Expected
from probes.readings.handshake import Handshake
from probes.readings.issuer import Issuer, Lifetime
from probes.readings.opa_status import OPABundle, StatusReport
from probes.slo import PROBE as SLO
from probes.slo import SLOLimits
from probes.svid import PROBE as SVID
from probes.svid import SvidHistory, SvidLimits
from probes.svid import judge as judge_svid
from probes.telemetry import PROBE as TELEMETRY
from probes.telemetry import TelemetryLimits
from tests.probes import test_opa as opa
from tests.probes import test_telemetry
from tests.probes.judged import T0, Judged
from tests.probes.pictured import context_of
from tests.probes.served import NOW, SEEN
from tests.probes.served import context as of_svid

MIB = 2**20
Said = Mapping[str, str]
"""Condition, with its subject -> what was measured for it."""


def said(probe: AnyProbe, history: object, context: PictureContext[Any]) -> Said:
    return {f"{each.kind.name} {each.subject}".rstrip(): each.said for each in probe.measured(history, context)}


def of_page(judged: Judged, at: float, **known: Any) -> Said:
    assert {each.status for each in judged.verdicts} == {Status.FALSE}, judged.messages()
    return said(judged.probe, judged.history, context_of(judged, at, **known))


def started(text: str) -> str:
    return f"{text}\nprocess_start_time_seconds {T0 - 1}"


def svid() -> Said:
    issuers = (Issuer("1", Lifetime(NOW - 3600, NOW + 82800), authority=True),)
    served = replace(SEEN, chain_length=2, cipher="TLS_AES_128_GCM_SHA256", issuers=issuers)
    judged = judge_svid(served, SvidHistory(), of_svid())
    return said(SVID, judged.history, handshake(judged, served))


def handshake(judged: Evaluation[SvidHistory], reading: Handshake, **known: Any) -> PictureContext[Any]:
    target = of_svid().target
    context = PictureContext(
        target=target, limits=SvidLimits(), now=NOW, date=NOW, interval=60.0, looked=NOW, samples=judged.samples
    )
    return replace(context, reading=reading, took=0.009, **known)


def opa_() -> Said:
    rows = (*opa.WELL, ("may", Expected.ALLOW, Actual.ALLOW))
    fetched = OPABundle(name="b", last_success=opa.NOW - 32, last_activation=opa.NOW - 900)
    bundles = replace(fetched, name="authz", revision="r7"), fetched
    reading = opa.reading(
        *rows, report=StatusReport(at=opa.NOW - 20, clock=opa.NOW - 20, bundles=bundles), seconds=0.003
    )
    context = opa.context()
    shown = PictureContext(
        target=context.target, limits=context.limits, now=opa.NOW, date=opa.NOW, interval=30.0, looked=opa.NOW
    )
    return said(OPA, OPAHistory(ticks=(30,) * 20), replace(shown, reading=reading))


def breaker() -> Said:
    judged = Judged(BREAKER, BreakerLimits())
    for at in range(0, 1831, 30):
        state = 1 if 900 <= at < 930 else 0
        judged.read(at, started(f'agentweave_circuit_breaker_state{{callee="ranker"}} {state}'))
    return of_page(judged, 1842, looked=T0 + 1830)


def memory() -> Said:
    judged = Judged(MEMORY, MemoryLimits(), interval=BLOCK, parts={"memory_limit": 512 * MIB})
    for block in range(200):
        judged.read(block * BLOCK, started(f"process_resident_memory_bytes {(210 + block % 6) * MIB}"))
    return of_page(judged, 199 * BLOCK)


def pool() -> Said:
    judged = Judged(POOL, PoolLimits(), parts={"pool_capacity": 20})
    for at in range(0, 1861, 30):
        judged.read(at, started(f'agentweave_connection_pool_active{{pool="db"}} {3 + at // 60 % 2}'))
    return of_page(judged, 1860)


def slo() -> Said:
    judged = Judged(SLO, SLOLimits())
    for at in range(0, 601, 30):
        buckets = "".join(
            f'agentweave_request_duration_seconds_bucket{{le="{le}"}} {at * share}\n'
            for le, share in (("0.1", 0.9), ("0.2", 1), ("+Inf", 1))
        )
        ended = f'agentweave_requests_total{{status="success"}} {at * 0.99}\n'
        ended += f'agentweave_requests_total{{status="error"}} {at * 0.01}\n'
        judged.read(at, started(buckets + ended + f"agentweave_request_duration_seconds_count {at}"))
    return of_page(judged, 600)


def cpu() -> Said:
    judged = Judged(CPU, CPULimits(), parts={"cpu_limit": 2.0})
    for at in range(0, 601, 30):
        judged.read(at, started(f"process_cpu_seconds_total {0.3 * at}"))
    return of_page(judged, 600)


def telemetry() -> Said:
    engine = test_telemetry.Engine()
    for at in range(0, 1831, 30):
        page = test_telemetry.page(1 if at < 900 else 890, test_telemetry.SCRAPABLE if at < 30 else None)
        engine.look(at, page)
    assert engine.last is not None
    judged = Judged(TELEMETRY, TelemetryLimits(), history=engine.history, verdicts=engine.last.verdicts)
    return of_page(judged, 1830, reading=replace(page, size=3200).remembered(), took=0.009)


HELD = "holds 211.0 MiB, 41% of its limit of 512.0 MiB"
MEASURED: Mapping[Callable[[], Said], Said] = {
    svid: {
        "AgentUnreachable": "The handshake and one request took 9ms.",
        "TLSMissing": "It speaks TLSv1.3 with TLS_AES_128_GCM_SHA256.",
        "SVIDWrongIdentity": "It is spiffe://example.org/agent/search.",
        "SVIDExpired": "It expires in 50m0s, after a lifetime of 1h0m.",
        "SVIDExpiryImminent": "50m0s of 1h0m are left, 83%.",
        "SVIDRotationOverdue": "Rotation is due in 26m0s, overdue in 31m0s.",
        "SVIDNotTrusted": ("2 certificates served; the authority of example.org behind it is valid for another 23h0m."),
    },
    opa_: {
        "OPAUnreachable": "It answered 3 of 3 questions, the slowest in 3ms.",
        "OPADecisionError": "3 of 3 answers were such.",
        "OPAWrongAllow": "0 of 2 were.",
        "OPAWrongDeny": "0 of 1 were.",
        "OPAPolicyMissing": "2 of 2 canaries were decided.",
        "OPADefaultMissing": "2 of 2 canaries were decided.",
        "OPADecisionSlow": "The p95 of 20 decisions is 3ms, the limit 100ms.",
        "OPABundleStale authz": "Last fetched 32s ago, the limit is 15m0s.",
        "OPARevisionSkew authz": "Active 20s ago: revision r7.",
        "OPABundleStale b": "Last fetched 32s ago, the limit is 15m0s.",
        "OPARevisionSkew b": "Active 20s ago: a version without a revision.",
    },
    breaker: {
        "CircuitBreakerOpen ranker": "It was seen closed 12s ago.",
        "CircuitBreakerFlapping ranker": "It opened once within 30m0s; more than 4 are too many.",
    },
    memory: {
        "MemoryHigh": f"It {HELD}; more than 90% is high.",
        "MemoryExhaustionPredicted": f"The process {HELD}.",
        "MemoryDrift": "Over 1d9h its floor went from 210.0 MiB to 210.0 MiB.",
    },
    pool: {
        "PoolSaturated db": "4 of 20 connections are in use, 20%; more than 80% is saturated.",
        "PoolExhausted db": "16 of 20 connections are free.",
        "PoolExhaustionPredicted db": "Over 30m0s it was between 3 and 4, now it is 4.",
    },
    slo: {
        "ErrorRateHigh": "1.0% of 300 requests over 5m0s failed, the limit is 5.0%.",
        "LatencyHigh": "The p95 of 300 requests over 5m0s is 150ms, the limit 200ms.",
    },
    cpu: {"CPUHigh": "Over 5m0s 0.30 of 2 cores were in use, 15%. More than 90% is high."},
    telemetry: {
        "MetricsUnavailable": "It gave 3.1 KiB in 9ms.",
        "MetricsNonconformant": "It was last read in full 30m30s ago.",
        "AgentRestarting": "1 new process within 30m0s; more than 3 are too many.",
    },
}


@pytest.mark.parametrize("measure", MEASURED, ids=lambda measure: measure.__name__.strip("_"))
def test_what_was_measured_for_a_condition_that_passes_is_said_with_its_unit(measure: Callable[[], Said]) -> None:
    assert measure() == MEASURED[measure]


def test_each_condition_of_each_probe_has_numbers_when_it_passes() -> None:
    shown = {name.split()[0] for said in MEASURED.values() for name in said}
    assert shown == {kind.name for probe in load_probes() for kind in probe.conditions}


@pytest.mark.parametrize("probe", load_probes(), ids=lambda probe: probe.name)
def test_of_a_target_that_was_never_looked_at_nothing_is_measured(probe: AnyProbe) -> None:
    judged = Judged(probe, probe.limits(), parts={"memory_limit": 1, "cpu_limit": 1.0, "pool_capacity": 1})
    assert said(probe, probe.history(), context_of(judged, 0)) == {}


def test_of_a_handshake_that_failed_or_is_too_old_no_numbers_are_told() -> None:
    judged = judge_svid(SEEN, SvidHistory(), of_svid())
    broken = Handshake(error="It refused.")
    assert said(SVID, judged.history, handshake(judged._replace(samples=()), broken)) == {}
    assert said(SVID, judged.history, handshake(judged, SEEN, stale=True)) == {}
    doubted = said(SVID, judged.history, handshake(judged, SEEN, clock_doubt="The clock is wrong."))
    assert set(doubted) == {"AgentUnreachable", "TLSMissing", "SVIDWrongIdentity"}


def test_of_too_few_requests_it_is_told_from_how_many_on_they_are_judged() -> None:
    judged = Judged(SLO, SLOLimits())
    for at in range(0, 601, 30):
        judged.read(at, started(f'agentweave_requests_total{{status="success"}} {at // 300}'))
    context = context_of(judged, 600)
    assert said(SLO, judged.history, context) == {
        "ErrorRateHigh": "Seen: 1 request over 5m0s; they are judged from 20 on."
    }
