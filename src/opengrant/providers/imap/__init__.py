"""IMAP and SMTP servers with a password: discovery of hosts and the login proof. Their words of refusal are in mail/.

It must not know a grant or another provider.
"""
