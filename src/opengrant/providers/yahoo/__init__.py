"""Yahoo Mail by OAuth 2.0. Source: https://developer.yahoo.com/oauth2/guide/.

It must not know another provider, nor what a grant is stored as.
"""
