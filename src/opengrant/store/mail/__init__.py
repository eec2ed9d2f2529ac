"""Tables of mail: what is kept here beside mailboxes that are elsewhere.

No body and no attachment of a message is stored.
"""
