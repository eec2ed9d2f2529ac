"""Turning a credential into a grant: prove it, learn whose it is, create or re-authenticate.

It must not know how a credential came in: the wire and sign-in hand it over, typed.
"""
