"""What operators see and do: the overview, master keys and resealing, readiness, clocks that went back.

It must not change what a grant means.
"""
