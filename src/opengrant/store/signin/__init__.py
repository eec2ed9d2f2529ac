"""Tables of hosted sign-in: logins under way, codes and tokens.

They must not know other subjects.
"""
