"""What the store's tests run in processes of their own: `python -m tests.store.process TASK URL PATH`.

acknowledge  write rows forever, and print each one's name once the store says that it is durable
migrate      bring the schema up to date, and print the names of the migrations that ran, as a JSON list
"""

import asyncio
import itertools
import json
import os
import sys
from pathlib import Path

from opengrant.store.engine.open import open_store
from opengrant.store.engine.port import Statement, Steps, Store


def say(line: str) -> None:
    """One line to whoever started us, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def write_pair(name: str) -> Steps[None]:
    """Two rows that only exist together."""
    yield Statement("insert into pairs (name, half) values ($1, $2)", (name, 1))
    yield Statement("insert into pairs (name, half) values ($1, $2)", (name, 2))


async def acknowledge(store: Store) -> None:
    async def writer(number: int) -> None:
        for count in itertools.count():
            name = f"{os.getpid()}-{number}-{count}"
            await store.write(write_pair(name))
            say(name)

    await asyncio.gather(*(writer(number) for number in range(8)))


async def migrate(store: Store) -> None:
    say(json.dumps(await store.migrate()))


async def main(task: str, url: str, path: str) -> None:
    store = await open_store(database_url=url or None, sqlite_path=Path(path))
    await {"acknowledge": acknowledge, "migrate": migrate}[task](store)
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
