"""What a judge of the config is handed: the file, the control and the SDK version, and what can be said of them."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from probes.controls.catalogue.control import Control, UnknownReason
from probes.controls.evidence import AgentConfigFile, EvidenceSet, Seen
from probes.controls.evidence.agent_config import NOT_SET
from probes.controls.judges.effective_keys import CONFIG, config_of, if_effective, place
from probes.controls.judging import Facts, Judge, Says, Statement, judge
from probes.controls.sdk.facts import SdkVersion

_YES, _NO = frozenset({"true", "yes", "on", "t", "y", "1"}), frozenset({"false", "no", "off", "f", "n", "0"})
"""What the SDK takes for true and false: its model is of pydantic, which takes texts and numbers too."""

_NUMBER = re.compile(r"\s*([+-]?[0-9]{1,40}(?:\.[0-9]{0,40})?(?:[eE][+-]?[0-9]{1,3})?)\s*")
_LARGEST = 1e15
"""Beyond it a number of a config is no number: some would not fit a float."""


@dataclass(frozen=True, slots=True)
class ConfigCase:
    """One control against one config. Paths are written `transport.tls_min_version`."""

    control: Control
    found: Seen[AgentConfigFile]
    facts: Facts
    sdk: SdkVersion

    def given(self, path: str) -> bool:
        """Whether the file has the key."""
        return self.found.value.get(path) is not NOT_SET

    def value(self, path: str) -> object:
        """What stands at the path, else the default of the SDK version, else NOT_SET.

        NOT_SET too where something above it is no mapping: the SDK takes no such config, and so no default.
        """
        found: object = self.found.value.document
        for key in path.split("."):
            if not isinstance(found, dict):
                return NOT_SET
            if key not in found:
                return self._default(path)
            found = found[key]
        return found

    def _default(self, path: str) -> object:
        known = self.sdk.key(path)
        return NOT_SET if known is None or known.default is None else known.default

    def declared(self, path: str) -> object:
        """The same; NOT_SET where only a default would stand and the SDK version does not use the key."""
        return self.value(path) if self.given(path) or self.sdk.uses(path) else NOT_SET

    def flag(self, path: str) -> bool | None:
        """Whether the config switches this on or off; None where it says neither."""
        return as_flag(self.declared(path))

    def place(self, path: str) -> str:
        """`config.yaml:12`; of an empty path where the config begins."""
        return place(self.found, path)

    def bad(self, path: str, message: str) -> Statement:
        """The config speaks against the control."""
        return Statement(CONFIG, Says.BAD, message, self.place(path))

    def unclear(self, path: str, reason: UnknownReason, message: str) -> Statement:
        """The config leaves the control open."""
        return Statement(CONFIG, Says.UNCLEAR, message, self.place(path), reason=reason)

    def without_key(self, path: str) -> Statement | None:
        """That the key is not there, where the SDK version is not known to read it; None where it is."""
        if self.given(path) or (self.sdk.known and self.sdk.uses(path)):
            return None
        why = f"SDK {self.sdk.version} does not read it"
        why = why if self.sdk.known else f"the default of SDK {self.sdk.version} is not known"
        return self.unclear(path, UnknownReason.KEY_NOT_EFFECTIVE, f"{path} is not set, and {why}.")

    def yes(self, paths: Iterable[str], message: str) -> Statement:
        """Good; where the keys have no effect, that is why it is open, or of a control without such a reason, told."""
        said = if_effective(self.found, self.sdk, paths, message)
        if said.reason is None or said.reason in self.control.unknown_reasons:
            return said
        return Statement(CONFIG, Says.GOOD, f"{message} {said.message}", said.ref)


def as_flag(value: object) -> bool | None:
    """True or false, as the SDK reads it; None where it is neither."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return bool(value) if value in (0, 1) else None
    word = value.casefold() if isinstance(value, str) else ""
    return True if word in _YES else False if word in _NO else None


def as_number(value: object) -> float | None:
    """The number that this is, as the SDK reads it, which takes texts of numbers too; None where it is none."""
    if isinstance(value, str) and (found := _NUMBER.fullmatch(value)):
        value = float(found[1])
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LARGEST:
        return None
    return float(value)


ConfigJudge = Callable[[ConfigCase], Iterable[Statement]]
ConfigJudgeBeside = Callable[[ConfigCase, EvidenceSet], Iterable[Statement]]


def config_judge(*controls: str, broken: bool = False) -> Callable[[ConfigJudge], ConfigJudge]:
    """Register a judge of the config alone.

    Of a text that is no config it is not asked: all is open then. With `broken` it speaks of that too.
    """

    def register(function: ConfigJudge) -> ConfigJudge:
        judge(*controls, of=[CONFIG])(_judging(function, broken=broken))
        return function

    return register


def config_judge_beside_record(*controls: str) -> Callable[[ConfigJudgeBeside], ConfigJudgeBeside]:
    """The same of the config beside the record in force."""

    def register(function: ConfigJudgeBeside) -> ConfigJudgeBeside:
        judge(*controls, of=[CONFIG], reads_record=True)(_judging_beside(function, broken=False))
        return function

    return register


def _judging(function: ConfigJudge, *, broken: bool) -> Judge:
    return _judging_beside(lambda case, _: function(case), broken=broken)


def _judging_beside(function: ConfigJudgeBeside, *, broken: bool) -> Judge:
    def asked(control: Control, evidence: EvidenceSet, facts: Facts) -> Iterable[Statement]:
        found = config_of(evidence)
        if found.value.broken and not broken:
            line, _ = found.value.broken[0]
            why = "The config cannot be read, so what it says is not known."
            return [Statement(CONFIG, Says.UNCLEAR, why, f"{found.ref}:{line}", reason=UnknownReason.UNPARSEABLE)]
        return function(ConfigCase(control, found, facts, facts.sdk.of(found.value.sdk_version)), evidence)

    return asked
