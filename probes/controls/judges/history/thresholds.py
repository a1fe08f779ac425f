"""Do conditions stand for so long, or come and go so often, that nobody heeds their alerts?"""

from collections import Counter
from collections.abc import Iterator

from probes.contract.condition import Status
from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import PodHistory
from probes.controls.evidence.past import DAY
from probes.controls.judges.looked import PodCase, judge_of_pods
from probes.controls.judging import Statement

_DAYS, _TOO_LONG = 7, 0.20
"""Days that are looked back at, and the share of them for which a condition may be true."""

_TOO_OFTEN, _ON_DAYS = 10, 3
"""Turns a day, and on how many days."""


@judge_of_pods(SourceName.HISTORY, PodHistory, "observability.alerts.thresholds-tuned")
def thresholds_tuned(case: PodCase[PodHistory]) -> Iterator[Statement]:
    """Whether a condition was true for a fifth of a week, or turned more than ten times a day on three days."""
    now = case.facts.now
    for name, past in case.seen.past.items():
        share = past.seconds(Status.TRUE, now - _DAYS * DAY) / (_DAYS * DAY)
        if share > _TOO_LONG:
            yield case.bad(f"{name} was true for {share:.0%} of the last 7 days.")
            return
        by_day = Counter(int((now - at) // DAY) for at in past.turns(now - _DAYS * DAY))
        if sum(count > _TOO_OFTEN for count in by_day.values()) >= _ON_DAYS:
            yield case.bad(f"{name} turned more than {_TOO_OFTEN} times a day on {_ON_DAYS} of the last 7 days.")
            return
