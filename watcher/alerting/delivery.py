"""Does Alertmanager pass on what it takes? Its own counters of notifications, and what its receivers are made of; pure.

The counters are those of all alerts, by integration such as `pagerduty`: they prove that a way is closed, and never by
themselves that one alert went through it.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from watcher.text.yaml_reader import UnsupportedYamlError, YamlReader

_CONFIGS = "_configs"
_MOST_WEIGHT, _MOST_VALUES = 2**21, 50_000
_SAMPLE = re.compile(
    r"^alertmanager_notification(?P<what>s|s_failed|_requests|_requests_failed)_total"
    r"\{(?P<labels>[^}\n]*)\} (?P<value>\S+)$",
    re.MULTILINE,
)
_STARTED = re.compile(r"^process_start_time_seconds (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Sent:
    """What one integration did since Alertmanager started."""

    notifications: float = 0.0
    failed: float = 0.0  # of these, given up
    passed: float = 0.0  # requests that the other side took

    def since(self, before: "Sent") -> "Sent":
        """What was added; all of it, where the counters began anew."""
        if self.notifications < before.notifications:
            return self
        return Sent(self.notifications - before.notifications, self.failed - before.failed, self.passed - before.passed)


Counters = Mapping[str, Sent]
"""By integration."""


@dataclass(frozen=True, slots=True)
class Integration:
    """One way out of a receiver."""

    name: str  # as in the counters
    files: tuple[str, ...]  # settings that name a file, such as a secret's, with the file


Receivers = Mapping[str, tuple[Integration, ...]]
"""By name; one without an integration tells nobody."""


def read_counters(page: str, receivers: Collection[str]) -> dict[str, Sent]:
    """The counters on Alertmanager's metrics page; of its receivers only these, where it counts by receiver."""
    sums: dict[str, dict[str, float]] = {}
    for sample in _SAMPLE.finditer(page):
        labels = dict(_LABEL.findall(sample["labels"]))
        if "integration" in labels and labels.get("receiver_name", "") in ("", *receivers):
            kept = sums.setdefault(labels["integration"], {})
            kept[sample["what"]] = kept.get(sample["what"], 0.0) + _number(sample["value"])
    return {
        name: Sent(
            found.get("s", 0.0),
            found.get("s_failed", 0.0),
            found.get("_requests", 0.0) - found.get("_requests_failed", 0.0),
        )
        for name, found in sums.items()
    }


def read_config(config: str) -> dict[str, Any]:
    """A configuration as Alertmanager gives it; ValueError where it cannot be read."""
    try:
        document = YamlReader(config, _MOST_WEIGHT, _MOST_VALUES).document()
    except (UnsupportedYamlError, yaml.YAMLError) as error:
        raise ValueError(f"its configuration cannot be read: {str(error).splitlines()[0]}") from error
    return document if isinstance(document, dict) else {}


def read_receivers(config: str) -> dict[str, tuple[Integration, ...]]:
    """The receivers of a configuration as Alertmanager gives it; ValueError where it cannot be read."""
    return receivers_of(read_config(config))


def receivers_of(config: Mapping[str, Any]) -> dict[str, tuple[Integration, ...]]:
    """The same of one that was read; ValueError where it has none."""
    listed = config.get("receivers")
    if not listed or not isinstance(listed, list):
        raise ValueError("its configuration has no receivers")
    return {str(each.get("name")): tuple(_integrations(each)) for each in listed if isinstance(each, dict)}


def read_start(page: str) -> float | None:
    """Unix seconds when Alertmanager started, by its metrics page; None where it does not tell."""
    found = _STARTED.search(page)
    return _number(found[1]) or None if found else None


def closed(used: Collection[Integration], before: Counters, now: Counters) -> list[str]:
    """A sentence for each integration by which nothing at all was passed on since `before`."""
    when = "the last drill" if before else "it started"
    return [
        f"all {sent.failed:g} notifications by {name} have failed since {when}{files}"
        for name, files in _named(used)
        if (sent := _since(name, before, now)).failed and sent.failed >= sent.notifications
    ]


def failed(used: Collection[Integration], before: Counters, now: Counters) -> list[str]:
    """A sentence for each integration that failed at all since `before`."""
    return [
        f"{sent.failed:g} of {sent.notifications:g} notifications by {name} failed{files}"
        for name, files in _named(used)
        if (sent := _since(name, before, now)).failed
    ]


def missing(used: Collection[Integration], before: Counters, now: Counters) -> list[str]:
    """The integrations of which fewer requests were taken since `before` than there are ways that use them."""
    wanted = [each.name for each in used]
    return sorted(name for name in set(wanted) if _since(name, before, now).passed < wanted.count(name))


def _since(name: str, before: Counters, now: Counters) -> Sent:
    return now.get(name, Sent()).since(before.get(name, Sent()))


def _named(used: Collection[Integration]) -> Iterator[tuple[str, str]]:
    """Each integration once, with what may be wrong with it: the files that it needs."""
    for name in sorted({each.name for each in used}):
        files = sorted({file for each in used if each.name == name for file in each.files})
        yield name, f" (its log says why; it reads {', '.join(files)})" if files else " (its log says why)"


def _integrations(receiver: Mapping[str, Any]) -> Iterator[Integration]:
    for key, configs in receiver.items():
        if str(key).endswith(_CONFIGS) and isinstance(configs, list):
            for config in configs:
                yield Integration(str(key).removesuffix(_CONFIGS), tuple(_files(config)))


def _files(config: Any) -> Iterator[str]:
    for key, value in config.items() if isinstance(config, dict) else ():
        if isinstance(value, dict):
            yield from _files(value)
        elif str(key).endswith("_file") and value:
            yield f"{key} {value}"[:300]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
