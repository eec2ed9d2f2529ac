"""Seal and open: keys and bytes. Knows no SQL, no HTTP, no grant."""
