"""What is sealed."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sealed:
    """A ciphertext and the name of the master key that opens it."""

    key_id: str
    data: bytes = field(repr=False)
