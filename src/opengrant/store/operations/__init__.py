"""Queries over all subjects for operators: overview, check-up, master keys, rows from the future.

Nothing else in store/ may know them.
"""
