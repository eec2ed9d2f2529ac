"""Applications, their redirect URIs and workspaces.

It must not know grants or connectors, which belong to an application.
"""
