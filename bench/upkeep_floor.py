"""Upkeep's floor: refresh all that is due, and end.

One asyncio program over bench/floor.py's database and provider calls. It claims fifty grants at a time, each with a
lease that is durable before its provider is asked, and stores what came of each by compare-and-swap in one write with
the end of its lease. It has no budgets, no brake, no look at the grant again after the lease, no schedule between
sources, no metrics and no log.

Run as `python -m bench.upkeep_floor CONFIG CONCURRENCY`, CONFIG as of bench/floor.py; prints when it has begun and
what it did as JSON.
"""

import asyncio
import json
import sqlite3
import sys
import time
import uuid

import asyncpg
import uvloop

from bench.floor import HELD_WITH_CLIENT, Config, Floor, Held, start

_AT_ONCE = 50
_LEASE = 70 * 1_000_000
_SOURCES = "select distinct application_id, coalesce(credential_id, connector_id) from grants where due_at is not null"
_CLAIM = """
    insert into leases (application_id, subject, owner, until, attempts)
    select g.application_id, g.id, $3, $4, 1 from grants g
    where g.application_id = $1 and coalesce(g.credential_id, g.connector_id) = $2 and g.due_at <= $5
      and not exists (select 1 from leases l
                      where l.application_id = g.application_id and l.subject = g.id and l.until > $5)
    order by g.due_at limit $6
    on conflict (application_id, subject)
    do update set owner = excluded.owner, until = excluded.until, attempts = leases.attempts + 1
    where leases.until <= $5
    returning subject
"""
_CLAIMED = HELD_WITH_CLIENT.replace(
    "from grants g", "from leases l join grants g on g.application_id = $1 and g.id = l.subject"
)
_CLAIMED = _CLAIMED.replace("where g.application_id = $1 and g.id = $2", "where l.application_id = $1 and l.owner = $2")


async def _sources(config: Config) -> list[tuple[str, str]]:
    if config.database.startswith("postgresql://"):
        connection = await asyncpg.connect(config.database)
        rows = [(row[0], row[1]) for row in await connection.fetch(_SOURCES)]
        await connection.close()
        return rows
    with sqlite3.connect(config.database) as opened:
        return opened.execute(_SOURCES).fetchall()


async def _refresh_all(floor: Floor, sources: list[tuple[str, str]], concurrency: int) -> int:
    """All that is due of each source; how many there were."""
    under_way, done = set[asyncio.Task[None]](), 0

    async def one(application: str, grant: Held, owner: str) -> None:
        await floor.renew(application, grant, owner)

    for application, source in sources:
        while True:
            while len(under_way) > concurrency - _AT_ONCE:
                finished, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                for task in finished:
                    task.result()
            now, owner = time.time_ns() // 1000, str(uuid.uuid4())
            args = (application, source, owner, now + _LEASE, now, _AT_ONCE)
            rows = await floor.db.lease(_CLAIM, args, _CLAIMED, owner)
            if rows is None:
                break
            under_way |= {asyncio.create_task(one(application, Held(*row), owner)) for row in rows}
            done += len(rows)
    await asyncio.gather(*under_way)
    return done


async def main() -> None:
    config, concurrency = Config(**json.loads(sys.argv[1])), int(sys.argv[2])
    floor, sources = await start(config), await _sources(config)
    print(json.dumps({"sources": len(sources)}), flush=True)
    began, cpu = time.perf_counter(), time.process_time()
    done = await _refresh_all(floor, sources, concurrency)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"grants": done, "seconds": seconds, "cpu": cpu}), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
