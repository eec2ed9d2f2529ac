"""Builds the services of imports."""

from opengrant.assembly.tools import Tools
from opengrant.imports.loading import Loading


def build_import_loading(tools: Tools) -> Loading:
    tokens = tools.providers.tokens
    rotates = frozenset(name for name, provider in tokens.items() if provider.rotates or provider.single_use)
    return Loading(db=tools.db, vault=tools.vault, clock=tools.clock, rotates=rotates)
