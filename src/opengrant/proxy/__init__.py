"""Mailboxes by the mail proxy: who may open one, the tokens for that, and the login at the mail server.

It must not know IMAP or SMTP as clients speak them (mailproxy/), nor HTTP.
"""
