"""Mail of grants: folders, messages and attachments behind one port, read and changed at the provider as calls come.

Nothing is copied. It does not know HTTP or the wire.
"""
