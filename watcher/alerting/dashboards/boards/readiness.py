"""The production readiness checklist: which agents are ready, what fails most, what got worse, what cannot be known."""

from watcher.alerting.dashboards.board import CLUSTER, GAPS, JOB, Annotation, Board, Variable
from watcher.alerting.dashboards.boards.readiness_records import RECORDS
from watcher.alerting.dashboards.panels import ORANGE_FROM_ONE, RED_FROM_ONE, Asked, lines, row, stat
from watcher.alerting.dashboards.queries import INSTALLATIONS, fact, led, noted, or_zero, ours, series, tile, troubles
from watcher.alerting.dashboards.tables import table
from watcher.alerting.rules.core import AGENT, INSTALLATION, INSTANCE

_READINESS = 'agentweave_watcher_readiness{cluster=~"$cluster", job=~"$job"'
_TILE = (4, 4)


def _verdict(*verdicts: str) -> str:
    return ours("readiness", f'verdict=~"{"|".join(verdicts)}"')


_JUDGED = ours("readiness")
_BY_VERDICT = f"count by (verdict) (group by ({AGENT}, verdict) ({_JUDGED}))"
_NOT_MET = ours("control_not_met", 'state=~"fail|expired"')
_REGRESSED = series("agentweave:control:regressed")
_ROUND = led(ours("checklist_last_complete_timestamp_seconds", of=INSTALLATIONS))
_UP = led(ours("evidence_source_up", of=INSTALLATIONS))


def _mean(ratio: str) -> str:
    return f"avg(max by ({AGENT}) ({ours(f'readiness_{ratio}_ratio')}))"


def _of_the_unready(ratio: str) -> str:
    unready = f"max by ({AGENT}, verdict, profile) ({_verdict('not_ready', 'indeterminate', 'vacuous')})"
    return f"{unready} * on ({AGENT}) group_left () max by ({AGENT}) ({ours(f'readiness_{ratio}_ratio')})"


def _controls(by: str, *more: str) -> str:
    """How many leaf controls, over all agents."""
    return f"sum by ({by}) (max by ({AGENT}, section, state) ({ours('readiness_controls', *more)}))"


TILES = (
    stat("Agents judged", "Agents whose readiness is known or indeterminate.", fact(f"count({_JUDGED})"), size=_TILE),
    stat(
        "Not ready",
        "Agents of which a required control fails.",
        tile(f"count({_verdict('not_ready')})", f"0 * count({_JUDGED})"),
        colours=RED_FROM_ONE,
        size=_TILE,
    ),
    stat(
        "Indeterminate",
        "Agents of which no required control fails, and one is unknown or its record has expired; or of which nothing "
        "that is required applies.",
        tile(f"count({_verdict('indeterminate', 'vacuous')})", f"0 * count({_JUDGED})"),
        colours=ORANGE_FROM_ONE,
        size=_TILE,
    ),
    stat(
        "Ready",
        "Agents of which every required control is met, those with waivers among them.",
        fact(f"count({_verdict('ready', 'ready_with_waivers')}) or 0 * count({_JUDGED})"),
        size=_TILE,
    ),
    stat(
        "Regressions",
        "Controls of agents that were met within the last 7 days and no longer are.",
        tile(f"count({_REGRESSED})", f"0 * count({_JUDGED})"),
        colours=ORANGE_FROM_ONE,
        size=_TILE,
    ),
    stat(
        "Evidence sources down",
        "Configured sources of evidence that give none: down, or forbidden.",
        tile(f"count(({_UP}) == 0)", f"0 * count({_UP})"),
        colours=ORANGE_FROM_ONE,
        nothing="none configured",
        size=_TILE,
    ),
)

VERDICTS = (
    row("Which agents are ready"),
    lines(
        "Agents by verdict",
        "How many agents have each verdict, over time.",
        [Asked(or_zero(_BY_VERDICT, "verdict"), "{{verdict}}")],
        stacked=True,
    ),
    lines(
        "What is met, and what is known",
        "The mean over the agents: what is met of the controls that apply, what could be met if all that is unknown, "
        "expired or waived were, and what of it is known at all. Read the three together.",
        [
            Asked(_mean("lower"), "met for certain"),
            Asked(_mean("upper"), "met at most"),
            Asked(_mean("coverage"), "known"),
        ],
        unit="percentunit",
        most=1,
    ),
    table(
        "Agents that are not ready",
        "The 100 agents with the least of their controls met of those that are not ready, or not known to be.",
        "namespace agent verdict profile",
        {
            "met": troubles(f"bottomk(100, {_of_the_unready('lower')})"),
            "known": _of_the_unready("coverage"),
        },
        sort="-verdict,met",
        runbook="ReadinessRegressed",
        size=(24, 10),
    ),
)

CONTROLS = (
    row("What fails, and what got worse"),
    table(
        "Controls that fail most",
        "The 50 required controls that most agents do not meet. Of one agent only so many are exported; how many are "
        "not is shown below.",
        "control severity",
        {
            "agents": troubles(
                f"topk(50, count by ({INSTALLATION}, control, severity)"
                f" (group by ({AGENT}, control, severity) ({_NOT_MET})))"
            )
        },
        sort="-agents",
    ),
    table(
        "Regressions",
        "Required controls that agents met within the last 7 days and no longer meet, and since when.",
        "namespace agent control from to",
        {"since": troubles(f"1000 * max by ({AGENT}, control, from, to) ({_REGRESSED})")},
        sort="-since",
        runbook="ReadinessRegressed",
    ),
    lines(
        "Controls by state",
        "Controls of all agents together, roll-ups not counted. What is unknown is not met, and does not fail either.",
        [Asked(_controls("state"), "{{state}}")],
        stacked=True,
    ),
    lines(
        "Controls that fail by section",
        "The same for those that fail, by section of the checklist.",
        [Asked(or_zero(_controls("section", 'state="fail"'), "section"), "{{section}}")],
        stacked=True,
    ),
)

KNOWN = (
    row("What is unknown"),
    table(
        "Sources of evidence",
        "Where evidence comes from, of those that are configured and installed: 1 gives some, 0 gives none, with why.",
        "source reason",
        {"up": noted(f"min by ({INSTALLATION}, source, reason) ({_UP})")},
        sort="up",
        size=(8, 9),
    ),
    lines(
        "Time since the last complete round",
        "How long ago each control of each agent last had a verdict or a reason, by process.",
        [Asked(f"time() - max by ({INSTANCE}) ({_ROUND})", "{{instance}}")],
        unit="s",
        size=(8, 9),
    ),
    lines(
        "Evaluations",
        "Agents that were judged a second, by how that ended.",
        [
            Asked(
                f"sum by (result) (rate({ours('checklist_evaluations_total', of=INSTALLATIONS)}[$__rate_interval]))",
                "{{result}}",
            )
        ],
        unit="cps",
        size=(8, 9),
    ),
    table(
        "Controls that are not exported",
        "Required controls of an agent that are not met, beyond those that are exported. All are judged, and shown on "
        "the watcher's page.",
        "namespace agent",
        {"controls": troubles(f"topk(100, max by ({AGENT}) ({ours('controls_dropped')}))")},
        sort="-controls",
        runbook="ReadinessRegressed",
    ),
    table(
        "Catalogue",
        "The version of the checklist that each process judges by. Two digests at once: a rollout of the watcher.",
        "instance version digest",
        {"": noted(f"max by ({INSTANCE}, version, digest) ({ours('checklist_catalogue_info', of=INSTALLATIONS)})")},
        sort="instance",
    ),
)

BOARD = Board(
    name="readiness",
    about="Which AgentWeave agents meet the production readiness checklist, what fails most, what got worse, and what "
    "cannot be known.",
    shows="7d",
    variables=(
        CLUSTER,
        JOB,
        Variable("namespace", "Namespaces that have judged agents.", _READINESS + "}"),
        Variable("agent", "Judged agents of these namespaces.", _READINESS + ', namespace=~"$namespace"}'),
    ),
    annotations=(
        GAPS,
        Annotation(
            "Regressions",
            f"count by ({INSTALLATION}, namespace, control) ({_REGRESSED})",
            "orange",
            "{{control}}",
            "{{namespace}}",
        ),
    ),
    panels=(*TILES, *VERDICTS, *CONTROLS, *KNOWN, *RECORDS),
)
