"""Messages of the corpus with faults put into them: whatever is found in them can be stored, sent and shown."""

import os
import random
from itertools import pairwise

import pytest

from opengrant.mail.mime import headers
from opengrant.mail.mime.addresses import addresses
from opengrant.mail.mime.index import index
from opengrant.mail.mime.text import SNIPPET, attachments, body, texts
from tests.mail.mime.corpus import BADLY, WELL

CORPUS = [raw for raw in (*WELL.values(), *BADLY.values()) if len(raw) < 5_000]
BITS = [
    *(b"\r\n", b"\n", b"--outer", b"--inner", b"--", b"\0", b"\xff", b";", b"=", b'"', b"=?utf-8?b?", b"?=", b"*0*="),
    *(b"boundary=", b"multipart/", b"(", b"<", b":", b"Content-Type: "),
]


def with_faults(chosen: random.Random) -> bytes:
    raw = bytearray(chosen.choice(CORPUS))
    for _ in range(chosen.randint(1, 8)):
        place = chosen.randint(0, len(raw))
        match chosen.randrange(4):
            case 0:
                raw[place:place] = chosen.choice(BITS)
            case 1:
                del raw[place : place + chosen.randint(1, 30)]
            case 2:
                other = chosen.choice(CORPUS)
                start = chosen.randint(0, len(other))
                raw[place:place] = other[start : start + chosen.randint(1, 200)]
            case _:
                raw[place : place + 1] = bytes([chosen.randrange(256)])
    return bytes(raw)


# The same faults every time, so that a change is judged by itself; OPENGRANT_EXPLORE=1: more, and new ones.
SEEDS = random.Random().sample(range(1_000_000), 40) if "OPENGRANT_EXPLORE" in os.environ else range(4)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_message_with_faults(seed: int) -> None:
    chosen = random.Random(seed)
    for _ in range(500):
        raw = with_faults(chosen)
        found = index(raw)
        spans = [found.bodies[part.number] for part in found.root.leaves()]
        assert all(start <= end <= len(raw) for start, end in spans)
        assert all(one[1] <= other[0] for one, other in pairwise(spans))
        for _, value in found.headers.fields:
            said = [headers.text(value), *headers.parameterised(value)[1].values(), *headers.message_ids(value)]
            said += [text for one in addresses(value) for text in (one.email, one.name)]
            assert all(_is_one_line(text) for text in said)
            headers.date(value)
        for one in attachments(found.root):
            assert all(_is_one_line(text or "") for text in (one.content_type, one.filename, one.content_id))
        part = texts(found.root).shown
        shown = body(part, b"" if part is None else raw[slice(*found.bodies[part.number])])
        shown.content.encode("utf-8")  # no lone surrogate
        assert len(shown.snippet) <= SNIPPET


def _is_one_line(text: str) -> bool:
    text.encode("utf-8")  # no lone surrogate
    return not any(character < " " or "\x7f" <= character < "\xa0" for character in text)
