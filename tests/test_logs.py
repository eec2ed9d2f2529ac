"""logs/: one JSON object per line, blind to secrets, and never in anybody's way."""

import asyncio
import io
import json
import logging
import os
import re
import secrets
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from opengrant import logs
from opengrant.errors import InvalidRequest
from opengrant.logs.console import console_line
from opengrant.model import ProviderName

SECRET = "hunter2-hunter2"


@dataclass
class Log:
    """What the test's own context wrote: a server that another test left running may log at any time."""

    stream: io.BytesIO
    writer: logs.LogWriter
    mark: str

    def lines(self) -> list[bytes]:
        """Closes the writer, so it is asked at the end."""
        self.writer.close()
        return [line for line in self.stream.getvalue().split(b"\n") if self.mark.encode() in line]

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines()]

    def one(self) -> dict[str, Any]:
        (record,) = self.read()
        return record


@pytest.fixture
def start() -> Iterator[Callable[[str], Log]]:
    """Configures the process's logs for one test."""
    started: list[Log] = []
    root = logging.getLogger()
    before = structlog.get_config(), root.handlers[:], root.level
    mark = secrets.token_hex(8)

    def configured(level: str = "info") -> Log:
        stream = io.BytesIO()
        started.append(Log(stream, logs.configure(level, stream), mark))
        return started[-1]

    with structlog.contextvars.bound_contextvars(mark=mark):
        yield configured
    for log in started:
        log.writer.close()
    config, root.handlers[:], level = before
    structlog.configure(**config)
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.fixture
def log(start: Callable[[], Log]) -> Log:
    return start()


def written_by(*lines: str) -> list[dict[str, Any]]:
    """What a process of its own logs to standard error."""
    script = "\n".join(("import structlog", "from opengrant import logs", "logs.configure('info')", *lines))
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, timeout=60)
    assert ended.stdout == b""
    return [json.loads(line) for line in ended.stderr.splitlines()]


def raised(error: Exception) -> Exception:
    """The same, having passed a frame."""
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


def test_a_record_names_its_time_level_event_and_request_first(log: Log) -> None:
    before = datetime.now(UTC)
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        structlog.get_logger().warning("verification_failed", provider=ProviderName.ICLOUD, status=535, ms=12.5)
    record = log.one()
    assert list(record)[:4] == ["ts", "level", "event", "request_id"]
    assert (
        record.items()
        >= {
            "level": "warning",
            "event": "verification_failed",
            "request_id": "r-1",
            "provider": "icloud",
            "status": 535,
            "ms": 12.5,
        }.items()
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["ts"])
    written = datetime.fromisoformat(record["ts"])
    assert abs((written - before).total_seconds()) < 60


def test_what_is_logged_during_a_request_has_its_id(log: Log) -> None:
    token = logs.request_id.set("r-3")
    try:
        structlog.get_logger().info("ours")
        logging.getLogger("a.library").warning("theirs %s", log.mark)
    finally:
        logs.request_id.reset(token)
    structlog.get_logger().info("after")
    assert [record.get("request_id") for record in log.read()] == ["r-3", "r-3", None]


def test_the_line_of_a_request_is_written_as_it_is(log: Log) -> None:
    log.writer.put(logs.trusted_line("info", "request", "r-4", {"route": "/v3/grants", "ms": 1.5, "mark": log.mark}))
    (line,) = log.lines()
    assert list(json.loads(line)) == ["ts", "level", "event", "request_id", "route", "ms", "mark"]
    assert re.match(rb'\{"ts":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","level":"info","event":"request",', line)


def test_records_below_the_level_are_not_written(start: Callable[[str], Log]) -> None:
    log = start("warning")
    structlog.get_logger().info("too_quiet")
    structlog.get_logger().error("loud")
    assert [record["event"] for record in log.read()] == ["loud"]


def test_a_module_that_made_its_logger_early_follows_the_configuration(start: Callable[[], Log]) -> None:
    early = structlog.get_logger()
    first = start()
    early.info("one")
    first.writer.close()
    second = start()
    early.info("two")
    assert [record["event"] for record in first.read()] == ["one"]
    assert [record["event"] for record in second.read()] == ["two"]


def test_records_keep_the_order_in_which_a_thread_brought_them(log: Log) -> None:
    for number in range(3000):
        structlog.get_logger().info("step", number=number)
    assert [record["number"] for record in log.read()] == list(range(3000))


@pytest.mark.parametrize("text", ["a\r\nb", "a\u2028b", 'a"b\\', "\x00\x1b[31m", "Grüße 📬", "x" * 5000])
def test_no_text_breaks_a_line(log: Log, text: str) -> None:
    structlog.get_logger().info("odd", value=text, nested=[text])
    (line,) = log.lines()
    assert b"\r" not in line
    value = json.loads(line)["value"]
    assert value[:4096] == text[:4096]
    assert len(value) <= 4097


def test_a_lone_surrogate_is_written_as_json_escapes_it(log: Log) -> None:
    structlog.get_logger().info("odd", value="\ud800")
    assert log.one()["value"] == "\ud800"


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "imap_password",
        "app_passwd",
        "client_secret",
        "access_token",
        "refreshToken",
        "Authorization",
        "client_assertion",
        "key",
        "api_key",
        "master_keys",
        "Set-Cookie",
        "code_verifier",
        "credentials",
    ],
)
def test_a_value_under_a_secret_looking_key_is_masked_at_any_depth(log: Log, key: str) -> None:
    structlog.get_logger().info("odd", **{key: SECRET}, deep={"list": [{key: {"inner": SECRET}}]})
    record = log.one()
    assert SECRET not in str(record)
    assert record[key] == "***"
    assert record["deep"]["list"][0][key] == "***"


def test_what_is_only_about_a_secret_stays_readable(log: Log) -> None:
    about = {"key_id": "k1", "credential_id": "c1", "token_url": "https://x.test", "token_expires_at": 5, "tokens": 3}
    structlog.get_logger().info("fine", **about)
    assert log.one().items() >= about.items()


def test_bytes_and_foreign_objects_show_only_what_they_are(log: Log) -> None:
    @dataclass
    class Holder:
        text: str

    loop: list[Any] = []
    loop.append(loop)
    structlog.get_logger().info(
        "odd",
        raw=SECRET.encode(),
        blind=SecretStr(SECRET),
        thing=Holder(SECRET),
        loop=loop,
        nan=float("nan"),
        path=Path("a/b"),
    )
    record = log.one()
    assert SECRET not in str(record)
    assert record["raw"] == f"<{len(SECRET)} bytes>"
    assert record["blind"] == "<pydantic.types.SecretStr>"
    assert record["thing"].endswith("Holder>")
    assert (record["nan"], record["path"]) == ("nan", "a/b")


def test_an_exception_is_its_type_and_where_it_passed_without_its_words(log: Log) -> None:
    try:
        try:
            int(SECRET)
        except ValueError as cause:
            raise KeyError(SECRET) from cause
    except KeyError:
        structlog.get_logger().exception("request_failed")
    record = log.one()
    assert SECRET not in str(record)
    told = record["exception"]
    assert (record["level"], told["type"], told["cause"]["type"]) == ("error", "KeyError", "ValueError")
    (frame,) = told["frames"]
    assert re.fullmatch(r"test_logs\.py:\d+:test_an_exception_is_its_type_.*", frame)


def test_our_own_errors_are_quoted_because_we_worded_them(log: Log) -> None:
    structlog.get_logger().error("refused", exc_info=raised(InvalidRequest("settings.imap_port: not a port")))
    assert log.one()["exception"]["message"] == "settings.imap_port: not a port"


def test_debug_level_quotes_every_exception(start: Callable[[str], Log]) -> None:
    log = start("debug")
    structlog.get_logger().error("failed", exc_info=raised(ValueError("the words")))
    assert log.one()["exception"]["message"] == "the words"


def test_an_exception_group_shows_its_members(log: Log) -> None:
    group = ExceptionGroup(SECRET, [raised(ValueError(SECRET)), raised(OSError(SECRET))])
    structlog.get_logger().error("failed", exc_info=raised(group))
    record = log.one()
    assert SECRET not in str(record)
    assert [one["type"] for one in record["exception"]["exceptions"]] == ["ValueError", "OSError"]


def test_the_standard_library_writes_into_the_same_log(log: Log) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r-2"):
        logging.getLogger("uvicorn.error").info("Started server process [%d]", 7)
    record = log.one()
    assert (
        record.items()
        >= {
            "level": "info",
            "event": "Started server process [7]",
            "logger": "uvicorn.error",
            "request_id": "r-2",
        }.items()
    )


def test_libraries_are_not_heard_at_debug_level(start: Callable[[str], Log]) -> None:
    log = start("debug")
    logging.getLogger("imapclient").debug("> A1 LOGIN me %s", SECRET)
    structlog.get_logger().debug("ours")
    assert [record["event"] for record in log.read()] == ["ours"]


def test_a_wrong_format_string_of_a_library_is_still_a_record() -> None:
    (record,) = written_by("import logging", "logging.getLogger('library').warning('%d items', 'many')")
    assert record["event"] == "%d items"


def test_a_warning_becomes_a_record(log: Log) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("old habit", UserWarning, stacklevel=1)
    record = log.one()
    assert record["logger"] == "py.warnings"
    assert "old habit" in record["event"]


async def test_an_exception_nobody_retrieved_is_logged_without_its_words(log: Log) -> None:
    loop = asyncio.get_running_loop()
    error = raised(ValueError(SECRET))
    loop.default_exception_handler(
        {"message": "Task exception was never retrieved", "exception": error, "future": f"<Task exception={error!r}>"}
    )
    record = log.one()
    assert record["event"] == "Task exception was never retrieved"
    assert record["exception"]["type"] == "ValueError"
    assert SECRET not in str(record)


class Stuck(io.RawIOBase):
    """A reader that has stopped reading: a write waits until it is let go."""

    def __init__(self) -> None:
        self.writing = threading.Event()
        self.released = threading.Event()
        self.written = b""

    def write(self, data: Any) -> int:
        self.writing.set()
        self.released.wait(30)
        self.written += bytes(data)
        return len(data)


def test_a_reader_that_stops_reading_costs_records_and_not_time() -> None:
    stuck = Stuck()
    told: list[int] = []
    writer = logs.LogWriter(stuck, limit=10, on_drop=told.append)  # type: ignore[arg-type]
    record = {"ts": 0, "level": "info", "event": "step"}
    writer.put(dict(record))
    assert stuck.writing.wait(30)
    for _ in range(25):
        writer.put(dict(record))
    assert writer.dropped == 15
    stuck.released.set()
    writer.close()
    events = [json.loads(line) for line in stuck.written.splitlines()]
    assert [event["event"] for event in events].count("step") == 11
    assert [event["count"] for event in events if event["event"] == "log_records_dropped"] == [15]
    assert told == [15]


def test_a_reader_that_went_away_does_not_hurt_the_caller() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "wb", buffering=0) as stream:
        writer = logs.LogWriter(stream)
        writer.put({"ts": 0, "level": "info", "event": "step"})
        writer.close()
    assert writer.dropped == 1


def test_records_that_come_after_the_end_are_written_all_the_same(log: Log) -> None:
    log.writer.close()
    structlog.get_logger().info("late")
    assert log.one()["event"] == "late"


def test_a_process_that_ends_without_closing_still_writes_everything() -> None:
    records = written_by("for number in range(500): structlog.get_logger().info('step', number=number)")
    assert [record["number"] for record in records] == list(range(500))


def test_no_write_is_so_long_that_workers_sharing_a_pipe_could_mix_lines() -> None:
    class Pieces(io.BytesIO):
        sizes: list[int]

        def write(self, data: Any) -> int:
            self.sizes.append(len(data))
            return super().write(data)

    stream = Pieces()
    stream.sizes = []
    writer = logs.LogWriter(stream)
    for number in range(200):
        writer.put({"ts": 0, "level": "info", "event": "step", "number": number, "text": "x" * 100})
    writer.close()
    assert len(stream.sizes) > 1
    assert max(stream.sizes) <= 4096
    assert len(stream.getvalue().splitlines()) == 200


def test_lines_for_people_say_the_same_in_one_line_each_and_move_no_cursor() -> None:
    record = {
        "ts": "2026-01-31T08:15:00.123Z",
        "level": "warning",
        "event": "refused",
        "url": "http://x",
        "detail": "two words",
        "evil": "a\x1b[2Jb\nc\u202e",
        "exception": {"type": "E", "message": "m\x07", "frames": ["a.py:1:f"], "cause": {"type": "C", "frames": []}},
    }
    shown = console_line(json.dumps(record).encode(), colour=False).decode()
    assert shown.splitlines() == [
        '08:15:00 WARNING refused url=http://x detail="two words" evil=a\\x1b[2Jb\\nc\\u202e',
        "    E: m\\x07",
        "      at a.py:1:f",
        "    because of",
        "      C",
    ]
    assert "\x1b[33mWARNING" in console_line(json.dumps(record).encode(), colour=True).decode()


@pytest.mark.parametrize(("form", "starts"), [("json", b"{"), ("console", b"0"), ("auto", b"{")])
def test_a_log_that_goes_to_no_terminal_is_json_unless_lines_for_people_are_asked_for(form: str, starts: bytes) -> None:
    stream = io.BytesIO()
    before = structlog.get_config()
    writer = logs.configure("info", stream, form=form)
    structlog.get_logger().info("something", number=1)
    writer.close()
    structlog.configure(**before)
    line = stream.getvalue()
    assert (line[:1] == b"{") == (starts == b"{")
    assert b"something" in line
