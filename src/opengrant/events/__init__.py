"""What happened: the audit log, activity counts, webhooks and their deliveries.

It must not know why: the rooms above hand it finished facts.
"""
