"""The ports for mail programs: IMAP and SMTP up to the login, and the bytes after it.

It must not know providers, the store or the vault; proxy/ opens the sessions at mail servers.
"""
