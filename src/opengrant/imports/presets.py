"""What other systems write about a mailbox, and which of it is read. docs/importing.md has it as tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

LookUp = Callable[[Mapping[str, Any], str], Any]
"""A value of a row by its path."""


@dataclass(frozen=True, slots=True)
class Preset:
    """Rows of one system.

    fields     our member → where it may stand, the first that is there counts
    providers  their name of a provider, or how it begins → ours; a name that is not here is kept as it is
    named_by   where the provider's name stands
    otherwise  the provider of rows without a refresh token
    """

    fields: Mapping[str, tuple[str, ...]]
    providers: Mapping[str, str]
    named_by: str
    otherwise: str | None = None
    passwords: Mapping[str, tuple[str, ...]] | None = None

    def read(self, theirs: Mapping[str, Any], look_up: LookUp) -> dict[str, Any]:
        """Our columns."""
        row = _found(self.fields, theirs, look_up)
        if self.passwords is not None and "refresh_token" not in row:
            return {**row, **_found(self.passwords, theirs, look_up), "provider": self.otherwise}
        name = look_up(theirs, self.named_by)
        if isinstance(name, str):
            row["provider"] = next((ours for begin, ours in self.providers.items() if name.startswith(begin)), name)
        return row


def _found(fields: Mapping[str, tuple[str, ...]], theirs: Mapping[str, Any], look_up: LookUp) -> dict[str, Any]:
    row = {}
    for target, paths in fields.items():
        # A list or an object, which no set can look for, is refused with its row later.
        value = next((value for path in paths if (value := look_up(theirs, path)) is not None and value != ""), None)
        if value is not None:
            row[target] = value
    return row


PRESETS: Mapping[str, Preset] = {
    # GET /connection/{id} and GET /connections of its API: docs of Nango, "Get connection & credentials".
    "nango": Preset(
        fields={
            "id": ("connection_id",),
            "refresh_token": ("credentials.refresh_token", "credentials.raw.refresh_token"),
        },
        providers={
            "google": "google",
            "gmail": "google",
            "microsoft": "microsoft",
            "outlook": "microsoft",
            "one-drive": "microsoft",
            "sharepoint": "microsoft",
            "zoom": "zoom",
            "yahoo": "yahoo",
        },
        named_by="provider",
    ),
    # `emailengine export --account ID`: docs of EmailEngine, "Export Account".
    "emailengine": Preset(
        fields={"id": ("account",), "name": ("name",), "refresh_token": ("oauth2.refreshToken",)},
        providers={"gmail": "google", "outlook": "microsoft"},
        named_by="oauth2.provider",
        otherwise="imap",
        passwords={
            "email": ("email",),
            "imap_username": ("imap.auth.user",),
            "imap_password": ("imap.auth.pass",),
            "imap_host": ("imap.host",),
            "imap_port": ("imap.port",),
            "smtp_username": ("smtp.auth.user",),
            "smtp_password": ("smtp.auth.pass",),
            "smtp_host": ("smtp.host",),
            "smtp_port": ("smtp.port",),
        },
    ),
}
