"""The answer of /healthz and /readyz."""

from typing import Literal

from opengrant.api.wire.fields import Model


class Health(Model):
    status: Literal["ok"]
