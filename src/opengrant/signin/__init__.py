"""Hosted sign-in: the OAuth endpoints that applications use, its codes and tokens, and admin consent.

It must not store a grant itself: it hands the credential to grants/connect.
"""
