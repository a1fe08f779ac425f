"""Can a decision be had?"""

from collections.abc import Iterator

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import OPALook
from probes.controls.judges.looked import is_false, is_true, judge_of_pods, worst
from probes.controls.judges.opa.case import OPACase
from probes.controls.judging import Statement


@judge_of_pods(SourceName.OPA, OPALook, "predeploy.opa.reachable")
def opa_reachable(case: OPACase) -> Iterator[Statement]:
    """By the watcher's condition, which knows whose fault silence is."""
    reached = worst(case.seen.verdicts, "OPAUnreachable")
    answered = [each for each in case.seen.reading.answers if each.reply.status == 200]
    if reached is None:
        yield case.unclear(UnknownReason.NO_DATA, "Whether OPA can be reached was not judged.")
    elif is_true(reached):
        yield case.bad(reached.text)
    elif not is_false(reached):
        yield case.doubt(reached)
    elif answered:
        yield case.good("OPA answers with HTTP 200.")
    else:
        said = next((each.reply.error for each in case.seen.reading.answers if each.reply.error), "")
        yield case.unclear(UnknownReason.UNPARSEABLE, said or "OPA answers, but not with HTTP 200.")
