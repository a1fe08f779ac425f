"""Which limits judge a target that has some of its own?"""

import json
from collections.abc import Mapping

from pydantic import ValidationError

from probes import load_probes
from probes.contract import Limits
from watcher.config.errors import Mistakes
from watcher.text.key_path import Location

Own = tuple[tuple[str, Limits], ...]
"""Probe and limits, where they are not the fleet's."""


class TargetLimits:
    """Reads the `probes` of targets: the fleet's settings with some keys replaced. Equal limits are one object."""

    def __init__(self, fleet: object, mistakes: Mistakes) -> None:
        self._fleet = fleet if isinstance(fleet, dict) else {}
        self._mistakes = mistakes
        self._models: dict[str, type[Limits]] = {probe.name: probe.limits for probe in load_probes()}
        self._read: dict[tuple[str, str], Limits | ValidationError] = {}
        self._equal: dict[tuple[str, str], Limits] = {}
        self._merged: dict[tuple[int, ...], Mapping[str, Limits]] = {}

    def own(self, place: Location, probes: object) -> Own:
        """The limits that a target's `probes`, standing at `place`, asks for; what is wrong goes to the mistakes."""
        own: list[tuple[str, Limits]] = []
        for name, keys in probes.items() if isinstance(probes, dict) else ():
            if name not in self._models:
                self._mistakes.add_unknown((*place, name))
            elif isinstance(keys, dict) and (limits := self._limits((*place, name), name, keys)):
                own.append((name, limits))
        return tuple(own)

    def merged(self, fleet: Mapping[str, Limits], own: Own) -> Mapping[str, Limits]:
        """The limits of all probes for a target; the same object for all targets with the same limits."""
        differing = {name: self._one(name, limits) for name, limits in own if limits != fleet[name]}
        if not differing:
            return fleet
        merged = {**fleet, **differing}
        return self._merged.setdefault(tuple(map(id, merged.values())), merged)

    def _limits(self, place: Location, name: str, keys: dict[str, object]) -> Limits | None:
        text = json.dumps(keys, sort_keys=True)
        if (name, text) not in self._read:
            self._read[name, text] = self._validated(name, keys)
        found = self._read[name, text]
        if isinstance(found, Limits):
            return found
        for error in found.errors():
            if not error["loc"] or error["loc"][0] in keys:  # the others are mistakes of the fleet's own section
                self._mistakes.add_error(error, place)
        return None

    def _validated(self, name: str, keys: dict[str, object]) -> Limits | ValidationError:
        fleet = self._fleet.get(name)
        settings = {**fleet, **keys} if isinstance(fleet, dict) else keys
        try:
            return self._models[name].model_validate_json(json.dumps(settings), strict=True)
        except ValidationError as error:
            return error

    def _one(self, name: str, limits: Limits) -> Limits:
        return self._equal.setdefault((name, limits.model_dump_json()), limits)
