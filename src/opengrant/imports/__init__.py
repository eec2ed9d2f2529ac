"""Imports: a job of rows that become grants, resumable, on any node; and the way out again."""
