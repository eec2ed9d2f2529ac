"""imapflow, a mail library for Node, through the mail proxy: IDLE, CONDSTORE and streamed literals."""

from pathlib import Path
from typing import Any

from tests.mailproxy.support import Proxied
from tests.peers.nodejs import NodeScripts


def test_imapflow_works_as_with_the_server_itself(proxied: Proxied, grant: Any, key: str, workdir: Path) -> None:
    told = NodeScripts("imapflow", workdir).run("mailbox", {"port": proxied.imap, "user": grant["id"], "pass": key})
    assert "CONDSTORE" in told["enabled"]
    assert told["exists"] == 1
    assert told["size"] == told["wanted"]
    assert set(told["flags"]) - {"\\Recent"} == {"\\Seen", "\\Flagged"}
    assert told["subject"] == "flow"
    assert told["told"] == 2
