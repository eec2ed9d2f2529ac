"""Zoom by OAuth 2.0, whose refresh tokens are used once. Source: https://developers.zoom.us/docs/integrations/oauth/.

It must not know another provider, nor what a grant is stored as.
"""
