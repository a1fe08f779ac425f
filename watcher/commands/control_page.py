"""The catalogue as one page: `docs/checklist.md` is what this writes."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from probes.controls.catalogue.control import Assurance, Control, SourceName, UnknownReason
from probes.controls.catalogue.loading import Catalogue
from probes.controls.catalogue.terms import Automation
from probes.controls.judging import Judges
from watcher.checklist.control_words import described, headline, today

_INTRODUCTION = """# The checklist as controls

This page is generated from `probes/controls/catalogue/` by `make checklist`; edit the catalogue, not the page.
Each line of AgentWeave's *Production Readiness Checklist* is a control. The watcher judges it continuously; what it
cannot judge is unknown, with a reason. `agentweave-watcher controls ID` prints one control.

## How a state is decided

The first of these that applies:

1. **not_applicable**: evidence proves that the control does not apply. Evidence that may not be read never does.
2. **fail**: current evidence is against it, whatever a record says. A network probe must fail twice in a row; after one
   failed probe the control is unknown, `Observing`.
3. **fail**, still: it failed before, and its evidence has not shown the contrary since. It stays failed while that
   evidence is not available.
4. **pass**: the watcher decides the control, and all evidence that it needs is available, current and good. Evidence
   that is listed but forbidden, unreachable, too old or unreadable prevents a pass; evidence that is not configured can
   be left out where the control says so.
5. **attested** or **expired**: only people or pipelines can know it, or its evidence is not available for a reason that
   the control lists, and there is a valid record, or one that has expired.
6. **unknown**, with a reason.
7. **waived**: a waiver in force replaces fail, unknown or expired; the replaced state stays visible.

A pass has an assurance, that of its weakest evidence: {assurances}. A config alone can fail a control about behaviour,
but never pass it (`DeclaredOnly`); a key that the agent's SDK version does not use proves nothing (`KeyNotEffective`).

The pods that count have been Ready for 60 s, are of the newest Ready revision of their workload, and are not
terminating. All of them must agree, also those of two workloads of one agent. A fail of a pod that is now only not
Ready is not cleared by other pods.

Reasons of unknown, the first that applies is shown: {reasons}.

Sources of evidence: {sources}.

## Terms and rules

- *In two probes in a row* (of one pod) applies to network probes; config, objects, dates, records and a wrong allow
  count at once. One good probe ends a fail.
- A control that is neither pass nor fail is unknown: `NoData` with too few samples, `Settling` inside the window of a
  rollout, otherwise `Observing`.
- A window ends now and consists of complete probes. If less than three quarters of it are covered it is `NoData`, or
  `Observing` while the agent has been watched for less time.
- Config counts as the agent's SDK version uses it (otherwise `KeyNotEffective`) and as it was before the process
  started (otherwise `NotLoaded`). A default of the SDK for a missing key counts as declared, and the message says so.
  Controls of `predeploy.config` are about the text of the file.
- Without a settled pod a pass about behaviour is kept until its evidence is too old. Nothing passes because there is no
  pod.
- A link is dead when it has been dead for 7 days in at least 3 requests; 401, 403 and a redirect to a login do not
  count as dead.
- Findings about a rollout are about the newest one, do not change after the end of their window, and are unknown before
  a rollout was seen. A rollout starts with the first pod of its revision.

Records:

- A record is bound to what runs. The digest of the image is that of the agent's container (index or platform). The
  digest of the policy is the first of these that can be read: `/v1/policies` (SHA-256, sorted by id), the revisions of
  the bundles, the ConfigMaps mounted in OPA's container. The digest of the config is the SHA-256 of its bytes. If two
  digests run, each needs a record.
- The newest valid record counts. Only a later run clears a failed pipeline result, not an attestation or its removal. A
  record that was seen and is gone is `RecordRemoved`; an older one does not replace it.
- After a new revision of a control its records are valid for 30 more days.

A roll-up has the worst state of its members that apply: fail, unknown, expired, waived, attested, pass.

## Thresholds that the checklist does not give

- 20 requests or decisions in an hour count as traffic: with that, a metric family without a sample is missing.
- 100 log lines are needed for a share of 0.99 or 0.95; of request lines, which are rarer, 20.
- 100 requests are needed to compare two revisions; the rule is in `postdeploy.short.error-rate-normal`.
- 0.20 of requests as retries is the default retry budget of Finagle and Linkerd.
- 300 operating system packages: full Debian images have over 400, slim ones about 100. An image with more is not
  minimal; with fewer people decide.
- The last 10 starts (at least 3) and the last 5 terminations of 30 days are evaluated; one bad termination fails.
- After 7 days without an observation, a control that waits for one may be attested.

## Readiness

Over the required controls: `not_ready` if one fails, else `indeterminate` if one is unknown or expired, else
`ready_with_waivers`, else `ready`. Roll-ups are not counted. `lower` is the share of applicable controls that are met,
`upper` the share if all unknown, expired and waived ones were met, `coverage` the share that is known.
"""


def page(catalogue: Catalogue, judges: Judges) -> str:
    """The whole page, ending in a line end."""
    return "\n".join(_page(catalogue, judges)) + "\n"


def section(control: Control, judges: Judges) -> str:
    """One control, ending in a line end."""
    return "\n".join(_section(control, judges)) + "\n"


def _page(catalogue: Catalogue, judges: Judges) -> Iterator[str]:
    yield _INTRODUCTION.format(
        assurances=_code(Assurance), reasons=_code(UnknownReason), sources=_code(SourceName)
    ).rstrip()
    yield ""
    yield from _decided_today(catalogue, judges)
    heading = ""
    for control in catalogue.controls:
        if control.seed.section != heading:
            heading = control.seed.section
            yield f"\n## {heading}"
        yield ""
        yield from _section(control, judges)


_NOT_YET = "by nothing yet: they are always unknown"


def _decided_today(catalogue: Catalogue, judges: Judges) -> Iterator[str]:
    """How many controls are decided by what, and from where."""
    ways = Counter(_way(control, judges) for control in catalogue.controls)
    sources = Counter(source for control in catalogue.controls for source in today(control, judges).judged)
    yield "## What decides them in this version"
    yield ""
    yield "Each control says it under *Decided today*; in sum:"
    yield ""
    yield "| controls | decided |"
    yield "|---|---|"
    yield from (f"| {ways[way]} | {way} |" for way in _WAYS if ways[way])
    yield ""
    yield "| source | controls that are judged from it |"
    yield "|---|---|"
    yield from (f"| `{source}` | {sources[source]} |" for source in SourceName if sources[source])


_WAYS = (
    "from evidence alone",
    "from evidence alone; some that could only refute them is not judged yet",
    "from evidence alone; what a pass needs is not judged yet, so they can only fail",
    "by a record, which evidence can override",
    "by a record alone",
    "by their members",
    _NOT_YET,
)


def _way(control: Control, judges: Judges) -> str:
    judged, later, can_pass = today(control, judges)
    whole, part, failing, refutable, record, members, _ = _WAYS
    if control.automation is Automation.ROLLUP:
        return members
    if control.automation is not Automation.AUTO:
        return refutable if judged else record
    if not judged:
        return _NOT_YET
    if not can_pass:
        return failing
    return part if later else whole


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _section(control: Control, judges: Judges) -> Iterator[str]:
    yield f"### {control.id}"
    yield ""
    yield f"**{_escaped(control.title)}** ({headline(control)})"
    yield ""
    for part in described(control, judges):
        if len(part.lines) == 1:
            yield f"- {part.heading}: {_escaped(part.lines[0])}"
        else:
            yield f"- {part.heading}:"
            yield from (f"  - {_escaped(line)}" for line in part.lines)


def _escaped(text: str) -> str:
    """Plain text in Markdown; what stands in backquotes stays."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([\\*_<>\[\]|#])", r"\\\1", part) for part in parts)
