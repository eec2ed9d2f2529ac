"""Microsoft 365 and Outlook.com: OAuth 2.0 with Entra ID, Graph, and app-only access by admin consent.

It must not know another provider, nor what a grant is stored as.
"""
