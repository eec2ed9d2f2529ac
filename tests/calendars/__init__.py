"""The calendar engine: its parts alone against independent oracles, and whole over HTTP."""
