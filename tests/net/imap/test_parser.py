"""Answers of IMAP servers as values: what goes in comes out, however odd, and nothing takes long or deep."""

import contextlib
import imaplib
import sys
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengrant.net.imap.commands import read_date
from opengrant.net.imap.names import decode_name
from opengrant.net.imap.parser import MAX_DEPTH, Response, Status, ranges, read, values, weight
from opengrant.net.line_connection import Malformed

ATOMS = st.from_regex(rb"[A-Za-z\\$%][A-Za-z0-9.\-+:/$%]{0,12}", fullmatch=True).filter(
    lambda atom: atom.upper() != b"NIL"
)
STRINGS = st.binary(max_size=30)
VALUES = st.recursive(
    st.one_of(st.none(), st.integers(0, 1 << 32), STRINGS.map(lambda text: ("string", text)), ATOMS),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=30,
)


def written(value, literal) -> tuple[bytes, list[bytes]]:
    """A value as a server writes it: a line that goes on in further pieces. literal: whether a string is one."""
    match value:
        case None:
            return b"NIL", []
        case int():
            return b"%d" % value, []
        case bytes():
            return value, []
        case ("string", bytes(text)):
            if literal(text):
                return b"{%d}" % len(text), [text, b""]
            return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"', []
    return joined([written(one, literal) for one in value], b"(", b")")


def joined(parts, start, end) -> tuple[bytes, list[bytes]]:
    pieces = [start]
    for number, (line, more) in enumerate(parts):
        pieces[-1] += (b" " if number else b"") + line
        pieces += more
    pieces[-1] += end
    return pieces[0], pieces[1:]


def meant(value):
    match value:
        case ("string", text):
            return text
        case list():
            return [meant(one) for one in value]
    return value


@given(st.lists(VALUES, max_size=6))
def test_values_come_out_as_they_were_written(sent):
    line, more = joined(
        [written(one, lambda text: b"\r" in text or b"\n" in text or len(text) % 2) for one in sent], b"", b""
    )
    assert values([line, *more]) == [meant(one) for one in sent]


@given(st.binary(max_size=200), st.lists(st.binary(max_size=40), max_size=4))
def test_no_bytes_make_it_fail_in_another_way(line, more):
    pieces = [line.replace(b"\n", b""), *more] if len(more) % 2 == 0 else [line.replace(b"\n", b"")]
    with contextlib.suppress(Malformed):
        read(pieces)


@pytest.mark.parametrize(
    "line",
    [
        b"* 1 FETCH (",
        b"* 1 FETCH )",
        b'* LIST () "/" "open',
        b"* 1 FETCH ((a)",
        b"no star",
        b"",
        b"*",
        b"* 1 FETCH ({3)",
    ],
)
def test_what_is_not_closed_or_no_answer_is_refused(line):
    with pytest.raises(Malformed):
        read([line])


def test_lists_within_lists_have_a_bound_below_which_nothing_is_read():
    def innermost(read):
        while read and isinstance(read[0], list):
            read = read[0]
        return read

    assert innermost(values([b"(" * MAX_DEPTH + b"a" + b")" * MAX_DEPTH])) == [b"a"]
    for more in (1, 2, 100_000):
        within = b'a (b) "c" ' + b"(" * (more - 1)
        pieces = [b"(" * MAX_DEPTH + b"(" + within + b"{1}", b"d", b" e" + b")" * (MAX_DEPTH + more) + b" f"]
        assert innermost(values(pieces)[0]) == []
        assert values(pieces)[1] == b"f"
        with pytest.raises(Malformed):
            values([b"(" * (MAX_DEPTH + more) + b")" * (MAX_DEPTH + more - 1)])


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "piece",
    [
        *(
            b'"',
            b'\\"',
            b'"\\',
            b'"\\"',
            b"\\",
            b"(",
            b")",
            b"()",
            b"(a ",
            b"a",
            b"a ",
            b"1 ",
            b"NIL ",
            b'""',
            b" ",
            b"\0",
        ),
        *(b"BODY[", b"BODY[] ", b"body[<", b"{", b"{1", b"{1}", b"~{1} ", b"&", b"&AAA", b"]", b"[", b"\xff"),
    ],
)
def test_a_line_that_is_made_to_cost(piece):
    """A linear reader takes some milliseconds, a quadratic one minutes."""
    for before in (b"* 1 FETCH (", b'* 1 FETCH ("', b"* OK [A ", b"* ", b""):
        line = before + piece * (128 * 1024 // len(piece))
        with contextlib.suppress(Malformed):
            read([line])
        decode_name(line)
        read_date(line)


def test_a_part_has_one_name_whatever_blanks_and_brackets_it_has():
    found = read([b"* 7 FETCH (UID 9 BODY[HEADER.FIELDS (FROM TO)]<0> {2}", b"ab", b" body[1.2] NIL)"])
    assert found == Response("FETCH", 7, [[b"UID", 9, b"BODY[HEADER.FIELDS (FROM TO)]<0>", b"ab", b"body[1.2]", None]])


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"b1 OK done", Status(b"b1", "OK", "", b"", b"done")),
        (b"* ok [UIDVALIDITY 7] (fine", Status(b"*", "OK", "UIDVALIDITY", b"7", b" (fine")),
        (b"b2 NO [nonexistent] gone", Status(b"b2", "NO", "NONEXISTENT", b"", b" gone")),
        (b"b3 BAD", Status(b"b3", "BAD", "", b"", b"")),
        (b"* BYE [ALERT", Status(b"*", "BYE", "", b"", b"[ALERT")),
    ],
)
def test_a_status_is_told_from_data(line, status):
    assert read([line]) == status


@given(st.lists(st.integers(1, 400), min_size=1, max_size=60, unique=True))
def test_a_set_is_read_as_ranges(numbers):
    text = b",".join(b"%d" % number for number in numbers)
    assert ranges(text) == [(number, number) for number in numbers]
    assert ranges(b"4:2,9") == [(2, 4), (9, 9)]
    for wrong in (b"", b"1,", b"a", b"1:*", b"1:99999999999"):
        with pytest.raises(Malformed):
            ranges(wrong)


def test_flags_and_dates_are_read_as_the_standard_library_reads_them():
    line = b'12 (FLAGS (\\Seen Work) INTERNALDATE " 2-Mar-2026 08:00:00 +0100")'
    (response,) = [read([b"* 12 FETCH " + line.removeprefix(b"12 ")])]
    assert isinstance(response, Response)
    assert tuple(response.values[0][1]) == imaplib.ParseFlags(line)


@given(st.integers(1, 4_000_000_000), st.integers(-14 * 60, 14 * 60))
def test_dates_are_read_as_the_standard_library_reads_them(at, minutes):
    when = datetime.fromtimestamp(at, timezone(timedelta(minutes=minutes)))
    text = when.strftime("%d-%b-%Y %H:%M:%S %z")
    assert read_date(text.encode()) == when.timestamp()
    assert read_date(text.lower().encode()) == when.timestamp()


@pytest.mark.parametrize(
    "text", [b"", b"31-Feb-2026 08:00:00 +0000", b"01-Xyz-2026 08:00:00 +0000", b"01-Jan-0001 00:00:00 +1400"]
)
def test_what_is_no_date_is_none(text):
    assert read_date(text) == 0


@pytest.mark.parametrize("piece", [b"()", b"a ", b"1000 ", b'""', b'"a"', b"(a)", b"1,", b"BODY[1] ", b"((a b) NIL) "])
def test_a_line_weighs_what_its_values_take(piece):
    def size(value):
        return sys.getsizeof(value) + (sum(map(size, value)) if isinstance(value, list) else 0)

    line = b"* 1 FETCH " + piece * 10_000
    found = read([line])
    assert isinstance(found, Response)
    of_sets = sum(sys.getsizeof(one) + 2 * sys.getsizeof(1000) for one in ranges(b"1," * 9_999 + b"1"))
    assert size(found.values) <= 1.5 * weight(line)
    assert piece != b"1," or of_sets <= 2 * weight(line)
