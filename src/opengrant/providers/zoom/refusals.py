"""Zoom's words of refusal. Sources: Zoom's OAuth error pages, bodies seen in public issue threads."""

from collections.abc import Mapping
from dataclasses import replace

from opengrant.errors import Evidence
from opengrant.providers.oauth.refusals import (
    ACCESS_TOKEN,
    ACCOUNT_DISABLED,
    ACCOUNT_GONE,
    CLIENT,
    CLIENT_DISABLED,
    EXPIRED,
    GRANT_TYPE,
    OUTAGE,
    REDIRECT_URI,
    REVOKED,
    SCOPES_MISSING,
    THROTTLED,
    USER_MISSING,
    Words,
    standard,
)
from opengrant.providers.verdict import Verdict, bad_request, connector, gentlest

ENDPOINT_WRONG = connector("endpoint_wrong", "Check the provider's token URL in the settings.")
_CODES: Mapping[str, Verdict] = {
    "4700": OUTAGE,
    "4702": CLIENT,
    "4704": CLIENT,
    "4705": GRANT_TYPE,
    "4706": CLIENT,
    "4709": REDIRECT_URI,
    "4711": SCOPES_MISSING,
    "4717": CLIENT_DISABLED,
    "4732": OUTAGE,
    "4735": ACCOUNT_GONE,
    "4737": ACCOUNT_GONE,
    "4738": ACCOUNT_DISABLED,
    "4740": EXPIRED,
    "4741": REVOKED,
}

_CONCLUSIONS: Mapping[str, Verdict] = {
    "identity_scopes_missing": bad_request(
        "identity_scopes_missing",
        "Add user:read:user to the Zoom app's scopes, have the user consent, then connect again.",
    ),
    "address_unknown": bad_request("address_unknown", "The Zoom account has no mail address: connect another."),
}
_API: Mapping[str, Verdict] = {
    "124": ACCESS_TOKEN,
    "4711": SCOPES_MISSING,
    "1001": USER_MISSING,
    "429": THROTTLED,
}
_OWN_TOKEN = replace(REVOKED, own=True)
"""It is about the token: Zoom has other reasons for a wrong client or application."""


def _token(evidence: Evidence) -> Verdict | None:
    if evidence.code.casefold() == "invalid_request" and "invalid token" in evidence.text.casefold():
        return _OWN_TOKEN  # older answers, and some newer ones, for invalid_grant
    numbers = (_CODES.get(code) for code in (evidence.code, *evidence.subcodes))
    return gentlest([*numbers, standard(evidence)])


judge = Words(token=_token, api=_API, conclusions=_CONCLUSIONS, pages={404: ENDPOINT_WRONG}).judge
