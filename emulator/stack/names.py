"""Names that CloudFormation makes up for resources whose template gives none."""

from __future__ import annotations

import hashlib
import re

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_SUFFIX = 12


def physical_name(
    stack: str, logical: str, seed: str, *, longest: int = 64, lower: bool = False
) -> str:
    """Return ``stack-logical-SUFFIX``, shortened to what the type allows.

    Args:
        stack: The stack's name.
        logical: The resource's name in the template.
        seed: What makes the name this resource's own: the stack's id, and what replacing it
            changes. The same seed gives the same name, so that a repeated step finds what an
            interrupted one has made.
        longest: Characters at most.
        lower: Whether the type takes lower case alone (buckets, repositories).
    """
    number = int.from_bytes(hashlib.sha256(f"{seed}\0{logical}".encode()).digest())
    letters = []
    for _ in range(_SUFFIX):
        number, index = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[index])
    suffix = "".join(letters)
    room = longest - _SUFFIX - 2
    # Both parts stay readable: each has at least half of the room, and what the other leaves.
    own = logical[: max(room // 2, room - len(stack))]
    name = f"{stack[: room - len(own)]}-{own}-{suffix}"
    if lower:
        name = re.sub(r"[^a-z0-9.-]", "-", name.lower())
    return name
