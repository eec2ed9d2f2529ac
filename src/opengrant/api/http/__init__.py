"""The machinery of the HTTP API: routes, decoding, authentication, answers, OpenAPI, middleware.

It must not know any one resource; the endpoints beside it do.
"""
