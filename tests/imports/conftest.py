"""Imports of one test are no work for the next: all tests of an engine share a server."""

from tests.imports.stored import forgotten

__all__ = ["forgotten"]
