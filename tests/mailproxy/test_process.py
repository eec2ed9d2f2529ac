"""`opengrant serve` with the ports of the mail proxy: settings, TLS, the end."""

import imaplib
import signal
import socket
import ssl
from pathlib import Path

import pytest
import trustme

from tests.cli.test_commands import opengrant, serving
from tests.peers.processes import free_ports


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.mark.parametrize("workers", [1, 2])
def test_the_ports_open_with_tls_and_close_with_the_server(tmp_path: Path, authority: trustme.CA, workers: int) -> None:
    certificate, (port,) = tmp_path / "proxy.pem", free_ports(1)
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    env = {
        "OPENGRANT_PROXY__IMAP_PORT": str(port),
        "OPENGRANT_PROXY__CERTIFICATE": str(certificate),
        "OPENGRANT_WORKERS": str(workers),
    }
    with serving(tmp_path, env) as served:
        client = imaplib.IMAP4_SSL("localhost", port, ssl_context=trust, timeout=60)
        with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
            client.login("a@example.test", "no key")
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(60) == 0
        with pytest.raises((OSError, imaplib.IMAP4.abort)):
            client.noop()
        client.shutdown()


@pytest.mark.parametrize(
    ("env", "told"),
    [
        pytest.param({}, "OPENGRANT_PROXY__CERTIFICATE", id="no certificate"),
        pytest.param({"ALLOW_PLAINTEXT": "true", "HOST": "0.0.0.0"}, "OPENGRANT_PROXY__CERTIFICATE", id="for all"),
        pytest.param({"CERTIFICATE": __file__}, "PEM", id="no certificate in the file"),
    ],
)
def test_what_cannot_be_served_says_what_to_set(tmp_path: Path, env: dict[str, str], told: str) -> None:
    named = {f"OPENGRANT_PROXY__{name}": value for name, value in env.items()}
    done = opengrant(tmp_path, "serve", env={"OPENGRANT_PROXY__IMAP_PORT": "0", **named})
    assert done.returncode == 1
    assert told in done.stderr


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = str(held.getsockname()[1])
        env = {"OPENGRANT_PROXY__SMTP_PORT": port, "OPENGRANT_PROXY__ALLOW_PLAINTEXT": "true"}
        done = opengrant(tmp_path, "serve", env=env)
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert "OPENGRANT_PROXY__SMTP_PORT" in done.stderr


def test_without_tls_on_loopback_when_that_is_allowed(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    env = {"OPENGRANT_PROXY__IMAP_PORT": str(port), "OPENGRANT_PROXY__ALLOW_PLAINTEXT": "true"}
    with serving(tmp_path, env):
        client = imaplib.IMAP4("127.0.0.1", port, timeout=60)
        assert client.logout()[0] == "BYE"
