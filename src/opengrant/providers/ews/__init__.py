"""Exchange Web Services with a password: autodiscovery, Basic and NTLM, SOAP faults.

It must not know a grant or another provider.
"""
