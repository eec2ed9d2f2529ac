"""Bytes of any charset as text."""

import codecs
import re
from encodings.aliases import aliases
from functools import lru_cache

_SAMPLE = 4_096
"""Bytes that are looked at to find out a charset."""
_SURE = 0.1
"""Of chardet's confidence. Below, short texts of Western Europe are taken for Cyrillic."""

_KNOWN = frozenset(
    {
        *("ascii", "utf_8", "utf_16", "utf_16_le", "utf_16_be", "utf_32", "latin_1"),
        *(f"iso8859_{number}" for number in (*range(2, 12), *range(13, 17))),
        *(f"cp{number}" for number in (*range(1250, 1259), 437, 850, 852, 866, 874, 932, 949)),
        *("koi8_r", "koi8_u", "mac_roman", "mac_cyrillic", "tis_620"),
        *("big5", "big5hkscs", "gb2312", "gbk", "gb18030", "hz", "euc_jp", "shift_jis", "euc_kr", "johab"),
        *("iso2022_jp", "iso2022_jp_1", "iso2022_jp_2", "iso2022_jp_ext", "iso2022_kr"),
    }
)
"""Python's codecs that are charsets of mail. Others are none (idna, unicode_escape), take quadratic time (punycode), or
make text that UTF-8 cannot hold (utf_7)."""

_WIDER = {
    "ascii": "utf_8",
    "latin_1": "cp1252",
    "iso8859_9": "cp1254",
    "iso8859_11": "cp874",
    "tis_620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "iso2022_jp": "iso2022_jp_ext",
}
"""What senders mean by a name, as browsers read it: the charset that has more characters."""

_MORE_NAMES = {
    "ks_c_5601_1987": "euc_kr",
    "x_sjis": "shift_jis",
    "x_gbk": "gbk",
    "utf8mb4": "utf_8",
    "iso_8859_8_i": "iso8859_8",
}
_NO_LETTER = re.compile(r"[^a-z0-9]+")


def codec(name: str | None) -> str | None:
    """The codec for a charset's name; None for none and for one that is not known.

    Python's own look-up is not asked: it remembers each name that it does not know, for good.
    """
    return None if name is None or len(name) > 40 else _codec(name)


@lru_cache(256)
def _codec(name: str) -> str | None:
    plain = _NO_LETTER.sub("_", name.lower()).strip("_")
    plain = _MORE_NAMES.get(plain, plain)
    found = aliases.get(plain, plain)
    return _WIDER.get(found, found) if found in _KNOWN else None


def decode(data: bytes, declared: str | None = None, *, cut: bool = False) -> str:
    """Text of bytes whose sender may have named the charset wrongly, or not at all.

    The declared charset, where it fits; else UTF-8, where it fits; else what the bytes look like; else the declared
    one, or cp1252, with U+FFFD for what cannot be read.

    cut  there was more, so that a last character may be incomplete: it is left out
    """
    named = codec(declared)
    for encoding in dict.fromkeys((named or "utf_8", "utf_8")):
        text = _fitting(data, encoding, cut=cut)
        if text is not None:
            return text
    looks = codec(_detected(data))
    text = None if looks is None else _fitting(data, looks, cut=cut)
    return data.decode(named or "cp1252", "replace") if text is None else text


def decode_brief(data: bytes) -> str:
    """Text of a few raw bytes in a header: UTF-8 where it fits, else cp1252. They are too few to guess from."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _fitting(data: bytes, encoding: str, *, cut: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data) if cut else data.decode(encoding)
    except UnicodeError:
        return None


def _detected(data: bytes) -> str | None:
    import chardet  # noqa: PLC0415  (its models take 30 MB, and few messages need them)

    found = chardet.detect(data[:_SAMPLE], encoding_era=chardet.EncodingEra.MODERN_WEB, prefer_superset=True)
    return found["encoding"] if found["confidence"] >= _SURE else None
