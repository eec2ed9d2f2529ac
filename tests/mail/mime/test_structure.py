"""What a server says of a message's parts, compared with what is found in its bytes."""

import imaplib
import random
import re
from dataclasses import replace
from email import policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengrant.mail.mime.index import index
from opengrant.mail.mime.parts import DEEPEST, MOST_PARTS, Part
from opengrant.mail.mime.structure import structure
from tests.mail.mime.corpus import BADLY, WELL
from tests.mail.mime.rfcs import RFCS

_TOKEN = re.compile(rb'\(|\)|"((?:[^"\\]|\\.)*)"|\{(\d+)\}\r\n|([^\s()"{]+)', re.DOTALL)


def value(text: bytes) -> list[object]:
    """The nested lists of a server's answer."""
    stack: list[list[object]] = [[]]
    at = 0
    while found := _TOKEN.search(text, at):
        at = found.end()
        if found[0] == b"(":
            stack.append([])
        elif found[0] == b")":
            done = stack.pop()
            stack[-1].append(done)
        elif found[1] is not None:
            stack[-1].append(re.sub(rb"\\(.)", rb"\1", found[1]))
        elif found[2] is not None:
            at += int(found[2])
            stack[-1].append(text[found.end() : at])
        else:
            stack[-1].append({b"NIL": None}.get(found[3].upper(), int(found[3]) if found[3].isdigit() else found[3]))
    return stack[0]


def answer(client: imaplib.IMAP4, number: str, what: str) -> list[object]:
    """The items of a FETCH."""
    status, data = client.fetch(number, f"({what})")
    assert status == "OK"
    text = b"".join(b"\r\n".join(part) if isinstance(part, tuple) else part for part in data if part is not None)
    items = value(text)[1]
    assert isinstance(items, list)
    return items


def without_size_of_messages(part: Part) -> Part:
    """Where a message within ends in a delimiter of its own, Dovecot counts the line end after it as well."""
    if part.parts:
        return replace(part, parts=tuple(map(without_size_of_messages, part.parts)))
    return replace(part, size=0) if part.kind == "message/rfc822" else part


GOOD = WELL | RFCS


@pytest.mark.parametrize("name", GOOD)
def test_the_same_parts_as_dovecot_finds(mailbox: imaplib.IMAP4, name: str) -> None:
    raw = GOOD[name]
    mailbox.append("Corpus", "", "", raw)
    number = str(mailbox.select("Corpus")[1][0], "ascii")
    found = index(raw)
    said = structure(answer(mailbox, number, "BODYSTRUCTURE")[1])
    assert without_size_of_messages(said) == without_size_of_messages(found.root)
    for part, other in zip(found.root.leaves(), said.leaves(), strict=True):
        start, end = found.bodies[part.number]
        content = answer(mailbox, number, f"BODY.PEEK[{part.number}]")[1]
        assert isinstance(content, bytes)
        assert content[: part.size] == raw[start:end]
        assert len(content) == other.size


@pytest.mark.parametrize("name", [name for name in BADLY if name != "nothing"])
def test_what_dovecot_says_of_bad_input_is_understood(mailbox: imaplib.IMAP4, name: str) -> None:
    mailbox.append("Corpus", "", "", BADLY[name])
    number = str(mailbox.select("Corpus")[1][0], "ascii")
    said = structure(answer(mailbox, number, "BODYSTRUCTURE")[1])
    for part in said.leaves():
        content = answer(mailbox, number, f"BODY.PEEK[{part.number}]")[1]
        assert len(content or b"") == part.size  # type: ignore[arg-type]


_SAID = st.recursive(
    st.none() | st.integers() | st.binary(max_size=8) | st.sampled_from([b"text", b"plain", b"multipart", b"mixed"]),
    lambda inner: st.lists(inner, max_size=12),
    max_leaves=40,
)


@given(_SAID)
def test_whatever_a_server_says_is_a_message(said: object) -> None:
    leaves = list(structure(said).leaves())
    assert leaves
    assert all(isinstance(part.size, int) and isinstance(part.kind, str) for part in leaves)


def test_what_a_server_says_is_bounded() -> None:
    leaf: list[object] = [b"text", b"plain", None, None, None, b"7bit", 1, 1]
    deep = leaf
    for _ in range(DEEPEST * 2):
        deep = [deep, b"mixed"]
    assert len(list(structure(deep).leaves())) == 1
    assert len(list(structure([*[leaf] * 5_000, b"mixed"]).leaves())) == MOST_PARTS - 1


@pytest.mark.parametrize(
    ("size", "found"), [(10, 10), (b"10", 10), (b"ten", 0), (None, 0), (-1, 0), (b"9" * 5_000, 0), ([], 0)]
)
def test_a_size_is_a_number(size: object, found: int) -> None:
    assert structure([b"text", b"plain", None, None, None, b"7bit", size, 1]).size == found


def test_a_description_may_be_short_or_in_upper_case() -> None:
    said = structure(
        [[b"TEXT", b"HTML"], [b"APPLICATION", b"PDF", [b"NAME", b"A.pdf"], b"<i>", None, b"BASE64", 4], b"MIXED"]
    )
    assert [(part.number, part.kind, part.filename, part.content_id, part.encoding) for part in said.leaves()] == [
        ("1", "text/html", None, None, "7bit"),
        ("2", "application/pdf", "A.pdf", "i", "base64"),
    ]


def part_of(chance: random.Random, depth: int = 0) -> EmailMessage:
    """A part as senders make them, of any kind, with parts within."""
    made = EmailMessage(policy=policy.SMTP)
    match chance.randrange(6 if depth < 4 else 4):
        case 0:
            made.set_content("Grüße " * chance.randrange(40), cte=chance.choice(("base64", "quoted-printable", "8bit")))
        case 1:
            made.set_content("<p>x</p>", subtype="html", charset="iso-8859-1")
        case 2:
            name = chance.choice(("a.pdf", "Grüße aus 日本.pdf", 'a/b "c".pdf', "x" * 200))
            made.set_content(chance.randbytes(chance.randrange(300)), "application", "pdf", filename=name)
        case 3:
            made.set_content(chance.randbytes(20), "image", "png", disposition="inline", cid="<one@example.com>")
        case 4:
            within = EmailMessage(policy=policy.SMTP)
            within["Subject"] = "within"
            within.set_content("text\n")
            made.set_content(within)
        case _:
            made.add_header("Content-Type", f"multipart/{chance.choice(('mixed', 'alternative', 'related', 'x-new'))}")
            for _ in range(chance.randrange(1, 4)):
                made.attach(part_of(chance, depth + 1))
    return made


def test_messages_of_any_build_are_the_same_to_dovecot(mailbox: imaplib.IMAP4) -> None:
    chance = random.Random(14)
    for _ in range(40):
        raw = part_of(chance).as_bytes()
        mailbox.append("Corpus", "", "", raw)
        number = str(mailbox.select("Corpus")[1][0], "ascii")
        said = structure(answer(mailbox, number, "BODYSTRUCTURE")[1])
        assert without_size_of_messages(said) == without_size_of_messages(index(raw).root), raw.decode()
