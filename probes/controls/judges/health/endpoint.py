"""Whether /health answers, and whether what it answers is a health document."""

from collections.abc import Iterator

from probes.controls.judges.health.case import HealthCase, health_judge
from probes.controls.judging import Statement
from probes.readings.health.answer import OK, PathAnswer, Way

_PLAINTEXT = "/health is answered in plaintext only."


@health_judge("reliability.health.endpoint")
def endpoint(case: HealthCase) -> Iterator[Statement]:
    """It answers 200 over mTLS, with a JSON object that has a member `status`."""
    health = case.health()
    if isinstance(health, Statement):
        yield health
    elif wrong := _wrong(case, health):
        yield case.bad(wrong)
    elif health.document is None or health.document.problem:
        what = health.document.problem if health.document else "unread"
        yield case.bad(f"/health answers 200, and its body is {what}.")
    else:
        yield case.good(f"/health answers 200 and says {health.document.state}.")


@health_judge("predeploy.smoke.health-passes")
def passes(case: HealthCase) -> Iterator[Statement]:
    """It answers 200 over mTLS, whatever it says."""
    health = case.health()
    if isinstance(health, Statement):
        yield health
    elif wrong := _wrong(case, health):
        yield case.bad(wrong)
    else:
        yield case.good("/health answers 200.")


@health_judge("postdeploy.immediate.health-passing")
def passing_after_rollout(case: HealthCase) -> Iterator[Statement]:
    """Another status than 200 refutes that health checks pass; the pods' own probes prove it."""
    health = case.health()
    if isinstance(health, Statement):
        yield health
    elif health.status != OK:
        yield case.bad(f"/health answers {health.status}.")


def _wrong(case: HealthCase, health: PathAnswer) -> str:
    if case.answer.way is Way.PLAINTEXT:
        return _PLAINTEXT
    if health.status == OK:
        return ""
    leads = f" and points to {health.points_to}" if health.points_to else ""
    return f"/health answers {health.status}{leads}."
