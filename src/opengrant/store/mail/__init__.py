"""Tables of mail: what is known of watched mailboxes.

They must not know what a message is: pages are bytes here.
"""
