"""The client of IMAP servers: sessions that stay open, commands, and what servers answer to them.

It knows protocols and knows no grant, no provider and no API.
"""
