"""What the OAuth providers share: token requests, client authentication, connector checks, the order of judgement.

It must not know any one of them.
"""
