"""What the OAuth providers share: token requests, client authentication, connector probes, error words.

It must not know any one of them.
"""
