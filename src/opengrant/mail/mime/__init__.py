"""Messages as bytes: their parts, headers and texts, read from what any sender wrote.

Everything here is a pure function of its input, never raises for what a sender wrote, and takes linear time in it. It
must know no server, no store and no HTTP. Of more than `LOOP_LIMIT` bytes it is to be called in a thread.
"""

LOOP_LIMIT = 256 * 1024
"""Bytes of a message or text that may be read on the event loop: some milliseconds."""
