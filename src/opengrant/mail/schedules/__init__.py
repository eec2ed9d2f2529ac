"""Messages that are sent later: kept sealed, listed, cancelled, and handed over when they are due, once.

It must not know how a message is made, nor how a mail server is spoken to.
"""
