"""Tables of calendars, their events, and the metadata that can be searched for.

They must not know recurrence rules or zones: rows arrive with their instants worked out.
"""
