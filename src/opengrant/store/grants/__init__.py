"""Tables of grants: records, leases, rotations, circuit breakers, and the statements that refresh uses.

They must not know why a row changes.
"""
