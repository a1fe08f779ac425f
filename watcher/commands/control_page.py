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
Each line of AgentWeave's *Production Readiness Checklist* is a control with a state that is kept true, or an honest
unknown with its reason. `agentweave-watcher controls ID` prints one of them.

## How a state is formed

The first that holds:

1. **not_applicable**: a fact proves that the control does not apply. Evidence that may not be read never does.
2. **fail**: fresh evidence is against it, whatever a record says. What is probed over the network must be bad twice
   in a row; one bad look is unknown `Observing`.
3. **fail**, still: it failed before, and the evidence that showed it has not shown the contrary since. Evidence that
   cannot be had any more leaves it failed.
4. **pass**: a machine decides, and all that is needed is there, fresh and good. Evidence that is listed and is
   forbidden, unreachable, too old or unreadable keeps it from passing; what is not configured can be passed over where
   the control says so.
5. **attested** or **expired**: only people or pipelines can know it, or its evidence cannot be had for a reason that
   the control lists, and there is a valid record, or one that ended.
6. **unknown**, with a reason.
7. **waived**: a waiver in force covers fail, unknown or expired; what is under it stays visible.

A pass has an assurance, that of its weakest evidence: {assurances}. What only a config says can refute a control about
behaviour and never proves it (`DeclaredOnly`); a key that the agent's SDK version does not use proves nothing
(`KeyNotEffective`).

Pods vote when they have been Ready for 60 s, are of the newest revision of their workload that is Ready and do not
terminate. All of them must agree, those of two workloads of one agent too. What a pod failed by is not cleared by
others while it is only not Ready.

Reasons of unknown, the first that holds is told: {reasons}.

Where evidence comes from: {sources}.

## What the sentences mean

- *Look* is one probe of one pod. *In two looks in a row* is meant of what is probed; config, objects, dates,
  records and a wrong allow count at once. One good look ends a fail.
- What is neither pass nor fail by the sentences of a control is unknown: `NoData` where samples are too few,
  `Settling` inside the window of a rollout, else `Observing`.
- A window ends now and is made of whole looks. One that is covered by less than three quarters is `NoData`, and
  `Observing` while the watch is younger than it.
- Config counts as the agent's SDK version uses it (`KeyNotEffective` otherwise) and as it was in place before the
  process started (`NotLoaded` otherwise). A default of the SDK that stands for an absent key counts as declared,
  and the message says so. Controls of `predeploy.config` are about the words of the file.
- With no settled pod a pass about behaviour is kept until its evidence is too old. Nothing passes because there is
  no pod.
- A link is dead when it was dead for 7 days by at least 3 looks; 401, 403 and a redirect to a login are not dead.
- Findings about a rollout belong to the newest one, are frozen at the end of their window, and are unknown before
  any rollout was seen. A rollout starts with the first pod of its revision.

Records:

- A record is bound to what runs: the image's digest is that of the agent's container (index or platform); the
  policy's is the first that can be read of `/v1/policies` (SHA-256, sorted by id), the bundles' revisions, the
  ConfigMaps mounted in OPA's container; the config's is SHA-256 of its bytes. If two digests run, each needs its
  record.
- The newest valid record wins. A failed result of a pipeline is cleared by a later run only, not by an attestation,
  nor by taking it away. A record that was seen and is gone is `RecordRemoved`; an older one does not take its
  place.
- After a new revision of a control its records hold for 30 more days.

A roll-up is the worst of its members that apply: fail, unknown, expired, waived, attested, pass.

## Numbers that the checklist does not give

- 20 requests or decisions in an hour: from there on there is traffic, and a family without a sample is missing.
- 100 log lines: a share of 0.99 or 0.95 is told from no fewer. Of request lines, which are rarer, 20.
- 100 requests: two revisions are compared from there on; the rule is in `postdeploy.short.error-rate-normal`.
- 0.20 of requests as retries: the retry budget that Finagle and Linkerd have by default.
- 300 packages of the operating system: full Debian images have over 400, slim ones about 100. Over it an image is not
  minimal; under it people say whether it is.
- The last 10 starts (at least 3) and the last 5 terminations of 30 days: so many are looked at; one bad termination is
  enough for a fail.
- 7 days with nothing to see: from then on what a machine waits for may be attested.

## Readiness

Over the required controls: `not_ready` if one fails, else `indeterminate` if one is unknown or expired, else
`ready_with_waivers`, else `ready`. Roll-ups are not counted. `lower` is what is met of what applies, `upper` as if all
that is open or waived were met, `coverage` what is known.
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


_NOT_YET = "by nothing yet: they are unknown, whatever the agent does"


def _decided_today(catalogue: Catalogue, judges: Judges) -> Iterator[str]:
    """How many controls are decided by what, and from where."""
    ways = Counter(_way(control, judges) for control in catalogue.controls)
    sources = Counter(source for control in catalogue.controls for source in today(control, judges).judged)
    yield "## What decides them today"
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
    "from evidence, by a machine alone",
    "from evidence, by a machine alone; some that could only refute them is not judged yet",
    "from evidence, by a machine alone; what a pass needs is not judged yet, so they can only fail",
    "by a record, which a machine can refute",
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
