"""Tables of events: audit entries, activity counts, webhooks, their deliveries.

They must not know the subject that an event is about.
"""
