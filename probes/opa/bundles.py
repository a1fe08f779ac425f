"""Are the bundles of an OPA fresh, and the same as its peers have?"""

from collections.abc import Mapping
from dataclasses import dataclass

from probes.contract import ConditionKind, Severity, Unknown, Verdict, say_duration
from probes.contract.condition import Window
from probes.readings.opa_status import OPABundle, StatusReport

SKEW_HOLDS = 900.0
"""Seconds for which a revision may differ: a roll-out takes its time."""

_MAJORITY = 3

BUNDLE_STALE = ConditionKind(
    name="OPABundleStale",
    severity=Severity.WARNING,
    subject="bundle",
    true_when="OPA has not fetched the bundle, or has reported an error for it, for longer than `bundle_stale_after`.",
    all_clear="OPA fetched the bundle within `bundle_stale_after`, and reports no error that is older.",
    reasons=("BundleStale", "ActivationFailed", "NeverLoaded"),
    window=Window("bundle_stale_after"),
)
REVISION_SKEW = ConditionKind(
    name="OPARevisionSkew",
    severity=Severity.WARNING,
    subject="bundle",
    true_when="For 15 minutes the active revision has differed from that of most OPAs of the agent (at least three).",
    all_clear="The active revision is that of most OPAs of the agent, there is no majority, or it has differed for "
    "less than 15 minutes.",
    reasons=("RevisionDiffers",),
    window=Window(seconds=SKEW_HOLDS),
)


@dataclass(frozen=True, slots=True)
class HeldFault:
    """Something that is wrong once it has held."""

    since: float  # when it was first seen, in seconds that only time moves
    witnessed: bool  # the time before is known to be good; else nobody knows for how long it has stood


@dataclass(frozen=True, slots=True)
class BundleHistory:
    """What the next look wants to know of a bundle."""

    name: str
    erring: HeldFault | None = None
    differing: HeldFault | None = None
    compared: bool = False  # it had enough peers


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleContext:
    """When bundles are judged, how patiently, and what their peers have."""

    now: float  # seconds that only time moves
    stale_after: float  # seconds
    once: bool  # a single `check`
    vote_counts: Mapping[str, Mapping[str, int]] | None  # bundle -> revision -> OPAs of this agent


def judge_bundles(
    report: StatusReport, history: tuple[BundleHistory, ...], context: BundleContext
) -> tuple[list[Verdict], tuple[BundleHistory, ...]]:
    """Both conditions of every bundle, as far as they apply, and what to remember."""
    before = {each.name: each for each in history}
    judged = [_judge(bundle, report, before.get(bundle.name), context) for bundle in report.bundles]
    now = tuple(remembered for _, remembered in judged)
    return [verdict for verdicts, _ in judged for verdict in verdicts], history if now == history else now


def unknown_bundles(report: StatusReport | None, why: Unknown, context: BundleContext) -> list[Verdict]:
    """Both conditions of the bundles that are known of, as far as they apply, when nothing new could be told."""
    said = _NOT_ASKED if why is Unknown.STALE else ""
    if report is None or (report.unknown is not None and not report.bundles):
        return [BUNDLE_STALE.unknown(why, said), REVISION_SKEW.unknown(why, said)]
    names = [bundle.name for bundle in report.bundles]
    compared = [name for name in names if context.vote_counts is None or _voters(name, context) >= _MAJORITY]
    return [
        *(BUNDLE_STALE.unknown(why, said, name) for name in names),
        *(REVISION_SKEW.unknown(why, said, name) for name in compared),
    ]


_NOT_ASKED = "OPA was not asked for its status recently: a question before it breaks the connection each time."


def _judge(
    bundle: OPABundle, report: StatusReport, history: BundleHistory | None, context: BundleContext
) -> tuple[list[Verdict], BundleHistory]:
    before = history or BundleHistory(bundle.name)
    new = history is not None or _cannot_be_old(bundle, report, context)
    erring = _trouble(bool(bundle.code), before.erring, witnessed=new, now=report.at)
    most = _majority(bundle, context)
    differs = most is not None and most != bundle.revision
    differing = _trouble(differs, before.differing, witnessed=before.compared, now=context.now)
    skew = _skew(bundle, most, differing, context, first=history is None)
    verdicts = [_stale(bundle, report, erring, context), *([skew] if skew is not None else [])]
    now = BundleHistory(bundle.name, erring, differing, _voters(bundle.name, context) >= _MAJORITY)
    return verdicts, before if now == before else now


def _trouble(wrong: bool, before: HeldFault | None, *, witnessed: bool, now: float) -> HeldFault | None:
    if not wrong:
        return None
    return before or HeldFault(now, witnessed)


def _cannot_be_old(bundle: OPABundle, report: StatusReport, context: BundleContext) -> bool:
    # Of a request that fails the last good one tells; of an activation that fails only a recent good one does.
    only_fetching_fails = not bundle.fetched and not bundle.rejected
    return only_fetching_fails or report.clock - bundle.last_activation <= context.stale_after


def _stale(bundle: OPABundle, report: StatusReport, erring: HeldFault | None, context: BundleContext) -> Verdict:
    # Both times are OPA's own, so a clock of ours that differs does not make a bundle old.
    age = report.clock - bundle.last_success
    if age > context.stale_after:
        return BUNDLE_STALE.true(_message(bundle, report, age), _reason(bundle), bundle.name)
    if erring is None:
        return BUNDLE_STALE.false(bundle.name)
    error = f"{bundle.code}: {bundle.message}"
    message = _unusable(bundle, report) if bundle.flaw else f"OPA reports an error: {error}"
    found = BUNDLE_STALE.true(message, _reason(bundle), bundle.name)
    remark = (
        f"What it fetches now it cannot use: {bundle.flaw}." if bundle.flaw else f"OPA reports an error now: {error}"
    )
    return _held(found, remark, erring, report.at, context.stale_after, once=context.once)


def _reason(bundle: OPABundle) -> str:
    if not bundle.activated:
        return "NeverLoaded"
    return "ActivationFailed" if bundle.code and (bundle.fetched or bundle.rejected) else "BundleStale"


def _skew(
    bundle: OPABundle, most: str | None, differing: HeldFault | None, context: BundleContext, *, first: bool
) -> Verdict | None:
    if context.vote_counts is None or (first and _voters(bundle.name, context) < _MAJORITY):
        return REVISION_SKEW.unknown(Unknown.WARMING_UP, "Not all of its peers have been probed yet.", bundle.name)
    if _voters(bundle.name, context) < _MAJORITY:
        return None
    if differing is None:
        return REVISION_SKEW.false(bundle.name)
    message = f"The active revision is {bundle.revision or 'none'}, most OPAs of the agent have {most or 'none'}."
    found = REVISION_SKEW.true(message, "RevisionDiffers", bundle.name)
    return _held(found, message, differing, context.now, SKEW_HOLDS, once=context.once)


def _held(found: Verdict, remark: str, trouble: HeldFault, now: float, long_enough: float, *, once: bool) -> Verdict:
    """`found` when it has held; before that false, with a remark, where its start is known, else unknown."""
    if now - trouble.since >= long_enough:
        return found
    if trouble.witnessed:
        return found.kind.false(found.subject, remark)
    reason = Unknown.NOT_HELD_YET if once else Unknown.WARMING_UP
    return found.kind.unknown(reason, found.message, found.subject)


def _majority(bundle: OPABundle, context: BundleContext) -> str | None:
    votes = (context.vote_counts or {}).get(bundle.name)
    if not votes:
        return None
    revision, count = max(votes.items(), key=lambda vote: vote[1])
    return revision if count >= _MAJORITY and 2 * count > sum(votes.values()) else None


def _voters(bundle: str, context: BundleContext) -> int:
    return sum((context.vote_counts or {}).get(bundle, {}).values())


def _message(bundle: OPABundle, report: StatusReport, age: float) -> str:
    if bundle.flaw:
        return _unusable(bundle, report)
    cause = f" ({bundle.code}: {bundle.message})" if bundle.code else ""
    if bundle.from_disk:
        return f"OPA has not fetched the bundle since it started{cause}. {_what_runs(bundle, report)}"
    if bundle.last_success <= 0:
        return f"OPA has never fetched the bundle{cause}."
    return f"OPA last fetched the bundle {say_duration(age)} ago{cause}."


def _unusable(bundle: OPABundle, report: StatusReport) -> str:
    return f"OPA fetches the bundle and cannot use it: {bundle.flaw}. {_what_runs(bundle, report)}"


def _what_runs(bundle: OPABundle, report: StatusReport) -> str:
    if not bundle.activated:
        return "No version of it was ever active in this OPA."
    if bundle.from_disk:
        revision = f", revision {bundle.revision}" if bundle.revision else ""
        return f"What still runs is the copy that OPA kept on disk{revision}."
    ago = say_duration(max(0.0, report.clock - bundle.last_activation))
    version = f"revision {bundle.revision}" if bundle.revision else "a version without a revision"
    return f"What still runs is {version}, activated {ago} ago."
