"""How addresses are compared, and the key that a mailbox has in a grant."""

import unicodedata

import idna

from opengrant.model.basics import ProviderName

_LONGEST_DOMAIN = 253
"""Characters. IDNA takes quadratic time, so longer domains are not tried."""


def fold(email: str) -> str:
    """How addresses are compared: lower-cased, NFC-normalised, the domain as A-labels where it has that form.

    Raises nothing for any text.
    """
    text = fold_case(email)
    local, at, domain = text.rpartition("@")
    if not at or domain.isascii() or len(domain) > _LONGEST_DOMAIN:
        return text
    try:
        return f"{local}@{idna.encode(domain, uts46=True, std3_rules=True).decode('ascii').lower()}"
    except ValueError:  # IDNAError and UnicodeError are subclasses
        return text


def fold_case(text: str) -> str:
    """Lower-cased and NFC-normalised, nothing else: how identifiers of virtual calendars are looked up."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())


def foldings(email: str) -> tuple[str, ...]:
    """`fold(email)` first, then the other spellings under which a stored row may have the same address.

    Releases up to 0.1 kept a domain as it was spelled. One item for nearly every address: only a domain with letters
    beyond ASCII has two spellings.
    """
    first, plain = fold(email), fold_case(email)
    local, at, domain = first.rpartition("@")
    if not at or not domain.isascii() or "xn--" not in domain or len(domain) > _LONGEST_DOMAIN:
        return tuple(dict.fromkeys((first, plain)))
    try:
        return tuple(dict.fromkeys((first, plain, f"{local}@{fold_case(idna.decode(domain))}")))
    except ValueError:
        return tuple(dict.fromkeys((first, plain)))


def mailbox_key(provider: ProviderName, email: str) -> str:
    """The part of a grant's identity that names the mailbox; virtual-calendar identifiers count as given."""
    return email if provider is ProviderName.VIRTUAL_CALENDAR else fold(email)


def mailbox_keys(provider: ProviderName, email: str) -> tuple[str, ...]:
    """`mailbox_key` first, then the keys that earlier releases would have given the same mailbox."""
    return (email,) if provider is ProviderName.VIRTUAL_CALENDAR else foldings(email)
