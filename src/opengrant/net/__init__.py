"""All outbound sockets: deadlines, the guard against private addresses, network faults as evidence.

It must not know a provider or a table.
"""
