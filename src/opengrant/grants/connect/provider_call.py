"""One conversation with a provider: counted, timed, and its failure turned into the caller's error."""

import time
from dataclasses import replace
from typing import Literal

import structlog

from opengrant.errors import OpenGrantError, ProviderFailure
from opengrant.events.activity import Observe
from opengrant.grants import refusals as outcome
from opengrant.model import ProviderName
from opengrant.providers.classify import classify
from opengrant.providers.verdict import Verdict

log = structlog.get_logger()

_LOST = (
    "An earlier request with this refresh token was cut off after the provider may have replaced it. The mailbox owner"
    " must sign in again; then send the new refresh token."
)


class RotationLost(ProviderFailure):
    """The token is refused, and the answer to an earlier request with it was lost."""


class VerificationCall:
    """A context around the requests of one verification."""

    def __init__(self, observe: Observe, provider: ProviderName, means: outcome.Means) -> None:
        self._observe, self._provider, self._means = observe, provider, means

    async def __aenter__(self) -> None:
        self._began = time.perf_counter()

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> Literal[False]:
        seconds = time.perf_counter() - self._began
        if isinstance(error, ProviderFailure):
            verdict = classify(error.evidence)
            if isinstance(error, RotationLost):
                verdict = replace(verdict, reason=outcome.ROTATION_LOST, remedy=_LOST, retryable=False)
            self._observe(self._provider, verdict.kind, seconds)
            self._log(error, verdict)
            raise outcome.at_connect(error.evidence, verdict, provider=self._provider, means=self._means) from None
        if isinstance(error, OpenGrantError):
            self._observe(self._provider, "bad_request", seconds)
        elif error is None:
            self._observe(self._provider, "accepted", seconds)
        return False

    def _log(self, failure: ProviderFailure, verdict: Verdict) -> None:
        evidence = failure.evidence
        log.warning(
            "verification_failed",
            provider=self._provider.value,
            verdict=verdict.kind.value,
            reason=verdict.reason,
            leg=evidence.leg,
            step=evidence.step,
            status=evidence.status,
            code=evidence.code,
            subcodes=list(evidence.subcodes),
        )
