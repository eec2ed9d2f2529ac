"""The benchmark runs by hand only: what it fills its databases with must fit the tables of today."""

import sqlite3
from pathlib import Path

import uvloop
from bench.databases import SIZES, prepare
from bench.rooms import EVENTS


def test_what_the_benchmark_prepares_fits_the_tables_of_today(tmp_path: Path) -> None:
    data = tmp_path / "data"
    sizes = dict.fromkeys(SIZES, 10)
    ports = dict.fromkeys(("http", "https", "imap", "smtp"), 1)
    scene, held = uvloop.run(prepare(data, None, ports=ports, floors_key=bytes(32), sizes=sizes))
    assert scene.ids["few"]
    assert held
    with sqlite3.connect(data / "opengrant.db") as connection:
        ((grants,),) = connection.execute("select count(*) from grants").fetchall()
        ((events,),) = connection.execute("select count(*) from calendar_events").fetchall()
    assert grants == sum(sizes.values()) + 1
    assert events == EVENTS
