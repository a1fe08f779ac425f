"""The release controls of a running checklist: by the record of the newest rollout, and anew with the next one."""

from dataclasses import replace

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.catalogue.terms import Bind
from probes.controls.evidence import Missing, Seen
from probes.controls.finding import Finding
from tests.checklist.live.judged import SEARCH, START, Live, Told, pod_target
from tests.probes.controls.judges.test_rollouts import FAILED, PASSED, SETTLING, rollout
from tests.probes.controls.made import SHA, record
from watcher.checklist.live.provider import Provided

ERRORS, APPROVED = "postdeploy.short.error-rate-normal", "release.pre.change-approved"
BEGAN = START - 100


def told(found: Seen[object] | Missing) -> Provided:
    """What a provider says of a rollout, and of what runs."""
    return Provided({SourceName.ROLLOUT: found}, digests={Bind.IMAGE_DIGEST: frozenset({SHA})})


def seen(*lines: object, began: float = BEGAN, **more: object) -> Seen[object]:
    """A record with these lines."""
    made = replace(rollout(*lines), began_at=began, **more)  # type: ignore[arg-type]
    return Seen(made, START, "rollout/prod/search/abc")


def test_release_controls_follow_the_record_and_begin_anew_with_the_next_rollout() -> None:
    rollouts = Told()
    live = Live(records=lambda _: (record(APPROVED, at=START - 50, expires_at=START + 86400),))
    live.checklist.gathering.add(rollouts)
    live.watch(pod_target())
    rollouts.tell(SEARCH, told(Missing(UnknownReason.NO_DATA, "No rollout of it was seen yet.")))

    def found(control: str) -> Finding:
        live.wait(40)
        return live.checklist.store.get(SEARCH)[control]

    none = found(ERRORS)
    assert (none.state, none.reason, none.message) == ("unknown", "NoData", "No rollout of it was seen yet.")
    assert found(APPROVED).reason == "NoData"
    rollouts.tell(SEARCH, told(seen(SETTLING)))
    assert (found(ERRORS).state, found(ERRORS).reason) == ("unknown", "Settling")
    assert found(APPROVED).state == "attested"
    rollouts.tell(SEARCH, told(seen(FAILED)))
    assert found(ERRORS).state == "fail"
    assert found("release.post.error-rate-normal").state == "fail"
    rollouts.tell(SEARCH, told(seen(SETTLING, began=live.checklist.date())))
    assert (found(ERRORS).state, found(ERRORS).reason) == ("unknown", "Settling"), "another rollout has not failed"
    rollouts.tell(SEARCH, told(seen(PASSED, began=live.checklist.date() - 100)))
    assert found(ERRORS).state == "pass"
    assert found("release.post.error-rate-normal").state == "pass"
