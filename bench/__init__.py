"""Measures OpenGrant against a bare program that does the same work. `python -m bench --help`; docs/benchmarks.md."""
