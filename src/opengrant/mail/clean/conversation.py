"""What a message says by itself."""

import re
from collections.abc import Iterable
from dataclasses import replace

from opengrant.mail.clean.lines import lines
from opengrant.mail.clean.output import Line, Style
from opengrant.mail.clean.replies import without_ending, without_quotes
from opengrant.model.basics import record
from opengrant.model.mail import Body

# Soft hyphens and blanks without width fill the first lines of newsletters; tags and variation selectors, of which
# nothing is seen, carry whole texts past a reader to a language model; marks of direction turn what is seen around.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\u206a-\u206f"
    "\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]+"
    "|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]+|[\ufe00-\ufe0e]+|\ufe0f{2,}"
)


@record
class Options:
    """goodbyes: "Best regards" and what follows is left out. The others: of `Style`."""

    markdown: bool = False
    links: bool = False
    images: bool = False
    image_marks: bool = True
    tables: bool = False
    goodbyes: bool = True


def conversation(body: Body, options: Options) -> str:
    """In linear time; 256 KB take some 0.2 s."""
    content = _UNSEEN.sub("", body.content)
    if body.is_html:
        style = Style(options.markdown, options.links, options.images, options.image_marks, options.tables)
        found = [replace(line, text=_UNSEEN.sub("", line.text)) for line in lines(content, style)]
    else:
        found = [Line(one.rstrip()) for one in content.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    kept = without_ending(without_quotes(found), goodbyes=options.goodbyes)
    return "\n".join(_spaced(line.text and "> " * line.cited + line.text for line in kept)).strip("\n")


def _spaced(texts: Iterable[str]) -> Iterable[str]:
    """With one empty line at most wherever there are several."""
    empty = True
    for text in texts:
        if text or not empty:
            yield text
        empty = not text
