"""What mail servers share: their words of refusal, for every provider that is reached by IMAP and SMTP.

It must not know any one provider.
"""
