"""What the agent's config says of retries and circuit breakers, against the bounds of the catalogue."""

from collections.abc import Iterator

from probes.controls.catalogue.control import Control
from probes.controls.evidence import AgentConfigFile, EvidenceSet, Seen
from probes.controls.evidence.agent_config import NOT_SET
from probes.controls.judges.effective_keys import CONFIG, config_of, if_effective, place
from probes.controls.judging import Facts, Says, Statement, judge

_JITTER = "transport.retry.jitter"
_BASE, _MOST = "transport.retry.backoff_base_seconds", "transport.retry.backoff_max_seconds"
_RECOVERY = "transport.circuit_breaker.recovery_timeout_seconds"
_LARGEST = 1e15  # beyond it a number of a config is no number: some would not fit a float
_SUCCESSES = "transport.circuit_breaker.success_threshold"


@judge("reliability.retry.jitter", of=[CONFIG])
def jitter(_: Control, evidence: EvidenceSet, facts: Facts) -> Iterator[Statement]:
    """Whether retries are spread: by the key where the SDK reads it, else by what the SDK always does."""
    found = config_of(evidence)
    sdk = facts.sdk.of(found.value.sdk_version)
    if always := sdk.always.get(_JITTER):
        yield Statement(CONFIG, Says.GOOD, f"SDK {sdk.version}: {always}", found.ref)
        return
    known, given = sdk.key(_JITTER), found.value.get(_JITTER)
    value = known.default if known and given is NOT_SET else given
    if sdk.uses(_JITTER) and value is not True:
        yield _bad(found, _JITTER, f"{_JITTER} is not true.")
    else:
        yield if_effective(found, sdk, [_JITTER], f"{_JITTER} is true.")


@judge("reliability.retry.exponential-backoff", of=[CONFIG])
def exponential_backoff(_: Control, evidence: EvidenceSet, facts: Facts) -> Iterator[Statement]:
    """Whether the delay grows: a base above 0 and below the maximum."""
    found = config_of(evidence)
    base, most = _number(found, _BASE), _number(found, _MOST)
    if base is None or most is None:
        missing = _BASE if base is None else _MOST
        yield _bad(found, missing, f"{missing} is missing or no number.")
    elif not 0 < base < most:
        yield _bad(found, _BASE, f"The base of {base:g} s is not above 0 and below the maximum of {most:g} s.")
    else:
        said = f"Delays grow from {base:g} s to {most:g} s."
        yield if_effective(found, facts.sdk.of(found.value.sdk_version), [_BASE, _MOST], said)


@judge("reliability.circuit-breaker.recovery-timeout", of=[CONFIG])
def recovery_timeout(_: Control, evidence: EvidenceSet, facts: Facts) -> Iterator[Statement]:
    """Whether a breaker stays open for 5 to 300 seconds."""
    yield _between(config_of(evidence), facts, _RECOVERY, 5, 300)


@judge("reliability.circuit-breaker.success-threshold", of=[CONFIG])
def success_threshold(_: Control, evidence: EvidenceSet, facts: Facts) -> Iterator[Statement]:
    """Whether 1 to 10 calls must succeed before a breaker closes."""
    yield _between(config_of(evidence), facts, _SUCCESSES, 1, 10, whole=True)


def _between(
    found: Seen[AgentConfigFile], facts: Facts, path: str, least: int, most: int, *, whole: bool = False
) -> Statement:
    value = _number(found, path)
    kind = "whole number" if whole else "number"
    if value is None or not least <= value <= most or (whole and value != int(value)):
        return _bad(found, path, f"{path} is not a {kind} from {least} to {most}.")
    return if_effective(found, facts.sdk.of(found.value.sdk_version), [path], f"{path} is {value:g}.")


def _number(found: Seen[AgentConfigFile], path: str) -> float | None:
    value = found.value.get(path)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < _LARGEST:
        return None
    return float(value)


def _bad(found: Seen[AgentConfigFile], path: str, message: str) -> Statement:
    return Statement(CONFIG, Says.BAD, message, place(found, path))
