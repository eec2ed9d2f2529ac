"""Rows: one file per table, two engines behind one port. Sees Sealed, never a secret."""
