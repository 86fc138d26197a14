"""Host names of APIs: the user's own ones, and those that API Gateway gives by an API's id."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Mapping

#: By this tag of an API its user chooses its id.
CUSTOM_ID = "_custom_id_"
_LETTERS = string.ascii_lowercase + string.digits


class CustomHosts:
    """The custom host names of all services. A name may be held by more than one owner.

    Attributes:
        apis: The ids of all APIs: AWS's address of one means it.
    """

    def __init__(self) -> None:
        self.apis: set[str] = set()
        self._names: Counter[str] = Counter()

    def add(self, name: str) -> None:
        """Answer to a name, or with ``*.`` in front to every name one label below it."""
        self._names[name.lower()] += 1

    def remove(self, name: str) -> None:
        """Take back one :meth:`add`."""
        self._names[name.lower()] -= 1
        if self._names[name.lower()] <= 0:
            del self._names[name.lower()]

    def find(self, host: bytes) -> str | None:
        """Return which of the names a ``Host`` header means, if one.

        Args:
            host: With or without a port.
        """
        if not self._names:
            return None
        name = host.decode("latin-1").lower().partition(":")[0]
        if name in self._names:
            return name
        wildcard = f"*.{name.partition('.')[2]}"
        return wildcard if wildcard in self._names else None

    def new_api_id(self, account: str, region: str, name: str, tags: Mapping[str, str]) -> str:
        """Return the id of a new API: the same for the same name at each start."""
        chosen = str(tags.get(CUSTOM_ID, ""))
        if chosen.isalnum() and chosen.islower() and chosen not in self.apis:
            return chosen
        import hashlib  # with the first API

        count = 0
        while True:
            seed = f"{account}/{region}/{name}/{count}"
            made = _id_of(hashlib.sha256(seed.encode()).digest(), 10)
            if made not in self.apis:
                return made
            count += 1


def _id_of(digest: bytes, length: int) -> str:
    number = int.from_bytes(digest, "big")
    made = string.ascii_lowercase[number % 26]
    for _ in range(length - 1):
        number //= 36
        made += _LETTERS[number % 36]
    return made
