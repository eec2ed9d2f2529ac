"""Debian's Cyrus and Postfix, unpacked by `./dev check` into a folder and not installed: as packages they would push
out Dovecot and the machine's own mail server.
"""

import os
from pathlib import Path

ROOT = (Path("/var/cache") if os.geteuid() == 0 else Path.home() / ".cache") / "opengrant-peers"
"""Every user may enter it where root runs the tests: what these servers run as is another user then."""


def there() -> bool:
    return (ROOT / "complete").exists()


def libraries(*folders: str) -> str:
    """LD_LIBRARY_PATH for programs of there; folders: further ones."""
    found = [ROOT / folder for folder in folders]
    found += [*ROOT.glob("usr/lib/*-linux-gnu"), *ROOT.glob("lib/*-linux-gnu")]
    return ":".join(map(str, found))
