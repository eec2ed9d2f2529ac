"""IMAP and SMTP servers with a password: discovery of hosts, the login proof, the words of refusal.

It must not know a grant; iCloud uses its words, it knows nothing of iCloud.
"""
