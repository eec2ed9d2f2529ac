"""Imports, their batches and rows: docs/decisions/0041-imports.md."""
