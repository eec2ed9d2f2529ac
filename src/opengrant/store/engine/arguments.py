"""The arguments of a statement whose conditions depend on filters."""


class Arguments(list[object]):
    """Arguments in the order of `$1`, `$2`, …"""

    def place(self, value: object) -> str:
        """Add a value; returns its place in the SQL text, `$n`."""
        self.append(value)
        return f"${len(self)}"

    def given(self, *conditions: tuple[str, object]) -> list[str]:
        """The conditions whose value is not None, with the value's place for `{}`. Adds the values."""
        return [sql.format(self.place(value)) for sql, value in conditions if value is not None]
