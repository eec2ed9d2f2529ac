"""The shapes of requests and answers, by subject: the contract of the API.

It must not know api/http, and it looks nothing up.
"""
