"""Yahoo's words of refusal. Sources: Yahoo's OAuth error pages, bodies seen in public issue threads."""

from collections.abc import Mapping

from opengrant.errors import Evidence
from opengrant.providers.oauth.refusals import EXPIRED, OUR_REQUEST, REDIRECT_URI, REVOKED, SECRET, Words, standard
from opengrant.providers.verdict import Verdict, bad_request, reconnect

_WORDS: Mapping[str, Verdict] = {
    "invalid_refresh_token": REVOKED,
    "token_expired": EXPIRED,
    "account_not_authorized": reconnect("account_not_authorized", "This account may not use the app: connect another."),
    "underage_user": reconnect("account_not_authorized", "This account may not use the app: connect another."),
    "invalid_client_secret": SECRET,
    "invalid_callback": REDIRECT_URI,
    "invalid_redirect_uri": REDIRECT_URI,
    "unsupported_redirect_uri": REDIRECT_URI,
    "parameter_absent": OUR_REQUEST,
    "parameter_rejected": OUR_REQUEST,
    "invalid_input": OUR_REQUEST,
    "unsupported_over_http": OUR_REQUEST,
}

_CONCLUSIONS: Mapping[str, Verdict] = {
    "identity_scopes_missing": bad_request(
        "identity_scopes_missing", "Have the user consent to openid and email, then connect again."
    ),
    "email_not_verified": bad_request(
        "email_not_verified", "The user must verify the address at Yahoo before it can be connected."
    ),
}


def _token(evidence: Evidence) -> Verdict | None:
    return _WORDS.get(evidence.code.casefold()) or standard(evidence)


judge = Words(token=_token, conclusions=_CONCLUSIONS).judge
