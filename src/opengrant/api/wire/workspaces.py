"""Workspaces on the wire."""

from typing import Annotated, Any

from pydantic import Field, RootModel, WithJsonSchema, model_serializer, model_validator

from opengrant.api.wire.fields import Id, Model, Name, OrNull, examples, refuse_policies, text
from opengrant.errors import InvalidRequest
from opengrant.model import SECOND
from opengrant.tenants import grouping, workspaces

_Domain = Annotated[str, text(253, shortest=0)]
_Rules = Annotated[list[Id], Field(max_length=500)]
_Grants = Annotated[list[Id], Field(max_length=500)]
_OrNull = WithJsonSchema({"type": ["array", "null"], "items": {"type": "string"}}, mode="serialization")


class Workspace(Model):
    """A group of grants."""

    workspace_id: str
    application_id: str
    name: str
    domain: str
    """Empty when the workspace has none."""
    auto_group: bool
    """New grants whose address is of this domain come here."""
    default: bool
    """Takes in what no other workspace does."""
    policy_id: str | None = None
    rule_ids: list[str] | None = None
    created_at: int
    """Unix seconds."""
    updated_at: int

    @classmethod
    def of(cls, workspace: workspaces.Workspace) -> "Workspace":
        return cls.model_construct(
            workspace_id=workspace.id,
            application_id=workspace.application_id,
            name=workspace.name,
            domain=workspace.domain,
            auto_group=workspace.auto_group,
            default=workspace.is_default,
            policy_id=workspace.policy_id,
            rule_ids=list(workspace.rule_ids) or None,
            created_at=workspace.created_at // SECOND,
            updated_at=workspace.updated_at // SECOND,
        )


class Workspaces(RootModel[list[Workspace]]):
    """All of them: this list has no pages."""


class CountQuery(Model):
    """Which workspaces to count."""

    workspace_ids: Annotated[str, text(50 * 65)]
    """Their ids, with commas between."""

    def ids(self) -> list[str]:
        """Raises InvalidRequest."""
        ids = [one.strip() for one in self.workspace_ids.split(",") if one.strip()]
        if len(ids) > 50:
            raise InvalidRequest("workspace_ids: send at most 50.")
        return ids


class WorkspaceGrants(RootModel[dict[str, int]]):
    """Number of grants by the id of their workspace. 1000 means 1,000 or more."""


class WorkspaceBody(Model):
    """Only the name is required."""

    model_config = examples({"name": "Example", "domain": "example.com"})
    name: Name
    """For people."""
    domain: _Domain | None = None
    """An email domain; one workspace each."""
    auto_group: bool | None = None
    """New grants whose address is of the domain come here. Without it: true when there is a domain."""
    policy_id: Id | None = None
    """There are no policies yet: refused."""
    rule_ids: _Rules | None = None
    """There are no rules yet: only an empty list is taken."""

    def to_model(self) -> workspaces.NewWorkspace:
        """Raises InvalidRequest."""
        refuse_policies(self.policy_id, self.rule_ids)
        return workspaces.NewWorkspace(
            self.name, self.domain or "", self.auto_group, self.policy_id, tuple(self.rule_ids or ())
        )


class WorkspacePatch(Model):
    """At least one field. What is left out stays; null takes policy_id or rule_ids away."""

    model_config = examples({"name": "Example", "auto_group": False}, minProperties=1)
    name: Name | None = None
    """For people."""
    domain: _Domain | None = None
    """Cannot be changed: only the present one is accepted."""
    auto_group: bool | None = None
    """New grants whose address is of the domain come here."""
    policy_id: Annotated[Id | None, WithJsonSchema({"type": "null"})] = None
    """null takes away what an earlier release kept. There are no policies yet: another value is refused."""
    rule_ids: Annotated[_Rules | None, WithJsonSchema({"type": ["array", "null"], "maxItems": 0})] = None
    """null or an empty list takes away what an earlier release kept. There are no rules yet: others are refused."""

    @model_validator(mode="after")
    def _something(self) -> "WorkspacePatch":
        if not self.model_fields_set:
            raise ValueError("send at least one of name, auto_group, policy_id and rule_ids")
        return self

    def to_model(self) -> workspaces.WorkspaceChange:
        """Raises InvalidRequest."""
        refuse_policies(self.policy_id, self.rule_ids)
        sent = self.model_fields_set
        return workspaces.WorkspaceChange(
            name=self.name,
            domain=self.domain,
            auto_group=self.auto_group,
            policy_id=self.policy_id or "" if "policy_id" in sent else None,
            rule_ids=tuple(self.rule_ids or ()) if "rule_ids" in sent else None,
        )


class AutoGroupBody(Model):
    """Nothing is required, not even a body."""

    model_config = examples({"specific_domain": "example.com", "invalid_also": True})
    after_created_at: Annotated[float, Field(ge=0, le=253_402_300_799)] | None = None
    """Only grants created at this time or later, in Unix seconds."""
    invalid_also: Annotated[bool, OrNull] = False
    """Group invalid grants too."""
    specific_domain: Annotated[str, text(253)] | None = None
    """Only grants of this domain."""

    def to_model(self) -> grouping.AutoGroup:
        since = 0 if self.after_created_at is None else int(self.after_created_at * SECOND)
        return grouping.AutoGroup(since, self.invalid_also, self.specific_domain)


class AutoGroupJob(Model):
    """A grouping that has begun."""

    job_id: str
    """Stands in the log when it is done."""
    message: str


class AssignBody(Model):
    """At least one id altogether, at most 500 in each list."""

    model_config = examples(
        {"assign_grants": ["9a1b2c3d-0000-4000-8000-0000000000d1"]},
        anyOf=[
            {"required": [name], "properties": {name: {"type": "array", "minItems": 1}}}
            for name in ("assign_grants", "remove_grants")
        ],
    )
    assign_grants: _Grants | None = None
    """Ids of grants. Moved here from whichever workspace they are in."""
    remove_grants: _Grants | None = None
    """Ids of grants. Taken out of this workspace; they are then in none."""

    @model_validator(mode="after")
    def _something(self) -> "AssignBody":
        if not self.assign_grants and not self.remove_grants:
            raise ValueError("send at least one grant id in assign_grants or remove_grants")
        return self


class Assigned(Model):
    """What was done. A list in which nothing matched is null, not empty."""

    application_id: str
    workspace_id: str
    domain: str
    grants_assigned: Annotated[list[str] | None, _OrNull]
    grants_removed: Annotated[list[str] | None, _OrNull]

    @model_serializer(mode="plain")
    def _with_nulls(self) -> dict[str, Any]:
        # An answer leaves out None; here the answer is null.
        return dict(self)

    @classmethod
    def of(cls, done: workspaces.Assigned) -> "Assigned":
        return cls.model_construct(
            application_id=done.workspace.application_id,
            workspace_id=done.workspace.id,
            domain=done.workspace.domain,
            grants_assigned=list(done.assigned) or None,
            grants_removed=list(done.removed) or None,
        )
