"""Which alerts fire over recorded scrapes, and when: the shipped rules, evaluated by promtool."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.alerting.month.kinds import START
from tests.alerting.month.scrapes import EVERY, HEARTBEAT, Scrapes, Series
from tests.alerting.promtool import in_order, run_test
from tests.alerting.rules import CORE, RULES
from watcher.metrics.families import PREFIX

STEP = 15
"""Seconds from one evaluation of the rules to the next."""

CONDITION, UNKNOWN, BUILD = f"{PREFIX}condition", f"{PREFIX}condition_unknown", f"{PREFIX}build_info"

_LONG = 840.0  # seconds; AgentWeaveVerdictUnknown looks at what was unknown a quarter of an hour ago too
_FIRING = 'ALERTS{alertstate="firing",severity!="none"}'  # the one that always fires is no news
_QUESTIONS = {
    "count": f"sum_over_time(({_FIRING} unless {_FIRING} offset {STEP}s)[RANGE:{STEP}s])",
    "begin": f"min_over_time(timestamp({_FIRING})[RANGE:{STEP}s])",
    "last": f"max_over_time(timestamp({_FIRING})[RANGE:{STEP}s])",
}
_ANSWER = re.compile(r'\{((?:[^}"]|"(?:[^"\\]|\\.)*")*)\} ([^\s,]+)')
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

Span = tuple[int, int]
"""Scrapes from the first to the last."""


@dataclass(frozen=True)
class Stretch:
    """Scrapes that are evaluated together, and those of them in which firings are asked for."""

    begin: int
    end: int
    asked: tuple[Span, ...]


@dataclass(frozen=True)
class Firing:
    """One alert, as far as it fires in an asked span."""

    labels: Mapping[str, str]
    asked: Span
    count: int  # how often it begins to
    begin: float  # the first evaluation at which it fires, Unix seconds
    end: float  # the first after the last one

    @property
    def alert(self) -> str:
        """Its name, without AgentWeave."""
        return self.labels["alertname"].removeprefix("AgentWeave")


@dataclass(frozen=True)
class _Test:
    stretch: Stretch
    series: Sequence[Series]
    files: tuple[Path, ...]


def firings(
    scrapes: Scrapes, stretches: Sequence[Stretch], version: str, directory: Path, *, whole: bool = False
) -> list[Firing]:
    """All that fire in these. Series and rules that cannot matter are left out, unless the `whole` is wanted."""
    tests = [_chosen(scrapes, stretch, whole=whole) for stretch in stretches]
    found: list[Firing] = []
    for files in {test.files for test in tests}:
        alike = [test for test in tests if test.files == files]
        document = {
            "rule_files": [str(file) for file in files],
            "evaluation_interval": f"{STEP}s",
            "group_eval_order": in_order(files),
            "tests": [_test(number, test) for number, test in enumerate(alike)],
        }
        answers = _told(document, version, directory)
        found += _read(answers, [test.stretch for test in alike])
    return sorted(found, key=lambda firing: (firing.begin, firing.alert, *firing.labels.values()))


def _chosen(scrapes: Scrapes, stretch: Stretch, *, whole: bool) -> _Test:
    series = [each for each in scrapes.series.values() if each.is_there(stretch.begin, stretch.end)]
    files = sorted(RULES.glob("*.yaml"))
    if not whole:
        ill = {_key(each): each.labels["probe"] for each in series if _is_ill(each, stretch)}
        series = [each for each in series if _matters(each, ill, stretch)]
        files = [file for file in files if file == CORE or file.stem in ill.values()]
    series += [_heartbeat(each) for each in series if each.name == BUILD]
    return _Test(stretch, series, tuple(files))


def _is_ill(series: Series, stretch: Stretch) -> bool:
    return series.name == CONDITION and series.is_ever(1, stretch.begin, stretch.end)


def _matters(series: Series, ill: Mapping[object, str], stretch: Stretch) -> bool:
    """Of what is never true, only what is unknown for long says anything to a rule; never for want of history."""
    if series.name not in (CONDITION, UNKNOWN) or _key(series) in ill:
        return True
    lasts = series.span(stretch.begin, stretch.end) * EVERY >= _LONG
    return series.name == UNKNOWN and lasts and series.labels["reason"] != "WarmingUp"


def _key(series: Series) -> object:
    names = ("namespace", "agent", "pod", "condition", "subject")
    return tuple([series.labels.get(name, "") for name in names])


def _heartbeat(build: Series) -> Series:
    made = Series(HEARTBEAT, {name: build.labels[name] for name in ("job", "instance")})
    made.poller = build.poller
    return made


def _test(number: int, test: _Test) -> dict[str, Any]:
    stretch = test.stretch
    return {
        "interval": f"{EVERY}s",
        "input_series": [{"series": each.told, "values": " ".join(_values(each, stretch))} for each in test.series],
        "promql_expr_test": [
            {
                "expr": _labelled(expression.replace("RANGE", f"{(end - begin) * EVERY}s"), (number, place, question)),
                "eval_time": f"{(end - stretch.begin) * EVERY}s",
                "exp_samples": [],  # whatever there is, is told as a failure
            }
            for place, (begin, end) in enumerate(stretch.asked)
            for question, expression in _QUESTIONS.items()
        ],
    }


def _labelled(expression: str, labels: tuple[int, int, str]) -> str:
    return f'label_replace({expression}, "asked", "{" ".join(map(str, labels))}", "", "")'


def _values(series: Series, stretch: Stretch) -> Iterator[str]:
    """The course as promtool writes it; moments count from the begin of the stretch."""
    origin = START + stretch.begin * EVERY if series.name.endswith("_timestamp_seconds") else 0.0
    there = False
    for begin, end, value in series.runs(stretch.begin, stretch.end + 1):
        if value is None:
            yield f"stale _x{end - begin - 1}" if there else f"_x{end - begin}"
        elif series.name == HEARTBEAT:
            yield f"{(begin - stretch.begin) * EVERY}+{EVERY}x{end - begin - 1}"
        else:
            yield f"{value - origin:.15g}x{end - begin - 1}"
        there = value is not None


def _told(document: Mapping[str, object], version: str, directory: Path) -> str:
    passed, answers = run_test(version, document, directory / "month.yaml", 1800)
    assert passed or 'asked="' in answers, answers
    return answers


def _read(answers: str, stretches: Sequence[Stretch]) -> Iterator[Firing]:
    found: dict[tuple[int, int, tuple[tuple[str, str], ...]], dict[str, float]] = {}
    for text, value in _ANSWER.findall(answers):
        labels = dict(_LABEL.findall(text))
        number, place, question = labels.pop("asked").split()
        told = tuple((name, each) for name, each in labels.items() if name not in ("__name__", "alertstate"))
        found.setdefault((int(number), int(place), told), {})[question] = float(value)
    for (number, place, told), values in found.items():
        stretch, origin = stretches[number], START + stretches[number].begin * EVERY
        begin, end = origin + values["begin"], origin + values["last"] + STEP
        yield Firing(dict(told), stretch.asked[place], round(values.get("count", 0)), begin, end)
