"""No number that a page, a certificate or an OPA can say makes a judge raise, or what it says infinite."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from probes import AnyProbe, load_probes
from probes.contract import Evaluation, EvaluationContext, Target, TargetKey
from probes.contract.signal import Signal
from probes.readings.certificate import Leaf
from probes.readings.decision import Actual, CanaryAnswer, Expected, OPAReading, Reply
from probes.readings.handshake import BundleState, Handshake, Spoke
from probes.readings.opa_status import OPABundle, StatusReport
from probes.readings.verify_error import VerifyError
from tests.servers.metrics_pages import page_of

NOW = 1_800_000_000.0
BY_PAGE = [probe for probe in load_probes() if probe.source == "agent_metrics"]
TARGET = Target(
    key=TargetKey("prod", "search", "search-0"), memory_limit=512 << 20, cpu_limit=2.0, pool_capacity=100, metrics="x"
)
ODD = ["1e308", "1.7976931348623157e308", "8e307", "1e154", "1e19", "1e17", "+Inf", "-Inf", "NaN", "-0.0", "5e-324"]
ODD += ["2.2e-308", "0", "1", "9" * 400, "1" + "0" * 308, "-1e308", "18446744073709551616", "9007199254740993"]
NUMBERS = st.one_of(
    st.sampled_from(ODD), st.floats().map(repr), st.floats(0, 1e18).map(repr), st.integers(0, 10**400).map(str)
)
DATES = st.floats(-62_135_596_800.0, 253_402_300_799.0)  # of the years 1 to 9999: what can be read as a date at all


def sample_names(signal: Signal) -> Iterator[str]:
    for row in signal.rows:
        labels = [f'{name}="x"' for name in (*row.subject[:1], *row.state_label[:1])]
        for suffix in signal.suffixes:
            bounds = [f'le="{each}"' for each in ("-1e308", "0.1", "1e308", "+Inf")] if suffix == "_bucket" else [""]
            yield from (f"{row.metric}{suffix}{{{','.join(filter(None, (*labels, bound)))}}}" for bound in bounds)


def text_of(probe: AnyProbe, numbers: Sequence[str]) -> str:
    wanted = [want for want in probe.wants(probe.limits()) if isinstance(want, Signal)]
    names = [name for signal in wanted for name in sample_names(signal)]
    return "".join(f"{name} {numbers[at % len(numbers)]}\n" for at, name in enumerate(names))


def is_sound(value: object) -> bool:
    """Whether no number in here is infinite or none at all."""
    if is_dataclass(value):
        return all(is_sound(getattr(value, each.name)) for each in fields(value))
    if isinstance(value, dict):
        return all(map(is_sound, value.values()))
    if isinstance(value, (tuple, list)):
        return all(map(is_sound, value))
    return not isinstance(value, float) or math.isfinite(value)


def check(found: Evaluation[Any]) -> None:
    assert all(each.text for each in found.verdicts)  # a message is made when it is read
    assert is_sound([each.value for each in found.samples])
    assert is_sound([each.value for each in found.observations])
    assert is_sound(found.history)


def context(probe: AnyProbe, now: float, target: Target = TARGET) -> EvaluationContext[Any]:
    return EvaluationContext(target=target, limits=probe.limits(), now=now, date=now, interval=30.0, endpoint="metrics")


@pytest.mark.parametrize("probe", BY_PAGE, ids=lambda probe: probe.name)
@given(
    pages=st.lists(st.lists(NUMBERS, min_size=1, max_size=5), min_size=1, max_size=12),
    step=st.sampled_from([30.0, 600.0]),
)
@example(pages=[["1e308"]] * 12, step=30.0)
@example(pages=[["1e308"]] * 40, step=600.0)
@example(pages=[[repr(1e290 * 3**at)] for at in range(35)], step=60.0)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_page_of_any_numbers_is_judged(probe: AnyProbe, pages: list[list[str]], step: float) -> None:
    wanted = [want for want in probe.wants(probe.limits()) if isinstance(want, Signal)]
    history = probe.history()
    for number, numbers in enumerate(pages):
        found = probe.judge(page_of(text_of(probe, numbers), *wanted), history, context(probe, NOW + number * step))
        check(found)
        history = found.history


@given(dates=st.tuples(DATES, DATES), not_before=DATES)
def test_a_certificate_of_any_dates_is_judged(dates: tuple[float, float], not_before: float) -> None:
    probe = next(each for each in load_probes() if each.name == "svid")
    leaf = Leaf(serial="0", not_before=dates[0], not_after=dates[1], uris=("spiffe://example.org/agent/search",))
    reading = Handshake(
        spoke=Spoke.TLS,
        completed=True,
        leaf=leaf,
        verify_errors=(VerifyError(9, 0, not_before),),
        trust_domain="example.org",
        bundle=BundleState.CONFIRMED,
    )
    check(probe.judge(reading, probe.history(), context(probe, NOW)))


@given(seconds=st.lists(st.floats(0, 1e9), min_size=1, max_size=25), times=st.tuples(DATES, DATES), clock=DATES)
def test_an_opa_of_any_times_is_judged(seconds: list[float], times: tuple[float, float], clock: float) -> None:
    probe = next(each for each in load_probes() if each.name == "opa")
    bundle = OPABundle(name="authz", last_success=times[0], last_activation=times[1])
    history = probe.history()
    for each in seconds:
        answer = CanaryAnswer("foreign-caller", Expected.DENY, Reply(actual=Actual.DENY, seconds=each))
        report = StatusReport(at=NOW, clock=clock, bundles=(bundle,))
        found = probe.judge(OPAReading(answers=(answer,), report=report), history, context(probe, NOW))
        check(found)
        history = found.history
