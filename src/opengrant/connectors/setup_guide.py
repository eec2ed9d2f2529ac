"""What to do for each provider before the first mailbox: where to register, which scopes, which settings.

The guides are facts of the providers, in their folders; doors read them here.
docs/providers/ says the same at length; tests/api/test_providers.py compares.
"""

from collections.abc import Mapping

from opengrant.model import ProviderName
from opengrant.providers.facts import Guide
from opengrant.providers.registry import FACTS

__all__ = ["GUIDES", "Guide"]

GUIDES: Mapping[ProviderName, Guide] = {name: facts.guide for name, facts in FACTS.items()}
