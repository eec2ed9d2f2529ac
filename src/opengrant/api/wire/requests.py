"""Answered requests on the wire."""

import functools
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from opengrant.api.wire.fields import Id, Model, text
from opengrant.errors import OpenGrantError
from opengrant.model import SECOND
from opengrant.operations import request_log


class RequestQuery(Model):
    """Which failed requests; all filters must fit."""

    status: Annotated[str, Field(pattern="^([45][0-9]{2}|[45]xx)$")] | None = None
    """Such as `404`, or `4xx` and `5xx` for all of a kind."""
    error: Annotated[str, text(256)] | None = None
    """The type of the error, such as `grant.not_found`."""
    grant_id: Id | None = None
    """Of calls whose path names this grant by its id, or that an access token of it made."""
    api_key_id: Id | None = None
    """Of calls with this API key."""
    route: Annotated[str, text(256)] | None = None
    """The template of the path, such as `/v3/grants/{grant_id}`."""
    limit: Annotated[int, Field(ge=1, le=2**31 - 1)] = 50
    """How many at most; more than 200 counts as 200."""

    @property
    def size(self) -> int:
        return min(self.limit, 200)

    def to_model(self) -> request_log.RequestFilters:
        statuses = None
        if self.status is not None:
            first, last = self.status.replace("xx", "00"), self.status.replace("xx", "99")
            statuses = (int(first), int(last))
        return request_log.RequestFilters(
            statuses=statuses, error=self.error, grant_id=self.grant_id, key_id=self.api_key_id, route=self.route
        )


class RequestError(Model):
    """Why a request was refused. Its message is not kept, because it may quote what was sent."""

    type: str
    """As in the answer."""
    name: str | None = None
    """Which error of this server it was, such as `GrantNotFound`."""
    meaning: str | None = None
    """What that means, and what helps."""


class AnsweredRequest(Model):
    """A request that was answered: what it was, without bodies, addresses and secrets."""

    id: str
    """The `request_id` of its answer."""
    at: int
    """Unix seconds of its begin."""
    method: str
    """Of HTTP."""
    route: str
    """The template of the path. Values of the path and the query are not kept."""
    status: int
    """499: the client hung up."""
    duration_ms: float
    """Until the last byte of the answer."""
    api_key_id: str | None = None
    """The API key that it came with, if one did."""
    session_id: str | None = None
    """The console session that it came with, if one did."""
    grant_id: str | None = None
    """The grant whose id the path names, or whose access token it came with."""
    error: RequestError | None = None
    """Absent when it went well."""
    node: str
    """Host and process that answered it, whose log has more."""

    @classmethod
    def of(cls, entry: request_log.Entry) -> "AnsweredRequest":
        error = None
        if entry.error is not None:
            error = RequestError.model_construct(
                type=entry.error, name=entry.kind, meaning=_meanings().get(entry.kind or "")
            )
        return cls.model_construct(
            id=entry.id,
            at=entry.at // SECOND,
            method=entry.method,
            route=entry.route,
            status=entry.status,
            duration_ms=round(entry.took / 1000, 2),
            api_key_id=entry.key_id,
            session_id=entry.session_id,
            grant_id=entry.grant_id,
            error=error,
            node=entry.node,
        )


@functools.cache
def _meanings() -> dict[str, str]:
    """The first paragraph about each class of error, by its name."""

    def below(kind: type[OpenGrantError]) -> Iterator[type[OpenGrantError]]:
        for one in kind.__subclasses__():
            yield one
            yield from below(one)

    return {one.__name__: " ".join((one.__doc__ or "").partition("\n\n")[0].split()) for one in below(OpenGrantError)}
