"""What tests ask of a Kubernetes API server: raw JSON in and out, with one token."""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
import yaml

from tests.servers.process import eventually

Document = Mapping[str, Any]
Params = Mapping[str, str | int]
NONE: Params = {}
STARTED = "2026-11-23T10:00:00Z"


class RefusedError(Exception):
    """The API server's no: its HTTP status, and its message as the text."""

    def __init__(self, answer: httpx.Response) -> None:
        """Read the Status object of an answer whose body was read."""
        self.status = answer.status_code
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        super().__init__(answer.json()["message"] if is_json else answer.text)


@contextmanager
def unless_gone() -> Iterator[None]:
    """What is deleted meanwhile needs nothing done to it, as a kubelet sees it."""
    try:
        yield
    except RefusedError as refused:
        if refused.status != httpx.codes.NOT_FOUND:
            raise


class KubeApi:
    """The API server as the holder of one token sees it. Every call raises RefusedError where the answer is a no."""

    def __init__(self, url: str, trust: ssl.SSLContext, token: str) -> None:
        """Talk to this URL; nothing is sent yet."""
        self.client = httpx.Client(
            base_url=url, verify=trust, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=30
        )

    def ask(self, method: str, path: str, body: object = None, *, patch: str = "", params: Params = NONE) -> Any:
        """The answer's JSON; `patch` is the kind of a patch, such as `merge-patch+json`."""
        headers = {"Content-Type": f"application/{patch}"} if patch else {}
        answer = self.client.request(method, path, json=body, params=dict(params), headers=headers)
        if answer.is_error:
            raise RefusedError(answer)
        return answer.json()

    def get(self, path: str, **params: str | int) -> Any:
        """One object, or a list with its items."""
        return self.ask("GET", path, params=params)

    def apply(self, *documents: str | Document, namespace: str = "default") -> list[Any]:
        """Create or change objects, given as YAML of several documents or as JSON; an unknown field is refused.

        Those that name no namespace and need one get `namespace`. Returns the objects as they are stored.
        """
        return [self._apply(document, namespace) for text in documents for document in _parsed(text)]

    def namespace(self, name: str, **labels: str) -> None:
        """Create a namespace."""
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})

    def token(self, namespace: str, service_account: str, *, seconds: int = 3600) -> str:
        """A token of this service account; the API server gives none that lives less than 600 s."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token"
        answer = self.ask("POST", path, {"spec": {"expirationSeconds": seconds}})
        token: str = answer["status"]["token"]
        return token

    def run_pod(self, pod: Document, status: Document, *, namespace: str = "default", node: str = "node-1") -> Any:
        """Create a pod, bind it to a node and set its status, as scheduler and kubelet would."""
        bound = {**pod, "spec": {"nodeName": node, **pod["spec"]}}
        made = self.ask("POST", f"/api/v1/namespaces/{namespace}/pods", bound, params={"fieldValidation": "Strict"})
        return self.set_pod_status(made["metadata"]["name"], status, namespace=namespace)

    def set_pod_status(self, name: str, status: Document, *, namespace: str = "default") -> Any:
        """Replace these parts of a pod's status; a None takes one away."""
        path = f"/api/v1/namespaces/{namespace}/pods/{name}/status"
        return self.ask("PATCH", path, {"status": status}, patch="merge-patch+json")

    def terminate_pod(self, name: str, *, namespace: str = "default") -> None:
        """What `kubectl delete pod` begins: the pod is terminating until a kubelet has stopped it (`delete_pod`)."""
        self.ask("DELETE", f"/api/v1/namespaces/{namespace}/pods/{name}")

    def delete_pod(self, name: str, *, namespace: str = "default") -> None:
        """Take a pod away at once."""
        self.ask("DELETE", f"/api/v1/namespaces/{namespace}/pods/{name}", params={"gracePeriodSeconds": 0})

    def delete(self, document: Document, *, namespace: str = "default") -> None:
        """Delete the object that has this document's apiVersion, kind and name."""
        self.ask("DELETE", self.path_of(document, namespace))

    def path_of(self, document: Document, namespace: str = "default") -> str:
        """Where the API server keeps the object of this document."""
        version, metadata = document["apiVersion"], document["metadata"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        resources = [one for one in self.get(root)["resources"] if "/" not in one["name"]]
        (resource,) = (one for one in resources if one["kind"] == document["kind"])
        within = f"/namespaces/{metadata.get('namespace', namespace)}" if resource["namespaced"] else ""
        return f"{root}{within}/{resource['name']}/{metadata['name']}"

    @contextmanager
    def engine(self, path: str, **params: str | int) -> Iterator[Iterator[str]]:
        """The lines of a watch, each an event in JSON, as they come."""
        with self.client.stream("GET", path, params={"watch": 1, **params}) as answer:
            if answer.is_error:
                answer.read()
                raise RefusedError(answer)
            yield answer.iter_lines()

    def _apply(self, document: Document, namespace: str) -> Any:
        path = self.path_of(document, namespace)
        how = {"fieldManager": "tests", "force": "true", "fieldValidation": "Strict"}
        made = self.ask("PATCH", path, document, patch="apply-patch+yaml", params=how)
        if document["kind"] == "CustomResourceDefinition":
            eventually(lambda: self._serves(document["spec"]))
        return made

    def _serves(self, definition: Document) -> bool:
        (version, *_) = (one["name"] for one in definition["versions"] if one["served"])
        root, name = f"/apis/{definition['group']}/{version}", definition["names"]["plural"]
        try:
            listed = self.get(root)["resources"], self.get(f"{root}/{name}")
        except RefusedError as refused:
            if refused.status not in {404, 429, 503}:  # it is told of, stored and served at moments of their own
                raise
            return False
        return any(one["name"] == name for one in listed[0])


def running_status(ip: str, *containers: str, ready: bool = True) -> Document:
    """What a kubelet reports of a pod whose containers (`agent` unless named) run; at this address, IPv4 or IPv6."""
    running = {"running": {"startedAt": STARTED}}
    facts = {"image": "agent:1", "imageID": "", "restartCount": 0, "started": True, "ready": ready, "state": running}
    conditions = [{"type": "Initialized", "status": "True"}, {"type": "PodScheduled", "status": "True"}]
    conditions += [{"type": kind, "status": str(ready)} for kind in ("ContainersReady", "Ready")]
    return {
        "phase": "Running",
        "podIP": ip,
        "podIPs": [{"ip": ip}],
        "startTime": STARTED,
        "conditions": conditions,
        "containerStatuses": [{"name": name, **facts} for name in containers or ("agent",)],
    }


def _parsed(document: str | Document) -> Sequence[Document]:
    if not isinstance(document, str):
        return [document]
    return [one for one in yaml.safe_load_all(document) if one]
