"""Labels and names of what the driver makes in a cluster, and who may remove them."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

#: The emulator instance that made it.
INSTANCE = "localfaas.dev/instance"
#: The machine and the folder that the instance keeps its lock in, as a digest.
OWNER = "localfaas.dev/owner"
#: What it is for, once that is known: for people and network policies.
FUNCTION = "localfaas.dev/function"
VERSION = "localfaas.dev/version"

_MACHINE_ID = Path("/etc/machine-id")
_NOT_IN_LABELS = re.compile(r"[^A-Za-z0-9._-]")
_NUMBERS = re.compile(r"[0-9a-f]*\d[0-9a-f]*")


def owner(host: str, directory: Path, machine_id: Path = _MACHINE_ID) -> str:
    """Return what tells one user of one machine from all others.

    Args:
        host: The machine's name; in a cluster it is that of the pod.
        directory: Where its emulators keep their locks.
        machine_id: The file with the machine's own id, which few containers have.
    """
    try:
        machine = machine_id.read_text().strip()
    except OSError:
        machine = ""
    return hashlib.sha256(f"{host}\0{machine}\0{directory}".encode()).hexdigest()[:32]


def is_orphan(
    labels: Mapping[str, str], *, instance: str, owner: str, living: frozenset[str]
) -> bool:
    """Say whether what has ``labels`` was made by an emulator of this user that has ended.

    Args:
        labels: Of a pod.
        instance: The emulator that asks.
        owner: See :func:`owner`.
        living: The emulators of this user that live.
    """
    made_by = labels.get(INSTANCE, "")
    return (
        bool(made_by)
        and made_by != instance
        and labels.get(OWNER) == owner
        and made_by not in living
    )


def label_value(text: str) -> str:
    """Return ``text`` as the value of a label: 63 characters of a few kinds."""
    return _NOT_IN_LABELS.sub("-", text)[:63].strip("-._")


def secret_name() -> str:
    """Return a name that only one pod resolves: so its requests tell whose they are."""
    return f"{secrets.token_hex(16)}.localfaas.internal"


def without_numbers(text: str) -> str:
    """Return a message without what differs from pod to pod."""
    return _NUMBERS.sub("#", text)
