"""What the OAuth providers share: requests and answers, client authentication, connector checks, judgement.

It must not know any one of them.
"""
