"""Which revision does each pod of an agent run? Told by the digest of its image and the config that it took. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from watcher.rollouts.rollout import Revision

DIGEST = "sha256:"
_MOST_TEMPLATES = 5


class RunningPod(NamedTuple):
    """What is known of one pod."""

    uid: str
    name: str
    template: str  # what its workload calls the template, such as a hash; empty where there is none
    reference: str  # of its agent's image, as the template has it
    digest: str  # of that image, `sha256:...`; empty until a kubelet has told it
    config: str  # digest of the config that its process has read; empty where that is not known
    created_at: float  # Unix seconds
    ready_since: float | None  # Unix seconds; None while it is not Ready
    ends: bool  # it was asked to, or its process has ended for good
    restarts: int = 0  # of its agent's container
    waiting: str = ""  # why that does not run, such as CrashLoopBackOff
    ended: str = ""  # how its last process ended, a few words

    @property
    def is_ready(self) -> bool:
        """Whether it is Ready and not about to end."""
        return self.ready_since is not None and not self.ends


class Known(NamedTuple):
    """What pods were found to run before."""

    pods: Mapping[str, Revision]  # by uid
    current: Revision | None  # what the agent runs as a whole
    others: Sequence[Revision] = ()  # what it ran before, which may come back, the oldest first


def identified(pods: Sequence[RunningPod], known: Known) -> dict[str, Revision]:
    """The revision of each pod, by uid.

    What a pod does not tell yet is taken from pods of the same template, then from those with the same reference. An
    image that nobody has told the digest of is known by its reference, until somebody does.
    """
    images, configs = _told(pods, known)
    found: dict[str, Revision] = {}
    for pod in pods:
        before = known.pods.get(pod.uid)
        image = pod.digest or _image(pod, images)
        config = pod.config or (before.config if before is not None else "") or configs.get(pod.template, "")
        if not config and known.current is not None:
            config = known.current.config
        found[pod.uid] = Revision(
            image=image, config=config, reference=pod.reference, templates=(pod.template,) if pod.template else ()
        )
    return found


def is_provisional(revision: Revision) -> bool:
    """Whether nobody has told the digest of its image yet."""
    return not revision.image.startswith(DIGEST)


def same(one: Revision, other: Revision) -> bool:
    """Whether both are the same; a config that was never read is no other one."""
    configs = one.config == other.config or not one.config or not other.config
    return one.image == other.image and configs


def together(revisions: Iterable[Revision]) -> Revision:
    """One of several that are the same, with all that is known of it."""
    first, *others = revisions
    templates = list(first.templates)
    for each in others:
        templates += [name for name in each.templates if name not in templates]
    config = next((each.config for each in (first, *others) if each.config), "")
    return replace(first, config=config, templates=tuple(templates[-_MOST_TEMPLATES:]))


def _told(pods: Sequence[RunningPod], known: Known) -> tuple[dict[str, str], dict[str, str]]:
    """Digests of images by template and by reference, and configs by template."""
    images, configs = dict[str, str](), dict[str, str]()
    for each in known.others:
        if not is_provisional(each):
            images.update({f"#{name}": each.image for name in each.templates})
            configs.update(dict.fromkeys(each.templates, each.config) if each.config else {})
    if (current := known.current) is not None and not is_provisional(current):
        images[current.reference] = current.image
        images.update({f"#{each}": current.image for each in current.templates})
    for pod in pods:
        was = known.pods.get(pod.uid)
        digest = pod.digest or (was.image if was is not None and not is_provisional(was) else "")
        if digest:
            images.setdefault(pod.reference, digest)
            images[f"#{pod.template}"] = digest
        if pod.config:
            configs[pod.template] = pod.config
    return images, configs


def _image(pod: RunningPod, images: Mapping[str, str]) -> str:
    written = pod.reference.rpartition("@")[2]
    if written.startswith(DIGEST):
        return written
    of_template = images.get(f"#{pod.template}") if pod.template else None
    return of_template or images.get(pod.reference) or pod.reference
