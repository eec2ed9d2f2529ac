"""What the tests of OAuth providers do alike; each gives `connect` and `verdict_of` a client and token of its own."""

from typing import Protocol

import pytest
from pydantic import SecretStr

from opengrant.errors import ProviderFailure
from opengrant.model import ClientApp, Identity, Tokens
from opengrant.providers.base import Identifies, Refreshes
from opengrant.providers.classify import classify
from tests.fakes.oauth import FakeOAuth
from tests.support import MARK


class TokenProvider(Refreshes, Identifies, Protocol):
    """Any of the four."""


async def connect(provider: TokenProvider, *, client: ClientApp, token: str) -> tuple[Tokens, Identity]:
    """Spend a refresh token and ask whose it is."""
    tokens = await provider.refresh(client, SecretStr(token))
    return tokens, await provider.identify(client, tokens)


async def verdict_of(provider: TokenProvider, *, client: ClientApp, token: str) -> tuple[str, str]:
    """(kind, reason) of the refusal, whose evidence shows no secret."""
    with pytest.raises(ProviderFailure) as caught:
        await connect(provider, client=client, token=token)
    evidence = caught.value.evidence
    assert MARK not in repr(evidence)
    assert MARK not in repr(evidence.body)
    found = classify(evidence)
    return found.kind.value, found.reason


def asked(provider: FakeOAuth) -> list[str]:
    """Which endpoints, in order."""
    return [seen.endpoint for seen in provider.requests]
