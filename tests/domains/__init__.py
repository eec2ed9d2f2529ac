"""Domains and their DNS records, without a server."""
