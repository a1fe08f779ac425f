"""As which user the containers run."""

from collections.abc import Iterator

from probes.controls.catalogue.control import UnknownReason
from probes.controls.judges.kubernetes_object.case import (
    TemplateCase,
    all_containers,
    bad,
    good,
    mapping,
    short,
    template_judge,
    unclear,
)
from probes.controls.judging import Statement


@template_judge("deployment.image.no-root-user", pods=True)
def no_root_user(case: TemplateCase) -> Iterator[Statement]:
    """Every container has an effective runAsUser above 0, or runAsNonRoot and none."""
    pod = mapping(case.template.spec.get("securityContext"))
    containers = tuple(all_containers(case.template))
    for each in containers:
        own = mapping(each.body.get("securityContext"))
        user = pod.get("runAsUser") if own.get("runAsUser") is None else own["runAsUser"]
        non_root = pod.get("runAsNonRoot") if own.get("runAsNonRoot") is None else own["runAsNonRoot"]
        whose = case.template.spec if own.get("runAsUser", own.get("runAsNonRoot")) is None and pod else each.body
        ref = case.template.at(whose, "securityContext", "runAsNonRoot" if user is None else "runAsUser")
        yield from _of_container(short(each.name), user, non_root, ref)
    if containers:
        yield good("No container runs as root.")
    else:
        yield bad("The pod template has no container.")


def _of_container(name: str, user: object, non_root: object, ref: str) -> Iterator[Statement]:
    if user is not None and (isinstance(user, bool) or not isinstance(user, int) or user < 0):
        told = f"Container {name} has a runAsUser that is no user's number, which Kubernetes refuses."
        yield unclear(UnknownReason.UNPARSEABLE, told, ref)
    elif user == 0:
        yield bad(f"Container {name} runs as user 0.", ref)
    elif user is None and non_root is None:
        yield unclear(UnknownReason.NO_DATA, f"Container {name} runs as the user of its image.", ref)
    elif user is None and not isinstance(non_root, bool):
        told = f"Container {name} has a runAsNonRoot that is neither true nor false, which Kubernetes refuses."
        yield unclear(UnknownReason.UNPARSEABLE, told, ref)
    elif user is None and not non_root:
        yield bad(f"Container {name} has runAsNonRoot false and no runAsUser.", ref)
