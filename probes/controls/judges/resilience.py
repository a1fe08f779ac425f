"""What the agent's config says of retries and circuit breakers, against the bounds of the catalogue."""

from collections.abc import Iterator

from probes.controls.judges.agent_config.case import ConfigCase, as_flag, as_number, config_judge
from probes.controls.judges.agent_config.shown import shown
from probes.controls.judges.effective_keys import CONFIG
from probes.controls.judging import Says, Statement

_JITTER = "transport.retry.jitter"
_THRESHOLD, _ATTEMPTS = "transport.circuit_breaker.failure_threshold", "transport.retry.max_attempts"
_BASE, _MOST = "transport.retry.backoff_base_seconds", "transport.retry.backoff_max_seconds"
_RECOVERY = "transport.circuit_breaker.recovery_timeout_seconds"
_SUCCESSES = "transport.circuit_breaker.success_threshold"
_CALL_TIMEOUT = 30.0
"""Seconds of a call in SDK 1.0.0: retries that wait for longer are never made."""


@config_judge("reliability.retry.jitter")
def jitter(case: ConfigCase) -> Iterator[Statement]:
    """Whether retries are spread: by the key where the SDK reads it, else by what the SDK always does."""
    if always := case.sdk.always.get(_JITTER):
        yield Statement(CONFIG, Says.GOOD, f"SDK {case.sdk.version}: {always}", case.place(""))
    elif case.sdk.uses(_JITTER) and as_flag(case.value(_JITTER)) is not True:
        yield case.bad(_JITTER, f"{_JITTER} is not true.")
    else:
        yield case.yes([_JITTER], f"{_JITTER} is true.")


@config_judge("reliability.retry.exponential-backoff")
def exponential_backoff(case: ConfigCase) -> Iterator[Statement]:
    """Whether the delay grows: a base above 0 and below the maximum."""
    base, most = _number(case, _BASE), _number(case, _MOST)
    if said := case.without_key(_BASE) or case.without_key(_MOST):
        yield said
    elif base is None or most is None:
        wrong = _BASE if base is None else _MOST
        yield case.bad(wrong, f"{wrong} is {shown(case.found.value.get(wrong))}, not a number of seconds.")
    elif not 0 < base < most:
        yield case.bad(_BASE, f"The base of {base:g} s is not above 0 and below the maximum of {most:g} s.")
    else:
        yield case.yes([_BASE, _MOST], f"Delays grow from {base:g} s to {most:g} s.")


@config_judge("reliability.circuit-breaker.recovery-timeout")
def recovery_timeout(case: ConfigCase) -> Iterator[Statement]:
    """Whether a breaker stays open for 5 to 300 seconds."""
    yield _between(case, _RECOVERY, 5, 300)


@config_judge("reliability.circuit-breaker.success-threshold")
def success_threshold(case: ConfigCase) -> Iterator[Statement]:
    """Whether 1 to 10 calls must succeed before a breaker closes."""
    yield _between(case, _SUCCESSES, 1, 10, whole=True)


@config_judge("reliability.circuit-breaker.threshold-tuned")
def threshold_tuned(case: ConfigCase) -> Iterator[Statement]:
    """Whether the threshold is out of reason: below 2 or above 50 failures."""
    value = _number(case, _THRESHOLD)
    if value is not None and not 2 <= value <= 50:
        yield case.bad(_THRESHOLD, f"{_THRESHOLD} of {value:g} is not from 2 to 50.")


@config_judge("reliability.retry.tuned")
def retry_tuned(case: ConfigCase) -> Iterator[Statement]:
    """Whether there are too many attempts, or their delays take longer than the call that they are part of."""
    attempts, base, most = (as_number(case.value(path)) for path in (_ATTEMPTS, _BASE, _MOST))
    if attempts is not None and attempts > 5:
        yield case.bad(_ATTEMPTS, f"{_ATTEMPTS} of {attempts:g} is above 5.")
    elif attempts is not None and base is not None and most is not None:
        delays = sum(min(base * 2**number, most) for number in range(int(attempts) - 1))
        if delays > _CALL_TIMEOUT:
            yield case.bad(_BASE, f"The delays add up to {delays:g} s, more than the {_CALL_TIMEOUT:g} s of a call.")


def _between(case: ConfigCase, path: str, least: int, most: int, *, whole: bool = False) -> Statement:
    if said := case.without_key(path):
        return said
    value, given = _number(case, path), case.found.value.get(path)
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    if (value is None and not is_number) or (whole and value is not None and value != int(value)):
        return case.bad(path, f"{path} is {shown(given)}, not a {'whole number' if whole else 'number'}.")
    if value is None or not least <= value <= most:
        return case.bad(path, f"{path} is {shown(given)}, outside of {least} to {most}.")
    return case.yes([path], f"{path} is {value:g}.")


def _number(case: ConfigCase, path: str) -> float | None:
    """The number that the file has there; a default does not count."""
    return as_number(case.found.value.get(path))
