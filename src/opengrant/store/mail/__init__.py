"""Tables of mail: what is kept here beside mailboxes that are elsewhere."""
