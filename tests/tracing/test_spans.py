"""The spans themselves: what a hostile caller can do to them, and what an exception leaves in them."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import get_current_span

from opengrant.tracing.spans import Spans, parent_of
from tests.support import MARK, secret

TRACE, PARENT = "a1" * 16, "b2" * 8
VALID = f"00-{TRACE}-{PARENT}-01"


def found(*values: str) -> tuple[str, bool] | None:
    """The caller's trace, and whether it is sampled."""
    headers = [(b"traceparent", value.encode("latin-1")) for value in values]
    context = get_current_span(parent_of([(b"host", b"x"), *headers])).get_span_context()
    return (f"{context.trace_id:032x}", context.trace_flags.sampled) if context.is_valid else None


def test_a_valid_traceparent_names_the_callers_trace() -> None:
    assert found(VALID) == (TRACE, True)
    assert found(f"00-{TRACE}-{PARENT}-00") == (TRACE, False)
    assert found(f" \t{VALID} ") == (TRACE, True)
    assert found(f"cc-{TRACE}-{PARENT}-01-what-will-come") == (TRACE, True), "a later version may have more"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "-",
        VALID.upper(),
        f"{VALID}-more",
        f"{VALID}\n",
        f"{VALID},{VALID}",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{PARENT}-1",
        f"00-{TRACE}0-{PARENT}-01",
        f"00-{TRACE[:-1]}g-{PARENT}-01",
        f"cc-{VALID[3:]}-{'x' * 500}",
        "\xff" * 55,
        "\xb2" + VALID[1:],
    ],
)
def test_any_other_is_ignored(value: str) -> None:
    assert found(value) is None


def test_two_are_ignored() -> None:
    assert found(VALID, VALID) is None


@pytest.fixture
def sent() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def spans(sent: InMemorySpanExporter) -> Iterator[Spans]:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(sent))
    yield Spans(provider.get_tracer("test"))
    provider.shutdown()


def test_an_exception_leaves_its_class_and_not_its_message(spans: Spans, sent: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match=MARK), spans.inner("work", {}):
        raise ValueError(secret("quoted"))
    (span,) = sent.get_finished_spans()
    assert span.attributes == {"error.type": "ValueError"}
    assert MARK not in span.to_json()
    assert get_current_span().get_span_context().is_valid is False


def test_the_trace_of_an_event_goes_on_until_too_many_came_after(spans: Spans, sent: InMemorySpanExporter) -> None:
    with spans.inner("cause", {}) as cause:
        for number in range(5000):
            spans.remember(f"event-{number}")
    trace = cause.get_span_context().trace_id
    for number in (0, 4999, 4999):
        with spans.remote("deliver", {}, event_id=f"event-{number}"):
            pass
    assert [span.context.trace_id == trace for span in sent.get_finished_spans()[1:] if span.context] == [
        False,
        True,
        True,
    ]
