"""Microsoft's words of refusal: a user's refresh token, and an app that an administrator consented to.

Sources  Microsoft Entra "error codes" (AADSTS), Graph "error responses", bodies seen in public issue threads.
Quirks   Entra says `invalid_grant` when it means "slow down". Exchange says with the same word that the app lacks a
         permission and that it may not have this mailbox.
"""

from collections.abc import Mapping
from dataclasses import replace

from opengrant.errors import Evidence
from opengrant.providers.oauth.refusals import (
    ACCESS_TOKEN,
    ACCOUNT_DISABLED,
    ADMIN,
    ASSERTION,
    CLIENT,
    CLIENT_DISABLED,
    CONSENT,
    EXPIRED,
    GRANT_TYPE,
    MAILBOX_MISSING,
    MALFORMED,
    NO_MAILBOX,
    NOT_IN_DIRECTORY,
    OUR_REQUEST,
    OUTAGE,
    REDIRECT_URI,
    REVOKED,
    SCOPE_INVALID,
    SCOPES_MISSING,
    SECRET,
    SIGN_IN,
    THROTTLED,
    USER_MISSING,
    USER_UNKNOWN,
    Words,
    standard,
)
from opengrant.providers.verdict import Kind, Verdict, bad_request, connector, gentlest, reconnect, slow

MFA = reconnect("second_factor_required", "The mailbox owner must sign in again and pass the second factor.")
DEVICE = reconnect("device_sign_in_required", "The mailbox owner must sign in again from a registered device.")
PASSWORD = reconnect("password_expired", "The mailbox owner must renew the password, then sign in again.")
BAD_PASSWORD = reconnect("sign_in_refused", "The mailbox owner must sign in again with the right password.")
LOCKED = reconnect("account_locked", "The account is locked: its owner must unlock it, then sign in again.")
ADMIN_CONSENT = reconnect("admin_consent_required", "An administrator must consent to the app; then sign in again.")
NOT_ASSIGNED = reconnect("user_not_assigned", "An administrator must assign the user to the app; then sign in again.")
OTHER_TENANT = reconnect("account_of_other_tenant", "This kind of account cannot use the app: connect one that can.")
CLIENT_UNKNOWN = connector(
    "client_unknown",
    "Check the client id and tenant: the provider does not know this app there; in a customer's tenant it is known once"
    " an administrator has consented to it.",
)
SECRET_EXPIRED = connector(
    "client_secret_expired", "Make a new client secret at the provider; put it into the connector."
)
SECRET_MISSING = connector("client_secret_missing", "This app needs a client secret: add it to the connector.")
PUBLIC_CLIENT = connector("public_client", "This app is a public client: remove the secret from the connector.")
WRONG_AUTHORITY = connector("wrong_authority", "Set the connector's tenant to one that fits the app's account types.")
TENANT = connector("tenant_unknown", "Check the connector's tenant: the provider does not know it.")
OTHER_CLOUD = connector("other_cloud", "The tenant lives in another national cloud: set that cloud's endpoints.")
APP_PERMISSIONS = connector("app_permissions", "Correct the app's permissions or subscription at the provider.")
RESOURCE = connector(
    "resource_unknown", "The tenant does not have the resource: check scopes and the app's permissions."
)
NO_USER = replace(NOT_IN_DIRECTORY, retryable=True, retry_after=900)
NOT_CONSENTED = connector(
    "admin_consent_required", "An administrator of the tenant must consent to the app's application permissions."
)
ROLES_MISSING = connector(
    "scopes_missing",
    "An administrator must grant the app User.Read.All and a permission for mail, calendars or mailbox settings,"
    " as application permissions, and consent to them.",
)
EXCLUDED = connector(
    "mailbox_excluded", "An Exchange administrator's access policy keeps the app out of this mailbox: extend it."
)
POLICY = connector("admin_policy", "An administrator's policy blocks the credential: ask the administrator.")

_CONCLUSIONS: Mapping[str, Verdict] = {
    "identity_scopes_missing": bad_request(
        "identity_scopes_missing",
        "Have the user consent to User.Read, or to openid, profile and email, then connect again.",
    ),
    "address_unknown": bad_request(
        "address_unknown", "The account has no mail address: give it a mailbox, then connect again."
    ),
}
_APP_ONLY_CONCLUSIONS: Mapping[str, Verdict] = {
    "tenant_required": connector(
        "tenant_required",
        "Name the tenant by its id or domain: in settings.tenant of the request, or in the credential for all its"
        " mailboxes. common and the like cannot do.",
    ),
    "address_ambiguous": bad_request(
        "address_ambiguous", "Several users have this address: name the one you mean by its user principal name."
    ),
}

_AADSTS: Mapping[str, Verdict] = {
    code: verdict
    for verdict, codes in (
        # Personal accounts; good tokens get it too, at times.
        (reconnect("token_refused", REVOKED.remedy, confirm_after=60), "70000"),
        (EXPIRED, "70008 700082 700084 70043 50089"),
        (REVOKED, "50173 50132 50133"),
        (reconnect("code_already_used", "Obtain a new refresh token: the code was redeemed before."), "54005"),
        (PASSWORD, "50055 50144"),
        (BAD_PASSWORD, "50056 50126"),
        (MFA, "50072 50074 50076 50078 50079"),
        (SIGN_IN, "50085 50158 50161 700020"),
        (DEVICE, "50097 50129 50155 50187"),
        (ADMIN, "53000 53001 53002 53003 530032 530035 53004 53010 53011 50131"),
        (ADMIN, "500021 500022 500212 500213 50002"),
        (LOCKED, "50053"),
        (ACCOUNT_DISABLED, "50057"),
        (NOT_ASSIGNED, "50105"),
        (USER_UNKNOWN, "50014 50034 51004 16000 16003 50197"),
        (OTHER_TENANT, "50020 500208 90072"),
        (CONSENT, "65001 65004"),
        (ADMIN_CONSENT, "90094 90095"),
        (MALFORMED, "9002313"),
        (APP_PERMISSIONS, "650052 650054 650056 650057 65005"),
        (CLIENT_UNKNOWN, "700016 700011"),
        (CLIENT_DISABLED, "70001 7000112"),
        (SECRET, "70002 7000215"),
        (SECRET_EXPIRED, "7000222"),
        (SECRET_MISSING, "7000218"),
        # "The client application is missing service principal in the tenant": the secret was not checked.
        (NOT_CONSENTED, "7000229"),
        (PUBLIC_CLIENT, "700025"),
        (ASSERTION, "700024 700027 700030 50012 50013 500133"),
        (REDIRECT_URI, "50011 9002326 9002327"),
        (WRONG_AUTHORITY, "50194 9002331 9002332 9001023"),
        (TENANT, "90002 90019 50059 50128 50049"),
        (OTHER_CLOUD, "90038 900382 900432"),
        (SCOPE_INVALID, "70011 28002 28003 700022 700023"),
        (RESOURCE, "50001 500011"),
        (OUR_REQUEST, "900144 90014 90023 90100"),
        (GRANT_TYPE, "70003 70007"),
        (OUTAGE, "90006 90012 90024 90033 90090 90091 50033 50087 50000 70012 80001 80002 80005 40010"),
        (slow("throttled", at_least=60), "50088 50166 90055"),
        # "Loop detected": far too many requests.
        (slow("loop_detected", at_least=300), "50196"),
        # `suberror`, which stands beside the numbers and refines a number that is in no row.
        (EXPIRED, "token_expired"),
        (CONSENT, "consent_required"),
        (PASSWORD, "user_password_expired"),
        (ADMIN, "message_only protection_policy_required"),
        (SIGN_IN, "basic_action additional_action"),
    )
    for code in codes.split()
}

_APP_ONLY_REASONS: Mapping[str, Verdict] = {
    "consent_required": NOT_CONSENTED,
    "admin_consent_required": NOT_CONSENTED,
    "admin_policy": POLICY,
    "user_not_assigned": NOT_CONSENTED,
}

NO_EXCHANGE_ONLINE = reconnect(
    "no_exchange_online",
    "This tenant has no Exchange Online mailboxes: check the tenant, or ask its administrator for a licence with them.",
    confirm_after=900,
)
TENANT_WITHOUT_MAIL = connector("no_exchange_online", NO_EXCHANGE_ONLINE.remedy)

_GRAPH: Mapping[str, Verdict] = {
    "invalidauthenticationtoken": ACCESS_TOKEN,
    "authorization_requestdenied": SCOPES_MISSING,
    "accessdenied": SCOPES_MISSING,
    "erroraccessdenied": SCOPES_MISSING,
    "request_resourcenotfound": USER_MISSING,
    "mailboxnotenabledforrestapi": MAILBOX_MISSING,
    "resourcenotfound": MAILBOX_MISSING,
    "errorinvaliduser": MAILBOX_MISSING,
    "organizationfromtenantguidnotfound": NO_EXCHANGE_ONLINE,
    "toomanyrequests": THROTTLED,
    "activitylimitreached": THROTTLED,
    "applicationthrottled": THROTTLED,
    "servicenotavailable": OUTAGE,
    "unknownerror": OUTAGE,
}

_OF_A_TENANT: Mapping[Verdict, Verdict] = {
    SCOPES_MISSING: ROLES_MISSING,
    MAILBOX_MISSING: NO_MAILBOX,
    USER_MISSING: NO_USER,
    NO_EXCHANGE_ONLINE: TENANT_WITHOUT_MAIL,
}
"""The same words to an app of its own: an administrator's turn, not the mailbox owner's."""


def _entra(evidence: Evidence) -> Verdict | None:
    """`error` first, then the numbers: a number refines its word, and ends a grant only where the word may end one."""
    by_word = standard(evidence)
    by_number = gentlest(_AADSTS.get(code) for code in evidence.subcodes)
    if by_number is None or by_word is None:
        return by_word or by_number
    if by_number.kind is Kind.RECONNECT:
        may_end = by_word.kind is Kind.RECONNECT or by_word is OUR_REQUEST
        return by_number if may_end else by_word
    return by_word if by_word.kind is Kind.PROVIDER_DOWN else by_number


def _app_only(evidence: Evidence) -> Verdict | None:
    """No user takes part: an administrator must do what a user would do otherwise."""
    found = _entra(evidence)
    if found is None or found.kind is not Kind.RECONNECT:
        return found
    return _APP_ONLY_REASONS.get(found.reason, CLIENT)


judge = Words(token=_entra, api=_GRAPH, conclusions=_CONCLUSIONS).judge
judge_app_only = Words(
    token=_app_only,
    api={word: _OF_A_TENANT.get(verdict, verdict) for word, verdict in _GRAPH.items()},
    sentences={"accesspolicy": EXCLUDED},
    conclusions=_APP_ONLY_CONCLUSIONS,
).judge
