"""The mailbox behind an IMAP server: what each call of the port asks, and what it makes of the answers."""
