"""How long the event loop keeps others waiting while 500 mailboxes are verified at once against a real Dovecot.

`python -m bench.lag [NUMBER]`. Each verification is a whole connect: IMAP and SMTP login, sealing, one transaction.
The loop's lag is how much later than asked a timer of 5 ms fires. The clients are tasks on the same loop, so what is
measured is the worst case of one process that does nothing else.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import uvloop
from pydantic import SecretStr
from tests.peers.dovecot import ACCOUNTS, ELSEWHERE, Dovecot
from tests.support import settings_from

from opengrant.assembly.installation import installation
from opengrant.connectors.connectors import ConnectorFields
from opengrant.model import CustomConnect, ProviderName
from opengrant.model.logins import ImapLogin

EVERY = 0.005


async def _lags(stop: asyncio.Event) -> list[float]:
    found = []
    while not stop.is_set():
        asked = time.perf_counter() + EVERY
        await asyncio.sleep(EVERY)
        found.append(time.perf_counter() - asked)
    return found


async def _measure(dovecot: Dovecot, number: int, directory: str) -> None:
    settings = settings_from({"OPENGRANT_DATA_DIR": directory, **dovecot.settings()})
    username, password = next(iter(ACCOUNTS.items()))
    login = ImapLogin(
        imap_username=username,
        imap_password=SecretStr(password),
        imap_host=ELSEWHERE,
        imap_port=dovecot.imaps,
        smtp_host=ELSEWHERE,
        smtp_port=dovecot.submissions,
    )
    async with installation(settings) as installed:
        services = installed.services
        application = await services.applications.create("bench")
        await services.connectors.create(application, ProviderName.IMAP, ConnectorFields())
        ask = CustomConnect(login=login)
        await services.connect.custom(application, ask)
        stop = asyncio.Event()
        sampling = asyncio.create_task(_lags(stop))
        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(services.connect.custom(application, ask) for _ in range(number)))
        seconds, used = time.perf_counter() - began, time.process_time() - cpu
        stop.set()
        lags = sorted(await sampling)
    share = {name: lags[int(len(lags) * part)] * 1000 for name, part in (("p50", 0.5), ("p99", 0.99), ("max", 0.9999))}
    print(
        f"{number} verifications at once: {seconds:.1f} s, {used / number * 1000:.1f} ms CPU each;"
        f" loop lag p50 {share['p50']:.1f} ms, p99 {share['p99']:.1f} ms, max {share['max']:.1f} ms"
    )


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with Dovecot() as dovecot, tempfile.TemporaryDirectory() as directory:
        uvloop.run(_measure(dovecot, number, str(Path(directory) / "data")))


if __name__ == "__main__":
    main()
