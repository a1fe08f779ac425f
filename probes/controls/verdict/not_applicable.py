"""Of a control that does not apply, why not."""

from collections.abc import Mapping

from probes.controls.catalogue.control import Control, FactKey
from probes.controls.finding import Finding, State

WHY: Mapping[FactKey, str] = {
    FactKey.NEEDS_SECRETS: "template, ConfigMaps and config were read in full, and nothing in them may be a secret.",
    FactKey.NEEDS_STARTUP_PROBE: "there is no startupProbe, and the starts that were seen do without one.",
    FactKey.ROLLED_BACK: "the newest rollout was not taken back.",
}
"""That the fact is proven false, the end of a sentence."""


def not_applicable(control: Control, now: float) -> Finding:
    """The finding; `now`: Unix seconds."""
    return Finding(
        control=control.id,
        state=State.NOT_APPLICABLE,
        underlying=State.NOT_APPLICABLE,
        message=f"Does not apply: {WHY[control.applies_when.key]}" if control.applies_when else "Does not apply.",
        since=now,
    )
