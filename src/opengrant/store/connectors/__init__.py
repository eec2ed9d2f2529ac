"""Tables of connectors and their credentials.

They must not know grants.
"""
