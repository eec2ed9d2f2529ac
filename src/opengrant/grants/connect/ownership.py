"""Whose mailbox it is: the rules that compare a proof with the grant that has the mailbox's key."""

from collections.abc import Iterable
from enum import Enum

from opengrant.errors import InvalidRequest, Overloaded, ReauthEmailInvalid
from opengrant.grants import refusals as outcome
from opengrant.grants.connect.proof import HOSTS, Proof
from opengrant.model import Application, Grant, Identity, ProviderName, mailbox_key, mailbox_keys
from opengrant.model.basics import text_in
from opengrant.providers.registry import OAUTH
from opengrant.store.grants import grants


class Standing(Enum):
    """What a proof is to the grant that has its mailbox's key."""

    RENEWS = "renews"
    """The same account, or one that may speak for the address as well as the grant does."""
    OUTRANKS = "outranks"
    """The grant only claims the address and the proof is vouched for: the proof gets the key and a new id."""


def standing(existing: Grant, proof: Proof, *, hosted: bool) -> Standing:
    """The one rule for every way in: docs/decisions/0005 has it as a table.

    hosted  the proof comes from a mailbox owner's browser, not from the holder of an API key
    Raises  InvalidRequest, ReauthEmailInvalid: they name the address and tell nothing of the other account
    """
    if existing.provider in OAUTH:
        return _of_account(existing, proof, hosted=hosted)
    if not hosted:
        return Standing.RENEWS
    if _other_server(existing, proof, proof.named):
        raise InvalidRequest(
            "This mailbox is connected through another server. Leave the server settings empty, or ask the"
            " application's team to change the server: they can, by POST /v3/connect/custom."
        )
    if not existing.vouched and not proof.named and _other_server(existing, proof, HOSTS):
        return Standing.OUTRANKS
    return Standing.RENEWS


def _of_account(existing: Grant, proof: Proof, *, hosted: bool) -> Standing:
    """The rule for OAuth accounts."""
    if same_account(existing, proof.identity):
        return Standing.RENEWS
    if proof.identity.vouched:
        return Standing.RENEWS if existing.vouched else Standing.OUTRANKS
    if hosted:
        raise ReauthEmailInvalid(
            f"{proof.identity.email} is connected with another account. Sign in with that account."
        )
    raise InvalidRequest(
        f"{proof.identity.email} is connected with another {existing.provider} account, and"
        f" {outcome.NAMES[existing.provider]} does not vouch that the address is this account's. Sign in with"
        " the account that the grant has. An API caller who knows that the address changed hands sends the new"
        " credentials to PATCH /v3/grants/{grant_id}."
    )


def same_account(existing: Grant, identity: Identity) -> bool | None:
    """Whether both are one account of the provider; None where that is not known.

    Compares subjects. Where one of them is absent (a Microsoft token without an id_token names no tenant), compares
    user ids: the provider assigns them, so an account cannot take another's.
    """
    for mine, theirs in ((existing.subject, identity.subject), (existing.user_id, identity.user_id)):
        if mine is not None and theirs is not None:
            return mine.lower() == theirs.lower()
    return None


def keys_of(app: Application, provider: ProviderName, identity: Identity) -> tuple[str, ...]:
    """The mailbox key, then those that an earlier release may have given it."""
    if app.identity_rule == "subject" and identity.subject is not None:
        return (f"subject:{identity.subject}",)
    return mailbox_keys(provider, identity.email)


def require_same_mailbox(app: Application, grant: Grant, identity: Identity) -> None:
    """Raises ReauthEmailInvalid."""
    if grant.mailbox_key.startswith(grants.ASIDE):
        same = mailbox_key(grant.provider, identity.email) == mailbox_key(grant.provider, grant.email)
    else:
        same = grant.mailbox_key in keys_of(app, grant.provider, identity)
    if not same:
        raise ReauthEmailInvalid(
            f"These credentials are of another mailbox than this grant's ({grant.email})."
            " Send them to POST /v3/connect/custom to make a grant of their own."
        )


def vouched_by_change(current: Grant, proof: Proof) -> bool:
    """Whether the address counts as proven after an API caller's change of the credential.

    A caller who moves a password grant to another server is trusted with it; the same server changes nothing.
    """
    if current.provider in OAUTH:
        return proof.identity.vouched
    return current.vouched or _other_server(current, proof, HOSTS)


def too_late(current: Grant, proof: Proof) -> bool:
    """Whether a newer credential is stored already. A proof without a secret is never too late.

    When the newer credential has ended meanwhile, this one is not stored either: both may descend from one consent,
    and then the newer has spent it. An invalid grant is no success to report. Raises Overloaded: sent once more, the
    credentials are the newest.
    """
    if proof.secret is None or current.asked <= proof.asked:
        return False
    if current.status == "invalid":
        raise Overloaded(
            "Another request connected this mailbox meanwhile, and that grant has ended. Send the credentials again.",
            retry_after=1,
        )
    return True


def _other_server(existing: Grant, proof: Proof, hosts: Iterable[str]) -> bool:
    """Whether one of these hosts differs.

    A server that an unknown user names proves nothing about the address, so a grant does not move there. It is
    renewed by the servers that it has, and by those that the address's own domain names.
    """
    pairs = ((text_in(existing.settings, host), text_in(proof.settings, host)) for host in hosts)
    return any(there is not None and here is not None and there.lower() != here.lower() for there, here in pairs)
