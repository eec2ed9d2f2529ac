"""The shapes on the wire, in and out, by resource; the contract of the API.

They must not know the machinery that carries them, nor look anything up.
"""
