"""Folders, messages, attachments and signatures as the API shows them: objects of JSON."""

from collections.abc import Iterable, Mapping
from typing import Any

from opengrant.mail.port import Headers, Message, Thread
from opengrant.model import SECOND
from opengrant.model.mail import Address, Attachment, Correspondent, Folder, Signature

SNIPPET = 100
"""Characters."""


def folder(one: Folder, grant_id: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": one.id,
        "grant_id": grant_id,
        "object": "folder",
        "name": one.name,
        "attributes": list(one.attributes),
    }
    if one.total is not None:
        found["total_count"] = one.total
    if one.unread is not None:
        found["unread_count"] = one.unread
    return found


def message(
    one: Message, grant_id: str, *, headers: Headers = "none", metadata: Mapping[str, str] | None = None
) -> dict[str, Any]:
    head = one.head
    found: dict[str, Any] = {
        "id": head.id,
        "grant_id": grant_id,
        "object": "message",
        "thread_id": head.thread_id,
        "subject": head.subject,
        "from": _addresses(head.sender),
        "to": _addresses(head.to),
        "cc": _addresses(head.cc),
        "bcc": _addresses(head.bcc),
        "reply_to": _addresses(head.reply_to),
        "date": head.date,
        "created_at": head.date,
        "unread": head.unread,
        "starred": head.starred,
        "folders": list(head.folders),
        "attachments": [attachment(part, grant_id) for part in head.attachments],
    }
    if one.body is not None:
        found["body"], found["snippet"] = one.body.content, one.body.snippet
    if metadata:
        found["metadata"] = metadata
    if headers != "none":
        found["headers"] = [{"name": name, "value": value} for name, value in one.headers]
    return found


def draft(one: Message, grant_id: str, *, metadata: Mapping[str, str] | None = None) -> dict[str, Any]:
    found = message(one, grant_id, metadata=metadata) | {"object": "draft", "updated_at": one.head.date}
    if one.head.in_reply_to:
        found["reply_to_message_id"] = one.head.in_reply_to[0]
    return found


def thread(one: Thread, grant_id: str) -> dict[str, Any]:
    latest = (draft if one.latest_is_draft else message)(one.latest, grant_id)
    found: dict[str, Any] = {
        "id": one.id,
        "grant_id": grant_id,
        "object": "thread",
        "latest_draft_or_message": latest,
        "has_attachments": one.has_attachments,
        "has_drafts": bool(one.draft_ids),
        "starred": one.starred,
        "unread": one.unread,
        "earliest_message_date": one.earliest,
        "latest_message_received_date": one.received,
        "latest_message_sent_date": one.sent,
        "participants": _addresses(one.participants),
        "message_ids": list(one.message_ids),
        "draft_ids": list(one.draft_ids),
        "folders": list(one.folders),
        "snippet": latest.get("snippet"),
        "subject": one.subject,
    }
    return {name: value for name, value in found.items() if value is not None}


def attachment(one: Attachment, grant_id: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": one.id,
        "grant_id": grant_id,
        "filename": one.filename,
        "content_type": one.content_type,
        "size": one.size,
        "content_id": one.content_id,
        "content_disposition": one.disposition,
        "is_inline": one.is_inline,
    }
    return {name: value for name, value in found.items() if value is not None}


def signature(one: Signature) -> dict[str, Any]:
    return {
        "id": one.id,
        "grant_id": one.grant_id,
        "object": "signature",
        "name": one.name,
        "body": one.body,
        "created_at": one.created_at // SECOND,
        "updated_at": one.updated_at // SECOND,
    }


def contact(one: Correspondent, grant_id: str, id_: str) -> dict[str, Any]:
    given, _, surname = one.name.rpartition(" ")
    found: dict[str, Any] = {
        "id": id_,
        "grant_id": grant_id,
        "object": "contact",
        "source": "inbox",
        "emails": [{"email": one.email, "type": "other"}],
        **{name: [] for name in ("phone_numbers", "physical_addresses", "im_addresses", "web_pages", "groups")},
    }
    if one.name:
        found |= {"display_name": one.name, "given_name": given or surname}
        if given:
            found["surname"] = surname
    return found


def _addresses(found: Iterable[Address]) -> list[dict[str, str]]:
    return [{"email": one.email, "name": one.name} for one in found]
