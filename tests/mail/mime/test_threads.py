"""Conversations, with Dovecot's THREAD=REFS as the second opinion."""

import imaplib
import random
import re
from itertools import pairwise

import pytest

from opengrant.mail.mime.threads import Linked, grouped, named
from tests.mail.mime.corpus import lines


def linked(*messages: str) -> list[Linked]:
    """Each "d a b c": message d, which names a, b and c."""
    return [Linked(words[0], tuple(words[1:])) for words in (message.split() for message in messages)]


@pytest.mark.parametrize(
    ("messages", "conversations"),
    [
        ([], []),
        (["a", "b a", "c a b"], [["a", "b", "c"]]),
        (["c a b", "x", "a"], [["c", "a"], ["x"]]),
        (["b a", "c a"], [["b", "c"]]),  # the message that both answer is missing
        (["d c", "e a b c d", "b a"], [["d", "e", "b"]]),
        (["c b", "b", "e a b d"], [["c", "b", "e"]]),
        (["a", "a b", "b"], [["a"], ["b"]]),  # the same id again
        (["a b", "b a"], [["a", "b"]]),
        (["a a", "b a b"], [["a", "b"]]),
        (["a b c a"], [["a"]]),
    ],
)
def test_conversations(messages: list[str], conversations: list[list[str]]) -> None:
    assert grouped(linked(*messages)) == conversations


def test_what_a_message_names() -> None:
    assert named(["<a@x>", "<b@x>"], ["<c@x>"]) == ("<a@x>", "<b@x>")
    assert named([], ["<c@x>", "<d@x>"]) == ("<c@x>",)
    assert named([], []) == ()


@pytest.mark.parametrize("seed", range(3))
def test_the_same_conversations_as_dovecot_finds(mailbox: imaplib.IMAP4, seed: int) -> None:
    """Some messages are missing, and some name only the last few of their conversation."""
    chosen = random.Random(seed)
    chains: dict[str, tuple[str, ...]] = {}
    for number in range(60):
        message_id = f"<{seed}.{number}@example.com>"
        parent = chosen.choice([None, *chains]) if number % 10 else None
        chains[message_id] = () if parent is None else (*chains[parent], parent)
    kept = [one for one in chains if chosen.random() < 0.7]
    messages = [Linked(one, chains[one][-chosen.choice([1, 3, 100]) :]) for one in kept]
    chosen.shuffle(messages)
    for place, one in enumerate(messages):
        subject = f"Subject: {seed}.{place}"  # each its own: they do not count
        references = [f"References: {' '.join(one.named)}"] if one.named else []
        mailbox.append("Threads", "", "", lines(subject, f"Message-ID: {one.message_id}", *references, "", "x"))
    mailbox.select("Threads")
    status, data = mailbox.thread("REFS", "UTF-8", f"SUBJECT {seed}.")
    assert status == "OK"
    first = int(mailbox.search(None, f"SUBJECT {seed}.")[1][0].split()[0])
    found = {
        frozenset(messages[int(number) - first].message_id for number in group) for group in conversations(data[0])
    }
    assert found == {frozenset(group) for group in grouped(messages)}


def conversations(answer: bytes) -> list[list[str]]:
    """The numbers of each outermost list."""
    depth, found = 0, list[list[str]]()
    for token in re.findall(r"[()]|\d+", answer.decode()):
        if token == "(":
            depth += 1
            if depth == 1:
                found.append([])
        elif token == ")":
            depth -= 1
        else:
            found[-1].append(token)
    return found


@pytest.mark.timeout(120)
def test_long_conversations_cost_no_more_than_their_ids() -> None:
    chain = [str(number) for number in range(200_000)]
    one_by_one = [Linked(other, (one,)) for one, other in pairwise(chain)]
    assert grouped(one_by_one) == [chain[1:]]
    assert grouped(reversed(one_by_one)) == [chain[:0:-1]]
    assert grouped([Linked("last", tuple(chain))]) == [["last"]]
