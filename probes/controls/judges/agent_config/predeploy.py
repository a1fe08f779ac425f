"""The five lines of the checklist's configuration validation: the words of the file, with effect or without."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence.agent_config import NOT_SET, KeyPath
from probes.controls.judges.agent_config.case import ConfigCase, as_flag, config_judge
from probes.controls.judges.agent_config.key_findings import Kind, key_findings
from probes.controls.judges.agent_config.placeholders import never_filled_in
from probes.controls.judges.agent_config.shown import key_name, shown
from probes.controls.judges.effective_keys import CONFIG, OF_SOME
from probes.controls.judging import Says, Statement

_TLS, _PEERS = "transport.tls_min_version", "transport.peer_verification"
_ACTION, _PROVIDER, _AUDIT = "authorization.default_action", "authorization.provider", "authorization.audit.enabled"
_WANTED: dict[str, str | bool] = {_ACTION: "deny", _PROVIDER: "opa", _AUDIT: True, _PEERS: "strict", _TLS: "1.3"}
_NOT_KNOWN = "SDK {} is not known."
_MOST = 100
"""Wrong keys that are told of one file."""


@config_judge("predeploy.config.valid", broken=True)
def valid(case: ConfigCase) -> Iterator[Statement]:
    """Whether the file parses, each key is as the SDK version's model has it, and no value was left to be filled in."""
    file = case.found.value
    if file.broken:
        for line, why in file.broken[:_MOST]:
            yield Statement(CONFIG, Says.BAD, f"{why}.", f"{case.found.ref}:{line}")
        return
    found = list(key_findings(file, case.sdk))
    wrong = [each for each in found if each.kind is Kind.WRONG]
    for each in wrong[:_MOST]:
        yield _by_the_model(case, each.message, _ref(case, each.place))
    unfilled = list(islice(never_filled_in(file), _MOST))
    for place, why in unfilled:
        yield Statement(CONFIG, Says.BAD, f"{key_name(place)}: {why}.", _ref(case, place))
    if wrong or unfilled:
        return
    if file.of_some:
        yield case.unclear("", UnknownReason.SOURCE_MISSING, OF_SOME)
    elif not case.sdk.known:
        said = f"SDK {case.sdk.taken_from} takes this config. {_NOT_KNOWN.format(case.sdk.version)}"
        yield case.unclear("", UnknownReason.KEY_NOT_EFFECTIVE, said)
    else:
        unknown = sum(each.kind is Kind.UNKNOWN for each in found)
        more = f" It drops {unknown} unknown key{'s' if unknown > 1 else ''}." if unknown else ""
        yield Statement(CONFIG, Says.GOOD, f"SDK {case.sdk.version} takes this config.{more}", case.place(""))


def _ref(case: ConfigCase, place: KeyPath) -> str:
    number = case.found.value.line_at(place)
    return f"{case.found.ref}:{number}" if number else case.found.ref


def _by_the_model(case: ConfigCase, message: str, ref: str) -> Statement:
    if case.sdk.known:
        return Statement(CONFIG, Says.BAD, message, ref)
    said = f"{message} That is by SDK {case.sdk.taken_from}. {_NOT_KNOWN.format(case.sdk.version)}"
    return Statement(CONFIG, Says.UNCLEAR, said, ref, reason=UnknownReason.KEY_NOT_EFFECTIVE)


@config_judge("predeploy.config.security-settings")
def security_settings(case: ConfigCase) -> Iterator[Statement]:
    """Whether all five settings are those of production."""
    wrong = [path for path in _WANTED if not _right(case, path)]
    for path in wrong:
        yield _not_right(case, path)
    if not wrong:
        yield _with_effect(case, tuple(_WANTED), _how_they_hold(case))


@config_judge("predeploy.config.tls-version")
def tls_version(case: ConfigCase) -> Iterator[Statement]:
    """Whether the least TLS version is 1.3."""
    yield _one(case, _TLS)


@config_judge("predeploy.config.peer-verification")
def peer_verification(case: ConfigCase) -> Iterator[Statement]:
    """Whether peers are verified strictly."""
    yield _one(case, _PEERS)


@config_judge("predeploy.config.default-action")
def default_action(case: ConfigCase) -> Iterator[Statement]:
    """Whether what no rule allows is denied."""
    yield _one(case, _ACTION)


def _one(case: ConfigCase, path: str) -> Statement:
    if not _right(case, path):
        return _not_right(case, path)
    said = f"{path} is {_WANTED[path]}."
    if not case.given(path):
        said = f"{path} is not set; the default of SDK {case.sdk.version} is {_WANTED[path]}."
    return _with_effect(case, [path], said)


def _with_effect(case: ConfigCase, paths: Sequence[str], said: str) -> Statement:
    """What the file says is right; whether the agent goes by it, the SDK version tells."""
    found = case.yes(paths, said)
    if found.says is Says.GOOD or (len(paths) > 1 and found.reason is UnknownReason.KEY_NOT_EFFECTIVE):
        return replace(found, message=said)
    return replace(found, message=f"{said} {found.message}")


def _not_right(case: ConfigCase, path: str) -> Statement:
    said = case.without_key(path) if case.value(path) is NOT_SET and not case.sdk.known else None
    return said or case.bad(path, _why_not(case, path))


def _right(case: ConfigCase, path: str) -> bool:
    value, wanted = case.value(path), _WANTED[path]
    return as_flag(value) is True if wanted is True else isinstance(value, str) and value == wanted


def _why_not(case: ConfigCase, path: str) -> str:
    value, line = case.value(path), case.found.value.line(path)
    where = f" (line {line})" if line and value is not NOT_SET else ""
    if str(value) == _WANTED[path]:
        return f"{path} is {shown(value)}, and must be a text: it needs quotes{where}."
    return f"{path} is {shown(value)}, not {str(_WANTED[path]).lower()}{where}."


def _how_they_hold(case: ConfigCase) -> str:
    names = {path: path.partition(".")[2] for path in _WANTED}
    defaults = [name for path, name in names.items() if not case.given(path)]
    dropped = [name for path, name in names.items() if not case.sdk.uses(path)]
    said = f"{', '.join(names.values())}: all five are right"
    if defaults:
        said += f", {'all' if len(defaults) == len(names) else len(defaults)} of them by default"
    if not case.sdk.known:
        return f"{said}; whether SDK {case.sdk.version} reads them is not known."
    return f"{said}; SDK {case.sdk.version} does not read {len(dropped)} of them." if dropped else f"{said}."
