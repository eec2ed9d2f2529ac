"""Builds the running installation from its settings: tools, rooms, start, close.

The only room that knows the settings. It must not decide anything that a request depends on.
"""
