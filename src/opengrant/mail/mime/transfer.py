"""Transfer encodings: how a body of any bytes travels as lines of text (RFC 2045, section 6)."""

import binascii
import re

_LONGEST_LINE = 64 * 1024
_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))
_UNCUT = re.compile(rb"=[^\r\n]{0,1}\Z")


class Base64:
    """What is no digit is skipped; the first padding ends the data."""

    def __init__(self) -> None:
        self._rest = b""
        self._ended = False

    def feed(self, data: bytes) -> bytes:
        if self._ended:
            return b""
        digits, padding, _ = (self._rest + data.translate(None, _NOT_BASE64)).partition(b"=")
        if padding:
            self._ended, self._rest = True, b""
            return _quads(digits)
        whole = len(digits) - len(digits) % 4
        self._rest = digits[whole:]
        return binascii.a2b_base64(digits[:whole])

    def end(self) -> bytes:
        rest, self._rest, self._ended = self._rest, b"", True
        return _quads(rest)


def _quads(digits: bytes) -> bytes:
    """A last group of 2 or 3 digits is 1 or 2 bytes; a single digit is none."""
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))


class QuotedPrintable:
    """What is not encoded as it should be stays as it is."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        text = self._rest + data
        cut = text.rfind(b"\n") + 1
        if not cut and len(text) > _LONGEST_LINE:
            unfinished = _UNCUT.search(text, len(text) - 2)
            cut = len(text) if unfinished is None else unfinished.start()
        self._rest = text[cut:]
        return binascii.a2b_qp(text[:cut])

    def end(self) -> bytes:
        rest, self._rest = self._rest, b""
        return binascii.a2b_qp(rest)


class Identity:
    """7bit, 8bit, binary, and encodings that are not known."""

    def feed(self, data: bytes) -> bytes:
        return data

    def end(self) -> bytes:
        return b""


Decoder = Base64 | QuotedPrintable | Identity


def decoder(encoding: str) -> Decoder:
    """For a stream in pieces of any size: `feed` each, then `end` once; what they return is the body.

    encoding  the value of Content-Transfer-Encoding in lower case
    """
    match encoding:
        case "base64":
            return Base64()
        case "quoted-printable":
            return QuotedPrintable()
        case _:
            return Identity()


def decode(data: bytes, encoding: str) -> bytes:
    """A whole body."""
    reading = decoder(encoding)
    return reading.feed(data) + reading.end()
