"""What a message says, and what is attached to it."""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser

from opengrant.mail.mime import charsets, transfer
from opengrant.mail.mime.parts import Part
from opengrant.model.basics import record
from opengrant.model.mail import Attachment, Body

SNIPPET = 100
"""Characters."""
SNIPPET_FROM = (1024, 16 * 1024)
"""Characters of a text that its snippet is made from: first few, as most texts need no more."""
_HEAD = 64 * 1024
"""Characters in which the body of HTML is looked for: styles may be longer than all that is said."""
_BODY = re.compile(r"<body[\s>]", re.IGNORECASE)

_NO_TEXT = ["head", "style", "script", "template", "noscript", "title"]
_WITHIN_A_LINE = frozenset(
    {
        *("a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font", "i", "ins"),
        *("kbd", "label", "mark", "nobr", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "tt"),
        *("u", "var", "wbr"),
    }
)
"""Elements that do not end a word."""
_FORMATTING = re.compile(
    r"""</?(?:a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[\s>/])
        (?>(?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*)>""",
    re.IGNORECASE | re.VERBOSE,
)
# Newsletters fill their first lines with these, so that nothing of the text is shown beside the subject.
_UNSEEN = re.compile("[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2060-\u2064\ufeff]+")


@record
class Texts:
    """The parts that a message's text is in; both where the sender gave two forms of it."""

    html: Part | None = None
    plain: Part | None = None

    @property
    def shown(self) -> Part | None:
        """HTML where there is one."""
        return self.html or self.plain


def texts(root: Part) -> Texts:
    """The first text of a message that is no attachment, in each form that it has."""
    return _texts(root) if root.parts else _form(root)


def _texts(part: Part) -> Texts:
    if not part.parts:
        return _form(part) if part.filename is None else Texts()
    found = [one for inner in part.parts if (one := _texts(inner)).shown is not None]
    if part.kind != "multipart/alternative":
        return found[0] if found else Texts()
    html = next((one.html for one in found if one.html is not None), None)
    return Texts(html, next((one.plain for one in found if one.plain is not None), None))


def _form(part: Part) -> Texts:
    if part.disposition == "attachment":
        return Texts()
    match part.kind:
        case "text/html":
            return Texts(html=part)
        case "text/plain":
            return Texts(plain=part)
        case _:
            return Texts()


def body(part: Part | None, data: bytes) -> Body:
    """The text of a message.

    part  of `texts`; None for a message that has no text
    data  its body as it was sent: encoded; or the beginning of it
    """
    if part is None:
        return Body("", "", is_html=False)
    decoded = transfer.decode(data, part.encoding)
    content = charsets.decode(decoded, part.parameters.get("charset"), cut=len(data) < part.size)
    is_html = part.kind == "text/html"
    return Body(content, snippet(content, is_html=is_html), is_html=is_html)


def snippet(content: str, *, is_html: bool) -> str:
    """The first characters of a text: without tags, and with one blank wherever there are several."""
    begins = _BODY.search(content, 0, _HEAD) if is_html else None
    start, said = 0 if begins is None else begins.start(), ""
    for most in SNIPPET_FROM:
        first = content[start : start + most]
        said = " ".join(_UNSEEN.sub("", _shown(first) if is_html else first).split())
        if len(said) > SNIPPET or len(content) <= start + most:
            break
    return said[:SNIPPET].rstrip()


def lines_of(html: str) -> str:
    """Its text as lines; where an element ends that is not within a line, one ends too."""
    return "\n".join(line for line in (" ".join(one.split()) for one in _shown(html, "\n").split("\n")) if line)


def _shown(html: str, between: str = " ") -> str:
    # A parser repeats formatting elements that are left open in each block that follows: 16 KB of them take it 0.3 s.
    tree = LexborHTMLParser(_FORMATTING.sub("", html))
    tree.strip_tags(_NO_TEXT, recursive=True)
    pieces = []
    for node in () if tree.body is None else tree.body.traverse(include_text=True):
        if node.tag == "-text":
            pieces.append(node.text_content or "")
        elif node.tag not in _WITHIN_A_LINE:
            pieces.append(between)
    return "".join(pieces)


def attachments(root: Part, said: Texts | None = None) -> tuple[Attachment, ...]:
    """All parts but the text, in their order; inline images among them. said: what `texts` finds, if it is known."""
    return tuple(_attachments(root, within="", said=said or texts(root)))


def _attachments(part: Part, *, within: str, said: Texts) -> Iterator[Attachment]:
    """within: the kind of the multipart that the part lies in."""
    for inner in part.parts:
        yield from _attachments(inner, within=part.kind, said=said)
    if part.parts or part in (said.html, said.plain) or _is_another_form(part, within):
        return
    inline = part.disposition == "inline" or (part.disposition is None and within == "multipart/related")
    yield Attachment(
        id=part.number,
        filename=part.filename,
        content_type=part.content_type,
        size=part.size,
        content_id=part.content_id,
        disposition=part.disposition,
        is_inline=inline and part.content_id is not None,
    )


def _is_another_form(part: Part, within: str) -> bool:
    """Of the same text, as for watches or in Markdown. An invitation is one too, and worth to be listed."""
    return (
        within == "multipart/alternative"
        and part.kind.startswith("text/")
        and part.kind != "text/calendar"
        and part.filename is None
    )
