"""Mail: what a mailbox holds, wherever it is.

It must not know HTTP.
"""
