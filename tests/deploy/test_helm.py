"""deploy/helm/opengrant and docs/helm.md: rendered by Helm, checked against the API's schema, compared with the base.

Helm comes with the development packages, kubectl with `./dev check`.
"""

import json
import re
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from opengrant import __version__
from opengrant.cli.commands import app
from opengrant.settings import Settings, unknown
from tests.cli.test_commands import Served, bearer, opengrant, serving
from tests.deploy.test_kubernetes import FOLDER, KINDS, KUBECTL, built, check_rights, errors, of_kind, pods
from tests.deploy.test_prometheus import PROMETHEUS, PROMTOOL, promtool
from tests.fakes.kubernetes import Cluster
from tests.peers import helm
from tests.peers.postgres import Postgres
from tests.support import settings_from

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "opengrant"
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
PAGE = (ROOT / "docs" / "helm.md").read_text()
KEY = "k1:" + "A" * 43 + "="

pytestmark = pytest.mark.skipif(not helm.THERE, reason="no package of Helm for this system")

NEEDED: dict[str, Any] = {
    "image": {"repository": "registry.example.com/opengrant"},
    "settings": {"OPENGRANT_PUBLIC_URL": "https://grants.example.com"},
    "existingSecret": "opengrant",
}
GIVEN = {"OPENGRANT_DATABASE_URL": "postgresql://og:word@db/og", "OPENGRANT_MASTER_KEYS": KEY}
SETS: dict[str, dict[str, Any]] = {
    "what is needed": NEEDED,
    "the page's example": yaml.safe_load(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0]),
    "secrets as values": NEEDED | {"existingSecret": "", "secretSettings": GIVEN, "replicas": 1},
    "work apart, and an autoscaler": NEEDED
    | {
        "work": {"enabled": True, "replicas": 3},
        "autoscaling": {"enabled": True, "maxReplicas": 4},
        "settings": NEEDED["settings"] | {"OPENGRANT_SHUTDOWN_GRACE": 40.5, "OPENGRANT_MAX_BODY": 2097152},
    },
    "mail programs": NEEDED
    | {
        "mailProxy": {"enabled": True, "certificateSecret": "mail-tls"},
        "work": {"enabled": True},
        "ingress": {"enabled": True, "className": "", "tlsSecret": "wildcard"},
        "settings": NEEDED["settings"] | {"OPENGRANT_PUBLIC_URL": "https://grants.example.com:8443"},
    },
    "watched": NEEDED
    | {
        "podMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "prometheusRule": {"enabled": True},
        "dashboard": {"enabled": True},
        "settings": NEEDED["settings"] | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"},
    },
    "another cluster": NEEDED
    | {
        "image": {"repository": "other/og", "tag": "1", "digest": "sha256:" + "0" * 64, "pullPolicy": "Always"},
        "existingSecret": "",
        "extraEnv": [
            {"name": name, "valueFrom": {"secretKeyRef": {"name": "db-app", "key": key}}}
            for name, key in (("OPENGRANT_DATABASE_URL", "uri"), ("OPENGRANT_MASTER_KEYS", "keys"))
        ],
        "settings": NEEDED["settings"] | {"OPENGRANT_PROXIES": None, "OPENGRANT_SHUTDOWN_GRACE": None},
        "fullnameOverride": "grants",
        "podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None},
        "imagePullSecrets": [{"name": "registry"}],
        "priorityClassName": "high",
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "podLabels": {"team": "mail"},
        "podAnnotations": {"a": "b"},
        "extraVolumes": [{"name": "ca", "secret": {"secretName": "db-ca"}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca"}],
        "serviceAccount": {"create": False},
        "service": {"port": 8000, "annotations": {"a": "b"}},
        "migrate": {"enabled": False},
        "podDisruptionBudget": {"enabled": False},
        "networkPolicy": {"fromNamespaces": [], "extraEgress": [{"to": [{"podSelector": {}}]}]},
    },
}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "image.repository is missing"),
    (NEEDED | {"settings": {}}, "settings.OPENGRANT_PUBLIC_URL is missing"),
    (NEEDED | {"existingSecret": ""}, "OPENGRANT_DATABASE_URL is missing: give existingSecret"),
    (NEEDED | {"existingSecret": "", "secretSettings": dict([*GIVEN.items()][:1])}, "OPENGRANT_MASTER_KEYS is missing"),
    (NEEDED | {"secretSettings": GIVEN}, "existingSecret and secretSettings exclude each other"),
    *(
        (NEEDED | {"settings": NEEDED["settings"] | {f"OPENGRANT_{name.upper()}": "s3cr3t"}}, "is a secret")
        for name, field in Settings.model_fields.items()
        if "SecretStr" in str(field.annotation)
    ),
    (NEEDED | {"settings": NEEDED["settings"] | {"OTEL_EXPORTER_OTLP_HEADERS": "s3cr3t"}}, "is a secret"),
    (NEEDED | {"settings": NEEDED["settings"] | {"OPENGRANT_PORT": 8081}}, "OPENGRANT_PORT is set by the chart"),
    (NEEDED | {"mailProxy": {"enabled": True}}, "mailProxy.certificateSecret is missing"),
    # By values.schema.json.
    (NEEDED | {"replica": 3}, "'replica' not allowed"),
    (NEEDED | {"replicas": "three"}, "want integer"),
    (NEEDED | {"settings": {"PUBLIC_URL": "https://grants.example.com"}}, "invalid propertyName 'PUBLIC_URL'"),
    (NEEDED | {"settings": {"OPENGRANT_PUBLIC_URL": "grants.example.com"}}, "does not match pattern"),
]


def release(values: dict[str, Any], name: str = "opengrant") -> dict[str, Any]:
    return {"name": name, "namespace": "opengrant", "values": values}


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """All that Helm is asked in this file, at once: it takes longer to load than to answer."""
    asked = [*(release(values) for values in SETS.values()), release(NEEDED, "prod")]
    return helm.rendered(CHART, [*asked, *(release(values) for values, _ in REFUSED)])


def of_set(told: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return objects(told["releases"][list(SETS).index(name)])


def objects(answer: dict[str, Any]) -> list[dict[str, Any]]:
    assert "error" not in answer, answer["error"]
    files = [text for path, text in answer["files"].items() if not path.endswith("NOTES.txt")]
    return [one for text in files for one in yaml.safe_load_all(text) if one]


def hooks(one: dict[str, Any]) -> set[str]:
    return set(one["metadata"].get("annotations", {}).get("helm.sh/hook", "").split(",")) - {""}


@pytest.mark.skipif(not KUBECTL.exists(), reason="no kubectl: `./dev check` fetches it")
@pytest.mark.parametrize("name", SETS)
def test_each_object_is_one_that_the_api_takes(told: dict[str, Any], name: str, tmp_path: Path) -> None:
    answer = told["releases"][list(SETS).index(name)]
    made = objects(answer)
    for one in made:
        assert one["kind"] in KINDS or one["apiVersion"] == "monitoring.coreos.com/v1"
        assert one["kind"] not in KINDS or errors(one) == [], one["metadata"]["name"]
        assert len(one["metadata"]["name"]) <= 63
    for number, (path, text) in enumerate(answer["files"].items()):
        if not path.endswith("NOTES.txt") and text.strip():
            (tmp_path / f"{number}.yaml").write_text(text)
    resources = [file.name for file in tmp_path.iterdir()]
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump({"resources": resources}))
    # kubectl refuses a key or an object that is there twice.
    assert len(built(tmp_path)) == len(made)


@pytest.mark.parametrize("name", SETS)
def test_pods_have_no_rights_they_do_not_need_and_find_what_they_name(told: dict[str, Any], name: str) -> None:
    made = of_set(told, name)
    there = {(one["kind"], one["metadata"]["name"]) for one in made}
    there |= {("Secret", "opengrant"), ("Secret", "mail-tls"), ("Secret", "db-ca"), ("Secret", "db-app")}
    everything = [*pods(made), *(one for one in made if one["kind"] == "Pod")]
    assert len(everything) >= 2
    for pod in everything:
        check_rights(pod["spec"])
        (container,) = pod["spec"]["containers"]
        for source in container.get("envFrom", []):
            for kind, key in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
                assert key not in source or (kind, source[key]["name"]) in there
    components = {}
    for one in made:
        if one["kind"] == "Deployment":
            labels = one["spec"]["template"]["metadata"]["labels"]
            assert one["spec"]["selector"]["matchLabels"].items() <= labels.items()
            components[labels["app.kubernetes.io/component"]] = labels.items()
    for one in made:
        if one["kind"] in {"Service", "PodDisruptionBudget"}:
            selector = one["spec"]["selector"]
            selected = (selector.get("matchLabels") or selector).items()
            assert [component for component, labels in components.items() if selected <= labels] == ["server"]
    policy = of_kind(made, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"].items()
    assert all(policy <= pod["metadata"]["labels"].items() for pod in pods(made))
    (test,) = [one for one in made if one["kind"] == "Pod"]
    assert not policy <= test["metadata"]["labels"].items(), "the policy does not let servers connect to the Service"


@pytest.mark.parametrize("name", SETS)
def test_opengrant_accepts_the_settings_of_each_pod(told: dict[str, Any], name: str, tmp_path: Path) -> None:
    made = of_set(told, name)
    (data,) = [one["data"] for one in made if one["metadata"]["name"].endswith("-settings")]
    (tmp_path / "tls.crt").touch()
    (tmp_path / "tls.key").touch()
    for pod in pods(made):
        (container,) = pod["spec"]["containers"]
        taken = data if any("configMapRef" in source for source in container.get("envFrom", [])) else {}
        env = taken | {one["name"]: one.get("value", GIVEN.get(one["name"])) for one in container.get("env", [])}
        assert unknown(env) == []
        # The only files that the pod has and this machine has not.
        env = {key: value.replace("/etc/opengrant/mail", str(tmp_path)) for key, value in env.items()}
        settings = settings_from(GIVEN | {key: value for key, value in env.items() if not key.startswith("OTEL_")})
        if container["name"] == "opengrant":
            assert settings.port == container["ports"][0]["containerPort"]
            assert str(settings.data_dir) in {mount["mountPath"] for mount in container["volumeMounts"]}
            assert pod["spec"]["terminationGracePeriodSeconds"] > 2 * settings.shutdown_grace


@pytest.mark.skipif(not KUBECTL.exists(), reason="no kubectl: `./dev check` fetches it")
def test_chart_and_kustomize_say_the_same(told: dict[str, Any]) -> None:
    """All of both but names and labels that Helm needs, and the image."""

    def plain(one: dict[str, Any]) -> dict[str, Any]:
        one = json.loads(re.sub(r"opengrant-settings-\w+", "opengrant-settings", json.dumps(one)))
        if one["kind"] == "Service":
            assert one["spec"].setdefault("type", "ClusterIP") == "ClusterIP"
        for pod in pods([one]):
            for container in pod["spec"]["containers"]:
                container["image"] = "opengrant"
                assert container.pop("imagePullPolicy", "IfNotPresent") == "IfNotPresent"
        helms = re.compile(r"helm\.sh/|checksum/|app\.kubernetes\.io/(instance|version|managed-by)")

        def without(part: Any) -> Any:
            if isinstance(part, list):
                return [without(each) for each in part]
            if isinstance(part, dict):
                kept = {key: without(value) for key, value in part.items() if not helms.match(key)}
                return {key: value for key, value in kept.items() if (key, value) != ("annotations", {})}
            return part

        labels = one["metadata"].pop("labels", {})
        if one["kind"] != "ConfigMap":  # kustomize makes it
            assert labels["app.kubernetes.io/name"] == "opengrant"
        stripped: dict[str, Any] = without(one)
        return stripped

    def by_name(made: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
        return {(one["kind"], one["metadata"]["name"]): one for one in map(plain, made)}

    chart = [one for one in of_set(told, "what is needed") if one["kind"] != "Pod"]
    assert by_name(chart) == by_name([*built(FOLDER / "base"), *built(FOLDER / "migrate")])


def test_the_schema_changes_before_the_servers(told: dict[str, Any]) -> None:
    made = of_set(told, "secrets as values")
    before = {
        (one["kind"], one["metadata"]["name"]): int(one["metadata"]["annotations"].get("helm.sh/hook-weight", 0))
        for one in made
        if hooks(one) == {"pre-install", "pre-upgrade"}
    }
    # What it needs comes first, and is not left behind. The other objects come after, in an order that Helm chooses.
    assert before == {("Secret", "opengrant-migrate"): -5, ("Job", "opengrant-migrate"): 0}
    after = list(yaml.safe_load_all(told["releases"][list(SETS).index("secrets as values")]["manifest"]))
    assert sorted(map(json.dumps, after)) == sorted(json.dumps(one) for one in made if not hooks(one))
    assert {one["kind"] for one in after} & {"Job", "Pod"} == set()
    (kept, copied) = [one for one in made if one["kind"] == "Secret"]
    assert kept["stringData"] == copied["stringData"] == GIVEN
    assert "hook-succeeded" in copied["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
    assert hooks(kept) == set()
    assert "PodDisruptionBudget" not in {one["kind"] for one in made}, (
        "one server must not keep a node from being drained"
    )
    plain = json.dumps([one for one in made if one["kind"] != "Secret"]) + notes(told, "secrets as values")
    assert KEY not in plain
    assert "word" not in plain
    assert "Job" not in {one["kind"] for one in of_set(told, "another cluster")}


def notes(told: dict[str, Any], name: str) -> str:
    return str(told["releases"][list(SETS).index(name)]["notes"])


def test_work_apart_is_done_by_no_server_and_the_number_of_servers_is_the_autoscalers(told: dict[str, Any]) -> None:
    made = of_set(told, "work apart, and an autoscaler")
    server, work = sorted((one for one in made if one["kind"] == "Deployment"), key=lambda one: one["metadata"]["name"])
    assert server["spec"]["template"]["spec"]["containers"][0]["args"] == ["serve", "--no-work"]
    assert work["spec"]["template"]["spec"]["containers"][0]["args"] == ["work", "--port", "8080"]
    assert "replicas" not in server["spec"]
    assert work["spec"]["replicas"] == 3
    scaler = of_kind(made, "HorizontalPodAutoscaler")["spec"]
    assert scaler["scaleTargetRef"]["name"] == server["metadata"]["name"]
    data = of_kind(made, "ConfigMap")["data"]
    assert (data["OPENGRANT_MAX_BODY"], data["OPENGRANT_SHUTDOWN_GRACE"]) == ("2097152", "40.5")
    assert server["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 5 + 3 * 41
    usual = of_set(told, "what is needed")
    assert checksum(made) != checksum(usual), "a changed setting replaces the pods"
    assert checksum(usual) == checksum(of_set(told, "secrets as values"))


def checksum(made: list[dict[str, Any]]) -> str:
    (found,) = {
        one["spec"]["template"]["metadata"]["annotations"]["checksum/settings"]
        for one in made
        if one["kind"] == "Deployment"
    }
    return str(found)


def test_mail_programs_reach_the_servers_and_the_ingress_has_the_host_of_the_public_url(told: dict[str, Any]) -> None:
    made = of_set(told, "mail programs")
    server, work = (
        one["spec"]["template"]["spec"]
        for one in sorted((one for one in made if one["kind"] == "Deployment"), key=lambda one: one["metadata"]["name"])
    )
    (container,) = server["containers"]
    env = {one["name"]: one["value"] for one in container["env"]}
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert (env["OPENGRANT_PROXY__IMAP_PORT"], env["OPENGRANT_PROXY__SMTP_PORT"]) == (
        str(ports["imap"]),
        str(ports["smtp"]),
    )
    (mount,) = [mount for mount in container["volumeMounts"] if mount["name"] == "mail"]
    assert env["OPENGRANT_PROXY__CERTIFICATE"] == mount["mountPath"] + "/tls.crt"
    assert env["OPENGRANT_PROXY__KEY"] == mount["mountPath"] + "/tls.key"
    # The work has no certificate, and would not start with a setting that names one.
    assert "env" not in work["containers"][0]
    assert not any("PROXY__" in name for name in of_kind(made, "ConfigMap")["data"])
    (mail,) = [one for one in made if one["metadata"]["name"] == "opengrant-mail"]
    assert {port["port"]: port["targetPort"] for port in mail["spec"]["ports"]} == {993: "imap", 465: "smtp"}
    rule = of_kind(made, "Ingress")["spec"]
    assert rule["rules"][0]["host"] == "grants.example.com"
    assert rule["tls"] == [{"hosts": ["grants.example.com"], "secretName": "wildcard"}]
    assert "ingressClassName" not in rule


@pytest.mark.skipif(not PROMTOOL.exists(), reason="no promtool: `./dev check` fetches it")
def test_the_operator_of_prometheus_gets_the_same_alerts(told: dict[str, Any], tmp_path: Path) -> None:
    made = of_set(told, "watched")
    rules = of_kind(made, "PrometheusRule")["spec"]
    assert rules == yaml.safe_load((PROMETHEUS / "rules.yml").read_text())
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rules))
    promtool("check", "rules", tmp_path / "rules.yml")
    (dashboard,) = [one for one in made if one["metadata"]["name"] == "opengrant-dashboard"]
    assert json.loads(dashboard["data"]["opengrant.json"]) == json.loads(
        (ROOT / "deploy" / "grafana" / "opengrant.json").read_text()
    )
    monitor = of_kind(made, "PodMonitor")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    (pod,) = pods([one for one in made if one["kind"] == "Deployment"])
    assert monitor["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["port"] in {port["name"] for port in pod["spec"]["containers"][0]["ports"]}
    assert {"targetLabel": "job", "replacement": "opengrant"} in endpoint["relabelings"]
    assert not any(name.startswith("prometheus.io/") for name in pod["metadata"]["annotations"]), (
        "asked once, not twice"
    )


def test_what_is_missing_or_wrong_is_said_before_anything_changes(told: dict[str, Any]) -> None:
    answers = told["releases"][-len(REFUSED) :]
    assert len([message for _, message in REFUSED if message == "is a secret"]) == 4
    for answer, (_, message) in zip(answers, REFUSED, strict=True):
        assert message in answer.get("error", "rendered"), message
        assert "s3cr3t" not in answer["error"]
        assert KEY not in answer["error"]


def test_helm_finds_nothing_to_improve_and_packs_all_that_is_needed(told: dict[str, Any]) -> None:
    assert told["lint"]["errors"] == []
    assert [one["error"] for one in told["lint"]["messages"] if "icon" not in one["error"]] == []
    assert told["archive"] == told["releases"][0]
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert about["version"] == about["appVersion"] == __version__
    prod = objects(told["releases"][len(SETS)])
    assert {one["metadata"]["name"].split("-")[0] for one in prod} == {"prod"}, "two releases may share a namespace"


def leaves(values: dict[str, Any], schema: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Default by name of each value that the schema knows."""
    found: dict[str, Any] = {}
    for name, part in schema["properties"].items():
        if part.get("additionalProperties") is False:
            found |= leaves(values[name], part, f"{above}{name}.")
        elif name != "global":
            found[above + name] = values[name]
    return found


def test_schema_values_and_page_name_the_same_values() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())

    def names(values: dict[str, Any], part: dict[str, Any]) -> None:
        if part.get("additionalProperties") is False:
            assert set(values) == set(part["properties"]) - {"global"}
            for name, value in values.items():
                names(value, part["properties"][name])

    names(VALUES, schema)
    told = dict(re.findall(r"^\| `([\w.]+)` \| (.*?) \|", PAGE, re.MULTILINE))
    defaults = leaves(VALUES, schema)
    assert list(told) == list(defaults)
    for name, default in defaults.items():
        if default == "" or isinstance(default, list | dict):
            continue  # said in words
        assert told[name] == f"`{json.dumps(default).strip(chr(34))}`", name


@pytest.mark.parametrize("name", ["what is needed", "secrets as values", "mail programs"])
def test_the_notes_say_what_is_still_to_do(told: dict[str, Any], name: str) -> None:
    text = notes(told, name)
    assert ("ingress.enabled" in text) is (name != "mail programs")
    assert ("existingSecret" in text) is (name == "secrets as values")
    assert set(re.findall(r"-- opengrant (\w+)", text)) <= set(app)
    assert "http://opengrant.opengrant.\n" in text


class Containers:
    """Runs the pods of a cluster as processes of this machine, without an image."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.printed: list[str] = []
        self.entered = ExitStack()
        self.server: Served | None = None

    def run(self, kind: str, pod: dict[str, Any], environment: dict[str, str]) -> bool:
        (container,) = pod["containers"]
        assert container["command"] == ["opengrant"]
        args = container["args"]
        # The directory, the port and the names of Services are those of the cluster.
        env = environment | {"OPENGRANT_DATA_DIR": str(self.directory / "data"), "OPENGRANT_PORT": "0"}
        if kind == "Deployment":
            assert args == ["serve"]
            self.server = self.entered.enter_context(serving(self.directory, env))
            assert self.get(container["startupProbe"]["httpGet"]["path"]) == 200
            return self.get(container["readinessProbe"]["httpGet"]["path"]) == 200
        if kind == "Pod":
            assert self.server is not None
            assert (environment["OPENGRANT_HOST"], args.pop()) == ("opengrant", "80"), "the Service"
            env["OPENGRANT_HOST"] = "localhost"
            args.append(self.url.rpartition(":")[2])
        done = opengrant(self.directory, *args, env=env)
        self.printed.append(done.stdout + done.stderr)
        return done.returncode == 0

    @property
    def url(self) -> str:
        assert self.server is not None
        return re.sub(r"//[^:/]+", "//127.0.0.1", self.server.url)

    def get(self, path: str, **headers: str) -> int:
        return httpx.get(self.url + path, headers=headers).status_code


def test_helm_migrates_starts_tests_and_removes_a_release_whose_pods_run(tmp_path: Path, postgres: Postgres) -> None:
    """Helm at a cluster that is a stand-in; what it starts is OpenGrant, with PostgreSQL."""
    secret = {
        "OPENGRANT_DATABASE_URL": postgres.create_empty_database(),
        "OPENGRANT_MASTER_KEYS": KEY,
        "OPENGRANT_BOOTSTRAP_API_KEY": "k" * 48,
    }
    values = NEEDED | {"existingSecret": "", "secretSettings": secret}
    broken = values | {"secretSettings": secret | {"OPENGRANT_DATABASE_URL": "postgresql://og@127.0.0.1:1/og"}}
    containers = Containers(tmp_path)
    with containers.entered, Cluster(containers.run, errors) as cluster:
        steps = [("install", values), ("test", {}), ("upgrade", broken), ("uninstall", {})]
        installed, tested, upgraded, removed = helm.released(CHART, cluster.kubeconfig, steps)
        assert (installed, tested, removed) == ("", "", "")
        assert "pre-upgrade hooks failed" in upgraded
        assert ["The schema is up to date." in text for text in containers.printed] == [True, False, False]
        happened = [
            f"{verb} {kind} {name.removeprefix('opengrant').strip('-')}".strip() for verb, kind, name in cluster.changes
        ]
        migration = ["apply Secret migrate", "apply Job migrate", "run Job migrate", "delete Secret migrate"]
        started = happened[: happened.index("run Deployment") + 1]
        assert started[:4] == migration
        assert {*started[4:]} >= {"apply Secret", "apply ConfigMap settings", "apply Deployment", "run Deployment"}
        rest = happened[len(started) :]
        assert rest[:3] == ["apply Pod ready", "run Pod ready", "delete Pod ready"]
        # The failed migration changed nothing else.
        assert rest[3:8] == [migration[0], "delete Job migrate", *migration[1:]]
        assert {line.split()[0] for line in rest[8:]} == {"delete"}
        assert [name for _, _, name in cluster.objects] == ["opengrant-migrate"], "the Job, for its log"

        assert containers.get("/metrics") == 200
        assert containers.get("/v3/grants", **bearer("k" * 48)) == 200
        served = containers.server
        assert served is not None
        assert "k" * 48 not in served.printed + served.log.read_text()
        served.process.terminate()
        assert served.process.wait(60) == 0
