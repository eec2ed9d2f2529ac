"""A cluster as Helm sees it: the API of Kubernetes for the kinds of a chart, and pods that the test runs.

It keeps what is applied, checks it as the API does, and says when a pod is ready or has ended. There are no users, no
versions to compare, and no merging: Helm applies whole objects.
"""

import base64
import json
import re
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import yaml

Object = dict[str, Any]
Key = tuple[str, str, str]
"""Plural, namespace and name."""
RESOURCES = {
    "v1": {
        "configmaps": "ConfigMap",
        "pods": "Pod",
        "secrets": "Secret",
        "serviceaccounts": "ServiceAccount",
        "services": "Service",
    },
    "apps/v1": {"deployments": "Deployment", "replicasets": "ReplicaSet"},
    "batch/v1": {"jobs": "Job"},
    "networking.k8s.io/v1": {"ingresses": "Ingress", "networkpolicies": "NetworkPolicy"},
    "policy/v1": {"poddisruptionbudgets": "PodDisruptionBudget"},
}
WATCH = 30.0
"""Seconds that a watch lasts at most."""


class Cluster:
    """Context manager.

    run      is given the kind and the pod with its environment, in a thread of its own; for a Deployment it returns
             when the pod is ready, for others when it has ended; False: it failed.
    errors   what the API refuses in an object.
    changes  (verb, kind, name) of all that was applied, deleted or run, in order.
    """

    def __init__(
        self, run: Callable[[str, Object, dict[str, str]], bool], errors: Callable[[Object], list[str]]
    ) -> None:
        self._run, self.errors = run, errors
        self.objects: dict[Key, Object] = {}
        self.changes: list[tuple[str, str, str]] = []
        self.changed = threading.Condition(threading.RLock())
        self.events: list[tuple[Key, str, Object]] = []

    def __enter__(self) -> Self:
        cluster = self

        class Handler(_Handler):
            def __init__(self, *arguments: Any) -> None:
                self.cluster = cluster
                super().__init__(*arguments)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        threading.Thread(target=self._server.serve_forever, name="cluster", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def kubeconfig(self) -> str:
        cluster = {"name": "fake", "cluster": {"server": f"http://127.0.0.1:{self._server.server_port}"}}
        context = {"name": "fake", "context": {"cluster": "fake", "user": "fake"}}
        everything = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [cluster],
            "contexts": [context],
            "users": [{"name": "fake", "user": {}}],
            "current-context": "fake",
        }
        return yaml.safe_dump(everything)

    def apply(self, key: Key, thing: Object) -> Object:
        with self.changed:
            before = self.objects.get(key)
            about = thing["metadata"]
            about["namespace"] = key[1]
            about["uid"] = f"uid-{len(self.events)}"
            about["generation"] = (before["metadata"]["generation"] if before else 0) + 1
            for name, value in thing.pop("stringData", {}).items():
                thing.setdefault("data", {})[name] = base64.b64encode(value.encode()).decode()
            self.changes.append(("apply", thing["kind"], key[2]))
            self._put(key, thing, "MODIFIED" if before else "ADDED")
        if "template" in thing.get("spec", {}) or thing["kind"] == "Pod":
            threading.Thread(target=self._live, args=(key, thing), daemon=True).start()
        return thing

    def delete(self, key: Key) -> Object | None:
        with self.changed:
            if key not in self.objects:
                return None
            self.changes.append(("delete", self.objects[key]["kind"], key[2]))
            self._put(key, self.objects[key], "DELETED")
            return self.objects.pop(key)

    def _put(self, key: Key, thing: Object, event: str) -> None:
        with self.changed:
            thing["metadata"]["resourceVersion"] = str(len(self.events) + 1)
            self.objects[key] = thing
            self.events.append((key, event, json.loads(json.dumps(thing))))
            self.changed.notify_all()

    def _live(self, key: Key, thing: Object) -> None:
        """What the kubelet and the controllers do."""
        kind, generation = thing["kind"], thing["metadata"]["generation"]
        pod = thing["spec"]["template"]["spec"] if "template" in thing["spec"] else thing["spec"]
        with self.changed:
            environment = self._environment(key[1], pod)
            self.changes.append(("run", kind, key[2]))
        well = self._run(kind, pod, environment)
        with self.changed:
            if self.objects.get(key) is not thing:
                return
            if kind == "Deployment":
                if not well:
                    return
                replicas = thing["spec"]["replicas"]
                numbers = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
                conditions = [{"type": "Available", "status": "True"}, {"type": "Progressing", "status": "True"}]
                thing["status"] = dict.fromkeys(numbers, replicas) | {"conditions": conditions}
            elif kind == "Job":
                thing["status"] = {"conditions": [{"type": "Complete" if well else "Failed", "status": "True"}]}
            else:
                thing["status"] = {"phase": "Succeeded" if well else "Failed"}
            thing["status"]["observedGeneration"] = generation
            self._put(key, thing, "MODIFIED")

    def _environment(self, namespace: str, pod: Object) -> dict[str, str]:
        """Raises KeyError if a ConfigMap or a Secret is not there, as the pod would not start."""
        (container,) = pod["containers"]
        found: dict[str, str] = {}
        for source in container.get("envFrom", []):
            if "configMapRef" in source:
                found |= self.objects["configmaps", namespace, source["configMapRef"]["name"]]["data"]
            else:
                data = self.objects["secrets", namespace, source["secretRef"]["name"]]["data"]
                found |= {name: base64.b64decode(value).decode() for name, value in data.items()}
        return found | {one["name"]: one["value"] for one in container.get("env", [])}


class _Handler(BaseHTTPRequestHandler):
    cluster: Cluster
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Not to the output of the tests."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if (answer := _discovery(url.path)) is not None:
            self._answer(200, answer)
            return
        version, key = self._key()
        query = dict(parse_qsl(url.query))
        with self.cluster.changed:
            if key[2]:
                self._answer_with(self.cluster.objects.get(key))
                return
        if "sendInitialEvents" in query:
            # As an API without this feature: then a list is asked for first.
            self._answer(422, _failure(422, "Invalid", "sendInitialEvents is forbidden"))
        elif query.get("watch") in {"1", "true"}:
            self._watch(key, query)
        else:
            self._list(version, key, query)

    def _list(self, version: str, key: Key, query: dict[str, str]) -> None:
        with self.cluster.changed:
            items = [thing for other, thing in self.cluster.objects.items() if _selected(other, thing, key, query)]
            about = {"resourceVersion": str(len(self.cluster.events))}
            kind = RESOURCES[version][key[0]] + "List"
            self._answer(200, {"kind": kind, "apiVersion": version, "metadata": about, "items": items})

    def do_PATCH(self) -> None:
        version, key = self._key()
        assert self.headers["Content-Type"] == "application/apply-patch+yaml"
        thing = yaml.safe_load(self.rfile.read(int(self.headers["Content-Length"])))
        assert (thing["apiVersion"], thing["kind"]) == (version, RESOURCES[version][key[0]])
        if wrong := self.cluster.errors(thing):
            self._answer(422, _failure(422, "Invalid", "; ".join(wrong)))
            return
        with self.cluster.changed:
            self._answer(200, self.cluster.apply(key, thing))

    def do_DELETE(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self._answer_with(self.cluster.delete(self._key()[1]))

    def _key(self) -> tuple[str, Key]:
        """The API's version, and what of it is meant."""
        found = re.fullmatch(
            r"/apis?/(?P<version>.+)/namespaces/(?P<namespace>[^/]+)/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?",
            urlsplit(self.path).path,
        )
        assert found, self.path
        return found["version"], (found["plural"], found["namespace"], found["name"] or "")

    def _answer_with(self, thing: Object | None) -> None:
        if thing is None:
            self._answer(404, _failure(404, "NotFound", self.path))
        else:
            self._answer(200, thing)

    def _answer(self, status: int, content: Object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _watch(self, key: Key, query: dict[str, str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        cluster, seen, until = self.cluster, int(query.get("resourceVersion") or 0), time.monotonic() + WATCH
        try:
            while time.monotonic() < until:
                with cluster.changed:
                    news = cluster.events[seen:]
                    seen += len(news)
                    if not news:
                        cluster.changed.wait(0.5)
                for other, event, thing in news:
                    if _selected(other, thing, key, query):
                        self.wfile.write(json.dumps({"type": event, "object": thing}).encode() + b"\n")
                        self.wfile.flush()
        except OSError:
            pass  # Helm has seen enough


def _selected(key: Key, thing: Object, within: Key, query: dict[str, str]) -> bool:
    if key[:2] != within[:2]:
        return False
    name = query.get("fieldSelector", "").removeprefix("metadata.name=")
    labels = thing["metadata"].get("labels", {}).items()
    wanted = dict(pair.split("=", 1) for pair in query.get("labelSelector", "").split(",") if pair)
    return name in {"", key[2]} and wanted.items() <= labels


def _failure(code: int, reason: str, message: str) -> Object:
    about = {"kind": "Status", "apiVersion": "v1", "status": "Failure"}
    return about | {"code": code, "reason": reason, "message": message}


def _discovery(path: str) -> Object | None:
    """What the API says of itself."""
    versions = {"api/v1": "v1"} | {f"apis/{version}": version for version in RESOURCES if "/" in version}
    groups = []
    for group, number in (version.split("/") for version in RESOURCES if "/" in version):
        named = {"groupVersion": f"{group}/{number}", "version": number}
        groups.append({"name": group, "versions": [named], "preferredVersion": named})
    about: dict[str, Object] = {
        "version": {"major": "1", "minor": "37", "gitVersion": "v1.37.0"},
        "api": {"kind": "APIVersions", "versions": ["v1"]},
        "apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups},
        "openapi/v3": {"paths": {place: {"serverRelativeURL": f"/openapi/v3/{place}"} for place in versions}},
    }
    for place, version in versions.items():
        about[place] = {"kind": "APIResourceList", "groupVersion": version, "resources": _resources(version)}
        about[f"openapi/v3/{place}"] = _validated(place, version)
    return about.get(path.strip("/"))


def _resources(version: str) -> list[Object]:
    verbs = ["delete", "get", "list", "patch", "watch"]
    return [
        {"name": plural, "singularName": "", "namespaced": True, "kind": kind, "verbs": verbs}
        for plural, kind in RESOURCES[version].items()
    ]


def _validated(place: str, version: str) -> Object:
    """That objects are validated here; otherwise Helm would do it, by schemas from here."""
    group, _, number = version.rpartition("/")
    patch = {"parameters": [{"name": "fieldValidation", "in": "query"}], "responses": {}}
    paths = {}
    for plural, kind in RESOURCES[version].items():
        named = {"x-kubernetes-group-version-kind": {"group": group, "version": number, "kind": kind}}
        paths[f"/{place}/namespaces/{{namespace}}/{plural}/{{name}}"] = {"patch": patch | named}
    return {"openapi": "3.0.0", "info": {"title": "fake", "version": "1"}, "paths": paths}
