"""What each intrinsic function does with its arguments."""

import base64
import hashlib
import math
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from ..json_text import Json, read, write
from .path_filters import same

LONGEST_TEXT = 10_000
"""Characters that the functions of encoding and hashing take."""

LONGEST_RANGE = 1_000

HASHES = {
    "MD5": hashlib.md5,
    "SHA-1": hashlib.sha1,
    "SHA-256": hashlib.sha256,
    "SHA-384": hashlib.sha384,
    "SHA-512": hashlib.sha512,
}


class IntrinsicFailure(Exception):
    """A function can't do anything with its arguments; the text says why."""


@dataclass(frozen=True, slots=True)
class Function:
    """An intrinsic function.

    Args:
        run: Makes the result from the arguments and chance.
        fewest: How many arguments it takes at least.
        most: How many at most; None: any number.
    """

    run: Callable[[list[Json], Random], Json]
    fewest: int
    most: int | None


def format_text(values: list[Json], raw: str | None) -> str:
    r"""Return States.Format of values, the first of which is the template.

    Args:
        values: The template and what goes into its `{}`.
        raw: The template as it stands in the definition, where `\{` is a brace; None: it comes
            from data.

    Raises:
        IntrinsicFailure: There are more or fewer values than places.
    """
    template = raw if raw is not None else _text(values[0], "the template")
    rest = values[1:]
    places = iter(rest)
    used = 0

    def put(found: re.Match[str]) -> str:
        nonlocal used
        if found.group() != "{}":
            return found.group()[1:]
        used += 1
        return _shown(next(places, ""))

    pattern = r"\\[\\'{}]|\{\}" if raw is not None else r"\{\}"
    text = re.sub(pattern, put, template)
    if used != len(rest):
        raise IntrinsicFailure(
            f"The number of arguments ({len(rest)}) does not match the occurrences of {{}} ({used})"
        )
    return text


def _shown(value: Json) -> str:
    return value if isinstance(value, str) else write(value)


def _text(value: Json, what: str) -> str:
    if not isinstance(value, str):
        raise IntrinsicFailure(f"Expected a string for {what} but got {write(value)}")
    return value


def _array(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise IntrinsicFailure(f"Expected an array but got {write(value)}")
    return value


def _object(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise IntrinsicFailure(f"Expected a JSON object but got {write(value)}")
    return value


def _whole(value: Json) -> int:
    """Return a number, rounded half up as Java does."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise IntrinsicFailure(f"Expected a number but got {write(value)}")
    return math.floor(value + 0.5) if isinstance(value, float) else value


def _short(value: Json) -> str:
    text = _text(value, "the data")
    if len(text) > LONGEST_TEXT:
        raise IntrinsicFailure(f"The string is longer than {LONGEST_TEXT} characters")
    return text


def _string_to_json(values: list[Json], chance: Random) -> Json:
    text = _text(values[0], "the text")
    if not text.strip():
        return None
    try:
        value = read(text)
    except ValueError:
        raise IntrinsicFailure(f"The string is not valid JSON: {text}") from None
    return value


def _partition(values: list[Json], chance: Random) -> Json:
    items, size = _array(values[0]), _whole(values[1])
    if size <= 0:
        raise IntrinsicFailure(f"The size of the parts must be a positive number but was {size}")
    return [items[at : at + size] for at in range(0, len(items), size)]


def _range(values: list[Json], chance: Random) -> Json:
    first, last, step = map(_whole, values)
    if not step:
        raise IntrinsicFailure("The step must not be 0")
    numbers = range(first, last + (1 if step > 0 else -1), step)
    if len(numbers) > LONGEST_RANGE:
        raise IntrinsicFailure(f"The array would have more than {LONGEST_RANGE} items")
    return list(numbers)


def _get_item(values: list[Json], chance: Random) -> Json:
    items, index = _array(values[0]), _whole(values[1])
    if not 0 <= index < len(items):
        raise IntrinsicFailure(f"The index {index} is out of bounds of {len(items)} items")
    return items[index]


def _unique(values: list[Json], chance: Random) -> Json:
    found: list[Json] = []
    for each in _array(values[0]):
        if not any(same(each, other) for other in found):
            found.append(each)
    return found


def _decode(values: list[Json], chance: Random) -> Json:
    try:
        return base64.b64decode(_short(values[0]), validate=True).decode()
    except ValueError:
        raise IntrinsicFailure("The string is no Base64 of a text") from None


def _hash(values: list[Json], chance: Random) -> Json:
    algorithm = values[1]
    if not isinstance(algorithm, str) or algorithm not in HASHES:
        raise IntrinsicFailure(f"Unknown algorithm: {write(algorithm)}")
    text = _short(_shown(values[0]))
    return HASHES[algorithm](text.encode(), usedforsecurity=False).hexdigest()


def _merge(values: list[Json], chance: Random) -> Json:
    if values[2] is not False:
        raise IntrinsicFailure("The deep merge of objects is not supported: use false")
    return {**_object(values[0]), **_object(values[1])}


def _random(values: list[Json], chance: Random) -> Json:
    first, last = _whole(values[0]), _whole(values[1])
    if last <= first:
        raise IntrinsicFailure(f"There is no number from {first} up to {last}")
    source = Random(_whole(values[2])) if len(values) > 2 else chance
    return source.randrange(first, last)


def _split(values: list[Json], chance: Random) -> Json:
    text, signs = _text(values[0], "the text"), _text(values[1], "the delimiter")
    if not signs:
        return [text]
    return [part for part in re.split(f"[{re.escape(signs)}]", text) if part]


FUNCTIONS: dict[str, Function] = {
    "Format": Function(lambda values, chance: format_text(values, None), 1, None),
    "StringToJson": Function(_string_to_json, 1, 1),
    "JsonToString": Function(lambda values, chance: write(values[0]), 1, 1),
    "Array": Function(lambda values, chance: values, 0, None),
    "ArrayPartition": Function(_partition, 2, 2),
    "ArrayContains": Function(
        lambda values, chance: any(same(each, values[1]) for each in _array(values[0])), 2, 2
    ),
    "ArrayRange": Function(_range, 3, 3),
    "ArrayGetItem": Function(_get_item, 2, 2),
    "ArrayLength": Function(lambda values, chance: len(_array(values[0])), 1, 1),
    "ArrayUnique": Function(_unique, 1, 1),
    "Base64Encode": Function(
        lambda values, chance: base64.b64encode(_short(values[0]).encode()).decode(), 1, 1
    ),
    "Base64Decode": Function(_decode, 1, 1),
    "Hash": Function(_hash, 2, 2),
    "JsonMerge": Function(_merge, 3, 3),
    "MathRandom": Function(_random, 2, 3),
    "MathAdd": Function(lambda values, chance: _whole(values[0]) + _whole(values[1]), 2, 2),
    "StringSplit": Function(_split, 2, 2),
    "UUID": Function(
        lambda values, chance: str(uuid.UUID(int=chance.getrandbits(128), version=4)), 0, 0
    ),
}
