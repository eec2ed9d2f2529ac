"""Lines of text or Markdown, put together of pieces."""

from dataclasses import dataclass, field, replace

DEEPEST = 6
"""Lists and quotations within each other that are indented: else a line may be longer than all that was sent."""


@dataclass(frozen=True, slots=True)
class Style:
    """How HTML is written. Links and images: whether they are named."""

    markdown: bool = False
    links: bool = False
    images: bool = False
    image_marks: bool = True
    tables: bool = False


@dataclass(slots=True)
class Line:
    """quote, signature: 0, or a number that the lines of one quotation, or signature, share.

    cited  how many passages that the writer cites lie around it
    """

    text: str
    quote: int = 0
    signature: int = 0
    cited: int = 0


@dataclass(slots=True)
class Output:
    """marks: of Markdown, that are open: they end with a line and begin again on the next. blank: as the last line."""

    lines: list[Line] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    blank: bool = True

    @property
    def after_blank(self) -> bool:
        """Whether a blank would be one too many."""
        return len(self.pieces) <= len(self.marks) or self.pieces[-1].endswith(" ")

    def raw(self, piece: str) -> None:
        if piece:
            self.pieces.append(piece)

    def unsaid(self, piece: str) -> bool:
        """Take back the last piece, if it is this one."""
        if self.pieces and self.pieces[-1] == piece:
            self.pieces.pop()
            return True
        return False

    def open_mark(self, mark: str) -> None:
        self.marks.append(mark)
        self.raw(mark)

    def close_mark(self, mark: str) -> None:
        self.marks.remove(mark)
        if self.unsaid(mark):
            return
        trailing = bool(self.pieces) and self.pieces[-1].endswith(" ")
        if trailing:
            self.pieces[-1] = self.pieces[-1].rstrip(" ")
        self.pieces.append(mark + (" " if trailing else ""))

    def add(self, where: Line, text: str) -> None:
        """A line of its own. where: what is known of its place."""
        self.lines.append(replace(where, text=text.rstrip()))

    def end_line(self, where: Line, *, paragraph: bool = False, kept: bool = False) -> None:
        """paragraph: an empty line follows. kept: a line without text counts, too."""
        text = "".join(self.pieces)
        for mark in reversed(self.marks):
            text = text.rstrip().removesuffix(mark) if text.rstrip().endswith(mark) else text.rstrip() + mark
        self.pieces[:] = self.marks
        if kept or text.strip(" |"):
            self.add(where, text)
            self.blank = False
        if paragraph and not self.blank:
            self.add(where, "")
            self.blank = True
