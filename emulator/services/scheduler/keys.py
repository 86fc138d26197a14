"""What names a schedule."""

from __future__ import annotations

from typing import NamedTuple

DEFAULT_GROUP = "default"


class Key(NamedTuple):
    """Which schedule is meant."""

    account: str
    region: str
    group: str
    name: str

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:aws:scheduler:{self.region}:{self.account}:schedule/{self.group}/{self.name}"

    @property
    def row(self) -> tuple[str, str, str]:
        """Where it is in the table; names hold no slash."""
        return self.account, self.region, f"{self.group}/{self.name}"
