"""What all routes share: connections, middleware, the route table, authentication, decoding, answers, OpenAPI.

It must not know any one subject; the route files beside it do.
"""
