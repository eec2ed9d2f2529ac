"""Google: OAuth 2.0, OpenID Connect, and service accounts with domain-wide delegation.

It must not know another provider, nor what a grant is stored as.
"""
