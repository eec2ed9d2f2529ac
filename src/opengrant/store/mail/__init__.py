"""Tables of mail: what is kept here beside mailboxes that are elsewhere.

Of messages only those that wait to be sent are stored, sealed; of watched mailboxes, ids and flags of their messages.
"""
