"""The shapes of drafts."""

from opengrant.api.wire.messages import Described, Filters


class Draft(Described):
    """A draft. Fields that were not asked for are left out."""

    id: str
    """Its Message-ID, where it has one. It stays the same when the draft is changed."""
    reply_to_message_id: str | None = None
    """The message that it answers."""
    updated_at: int | None = None
    """When it was saved last."""


class DraftsQuery(Filters):
    """Which drafts to list."""
