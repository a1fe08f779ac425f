"""What a judge of live pods is handed."""

from collections.abc import Callable

from probes.controls.evidence import LivePod
from probes.controls.judges import looked
from probes.controls.judges.kubernetes_object.case import POD

PodCase = looked.PodCase[LivePod]


def pod_judge(*controls: str) -> Callable[[looked.PodJudge[LivePod]], looked.PodJudge[LivePod]]:
    """Register a judge of each live pod that was seen."""
    return looked.judge_of_pods(POD, LivePod, *controls)
