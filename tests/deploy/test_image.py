"""The Dockerfile and the compose files: what they would build and run, without a container daemon."""

import fnmatch
import ipaddress
import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
import yaml

from opengrant.cli.commands import app
from tests.cli.test_commands import bearer, first_key, serving
from tests.deploy.conftest import ROOT
from tests.peers import unpacked
from tests.peers.processes import free_ports, tied
from tests.support import settings_from

COMPOSE = ("compose.yaml", "compose.postgres.yaml")
SPECIFICATION = json.loads((ROOT / "tests/deploy/compose-spec.json").read_text())
CADDYFILE = ROOT / "deploy/caddy/Caddyfile"
CADDY = unpacked.ROOT / "usr" / "bin" / "caddy"
with_caddy = pytest.mark.skipif(not CADDY.exists(), reason="no caddy: `./dev check` fetches it")
GIVEN = {
    "OPENGRANT_DOMAIN": "grants.example.com",
    "POSTGRES_PASSWORD": "00ff",
    "OPENGRANT_MASTER_KEYS": "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
}


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage, as (name, rest)."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", "")
    found: list[list[tuple[str, str]]] = []
    for line in filter(None, text.splitlines()):
        name, _, rest = line.partition(" ")
        if name == "FROM":
            found.append([])
        if found:
            found[-1].append((name, rest))
    return found


def one(name: str) -> str:
    """The only such instruction of the image itself."""
    [rest] = [rest for found, rest in stages()[-1] if found == name]
    return rest


def environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in one("ENV").split())


def test_the_image_runs_as_a_user_without_rights_and_keeps_data_on_its_volume() -> None:
    user, group = map(int, one("USER").split(":"))
    assert user > 0
    assert group > 0
    env = environment()
    assert one("VOLUME") == one("WORKDIR") == env["OPENGRANT_DATA_DIR"]
    settings = settings_from({name: value for name, value in env.items() if name.startswith("OPENGRANT_")})
    assert one("EXPOSE") == str(settings.port)
    assert all(command in app for command in (json.loads(one("CMD"))[0], "ready"))
    assert one("HEALTHCHECK").endswith('CMD ["opengrant", "ready"]')
    assert json.loads(one("ENTRYPOINT")) == ["opengrant"]


def test_older_builders_know_the_options_of_the_health_check() -> None:
    """Docker 20.10, that of Debian 12, and Buildah 1.28 refuse `--start-interval`, which came in 2023."""
    assert set(re.findall(r"--([a-z-]+)=", one("HEALTHCHECK"))) <= {"interval", "timeout", "start-period", "retries"}


def test_what_is_copied_exists_and_nothing_else_reaches_the_build() -> None:
    ignored, *kept = (ROOT / ".dockerignore").read_text().split("*\n", 1)[1].splitlines()
    allowed = {line[1:] for line in [ignored, *kept] if line.startswith("!")}
    sources = [
        source
        for stage in stages()
        for name, rest in stage
        if name == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    assert set(sources) == allowed
    assert all((ROOT / source).exists() for source in sources)
    assert not any(fnmatch.fnmatch(name, pattern) for name in (".git", ".env", "opengrant-data") for pattern in allowed)


def test_a_shell_understands_each_step() -> None:
    steps = [rest for stage in stages() for name, rest in stage if name == "RUN"]
    assert len(steps) == 4
    for step in steps:
        checked = subprocess.run(["sh", "-n", "-c", step], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr


def composed(name: str) -> dict[str, Any]:
    """A compose file, with its variables filled in as compose does it."""

    def value(found: re.Match[str]) -> str:
        variable, operator, default = found.groups()
        if variable in GIVEN:
            return GIVEN[variable]
        assert operator == ":-", f"{variable} has neither a value nor a default"
        return default

    text = re.sub(r"\$\{(\w+)(?:(:-|:\?)([^}]*))?\}", value, (ROOT / name).read_text())
    content: dict[str, Any] = yaml.safe_load(text)
    return content


def refused(content: dict[str, Any]) -> list[str]:
    return [
        f"{list(error.instance_path)}: {error.message}" for error in jsonschema_rs.iter_errors(SPECIFICATION, content)
    ]


@pytest.mark.parametrize("name", COMPOSE)
def test_a_compose_file_is_one_that_compose_takes(name: str) -> None:
    content = composed(name)
    assert refused(content) == []
    wrong = next(iter(content["services"].values()))
    wrong["restrat"] = wrong.pop("restart")
    wrong["read_only"] = ["yes"]
    assert len(refused(content)) == 2


@pytest.mark.parametrize("name", COMPOSE)
def test_a_compose_file_is_whole(name: str) -> None:
    content = composed(name)
    services = content["services"]
    assert set(content) <= {"services", "volumes", "networks", "x-node"}
    used = set()
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        assert set(service.get("networks", [])) <= set(content.get("networks", {}))
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).is_file()
            else:
                used.add(source)
    assert used == set(content["volumes"])


@pytest.mark.parametrize("name", COMPOSE)
def test_its_nodes_are_locked_down_and_their_settings_are_accepted(name: str, tmp_path: Path) -> None:
    services = composed(name)["services"]
    nodes = {key: service for key, service in services.items() if service["image"] == "opengrant"}
    assert nodes
    for key, node in nodes.items():
        assert node["read_only"] is True
        assert node["cap_drop"] == ["ALL"]
        assert node["security_opt"] == ["no-new-privileges:true"]
        assert (ROOT / node["build"] / "Dockerfile").is_file()
        settings = settings_from({**node["environment"], "OPENGRANT_DATA_DIR": str(tmp_path)})
        assert int(node["stop_grace_period"].removesuffix("s")) >= 2 * settings.shutdown_grace
        [command] = node.get("command", ["serve"])
        assert command in app
        if command == "serve":
            assert any(volume.endswith(":/data") for volume in node["volumes"]), key


def test_caddy_leads_to_the_nodes_which_know_it_as_a_proxy() -> None:
    content = composed("compose.postgres.yaml")
    nodes = {key for key, service in content["services"].items() if key.startswith("node-")}
    assert set(re.findall(r"(\S+):8080", CADDYFILE.read_text())) == nodes
    assert len(nodes) == 2
    [[subnet]] = [[config["subnet"] for config in content["networks"]["inside"]["ipam"]["config"]]]
    proxies = content["services"]["node-1"]["environment"]["OPENGRANT_PROXIES"].split(",")
    assert ipaddress.ip_network(subnet) in map(ipaddress.ip_network, proxies)
    assert content["services"]["postgres"].get("ports") is None
    for key in nodes:
        waited = content["services"][key]["depends_on"]
        assert waited == {"migrate": {"condition": "service_completed_successfully"}}


def caddy(*arguments: str, config: Path, directory: Path) -> list[str | Path]:
    environment = ["env", f"HOME={directory}", "OPENGRANT_DOMAIN=grants.example.com"]
    return [*environment, CADDY, *arguments, "--config", config, "--adapter", "caddyfile"]


@with_caddy
def test_caddy_reads_its_file(tmp_path: Path) -> None:
    command = caddy("validate", config=CADDYFILE, directory=tmp_path)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Valid configuration" in done.stdout
    assert '"level":"warn"' not in done.stderr, "caddy fmt writes it in Caddy's own form"


@with_caddy
def test_caddy_lets_users_through_and_keeps_operators_to_private_networks(tmp_path: Path) -> None:
    """The file twice, without TLS and for two ports; to the second one, this machine's address is not a private one."""
    with serving(tmp_path) as served:
        private, public, dead = free_ports(3)
        node = served.url.removeprefix("http://")
        site = CADDYFILE.read_text().replace("node-1:8080", node).replace("node-2:8080", f"127.0.0.1:{dead}")
        inside = site.replace("{$OPENGRANT_DOMAIN}", f"http://127.0.0.1:{private}")
        outside = site.replace("{$OPENGRANT_DOMAIN}", f"http://127.0.0.1:{public}")
        outside = outside.replace("private_ranges", "10.0.0.0/8")
        (tmp_path / "Caddyfile").write_text("{\n\tadmin off\n}\n" + inside + outside)
        command = caddy("run", config=tmp_path / "Caddyfile", directory=tmp_path)
        with (tmp_path / "caddy.log").open("wb") as log:
            running = subprocess.Popen([*tied(), *command], stdout=log, stderr=log)
        try:
            urls = {port: f"http://127.0.0.1:{port}" for port in (private, public)}
            await_answer(urls[public], running, tmp_path / "caddy.log")
            with httpx.Client() as client:
                for port, url in urls.items():
                    for path in ("/healthz", "/readyz", "/metrics"):
                        assert client.get(url + path).status_code == 403, path
                    users = client.get(f"{url}/v3/grants", headers=bearer(first_key(served.printed)))
                    assert users.status_code == 200
                    for path in ("/console", "/v3/console/session", "/v3/admin/applications"):
                        assert (client.get(url + path).status_code == 403) is (port == public), path
        finally:
            running.kill()
            running.wait()


def await_answer(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            httpx.get(url)
        except httpx.TransportError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        else:
            return
