"""Numbers, times and base64 as JSONata's reference has them, where jsonata-python differs.

https://docs.jsonata.org/numeric-functions, https://docs.jsonata.org/date-time-functions
"""

import base64
import datetime
import math
import re
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

from .limits import EvaluationFailed

_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")
#: Digits after which no double has any more.
_MOST_PLACES = 400
#: Places behind the last one, in which nothing is rounded to it.
_BEYOND = 9
_TIME = re.compile(
    r"(\d{4})(?:-([01]\d))?(?:-([0-3]\d))?(?:T([0-2]\d):([0-5]\d):([0-5]\d)(?:\.(\d+))?)?"
    r"(?:Z|([+-])([0-2]\d):?([0-5]\d))?",
    re.ASCII,
)
_COMPONENTS = frozenset("YMDdFWwXxHhPmsfZzCE")
_COMPONENT = re.compile(r"\[\[|\[\s*([^\]\s])[^\]]*\]")


def encode(text: str) -> str:
    """Return text in base64; characters beyond ASCII as UTF-8."""
    return base64.b64encode(_whole(text).encode("utf-8", "replace")).decode()


def decode(text: str) -> str:
    """Return what base64 says; what is none of it is passed over, as by JavaScript."""
    found = _NOT_BASE64.sub("", text.replace("-", "+").replace("_", "/"))
    if len(found) % 4 == 1:
        found = found[:-1]
    return base64.b64decode(found + "=" * (-len(found) % 4)).decode("utf-8", "replace")


def _whole(text: str) -> str:
    """Return text whose characters are no halves: two escapes may have made one of them."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def floor(value: Any) -> Any:
    """Return the whole number that is formatted for one with a fraction."""
    return math.floor(value) if isinstance(value, float) and math.isfinite(value) else value


class Picture:
    """The picture of a number, and what the library makes of it otherwise than the reference.

    Halves go to the even digit. A picture whose digits are all optional has one after the point;
    one without an obligatory digit before the point has none there for a number below one.

    Args:
        text: The picture.
        options: The symbols in it.
        is_negative: It is for a number below zero.

    Raises:
        EvaluationFailed: Its digits are in no order that there is.
    """

    def __init__(self, text: str, options: Any, *, is_negative: bool) -> None:
        symbols = options if isinstance(options, Mapping) else {}
        self._point = _symbol(symbols, "decimal-separator", ".")
        self._zero, digit = _symbol(symbols, "zero-digit", "0"), _symbol(symbols, "digit", "#")
        between = _symbol(symbols, "pattern-separator", ";")
        self._family = "".join(chr(ord(self._zero) + each) for each in range(10))
        parts = text.split(between)
        at = len(parts) - 1 if is_negative else 0
        whole, _, fraction = parts[at].partition(self._point)
        exponent = re.escape(_symbol(symbols, "exponent-separator", "e"))
        digits = f"[{re.escape(self._family)}]"
        has_exponent = re.search(f"(?:{digits}|{re.escape(digit)}){exponent}{digits}", parts[at])
        #: It is one of those that are worked on here.
        self.is_plain = len(parts) <= 2 and parts[at].count(self._point) <= 1 and not has_exponent
        self.text, self._drops_zero = text, False
        if not self.is_plain:
            return
        obligatory = [each for each in whole if each in self._family]
        if obligatory and digit in whole[whole.index(obligatory[0]) :]:
            raise EvaluationFailed(f"D3090: {_UNORDERED.format('integer', 'followed')}")
        optional = fraction.find(digit)
        if optional >= 0 and any(each in self._family for each in fraction[optional:]):
            raise EvaluationFailed(f"D3091: {_UNORDERED.format('fractional', 'preceded')}")
        if optional == 0 and not obligatory:
            fraction = f"{self._zero}{fraction[1:]}"
            parts[at] = f"{whole}{self._point}{fraction}"
            self.text = between.join(parts)
        self._drops_zero = not obligatory and any(each in self._family for each in fraction)
        self._places = sum(each == digit or each in self._family for each in fraction)
        if _symbol(symbols, "percent", "%") in parts[at]:
            self._places += 2
        elif _symbol(symbols, "per-mille", "‰") in parts[at]:
            self._places += 3

    def rounded(self, value: float) -> float | Decimal:
        """Return a number with as many digits as the picture has places."""
        if not isinstance(value, float) or not math.isfinite(value) or self._places > _MOST_PLACES:
            return value
        with localcontext() as context:
            context.prec = 2 * _MOST_PLACES
            last = Decimal(1).scaleb(-self._places)
            made = Decimal(repr(value)).quantize(last, ROUND_HALF_EVEN)
            # A number below zero stays one: it has the sign, or the second picture.
            return made if made or value >= 0 else -last.scaleb(-_BEYOND)

    def finished(self, text: str) -> str:
        """Return what the library has made, without what should not be there."""
        if not self._drops_zero:
            return text
        digits, zero = re.escape(self._family), re.escape(self._zero)
        alone = f"(?<![{digits}]){zero}(?={re.escape(self._point)})"
        return re.sub(alone, "", text, count=1)


_UNORDERED = (
    "The {} part of the sub-picture must not contain a member of the 'decimal digit family' that is"
    " {} by an instance of the 'optional digit' character"
)


def _symbol(symbols: Mapping[str, Any], name: str, usual: str) -> str:
    found = symbols.get(name, usual)
    return found if isinstance(found, str) and found else usual


def millis(text: str) -> int:
    """Return the milliseconds since 1970 of a time as ISO 8601 writes it.

    Raises:
        EvaluationFailed: It is none.
    """
    found = _TIME.fullmatch(text)
    try:
        if found is None:
            raise ValueError(text)
        year, month, day, hour, minute, second = (int(each or least) for each, least in zip(
            found.groups()[:6], (0, 1, 1, 0, 0, 0), strict=True
        ))  # fmt: skip
        moment = datetime.datetime(year, month, day, hour, minute, second, tzinfo=datetime.UTC)
    except ValueError:
        raise EvaluationFailed(
            "D3110: The argument of the toMillis function must be an ISO 8601 formatted timestamp."
            f' Given "{text}"'
        ) from None
    fraction, sign, hours, minutes = found.groups()[6:]
    ahead = datetime.timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    since = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    since += ahead if sign == "-" else -ahead
    return since // datetime.timedelta(milliseconds=1) + int((fraction or "")[:3].ljust(3, "0"))


def check_times(picture: Any) -> None:
    """Refuse a picture of a time that names what no time has.

    Raises:
        EvaluationFailed: It does.
    """
    if not isinstance(picture, str):
        return
    # Behind the last bracket, each that opens would be followed to the end, in vain.
    for found in _COMPONENT.finditer(picture, 0, picture.rfind("]") + 1):
        if found[1] and found[1] not in _COMPONENTS:
            raise EvaluationFailed(
                f'D3132: Unknown component specifier "{found[1]}" in date/time picture string'
            )
