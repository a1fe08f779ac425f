"""What looks at a simulated pod see, built as the sources build it."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from probes.contract import Fault, Reading
from probes.contract.signal import Signal
from probes.readings.canary import Question
from probes.readings.certificate import Leaf
from probes.readings.conformance import Conformance
from probes.readings.decision import Actual, CanaryAnswer, Expected, OPAReading, Reply
from probes.readings.handshake import BundleState, Handshake, Spoke
from probes.readings.metrics_page import MetricsPage, PageTrouble
from probes.readings.opa_status import OPABundle, StatusReport
from probes.readings.signal_reader import WantedSignals
from probes.readings.text_format import KeptLines
from probes.readings.verify_error import VerifyCode, VerifyError
from tests.alerting.month.fleet import Agent, Fleet
from tests.alerting.month.kinds import POOL, POOL_CAPACITY, TRUST_DOMAIN
from tests.alerting.month.pod import LIFETIME, Pod, load
from tests.drift.simulation import BASE

Look = Callable[[Fleet, Pod, float, tuple[object, ...]], Reading]
"""What a source sees of a pod at a time, and what it was asked for."""

_REPORTS = 5, 30.0  # looks from one request for a status to the next, seconds between looks
_FLAP = 45.0
_INSPECTION = 3600.0
BYTE_ORDER_MARK = Conformance("ByteOrderMark", "The metrics endpoint begins with a byte order mark.")


def handshake(fleet: Fleet, pod: Pod, now: float, _: tuple[object, ...]) -> Handshake:
    """A look at the mTLS port."""
    agent = fleet.agents[pod.kind.name]
    fault = _fault(fleet, agent, pod, "handshake", now)
    if fault is not None:
        return Handshake(fault=fault, error=f"It is {fault}.", trust_domain=TRUST_DOMAIN, bundle=BundleState.CONFIRMED)
    if agent.ills.plaintext:
        return Handshake(spoke=Spoke.PLAINTEXT_HTTP, error="It speaks HTTP.", trust_domain=TRUST_DOMAIN)
    if fleet.spire and not agent.ills.keeps_svid:
        pod.rotate(now)
    made_of = (pod.svid_at, agent.ills)
    if pod.served is None or pod.served[0] != made_of:
        pod.served = made_of, _served(agent, pod)
    return pod.served[1]


def page(fleet: Fleet, pod: Pod, now: float, wants: tuple[object, ...]) -> MetricsPage:
    """A look at the metrics page."""
    wanted, agent = _wanted(wants), fleet.agents[pod.kind.name]
    fault = _fault(fleet, agent, pod, "agent_metrics", now)
    if fault is not None:
        return MetricsPage(wanted=wanted, fault=fault, error=f"It is {fault}.")
    if agent.ills.page_fails:
        return MetricsPage(
            wanted=wanted, status=500, trouble=PageTrouble.HTTP_ERROR, error="The metrics endpoint answered 500."
        )
    blocks = page_blocks(agent, pod, now)
    lines = tuple([blocks[name].encode() if name in blocks else b"" for name in wanted.names.texts.values()])
    kept = KeptLines(lines, ours=True)
    size, seen = sum(map(len, kept.lines)), _inspected(agent, pod, now)
    return MetricsPage(wanted=wanted, status=200, size=size, kept=kept, conformance=seen)


def decisions(fleet: Fleet, pod: Pod, now: float, wants: tuple[object, ...]) -> OPAReading:
    """A look at the OPA beside an agent."""
    agent = fleet.agents[pod.kind.name]
    questions = [want for want in wants if isinstance(want, Question)]
    fault = _fault(fleet, agent, pod, "opa", now)
    if fault is not None:
        lost = Reply(actual=Actual.UNREACHABLE, fault=fault, error=f"It is {fault}.")
        answers = tuple([CanaryAnswer(each.canary, each.expected, lost) for each in questions])
        return OPAReading(answers=answers, report=pod.report, fault=fault, error=lost.error)
    answers = tuple([CanaryAnswer(each.canary, each.expected, _reply(agent, pod, each)) for each in questions])
    error = next((each.reply.error for each in answers if each.reply.error), "")
    return OPAReading(answers=answers, report=_report(fleet, agent, pod, now), error=error)


LOOKS: Mapping[str, Look] = {"handshake": handshake, "agent_metrics": page, "opa": decisions}
"""By source."""


def page_blocks(agent: Agent, pod: Pod, now: float) -> dict[str, str]:
    """Name of a sample -> its lines on the page."""
    ills, process, busy = agent.ills, pod.process, load(now) * agent.share(now)
    open_breakers = [callee for callee, (begin, end) in pod.breakers.items() if begin <= now < end]
    failing = ills.failing or (0.05 if open_breakers else 0.003)
    cpu = ills.cpu or 0.1 + 0.3 * busy
    process.work(now, pod.random, busy, failing, ills.slow or 0.003 + 0.01 * busy, cpu)
    return {
        "process_resident_memory_bytes": f"process_resident_memory_bytes {_memory(agent, pod, now):.0f}",
        "process_start_time_seconds": f"process_start_time_seconds {process.started:.2f}",
        "process_cpu_seconds_total": f"process_cpu_seconds_total {process.cpu:.2f}",
        **_breakers(agent, pod, now, open_breakers),
        **_pool(agent, pod, now, busy),
        **_requests(agent, pod),
    }


def _inspected(agent: Agent, pod: Pod, now: float) -> Conformance | None:
    """What the page asked for whole is like: at first, then once an hour, and thrice in a row while it is refused."""
    if now < pod.inspection_due:
        return None
    pod.refused = min(3, pod.refused + 1) if agent.ills.byte_order_mark else 0
    pod.inspection_due = now + (_INSPECTION if pod.refused in (0, 3) else 0)
    return BYTE_ORDER_MARK if agent.ills.byte_order_mark else Conformance()


def _fault(fleet: Fleet, agent: Agent, pod: Pod, source: str, now: float) -> Fault | None:
    if now < fleet.silent_until:
        return Fault.SILENT
    if now < pod.cut_until:
        return pod.cut_as
    dead = pod.ended or now < pod.ready_at or (source != "opa" and now < pod.process.started)
    return Fault.REFUSED if dead or source in agent.ills.refuses else None


def _served(agent: Agent, pod: Pod) -> Handshake:
    ills, kind = agent.ills, pod.kind
    identity = ills.identity or f"spiffe://{TRUST_DOMAIN}/{kind.namespace}/{kind.agent}"
    leaf = Leaf(
        serial=f"{pod.number:x}{pod.svid_at:.0f}",
        not_before=pod.svid_at - 10,
        not_after=pod.svid_at + LIFETIME,
        uris=(identity,),
        uri_count=1,
        usages=frozenset({"digital_signature"}),
        key="EC secp256r1",
    )
    strange = (VerifyError(VerifyCode.NO_LOCAL_ISSUER, 0, 0.0),) if ills.stranger else ()
    return Handshake(
        spoke=Spoke.TLS,
        completed=True,
        leaf=leaf,
        chain_length=1,
        verify_errors=strange,
        trust_domain=TRUST_DOMAIN,
        bundle=BundleState.CONFIRMED,
        protocol="TLSv1.3",
    )


@lru_cache(maxsize=16)
def _wanted(wants: tuple[object, ...]) -> WantedSignals:
    return WantedSignals.of([want for want in wants if isinstance(want, Signal)])


def _memory(agent: Agent, pod: Pod, now: float) -> float:
    ills = agent.ills
    if ills.memory:
        return ills.memory * pod.kind.memory_limit * BASE
    return BASE * pod.process.size(now, pod.random)


def _breakers(agent: Agent, pod: Pod, now: float, open_now: Sequence[str]) -> Mapping[str, str]:
    ills, name = agent.ills, "agentweave_circuit_breaker_state"
    flaps_open = ills.breaker_flaps and (now - agent.ill_since) // _FLAP % 2 == 0
    ill = "store" if ills.breaker_open or flaps_open else ""
    callees = ("store", *pod.kind.callees)
    return {name: "\n".join(f'{name}{{callee="{each}"}} {int(each == ill or each in open_now)}' for each in callees)}


def _pool(agent: Agent, pod: Pod, now: float, busy: float) -> Mapping[str, str]:
    ills, name = agent.ills, "agentweave_connection_pool_active"
    share = ills.pool or 0.08 + 0.3 * busy + pod.random.gauss(0, 0.03)
    if ills.pool_rise:
        share = 0.4 + ills.pool_rise * (now - agent.ill_since) / 60
    in_use = max(0, min(POOL_CAPACITY, round(share * POOL_CAPACITY)))
    return {name: f'{name}{{pool="{POOL}"}} {in_use}'}


def _requests(agent: Agent, pod: Pod) -> Mapping[str, str]:
    name, counter, process = "agentweave_request_duration_seconds", "agentweave_requests_total", pod.process
    total, failed = int(process.requests), int(process.failed)
    counters = {
        counter: f'{counter}{{status="success"}} {total - failed}\n{counter}{{status="error"}} {failed}',
        f"{name}_count": f"{name}_count {total}",
    }
    if pod.kind.summary:
        return counters | {name: f'{name}{{quantile="0.95"}} {0.4 if agent.ills.slow else 0.09}'}
    bounds = zip((0.05, 0.1, 0.2, "+Inf"), (*process.within, process.requests), strict=True)
    bucket = f"{name}_bucket"
    return counters | {bucket: "\n".join(f'{bucket}{{le="{bound}"}} {int(count)}' for bound, count in bounds)}


def _reply(agent: Agent, pod: Pod, question: Question) -> Reply:
    seconds = agent.ills.decision_seconds or pod.random.lognormvariate(-5.8, 0.6)  # 3 ms, now and then 20
    usual = Actual.ALLOW if question.expected is Expected.ALLOW else Actual.DENY
    actual = agent.ills.answers.get(question.canary, usual)
    if actual is Actual.ERROR:
        return Reply(actual=actual, status=500, seconds=seconds, error="OPA could not evaluate the policy: conflict")
    return Reply(actual=actual, status=200, seconds=seconds)


def _report(fleet: Fleet, agent: Agent, pod: Pod, now: float) -> StatusReport:
    """What OPA said of its bundle when it was last asked: at each fifth look, and at each while something is wrong."""
    if pod.report is None or now >= pod.report_due:
        pod.report = StatusReport(at=now, clock=now, bundles=(_bundle(fleet, agent, pod, now),))
        looks, interval = _REPORTS
        pod.report_due = now + ((1 if pod.report.troubled else looks) - 0.5) * interval
    return pod.report


def _bundle(fleet: Fleet, agent: Agent, pod: Pod, now: float) -> OPABundle:
    ills = agent.ills
    kept = ills.keeps_bundle or (ills.keeps_revision and pod is agent.pods[0])
    asked = agent.ill_since if kept else now
    at, revision = max(each for each in fleet.published if each[0] + pod.delay(each[1]) <= asked)
    return OPABundle(
        name="authz",
        revision=revision,
        last_success=(agent.ill_since if ills.keeps_bundle else now) - pod.delay("poll"),
        last_activation=max(at, pod.ready_at),
        fetched=not ills.keeps_bundle,
        code="bundle_error" if ills.keeps_bundle else "",
        message="server replied with Service Unavailable" if ills.keeps_bundle else "",
    )
