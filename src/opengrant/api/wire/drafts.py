"""The shapes of drafts."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import StringConstraints, model_validator

from opengrant.api.wire.fields import PRINTABLE, Maybe, Model, examples
from opengrant.api.wire.messages import Described, Filters
from opengrant.api.wire.outgoing import OutgoingBody
from opengrant.errors import InvalidData

_MEMBERS = {
    "from_": "sender",
    "is_plaintext": "is_html",
    "attachments": "files",
    "custom_headers": "headers",
    **{name: name for name in ("to", "cc", "bcc", "reply_to", "subject", "body", "reply_to_message_id")},
}
"""Fields of a body, and the members of a Letter that they are."""


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


class DraftBody(OutgoingBody):
    """A new draft. Nothing is required."""

    model_config = examples(
        {"to": [{"email": "bo@example.com", "name": "Bo"}], "subject": "Lunch?", "body": "<p>At noon.</p>"}
    )
    starred: bool | None = None
    """Whether it is flagged."""


class DraftPatch(DraftBody):
    """What is changed about a draft; what is left out or null stays. `attachments` replaces all of them."""

    model_config = examples({"subject": "Dinner?"})

    @model_validator(mode="before")
    @classmethod
    def _leave_out_nulls(cls, sent: Any) -> Any:
        return {name: value for name, value in sent.items() if value is not None} if isinstance(sent, Mapping) else sent

    def given(self, *, files: bool) -> frozenset[str]:
        """The members of a Letter that are to change. files: there are some. Raises InvalidData."""
        if not self.model_fields_set and not files:
            raise InvalidData("The body is empty: send what is to change.")
        found = {_MEMBERS[name] for name in self.model_fields_set if name in _MEMBERS}
        return frozenset(found | ({"files"} if files else set()))


class DraftSend(Model):
    """How a draft is sent."""

    model_config = examples({"signature_id": "5967ca40-a2d8-4ee0-a0e0-6f18ace39a90"})
    signature_id: Maybe[Annotated[str, StringConstraints(max_length=500, pattern=PRINTABLE)]] = None
    """A signature that is put at the very end."""
