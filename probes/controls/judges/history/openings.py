"""Does a circuit breaker open although its callee is well?"""

from collections import Counter
from collections.abc import Iterator

from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import PodHistory
from probes.controls.evidence.past import DAY
from probes.controls.judges.kubernetes_object.case import short
from probes.controls.judges.looked import PodCase, judge_of_pods
from probes.controls.judging import Statement

_DAYS, _OFTEN = 7, 3
"""Days that are looked back at, and openings in them that refute."""


@judge_of_pods(SourceName.HISTORY, PodHistory, "reliability.circuit-breaker.threshold-tuned")
def opens_for_a_reason(case: PodCase[PodHistory]) -> Iterator[Statement]:
    """Whether the breaker for one callee opened three times in a week while less than 1 % of its calls had failed."""
    since = case.facts.now - _DAYS * DAY
    count = Counter(callee for at, callee in case.seen.needless_openings if at >= since)
    for callee, times in count.most_common(1):
        if times >= _OFTEN:
            whom = f"for {short(callee)} " if callee else ""
            told = f"The circuit breaker {whom}opened {times} times in 7 days while less than 1 % of calls had failed."
            yield case.bad(told)
