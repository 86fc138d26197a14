"""Shard iterators: they say themselves where to go on."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

import orjson

from emulator.model.errors import AwsError

#: Seconds for which an iterator can be used.
LIFETIME_S = 15 * 60.0
#: The highest number that a record can have.
LAST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Iterator:
    """An iterator.

    Attributes:
        after: The number of the last record that is not wanted.
        made: When it was made, in seconds since the epoch.
    """

    stream_arn: str
    after: int
    made: float

    def text(self) -> str:
        """Return it as the API has it: the stream's ARN, a version, and the rest."""
        rest = base64.b64encode(orjson.dumps([self.after, self.made])).decode()
        return f"{self.stream_arn}|1|{rest}"

    @classmethod
    def parse(cls, text: str) -> Iterator:
        """Read an iterator.

        Raises:
            AwsError: ValidationException: it is none.
        """
        try:
            arn, _, rest = text.split("|")
            after, made = orjson.loads(base64.b64decode(rest, validate=True))
            if abs(int(after)) > LAST:
                raise ValueError
            return cls(arn, int(after), float(made))
        except (ValueError, TypeError, binascii.Error):
            raise AwsError("ValidationException", "Invalid ShardIterator", status=400) from None

    def check_age(self, now: float) -> None:
        """Check that it can still be used.

        Raises:
            AwsError: ExpiredIteratorException.
        """
        if now - self.made > LIFETIME_S:
            raise AwsError(
                "ExpiredIteratorException",
                "Iterator expired. The iterator was created more than 15 minutes ago.",
            )
