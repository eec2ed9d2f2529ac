"""What an operator sees of an installation: its settings."""

from typing import NamedTuple

SettingValue = str | int | float | bool | None


class SettingInForce(NamedTuple):
    """One setting. Of a secret, `value` is a mask that says nothing but that it is set.

    source   "default", "the environment", a file or an option of the command line
    meaning  what docs/settings.md says of it
    """

    name: str
    value: SettingValue
    default: SettingValue
    source: str
    secret: bool
    meaning: str
