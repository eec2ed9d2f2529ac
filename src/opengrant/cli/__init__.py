"""The `opengrant` command, a module for each group of commands.

It must not know SQL or providers: it asks the rooms, as the API does.
"""
