"""A Kubernetes API server as far as the watcher reads one: objects are got, listed and watched; nobody may write.

Objects are put here by the demo itself. Each change has a version, and a watch tells all that come after its own.
"""

import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from watcher.demo.stage.server import Answer

Document = Mapping[str, Any]

_PATH = re.compile(
    r"(?P<root>/api/v1|/apis/[^/]+/[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?"
)
_BOOKMARK = 30.0
"""Seconds after which a watch tells that nothing happened."""

_PLURALS = {
    "Pod": "pods",
    "ConfigMap": "configmaps",
    "ServiceAccount": "serviceaccounts",
    "Deployment": "deployments",
    "NetworkPolicy": "networkpolicies",
    "VulnerabilityReport": "vulnerabilityreports",
    "ClusterSPIFFEID": "clusterspiffeids",
}
_CUSTOM = {("aquasecurity.github.io", "v1alpha1"): ["vulnerabilityreports"]}
"""Kinds of CRDs that are asked for before they are listed."""


class _Place(NamedTuple):
    root: str
    plural: str
    namespace: str
    name: str

    def is_in(self, root: str, plural: str, namespace: str) -> bool:
        return (self.root, self.plural) == (root, plural) and namespace in ("", self.namespace)


class _Change(NamedTuple):
    version: int
    kind: str
    place: _Place
    document: Document


class ClusterApi:
    """The objects, and what became of them."""

    def __init__(self) -> None:
        """Empty."""
        self._changed = threading.Condition()
        self._version = 1
        self._objects: dict[_Place, Document] = {}
        self._changes: list[_Change] = []

    def put(self, document: Document) -> None:
        """This object is there from now on, new or changed. One without a uid gets one by its name."""
        place = _place_of(document)
        with self._changed:
            kind = "MODIFIED" if place in self._objects else "ADDED"
            self._version += 1
            uid = sha256("/".join(place).encode()).hexdigest()[:32]
            metadata = {"uid": uid, **document["metadata"], "resourceVersion": str(self._version)}
            self._objects[place] = {**document, "metadata": metadata}
            self._tell(kind, place)

    def remove(self, document: Document) -> None:
        """This object is gone."""
        place = _place_of(document)
        with self._changed:
            self._version += 1
            self._tell("DELETED", place)
            del self._objects[place]

    def answer(self, path: str, query: Mapping[str, str]) -> Answer | None:
        """As the API server would."""
        if path == "/apis":
            groups = [{"name": group, "versions": [{"version": version}]} for group, version in _CUSTOM]
            return _json({"groups": groups})
        _, _, custom = path.partition("/apis/")
        if (plurals := _CUSTOM.get((custom.partition("/")[0], custom.partition("/")[2]))) is not None:
            return _json({"resources": [{"name": each} for each in plurals]})
        found = _PATH.fullmatch(path)
        if found is None:
            return None
        root, namespace, plural, name = (found[each] or "" for each in ("root", "namespace", "plural", "name"))
        if name:
            named = self._objects.get(_Place(root, plural, namespace, name))
            return None if named is None else _json(named)
        return self._collection((root, plural, namespace), query)

    def _collection(self, where: tuple[str, str, str], query: Mapping[str, str]) -> Answer:
        selector = query.get("labelSelector", "")
        if query.get("watch"):
            seconds = float(query.get("timeoutSeconds", "300"))
            return Answer(self._watch(where, selector, int(query.get("resourceVersion") or 0), seconds))
        with self._changed:
            items = [each for place, each in self._objects.items() if place.is_in(*where) and selects(selector, each)]
            version = self._version
        return _json({"kind": "List", "metadata": {"resourceVersion": str(version)}, "items": items})

    def _watch(self, where: tuple[str, str, str], selector: str, since: int, seconds: float) -> Iterator[bytes]:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            with self._changed:
                if self._version <= since:
                    self._changed.wait(min(left, _BOOKMARK))
                news = [each for each in self._changes if each.version > since and each.place.is_in(*where)]
                since = self._version
            for each in news:
                if selects(selector, each.document):
                    yield _line(each.kind, each.document)
            yield _line("BOOKMARK", {"metadata": {"resourceVersion": str(since)}})

    def _tell(self, kind: str, place: _Place) -> None:
        self._changes.append(_Change(self._version, kind, place, self._objects[place]))
        self._changed.notify_all()


def selects(selector: str, document: Document) -> bool:
    """Whether a label selector of the forms `key=value` and `key in (a,b)`, joined by commas, selects this object."""
    labels = document["metadata"].get("labels") or {}
    return all(_holds(each, labels) for each in re.findall(r"[^,()]+(?:\([^)]*\))?", selector))


def _holds(requirement: str, labels: Mapping[str, str]) -> bool:
    key, word, values = requirement.partition(" in ")
    if not word:
        key, _, values = requirement.partition("=")
    allowed = [each.strip() for each in values.strip("() ").split(",")]
    return labels.get(key.strip()) in allowed


def _place_of(document: Document) -> _Place:
    version, metadata = document["apiVersion"], document["metadata"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    return _Place(root, _PLURALS[document["kind"]], metadata.get("namespace", ""), metadata["name"])


def _line(kind: str, document: Document) -> bytes:
    return json.dumps({"type": kind, "object": document}).encode() + b"\n"


def _json(document: Document) -> Answer:
    return Answer(json.dumps(document).encode())
