"""The table of domains.

It must not know other subjects.
"""
