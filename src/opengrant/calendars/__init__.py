"""Calendars and events: recurrence, time zones, free/busy, availability, and the calendars that this server hosts.

It must not know HTTP, and it reaches a calendar only through its port, so that providers' calendars can follow.
"""
