"""deploy/kubernetes and docs/kubernetes.md: built by kubectl, and checked against the API's schema.

kubectl is that of Debian's package kubernetes-client: `./dev check` fetches it. The chart has the same pods, and
tests/deploy/test_helm.py runs them.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from tests.peers import unpacked

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
BLOCKS = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "kubernetes.md").read_text(), re.DOTALL)
KUBECTL = unpacked.ROOT / "usr" / "bin" / "kubectl"
SCHEMA = json.loads((Path(__file__).parent / "kubernetes-1.37.json").read_text())
KINDS = {kind.rpartition(".")[2]: kind for kind in SCHEMA["$defs"] if kind.startswith("io.k8s.api.")}

pytestmark = pytest.mark.skipif(not KUBECTL.exists(), reason="no kubectl: `./dev check` fetches it")


def built(folder: Path) -> list[dict[str, Any]]:
    done = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(scope="module")
def base() -> list[dict[str, Any]]:
    return built(FOLDER / "base")


@pytest.fixture(scope="module")
def migrate() -> list[dict[str, Any]]:
    return built(FOLDER / "migrate")


def of_kind(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = [one for one in objects if one["kind"] == kind]
    return found


def errors(thing: dict[str, Any]) -> list[str]:
    schema = SCHEMA | {"$ref": f"#/$defs/{KINDS[thing['kind']]}"}
    return [f"{list(error.instance_path)}: {error.message}" for error in jsonschema_rs.iter_errors(schema, thing)]


def pods(objects: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield from (one["spec"]["template"] for one in objects if one["kind"] in {"Deployment", "Job"})


def test_each_object_is_one_that_the_api_takes(base: list[dict[str, Any]], migrate: list[dict[str, Any]]) -> None:
    assert [one["kind"] for one in migrate] == ["Job"]
    assert {one["kind"] for one in base} == {
        *("ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceAccount")
    }
    for one in [*base, *migrate]:
        assert errors(one) == [], one["metadata"]["name"]


def test_the_schema_refuses_a_field_that_is_misspelled(base: list[dict[str, Any]]) -> None:
    wrong = json.loads(json.dumps(of_kind(base, "Deployment")))
    wrong["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    wrong["spec"]["replicas"] = "two"
    assert len(errors(wrong)) == 2


def test_selectors_select_the_pods_and_ports_exist(base: list[dict[str, Any]], migrate: list[dict[str, Any]]) -> None:
    deployment = of_kind(base, "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"].items()
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    ports = {port["name"] for port in container["ports"]}
    service, policy = of_kind(base, "Service")["spec"], of_kind(base, "NetworkPolicy")["spec"]
    selectors = [
        deployment["spec"]["selector"]["matchLabels"],
        of_kind(base, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        service["selector"],
        policy["podSelector"]["matchLabels"],
    ]
    assert all(selector.items() <= labels for selector in selectors)
    # The Service must not send requests to the migration; the policy is for both.
    (job,) = pods(migrate)
    assert not service["selector"].items() <= job["metadata"]["labels"].items()
    assert policy["podSelector"]["matchLabels"].items() <= job["metadata"]["labels"].items()
    used = {port["targetPort"] for port in service["ports"]} | {
        container[probe]["httpGet"]["port"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert used == ports
    assert policy["ingress"][0]["ports"][0]["port"] in ports
    assert of_kind(base, "PodDisruptionBudget")["spec"]["minAvailable"] < deployment["spec"]["replicas"]


def check_rights(pod: dict[str, Any]) -> None:
    """What Kubernetes calls the restricted standard, and a root file system that cannot be written."""
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"].get("runAsUser") != 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"limits", "requests"} == set(container["resources"])
    mounted = {mount["name"] for mount in container.get("volumeMounts", [])}
    assert {volume["name"] for volume in pod.get("volumes", [])} == mounted


def test_pods_have_no_rights_that_they_do_not_need(base: list[dict[str, Any]], migrate: list[dict[str, Any]]) -> None:
    for pod in [*pods(base), *pods(migrate)]:
        check_rights(pod["spec"])
        assert pod["spec"]["securityContext"]["runAsUser"] > 0


def test_the_pages_examples_work(tmp_path: Path) -> None:
    """The overlay changes image, namespace and settings; the ingress is valid and leads to the Service."""
    overlay, ingress = BLOCKS
    # The kustomize in Debian's kubectl calls folders so; newer ones still take the name.
    overlay = overlay.replace("resources:", "bases:")
    shutil.copytree(FOLDER, tmp_path / "kubernetes")
    for name, content in (
        ("production", overlay),
        ("production-migrate", overlay.partition("configMapGenerator")[0].replace("../base", "../migrate")),
    ):
        (tmp_path / "kubernetes" / name).mkdir()
        (tmp_path / "kubernetes" / name / "kustomization.yaml").write_text(content)
    servers = built(tmp_path / "kubernetes" / "production")
    everything = [*servers, *built(tmp_path / "kubernetes" / "production-migrate")]
    assert {pod["spec"]["containers"][0]["image"] for pod in pods(everything)} == {
        "registry.example.com/opengrant:0.2.0"
    }
    assert {one["metadata"]["namespace"] for one in everything} == {"opengrant"}
    settings = of_kind(servers, "ConfigMap")
    assert settings["data"]["OPENGRANT_DATA_DIR"] == "/var/lib/opengrant", "merged, not replaced"
    (container,) = of_kind(servers, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["envFrom"][0]["configMapRef"]["name"] == settings["metadata"]["name"]
    route = yaml.safe_load(ingress)
    assert errors(route) == []
    backends = [path["backend"]["service"] for path in route["spec"]["rules"][0]["http"]["paths"]]
    assert backends == [{"name": "opengrant", "port": {"name": "http"}}] * 2
