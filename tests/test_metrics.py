"""metrics.py: what Prometheus reads, from one process and from several.

Metrics belong to a process, so each test measures in one of its own.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from opengrant import metrics

PRINT = "import sys; body, kind = metrics.render(); sys.stdout.buffer.write(body)"

Sample = tuple[str, frozenset[tuple[str, str]]]


def run(*lines: str, env: dict[str, str] | None = None) -> str:
    """What a fresh process prints."""
    script = "\n".join(("from pathlib import Path", "from opengrant import metrics", *lines))
    environment = {key: value for key, value in os.environ.items() if key != "PROMETHEUS_MULTIPROC_DIR"} | (env or {})
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def samples(text: str) -> dict[Sample, float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(text: str, name: str, **labels: str) -> float:
    return samples(text)[name, frozenset(labels.items())]


def test_requests_are_counted_by_route_and_status_and_timed_by_route() -> None:
    text = run(
        "metrics.observe_request('GET', '/v3/grants/{id}', 200, 0.004)",
        "metrics.observe_request('GET', '/v3/grants/{id}', 200, 0.2)",
        "metrics.observe_request('GET', '/v3/grants/{id}', 404, 0.2)",
        PRINT,
    )
    route = "/v3/grants/{id}"
    assert value(text, "opengrant_http_requests_total", method="GET", route=route, status="200") == 2
    assert value(text, "opengrant_http_requests_total", method="GET", route=route, status="404") == 1
    assert value(text, "opengrant_http_request_seconds_count", route=route) == 3
    assert value(text, "opengrant_http_request_seconds_sum", route=route) == pytest.approx(0.404)
    assert value(text, "opengrant_http_request_seconds_bucket", route=route, le="0.005") == 1


def test_invented_methods_share_one_series() -> None:
    text = run(*(f"metrics.observe_request('M{number}', '/', 405, 0.1)" for number in range(50)), PRINT)
    assert value(text, "opengrant_http_requests_total", method="other", route="/", status="405") == 50


def test_provider_calls_and_verifications_have_series_of_their_own() -> None:
    text = run(
        "from opengrant.model import ProviderName",
        "metrics.observe_provider_call(ProviderName.GOOGLE, 'token', 'ok', 0.1)",
        "metrics.observe_verification('google', 'accepted', 0.3)",
        "metrics.observe_verification('google', 'reconnect', 0.3)",
        "metrics.count_dropped_log_records(7)",
        PRINT,
    )
    assert value(text, "opengrant_provider_calls_total", provider="google", leg="token", outcome="ok") == 1
    assert value(text, "opengrant_provider_call_seconds_count", provider="google", leg="token") == 1
    assert value(text, "opengrant_verifications_total", provider="google", outcome="accepted") == 1
    assert value(text, "opengrant_verification_seconds_count", provider="google") == 2
    assert value(text, "opengrant_log_records_dropped_total") == 7


def test_messages_that_wait_are_a_gauge_and_attempts_to_send_them_a_counter() -> None:
    text = run(
        *("metrics.set_scheduled_waiting(3)", "metrics.set_scheduled_waiting(2)"),
        *("metrics.count_scheduled_send('sent')", "metrics.count_scheduled_send('retried')"),
        "metrics.count_scheduled_send('sent')",
        PRINT,
    )
    assert value(text, "opengrant_scheduled_messages") == 2
    assert value(text, "opengrant_scheduled_sends_total", outcome="sent") == 2
    assert value(text, "opengrant_scheduled_sends_total", outcome="retried") == 1


def test_grants_are_a_gauge_and_a_number_that_is_gone_becomes_zero() -> None:
    text = run("metrics.set_grants({('google', 'valid'): 5})", "metrics.set_grants({('google', 'held'): 2})", PRINT)
    assert value(text, "opengrant_grants", provider="google", state="held") == 2
    assert value(text, "opengrant_grants", provider="google", state="valid") == 0
    assert value(text, "opengrant_grants", provider="zoom", state="invalid") == 0


def test_the_build_and_the_process_are_described_and_nothing_else() -> None:
    text = run("metrics.observe_verification('imap', 'accepted', 0.3)", PRINT)
    names = {name for name, _ in samples(text)}
    assert "opengrant_build_info" in names
    assert "opengrant_process_resident_memory_bytes" in names
    assert all(name.startswith("opengrant_") for name in names)
    assert not any(name.endswith("_created") for name in names)


def test_the_answer_says_what_format_it_is_in() -> None:
    assert run("print(metrics.render()[1])").strip() == "text/plain; version=0.0.4; charset=utf-8"


def test_any_worker_answers_for_all_of_them(tmp_path: Path) -> None:
    directory = tmp_path / "metrics"
    workers = (
        "import subprocess, sys",
        f"metrics.prepare_multiprocess(Path({str(directory)!r}))",
        'worker = \'from opengrant import metrics; metrics.observe_verification("zoom", "accepted", 0.5)\'',
        "for _ in range(3): subprocess.run([sys.executable, '-c', worker], check=True)",
        "metrics.observe_verification('zoom', 'accepted', 0.5)",
        PRINT,
    )
    text = run(*workers)
    assert value(text, "opengrant_verifications_total", provider="zoom", outcome="accepted") == 4
    assert value(text, "opengrant_verification_seconds_count", provider="zoom") == 4
    assert [labels for name, labels in samples(text) if name == "opengrant_build_info"] != []


def test_a_new_start_counts_from_zero_and_leaves_other_files_alone(tmp_path: Path) -> None:
    measure = (
        f"metrics.prepare_multiprocess(Path({str(tmp_path)!r}))",
        "metrics.observe_verification('zoom', 'accepted', 0.5)",
        PRINT,
    )
    (tmp_path / "notes.txt").write_text("mine")
    run(*measure)
    assert list(tmp_path.glob("*.db")) != []
    assert value(run(*measure), "opengrant_verifications_total", provider="zoom", outcome="accepted") == 1
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_preparing_too_late_is_an_error_and_not_a_silent_zero(tmp_path: Path) -> None:
    # This process has imported prometheus_client above.
    with pytest.raises(RuntimeError, match="imported already"):
        metrics.prepare_multiprocess(tmp_path)
