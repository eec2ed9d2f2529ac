"""An SMTP client for submission: a session after its login, which sends messages.

It must not know what a message says, whose it is, or where a copy of it goes.
"""
