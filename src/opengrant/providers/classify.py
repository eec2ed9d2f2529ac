"""The one classifier: what a provider said or did → whose turn it is. Pure.

Each provider judges its own refusals (its folder's `refusals.py`). The order of judgement is the same everywhere: what
broke below HTTP, outages and throttling, words for a cause that passes, then the provider's own words of refusal. It
stands in oauth/refusals.py for the legs "token" and "api", and in mail/refusals.py for mail servers.
"""

from dataclasses import replace

from opengrant.errors import Evidence
from opengrant.providers.mail import refusals as mail
from opengrant.providers.oauth.refusals import Words
from opengrant.providers.registry import FACTS
from opengrant.providers.verdict import Verdict

_JUDGES = {name: judge for facts in FACTS.values() for name, judge in facts.judges.items()}
_PROVEN = {facts.name.value: facts.proven for facts in FACTS.values() if facts.proven}
_BY_HTTP = Words()


def classify(evidence: Evidence) -> Verdict:
    """Judge any failure of any leg. Never raises; what is in no table is of the kind UNKNOWN.

    A provider without words of its own (IMAP) is judged by the words that all share.
    """
    judge = _JUDGES.get(evidence.provider) or (_BY_HTTP.judge if evidence.leg in {"token", "api"} else mail.judge)
    return judge(evidence)


def of_a_proven_credential(evidence: Evidence) -> Verdict:
    """The same of a credential that has worked, for which some refusals have another meaning."""
    verdict = classify(evidence)
    if (other := _PROVEN.get(evidence.provider, {}).get(verdict.reason)) is not None:
        return replace(verdict, reason=other.reason, remedy=other.remedy)
    return verdict
