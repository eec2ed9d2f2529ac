"""Domains of an installation, and the DNS records that verify them.

It must not know grants; Agent Accounts ask it whether a domain is verified.
"""
