"""What stands around a rollout: its environment, the checklist's release controls, and the same revision in staging."""

from collections.abc import Mapping, Sequence

from probes.controls.evidence import AgentRef
from probes.controls.finding import Finding, State
from watcher.checklist.live.view import ChecklistView
from watcher.checklist.reports.wording import state_words
from watcher.rollouts.reports.record import Known, Surroundings
from watcher.rollouts.rollout import Rollout
from watcher.rollouts.view import RolloutsView

_MET = (State.PASS, State.ATTESTED)
_PREFIX = "release."


class AroundRollouts:
    """Finds it for each record that is asked for."""

    def __init__(
        self, view: RolloutsView, checklist: ChecklistView | None, environment: str, staging: Sequence[str]
    ) -> None:
        """`environment`: as records name it; `staging`: namespaces in which agents run before they are released."""
        self._view, self._checklist, self._environment, self._staging = view, checklist, environment, staging

    async def of(self, rollout: Rollout) -> Surroundings:
        """What stands around it as of now."""
        return Surroundings(self._environment, self._controls(rollout), await self._in_staging(rollout))

    def _controls(self, rollout: Rollout) -> Mapping[str, Known]:
        """Findings are of what runs now: of a rollout that is over they say nothing."""
        newest = self._view.newest(rollout.namespace, rollout.agent)
        if self._checklist is None or newest is None or newest.revision != rollout.revision:
            return {}
        findings = self._checklist.findings(AgentRef(rollout.namespace, rollout.agent))
        return {name: _known(each) for name, each in findings.items() if name.startswith(_PREFIX)}

    async def _in_staging(self, rollout: Rollout) -> Rollout | None:
        for namespace in self._staging:
            if namespace != rollout.namespace:
                found = await self._view.asked(namespace, rollout.agent, image=rollout.revision.image)
                if found is not None:
                    return found
        return None


def _known(finding: Finding) -> Known:
    return Known(finding.state in _MET, f"{state_words(finding.state)}: {finding.message}")
