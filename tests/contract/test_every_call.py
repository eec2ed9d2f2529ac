"""Each call of mail that an official SDK has is made by some test with that SDK."""

import inspect
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

from nylas import Client

from tests.peers.nodejs import NodeScripts

RESOURCES = ("attachments", "drafts", "folders", "messages", "threads")
UNSERVED = {
    *("attachments.create_upload_session", "attachments.complete_upload_session"),
    *("attachments.createUploadSession", "attachments.completeUploadSession"),
}
"""Of Microsoft grants alone: test_unserved_paths.py makes them."""
TESTS = Path(__file__).parent
SCRIPTS = TESTS.parent / "peers" / "node_sdk"


def left_out(calls: Iterable[str], directory: Path, pattern: str) -> list[str]:
    """Those of `resource.method` that no file calls."""
    text = "\n".join(path.read_text() for path in sorted(directory.glob(pattern)))
    return sorted(call for call in set(calls) - UNSERVED if not re.search(rf"\b{re.escape(call)}\(", text))


def test_of_the_python_sdk() -> None:
    client = Client(api_key="none")
    calls = [
        f"{resource}.{name}"
        for resource in RESOURCES
        for name, method in inspect.getmembers(getattr(client, resource), inspect.ismethod)
        if not name.startswith("_") and name in vars(type(getattr(client, resource)))
    ]
    assert len(calls) > 25
    assert left_out(calls, TESTS, "*.py") == []


def test_of_the_node_sdk() -> None:
    given = {"apiKey": "none", "apiUri": "http://localhost", "resources": RESOURCES}
    with tempfile.TemporaryDirectory(prefix="og-node-sdk-") as directory:
        calls = NodeScripts("node_sdk", Path(directory)).run("calls", given)
    assert len(calls) > 25
    assert left_out(calls, SCRIPTS, "*.mjs") == []
