"""Watches mailboxes: learns what changed in them and writes it to the outbox, for the webhooks that want it.

It reads mailboxes and never changes them. It does not know how events are delivered.
"""
