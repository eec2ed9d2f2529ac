"""Tables of applications, organisations, callback URIs and workspaces.

They must not know what an application holds.
"""
