"""Reading an input: gzip, lines, JSON and CSV, right and wrong, in pieces of any size and in bounded memory."""

import csv
import gzip
import io
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from opengrant.errors import InvalidPayload
from opengrant.imports.reading import LONGEST_LINE, CutOff, Format, Read, Reader, Row, Unread, format_of


def read(data: bytes, *, piece: int = 7, format_: Format | None = None) -> list[Read]:
    reader = Reader(format_)
    pieces = (data[start : start + piece] for start in range(0, len(data), piece))
    return [*(one for part in pieces for one in reader.feed(part)), *reader.end()]


def rows(found: list[Read]) -> list[tuple[int, object]]:
    return [(one.line, one.members) for one in found if isinstance(one, Row)]


def unread(found: list[Read]) -> dict[int, str]:
    return {one.line: one.reason for one in found if isinstance(one, Unread)}


def refusal(data: bytes) -> str:
    with pytest.raises(InvalidPayload) as refused:
        read(data)
    return refused.value.message


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:])])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_lines_of_json_with_any_ending_packed_or_not(ending: bytes, pack: object, mark: bytes) -> None:
    data = mark + ending.join([b'{"id": 1}', b"", b'  {"id": "\xc3\xa9"}', b'{"id": 3}'])
    assert callable(pack)
    for piece in (1, 5, 4096):
        assert rows(read(pack(data), piece=piece)) == [(1, {"id": 1}), (3, {"id": "é"}), (4, {"id": 3})]


def test_a_broken_line_is_refused_with_its_number_and_the_rest_goes_on() -> None:
    good = b'{"a": 1}\n'
    broken = [
        b'{"a" 1}\n',
        b'{"token": "sesame\n',
        b"[1]\n",
        b'"text"\n',
        b'{"a": NaN}\n',
        b'{"a": "\xe9"}\n',
        b'{"a": ',
    ]
    found = read(good + good.join(broken), piece=64)
    assert [line for line, _ in rows(found)] == [1, 3, 5, 7, 9, 11, 13]
    assert unread(found) == {
        2: "The line is not JSON, from column 6 on.",
        4: "The line is not JSON: its end is missing.",
        6: "The line is not a JSON object.",
        8: "The line is not a JSON object.",
        10: "The line is not JSON, from column 7 on.",
        12: "The line is not UTF-8: byte 8 is 0xE9. It may be Latin-1.",
        14: "The line is not JSON: its end is missing.",
    }
    assert not any("sesame" in str(one) for one in unread(found).values())


def test_a_line_of_ten_megabytes_is_passed_over_without_being_held() -> None:
    def lines() -> Iterator[bytes]:
        yield b'{"a": 1}\n{"a": "'
        for _ in range(10):
            yield b"x" * 1_000_000
        yield b'"}\n{"a": 3}\n'

    reader = Reader()
    tracemalloc.start()
    found = [one for part in lines() for one in reader.feed(part)]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows(found) == [(1, {"a": 1}), (3, {"a": 3})]
    assert unread(found) == {2: f"The line is longer than {LONGEST_LINE // 1024} KB."}
    assert most < 4_000_000


def test_half_a_gzip_gives_its_rows_and_says_where_it_ends() -> None:
    lines = [to_json({"id": number, "token": f"{number * 7919:x}"}) + b"\n" for number in range(5000)]
    whole = gzip.compress(b"".join(lines))
    found = read(whole[: len(whole) // 2], piece=4096)
    *_, last = found
    assert [line for line, _ in rows(found)] == [*range(1, len(rows(found)) + 1)]
    assert len(rows(found)) > 1000
    assert isinstance(last, Unread)
    assert "ends early" in last.reason

    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0xFF
    assert any("missing" in reason or "JSON" in reason for reason in unread(read(bytes(damaged), piece=4096)).values())


def test_a_bomb_of_gzip_is_expanded_in_pieces() -> None:
    bomb = gzip.compress(b"x" * 20_000_000)
    reader = Reader()
    tracemalloc.start()
    found = [*reader.feed(bomb), *reader.end()]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [*unread(found)] == [1]
    assert most < 6_000_000


@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        *(("utf-16", "UTF-16 "), ("utf-16-le", "UTF-16LE "), ("utf-16-be", "UTF-16BE ")),
        *(("utf-32", "UTF-32 "), ("utf-32-le", "UTF-32LE "), ("utf-32-be", "UTF-32BE ")),
    ],
)
def test_an_input_in_another_encoding_is_refused_as_a_whole(encoding: str, named: str) -> None:
    assert f"iconv -f {named}" in refusal('{"id": 1}\n'.encode(encoding))


def test_an_input_that_breaks_off_says_so_in_a_last_line() -> None:
    reader = Reader()
    found = [*reader.feed(b'{"id": 1}\n{"id'), *reader.end(CutOff("It was cut off.", "Copy it again."))]
    assert rows(found) == [(1, {"id": 1})]
    assert unread(found) == {2: "The line is not JSON: its end is missing.", 3: "It was cut off."}
    assert reader.cut_off is not None


def test_a_header_that_is_too_long_is_not_passed_over() -> None:
    columns = ",".join(f"c{number}" for number in range(60_000)).encode()
    with pytest.raises(InvalidPayload, match="the header is longer than 256 KB"):
        read(columns + b"\nid,name\n1,a\n", piece=4096, format_="csv")


def test_lines_that_end_with_cr_alone_are_named() -> None:
    assert "tr '\\r' '\\n'" in refusal(b"id,name\r1,a\r2,b\r")


def test_other_layouts_of_json_and_other_packers_are_named() -> None:
    for data in (b'[\n{"a": 1}\n]\n', b'{\n  "a": 1\n}\n', b'[{"a": 1}, {"a": 2}]\n'):
        assert "jq -c" in refusal(data)
    assert "zip" in refusal(b"PK\x03\x04 and so on")


def test_a_csv_with_quotation_marks_line_ends_and_empty_fields() -> None:
    data = b'id,name,password\r\n1,"Eve, the ""first""","a\r\nb"\r\n\r\n2,,x\r\n3,"last",'
    found = [(2, {"id": "1", "name": 'Eve, the "first"', "password": "a\r\nb"}), (5, {"id": "2", "password": "x"})]
    for piece in (1, 6, 4096):
        assert rows(read(data, piece=piece)) == [*found, (6, {"id": "3", "name": "last"})]
    assert rows(read("\ufeffid;name\n1;é\n".encode())) == [(2, {"id": "1", "name": "é"})]
    assert rows(read(b"id\tname\n1\tb\n")) == [(2, {"id": "1", "name": "b"})]


def test_a_wrong_record_of_a_csv_costs_its_first_line_only() -> None:
    lines = ["id,name", "1,a", '2,"b', "3,c", "4,d", '5,"e"x', "6", "7,h,i", "8,j", '9,"k', '10,l"']
    found = read("\n".join(lines).encode())
    assert rows(found) == [
        (line, {"id": str(line - 1), "name": name}) for line, name in ((2, "a"), (4, "c"), (5, "d"), (9, "j"))
    ] + [(10, {"id": "9", "name": "k\n10,l"})]
    assert [*unread(found)] == [3, 6, 7, 8]
    assert unread(found)[7] == "The line has 1 fields, the header has 2."


def test_a_quotation_mark_that_is_never_closed_does_not_swallow_the_file() -> None:
    lines = ["id,name", '1,"a', *(f"{number},{'x' * 100}" for number in range(2, 3000))]
    found = read("\n".join(lines).encode(), piece=65_536)
    assert [*unread(found)] == [2]
    assert len(rows(found)) == 2998


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (b"id,id\n1,2\n", "twice"),
        (b"id,,x\n1,2,3\n", "column 2 of the header has no name"),
        (b'id,"x\n1,2\n', "not closed"),
        (b"id,n\xe9\n1,2\n", "Latin-1"),
    ],
)
def test_a_header_that_cannot_be_used_refuses_the_whole_csv(header: bytes, told: str) -> None:
    assert told in refusal(header)


def test_the_format_is_seen_by_the_name_or_by_the_first_line() -> None:
    names = ("a.ndjson", "b.JSONL.gz", "c.csv", "d.csv.gz", "-", "e.txt")
    assert [format_of(name) for name in names] == ["ndjson", "ndjson", "csv", "csv", None, None]
    assert read(b"") == []
    assert read(b"\n\n") == []
    assert unread(read(b"id,name\n", format_="ndjson")) == {1: "The line is not JSON, from column 1 on."}


@given(st.binary(max_size=400), st.sampled_from(["ndjson", "csv"]), st.integers(1, 40))
def test_no_input_does_anything_but_give_rows_and_refusals(data: bytes, format_: Format, piece: int) -> None:
    try:
        found = read(data, format_=format_, piece=piece)
        again = read(data, format_=format_, piece=401)
    except InvalidPayload:
        return
    assert found == again
    assert [one.line for one in found] == sorted({one.line for one in found})


@given(st.lists(st.tuples(*[st.text('a",;\n \u2028é', max_size=6)] * 2), max_size=6), st.integers(1, 40))
def test_what_the_csv_module_writes_is_read_as_it_was(records: list[tuple[str, str]], piece: int) -> None:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([["a", "b"], *records])
    found = read(written.getvalue().encode(), piece=piece)
    expected = [{name: value for name, value in zip("ab", record, strict=True) if value} for record in records]
    assert [members for _, members in rows(found)] == expected
    assert unread(found) == {}
