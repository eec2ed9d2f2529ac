"""Applications, their callback URIs and workspaces.

It must not know grants or connectors, which belong to an application.
"""
