"""A message for each thing that an RFC on mail shows an example of, in our own words."""

from tests.mail.mime.corpus import lines, mixed

HEAD = ("From: Ana <ana@example.com>", "To: bob@example.test", "Date: Mon, 2 Mar 2026 09:00:00 +0100")

RFCS: dict[str, bytes] = {
    # RFC 5322, appendix A
    "A.1.1 a memo": lines(*HEAD, "Subject: A memo", "Message-ID: <a11@example.com>", "", "Nothing but this line."),
    "A.1.2 several mailboxes": lines(
        'From: "Ana B. Ray" <ana@example.com>',
        "To: Carl <carl@example.net>, dora@example.org, Eve <eve@lab.example.org>",
        'Cc: <frank@example.com>, "Big; \\"Bold\\" Shop" <shop@example.net>',
        "Subject: To many",
        "",
        "text",
    ),
    "A.1.3 groups": lines(
        "From: Ana <ana@example.com>",
        "To: Friends: Carl <carl@example.net>, dora@example.org;",
        "Cc: Undisclosed recipients:;",
        "Subject: To a group",
        "",
        "text",
    ),
    "A.2 a reply": lines(
        *HEAD,
        "Subject: Re: A memo",
        "Message-ID: <a2@example.com>",
        "In-Reply-To: <a11@example.com>",
        "References: <a0@example.com> <a11@example.com>",
        "",
        "text",
    ),
    "A.4 traced": lines(
        "Received: from one.example by two.example;",
        "   Mon, 2 Mar 2026 09:00:01 +0100",
        *HEAD,
        "Subject: On its way",
        "",
        "text",
    ),
    "A.5 blanks and comments": lines(
        "From: Ana(who is (I think) away) <ana(her box)@example.com>",
        "To: bob@example.test",
        "Subject: With",
        " a fold",
        "",
        "text",
    ),
    "A.6.1 an obsolete route": lines(
        "From: Ana <@one.example,@two.example:ana@example.com>", "Subject: Routed", "", "text"
    ),
    # RFC 2045 to 2049
    "2045 quoted-printable": lines(
        *HEAD,
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
        "",
        "A line that is cut =",
        "softly, an =3D sign, and Gr=C3=BC=C3=9Fe.",
        "A blank at the end=20",
    ),
    "2045 base64": lines(
        *HEAD,
        "Content-Type: text/html; charset=utf-8",
        "Content-Transfer-Encoding: base64",
        "",
        "PHA+R3LDvMOfZTwvcD4=",
    ),
    "2046 parallel": mixed(
        *("--outer", "Content-Type: audio/basic", "Content-Transfer-Encoding: base64", "", "AAAA"),
        *("--outer", "Content-Type: image/gif", "Content-Transfer-Encoding: base64", "", "R0lG", "--outer--"),
        kind="multipart/parallel; boundary=outer",
    ),
    "2046 an implicit text": mixed(
        "--outer", "", "implicit", "--outer", "Content-Type: text/plain", "", "explicit", "--outer--"
    ),
    "2046 external": lines(
        *HEAD,
        'Content-Type: message/external-body; access-type=URL; URL="http://example.com/a.ps"',
        "",
        "Content-Type: application/postscript",
        "Content-ID: <external@example.com>",
        "",
    ),
    "2046 partial": lines(
        *HEAD, 'Content-Type: message/partial; id="part@example.com"; number=2; total=3', "", "second piece"
    ),
    "2046 octets": lines(*HEAD, "Content-Type: application/octet-stream; padding=3", "", "abc"),
    "2047 words": lines(
        "From: =?ISO-8859-1?Q?Andr=E9?= Pirard <andre@example.com>",
        "To: =?utf-8?b?QsO2YiDigqw=?= <bob@example.test>",
        "Subject: =?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=",
        "    =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
        "",
        "text",
    ),
    "2047 underscores": lines(
        "From: ana@example.com", "Subject: a =?utf-8?q?b_c=5Fd?= e =?utf-8?q?f?=\t=?utf-8?q?g?=", "", "text"
    ),
    "2049 of everything": mixed(
        *("--outer", "", "plain, without a header", "--outer"),
        *(
            "Content-Type: multipart/alternative; boundary=inner",
            "",
            "--inner",
            "Content-Type: text/plain",
            "",
            "plain",
        ),
        *("--inner", "Content-Type: text/enriched", "", "<bold>rich</bold>", "--inner--", "", "--outer"),
        *("Content-Type: message/rfc822", "", "From: eve@example.com", "Subject: within", "", "inside", "--outer--"),
    ),
    # RFC 2231
    "2231 a charset and a language": mixed(
        *("--outer", "", "text", "--outer", "Content-Type: application/x-stuff"),
        "Content-Disposition: attachment; filename*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
        *("", "x", "--outer--"),
    ),
    "2231 in pieces": mixed(
        *("--outer", "", "text", "--outer", "Content-Type: application/x-stuff"),
        "Content-Disposition: attachment;",
        " filename*0*=utf-8''Gr%C3%BC;",
        " filename*1*=%C3%9Fe%20;",
        ' filename*2="from home.txt"',
        *("", "x", "--outer--"),
    ),
    # RFC 3676, 2183, 2387, 3462, 6532
    "3676 flowed": lines(
        *HEAD,
        "Content-Type: text/plain; charset=utf-8; format=flowed; delsp=no",
        "",
        "> Quoted and ",
        "> flowed on.",
        "",
        "Own words that ",
        "flow on.",
        "-- ",
        "Ana",
    ),
    "2183 inline and attached": mixed(
        *("--outer", "Content-Disposition: inline", "", "text", "--outer", "Content-Type: image/jpeg"),
        'Content-Disposition: attachment; filename="gen/ome.jpeg"; modification-date="Wed, 12 Feb 1997 16:29:51 -0500"',
        *("Content-Transfer-Encoding: base64", "", "/9j/", "--outer--"),
    ),
    "6532 in UTF-8": lines(
        "From: Jörg <jörg@exämple.com>",
        "To: 日本 <bob@example.test>",
        "Subject: Grüße, без слов",
        "Content-Type: text/plain; charset=utf-8",
        "",
        "Grüße",
    ),
}
