"""Apple iCloud Mail and Calendar with an app-specific password.

It must not know a grant or another provider; the words of mail servers are in mail/.
"""
