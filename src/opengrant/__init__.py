"""OpenGrant: a self-hosted grant server. Start reading in assembly/installation.py, or in docs/flow.md."""

__version__ = "0.2.0"
