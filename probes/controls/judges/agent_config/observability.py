"""What the config declares of metrics, traces, logs and circuit breakers."""

from collections.abc import Iterator, Mapping

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence.agent_config import NOT_SET
from probes.controls.judges.agent_config.case import ConfigCase, as_flag, config_judge
from probes.controls.judges.agent_config.shown import shown
from probes.controls.judges.rates import is_rate
from probes.controls.judging import Statement

_LEVEL, _BREAKER = "observability.logging.level", "transport.circuit_breaker"
_RATE = "observability.tracing.sampling_rate"
_LOUD = ("DEBUG", "TRACE", "NOTSET", "ALL")
_QUIET = ("INFO", "WARN", "WARNING", "ERROR", "CRITICAL", "FATAL")


@config_judge("observability.metrics.enabled")
def metrics_enabled(case: ConfigCase) -> Iterator[Statement]:
    """Whether metrics are switched off."""
    yield from _switch(case, "observability.metrics.enabled")


@config_judge("observability.tracing.enabled")
def tracing_enabled(case: ConfigCase) -> Iterator[Statement]:
    """Whether traces are switched off."""
    yield from _switch(case, "observability.tracing.enabled")


@config_judge("observability.logging.level-appropriate")
def level_appropriate(case: ConfigCase) -> Iterator[Statement]:
    """Whether the level is INFO or higher."""
    level = case.value(_LEVEL)
    word = level.upper() if isinstance(level, str) else ""
    if word in _LOUD:
        yield case.bad(_LEVEL, f"{_LEVEL} is {word}.")
    elif word in _QUIET:
        by_default = "" if case.given(_LEVEL) else f" by default of SDK {case.sdk.version}"
        yield case.yes([_LEVEL], f"{_LEVEL} is {word}{by_default}.")
    elif level is NOT_SET and not case.sdk.known and (said := case.without_key(_LEVEL)):
        yield said
    else:
        yield case.unclear(_LEVEL, UnknownReason.UNPARSEABLE, f"{_LEVEL} is {shown(level)}, not a level.")


@config_judge("reliability.circuit-breaker.enabled")
def circuit_breaker_enabled(case: ConfigCase) -> Iterator[Statement]:
    """Whether the breaker is switched off."""
    given = case.declared(_BREAKER)
    switch = f"{_BREAKER}.enabled"
    if as_flag(given) is False:
        yield case.bad(_BREAKER, f"{_BREAKER} is false.")
    elif case.flag(switch) is False and case.given(switch):
        yield case.bad(switch, f"{switch} is false.")
    elif isinstance(given, Mapping):
        yield case.yes([_BREAKER], f"{_BREAKER} is configured.")


@config_judge("observability.tracing.sampling-configured")
def sampling_configured(case: ConfigCase) -> Iterator[Statement]:
    """Whether the rate is one; whether it suits the volume, people know."""
    rate = case.declared(_RATE)
    if rate is not NOT_SET and case.flag("observability.tracing.enabled") is not False and not is_rate(rate):
        yield case.bad(_RATE, f"{_RATE} is {shown(rate)}, not a number above 0 and at most 1.")


def _switch(case: ConfigCase, path: str) -> Iterator[Statement]:
    on = case.flag(path)
    if on is not None:
        yield case.yes([path], f"{path} is true.") if on else case.bad(path, f"{path} is false.")
    elif case.declared(path) is not NOT_SET:
        said = f"{path} is {shown(case.declared(path))}, neither true nor false."
        yield case.unclear(path, UnknownReason.UNPARSEABLE, said)
