"""Mail servers of well-known domains: data, not code.

Each row: the domains (`name.*` stands for a provider's national domains), IMAP, SMTP, and what the login is: the
full address or its local part. After a port, nothing means TLS from the first byte and `s` means STARTTLS.

Source  the public ISPDB as of 2026-03. Not confirmed there: fastmail, mailbox.org, IONOS, secureserver.net, the sister
        domains of AT&T, and the MX names of IONOS, Strato, OVH, Gandi and Hetzner. A wrong row costs a failed login
        attempt at that provider, never a password sent elsewhere than to a host of that name with a valid certificate.
"""

from typing import Literal, NamedTuple

Login = Literal["address", "local"]


class Row(NamedTuple):
    domains: str
    imap: str
    smtp: str
    login: Login = "address"


DOMAINS = (
    Row("gmail.com googlemail.com", "imap.gmail.com:993", "smtp.gmail.com:465"),
    Row("outlook.* hotmail.* live.* msn.com", "outlook.office365.com:993", "smtp-mail.outlook.com:587s"),
    Row(
        "yahoo.* ymail.com rocketmail.com myyahoo.com cox.net",
        "imap.mail.yahoo.com:993",
        "smtp.mail.yahoo.com:465",
    ),
    Row("aol.com aim.com verizon.net netscape.net compuserve.com", "imap.aol.com:993", "smtp.aol.com:465"),
    Row(
        "att.net bellsouth.net sbcglobal.net ameritech.net flash.net pacbell.net swbell.net",
        "imap.mail.att.net:993",
        "smtp.mail.att.net:465",
    ),
    Row("icloud.com me.com mac.com", "imap.mail.me.com:993", "smtp.mail.me.com:587s"),
    Row("comcast.net", "imap.comcast.net:993", "smtp.comcast.net:465"),
    # No `s` is missing here: TLS from the first byte, on 587.
    Row("charter.net spectrum.net", "mobile.charter.net:993", "mobile.charter.net:587"),
    Row("earthlink.net", "imap.earthlink.net:993", "smtpauth.earthlink.net:587s"),
    Row("gmx.net gmx.de gmx.at gmx.ch", "imap.gmx.net:993", "mail.gmx.net:465"),
    Row("gmx.com gmx.us gmx.co.uk gmx.fr gmx.es", "imap.gmx.com:993", "mail.gmx.com:465"),
    Row("web.de", "imap.web.de:993", "smtp.web.de:465", "local"),
    Row("t-online.de magenta.de", "secureimap.t-online.de:993", "securesmtp.t-online.de:465"),
    Row("posteo.*", "posteo.de:993", "posteo.de:465"),
    Row("mailbox.org", "imap.mailbox.org:993", "smtp.mailbox.org:465"),
    Row("orange.fr wanadoo.fr", "imap.orange.fr:993", "smtp.orange.fr:465"),
    Row("free.fr", "imap.free.fr:993", "smtp.free.fr:465", "local"),
    Row("laposte.net", "imap.laposte.net:993", "smtp.laposte.net:465", "local"),
    Row("sfr.fr neuf.fr", "imap.sfr.fr:993", "smtp.sfr.fr:465"),
    Row("libero.it iol.it", "imapmail.libero.it:993", "smtp.libero.it:465"),
    Row("tim.it", "imap.tim.it:143s", "smtp.tim.it:587s"),
    Row("alice.it", "in.alice.it:143s", "out.alice.it:587s"),
    Row("btinternet.com", "mail.btinternet.com:993", "mail.btinternet.com:465"),
    Row("sky.com", "imap.tools.sky.com:993", "smtp.tools.sky.com:465"),
    Row("virginmedia.com", "imap.virginmedia.com:993", "smtp.virginmedia.com:465"),
    Row("bluewin.ch", "imaps.bluewin.ch:993", "smtpauths.bluewin.ch:465"),
    Row("ziggo.nl", "imap.ziggo.nl:993", "smtp.ziggo.nl:587s"),
    Row("bigpond.com telstra.com", "imap.telstra.com:993", "smtp.telstra.com:465"),
    Row("yandex.ru yandex.com ya.ru", "imap.yandex.com:993", "smtp.yandex.com:465"),
    Row("mail.ru inbox.ru list.ru bk.ru", "imap.mail.ru:993", "smtp.mail.ru:465"),
    Row("seznam.cz email.cz", "imap.seznam.cz:993", "smtp.seznam.cz:465"),
    Row("wp.pl", "imap.wp.pl:993", "smtp.wp.pl:465", "local"),
    Row("o2.pl", "poczta.o2.pl:993", "poczta.o2.pl:465", "local"),
    Row("onet.pl", "imap.poczta.onet.pl:993", "smtp.poczta.onet.pl:465"),
    Row("zoho.com", "imap.zoho.com:993", "smtp.zoho.com:465"),
    Row("zoho.eu", "imap.zoho.eu:993", "smtp.zoho.eu:465"),
    Row("zoho.in", "imap.zoho.in:993", "smtp.zoho.in:465"),
    Row("zoho.com.au", "imap.zoho.com.au:993", "smtp.zoho.com.au:465"),
    Row("zoho.jp", "imap.zoho.jp:993", "smtp.zoho.jp:465"),
    Row("zohocloud.ca", "imap.zohocloud.ca:993", "smtp.zohocloud.ca:465"),
    Row("qq.com", "imap.qq.com:993", "smtp.qq.com:465"),
    Row("163.com", "imap.163.com:993", "smtp.163.com:465"),
    Row("126.com", "imap.126.com:993", "smtp.126.com:465"),
    Row("naver.com", "imap.naver.com:993", "smtp.naver.com:465"),
    Row("daum.net", "imap.daum.net:993", "smtp.daum.net:465"),
    Row("uol.com.br", "imap.uol.com.br:993", "smtps.uol.com.br:587s", "local"),
    Row("bol.com.br", "imap.bol.com.br:993", "smtps.bol.com.br:465", "local"),
    Row("fastmail.com", "imap.fastmail.com:993", "smtp.fastmail.com:465"),
)

# Ends of an MX host's name → servers of the domains it hosts. `{0}` is what stands for the `*`.
EXCHANGERS = (
    Row("google.com googlemail.com", "imap.gmail.com:993", "smtp.gmail.com:465"),
    Row("olc.protection.outlook.com", "outlook.office365.com:993", "smtp-mail.outlook.com:587s"),
    Row("protection.outlook.com mx.microsoft", "outlook.office365.com:993", "smtp.office365.com:587s"),
    Row("yahoodns.net", "imap.mail.yahoo.com:993", "smtp.mail.yahoo.com:465"),
    Row("icloud.com", "imap.mail.me.com:993", "smtp.mail.me.com:587s"),
    Row("zoho.com", "imappro.zoho.com:993", "smtppro.zoho.com:465"),
    Row("zoho.eu", "imappro.zoho.eu:993", "smtppro.zoho.eu:465"),
    Row("zoho.in", "imappro.zoho.in:993", "smtppro.zoho.in:465"),
    Row("zoho.com.au", "imappro.zoho.com.au:993", "smtppro.zoho.com.au:465"),
    Row("zoho.jp", "imappro.zoho.jp:993", "smtppro.zoho.jp:465"),
    Row("yandex.net", "imap.yandex.com:993", "smtp.yandex.com:465"),
    Row(
        "inbound-smtp.*.amazonaws.com",
        "imap.mail.{0}.awsapps.com:993",
        "smtp.mail.{0}.awsapps.com:465",
    ),
    Row("mxbiz1.qq.com mxbiz2.qq.com", "imap.exmail.qq.com:993", "smtp.exmail.qq.com:465"),
    Row("messagingengine.com", "imap.fastmail.com:993", "smtp.fastmail.com:465"),
    Row("ionos.com ionos.de 1and1.com", "imap.ionos.com:993", "smtp.ionos.com:465"),
    Row("kundenserver.de", "imap.1und1.de:993", "smtp.1und1.de:465"),
    Row("rzone.de", "imap.strato.de:993", "smtp.strato.de:465"),
    Row("ovh.net", "ssl0.ovh.net:993", "ssl0.ovh.net:465"),
    Row("gandi.net", "mail.gandi.net:993", "mail.gandi.net:465"),
    Row("your-server.de", "mail.your-server.de:993", "mail.your-server.de:465"),
    Row("secureserver.net", "imap.secureserver.net:993", "smtpout.secureserver.net:465"),
)

# Mail filters: their MX says nothing about where the mailboxes are.
FILTERS = ("mimecast.com", "pphosted.com", "ppe-hosted.com", "barracudanetworks.com", "messagelabs.com")

# End-to-end encrypted mail: IMAP only through the provider's own program on the user's machine.
WITHOUT_IMAP = frozenset(
    {"proton.me", "protonmail.com", "protonmail.ch", "pm.me", "tutanota.com", "tutanota.de", "tuta.com"}
)
