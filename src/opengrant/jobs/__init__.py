"""Background jobs: work without an HTTP request, one file for each job, one loop for all.

It must not know providers, the store or the wire.
"""
