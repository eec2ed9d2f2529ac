"""Messages as senders write them, well and badly. Lines end in CRLF."""


def lines(*text: str | bytes) -> bytes:
    return b"\r\n".join(line.encode() if isinstance(line, str) else line for line in text) + b"\r\n"


def mixed(*text: str | bytes, kind: str = "multipart/mixed; boundary=outer") -> bytes:
    return lines("From: a@example.com", "Subject: odd", "MIME-Version: 1.0", f"Content-Type: {kind}", "", *text)


INNER = ("Content-Type: multipart/alternative; boundary=inner", "")
PLAIN = ("Content-Type: text/plain; charset=utf-8", "", "Grüße")
HTML = ("Content-Type: text/html; charset=utf-8", "", "<p>Grüße</p>")
PDF = (
    "Content-Type: application/pdf",
    "Content-Transfer-Encoding: base64",
    "Content-Disposition: attachment; filename=a.pdf",
    "",
    "JVBERi0xLjQK",
)

WELL: dict[str, bytes] = {
    "a text": lines("Subject: hello", "", "one", "two"),
    "no header": lines("", "only a body"),
    "an empty body": lines("Subject: nothing", ""),
    "a text in Latin 1": lines("Content-Type: text/plain; charset=iso-8859-1", "", "Grüße".encode("latin-1")),
    "two forms": mixed("--i", *PLAIN, "--i", *HTML, "--i--", kind="multipart/alternative; boundary=i"),
    "two forms and an attachment": mixed(
        "--outer", *INNER, "--inner", *PLAIN, "--inner", *HTML, "--inner--", "", "--outer", *PDF, "--outer--"
    ),
    "what stands around": mixed("before", "--outer", *PLAIN, "--outer--", "after", "--outer--", "--outer"),
    "a part without a header": mixed("--outer", "", "as it is", "--outer--"),
    "a part without a body": mixed("--outer", "Content-Type: text/plain", "", "--outer", *PLAIN, "--outer--"),
    "an empty part": mixed("--outer", "", "", "--outer", *PLAIN, "--outer--"),
    "a body that ends in blank lines": mixed("--outer", "", "text", "", "", "--outer--"),
    "blanks after the delimiter": mixed("--outer \t", *PLAIN, "--outer \t", *PDF, "--outer--  "),
    "marks in the boundary": mixed(
        "--=_(x)+_,-./:=? y", *PLAIN, "--=_(x)+_,-./:=? y--", kind='multipart/mixed; boundary="=_(x)+_,-./:=? y"'
    ),
    "lines that look like delimiters": mixed(
        "--outer", "", "--", "-- ", "--oute", "--inner", " --outer", "x--outer", "--outer--"
    ),
    "a long line": mixed("--outer", "", "x" * 100_000, "--outer", *PLAIN, "--outer--"),
    "40 KB of blanks": mixed("--outer", "", " " * 40_000, "\r\n" * 500, "--outer--"),
    "a digest": mixed(
        "--d",
        "",
        "Subject: one",
        "",
        "1",
        "--d",
        "",
        "Subject: two",
        "",
        "2",
        "--d--",
        kind="multipart/digest; boundary=d",
    ),
    "a message within": mixed(
        "--outer",
        *PLAIN,
        "--outer",
        "Content-Type: message/rfc822",
        "Content-Disposition: attachment; filename=fwd.eml",
        "",
        "Subject: within",
        "Content-Type: multipart/mixed; boundary=w",
        "",
        "--w",
        *PDF,
        "--w--",
        "--outer--",
    ),
    "nothing but a message within": lines("Content-Type: message/rfc822", "", "Subject: within", "", "text"),
    "a report": mixed(
        "--outer",
        *PLAIN,
        "--outer",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; example.com",
        "",
        "Action: failed",
        "--outer--",
        kind="multipart/report; report-type=delivery-status; boundary=outer",
    ),
    "an image in the text": mixed(
        "--outer",
        *HTML,
        "--outer",
        "Content-Type: image/png; name=dot.png",
        "Content-ID: <dot@example.com>",
        "Content-Disposition: inline; filename=dot.png",
        "Content-Transfer-Encoding: base64",
        "",
        "iVBORw0KGgo=",
        "--outer--",
        kind='multipart/related; boundary="outer"; type="text/html"',
    ),
    "a long name in pieces": mixed(
        "--outer",
        "Content-Type: application/octet-stream",
        "Content-Disposition: attachment; filename*0*=utf-8''%C3%A4;",
        " filename*1=plain; filename*2*=%20%E2%82%AC.txt",
        "",
        "x",
        "--outer--",
    ),
    "a name in encoded words": mixed(
        "--outer",
        'Content-Type: application/octet-stream; name="=?utf-8?b?w6QuYmlu?="',
        "",
        "x",
        "--outer--",
    ),
    "names with marks": mixed(
        "--outer",
        r'Content-Disposition: attachment; filename="../a \"b\" \\ c;d.txt"',
        "",
        "x",
        "--outer--",
    ),
    "odd cases and folds": mixed(
        "--outer",
        "content-TYPE:\tTEXT/HTML;\r\n\tCharset=UTF-8",
        "CONTENT-transfer-ENCODING:  Quoted-Printable",
        "",
        "<p>=C3=A4</p>=",
        "",
        "--outer--",
    ),
    "no end": mixed("--outer", *INNER, "--inner", *PLAIN, "--inner", *HTML),
    "an inner one without an end": mixed("--outer", *INNER, "--inner", *PLAIN, "--outer", *PDF, "--outer--"),
}
"""Dovecot, Python and this project see the same parts in these."""

BADLY: dict[str, bytes] = {
    "nothing": b"",
    "no line end": b"Subject: x",
    "no blank line": lines("Subject: x", "Content-Type: text/plain"),
    "lines that end in LF": b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n--b--\n",
    "line ends in CR": b"Subject: x\rContent-Type: text/html\r\rbody\r",
    "zero bytes": b"\0" * 1_000,
    "all bytes": bytes(range(256)) * 4,
    "no boundary": mixed("--outer", *PLAIN, "--outer--", kind="multipart/mixed"),
    "an empty boundary": mixed("--", *PLAIN, "----", kind='multipart/mixed; boundary=""'),
    "no delimiter": mixed("text that is no part", kind="multipart/mixed; boundary=outer"),
    "no part": mixed("--outer--"),
    "the same boundary within": mixed(
        *("--outer", "Content-Type: multipart/mixed; boundary=outer", "", "--outer", *PLAIN, "--outer--"),
        *("--outer", *PDF, "--outer--"),
    ),
    "a boundary that looks like an end": mixed("--b--", *PLAIN, "--b----", kind="multipart/mixed; boundary=b--"),
    "a header that ends at a delimiter": mixed("--outer", "Content-Type: text/html", "--outer", *PLAIN, "--outer--"),
    "no content type": lines("Content-Type: text", "", "x"),
    "a content type in Chinese": lines("Content-Type: 文/本; charset=文", "", "x"),
    "two content types": lines("Content-Type: text/html", "Content-Type: application/pdf", "", "x"),
    "raw bytes in the header": lines(
        "Subject: Gr\u00fc\u00dfe".encode("latin-1"), "From: \u00e4 <a@b.example>", "", "x"
    ),
    "header lines that are none": lines("From nobody Mon", ": x", "a b: c", "Subject : y", "", "x"),
    "an encoding that is none": lines("Content-Transfer-Encoding: x-uue; y", "", "x"),
    "a blank after the encoding": lines("Content-Transfer-Encoding: BASE64 ", "", "w6Q="),
}
