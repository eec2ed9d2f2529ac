"""Apple iCloud Mail and Calendar with an app-specific password.

It must not know a grant, nor any provider but the mail servers it speaks with.
"""
