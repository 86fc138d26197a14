"""YAML as plain data, whoever has written it.

Aliases stand for what they name again: some lines of them may stand for more values than fit in
any memory once they are written out. The parser takes a second for what JSON's reads in five
milliseconds, so large texts are read in a thread.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import yaml

#: The most values of a text, with its aliases written out.
_MOST_VALUES = 500_000
#: The most characters that are read on the loop.
_QUICK = 16_384


class YamlProblem(ValueError):
    """A text is no YAML, or not fit to be read; the message says why, in one line."""


def construct(loader_class: type[yaml.SafeLoader], text: str, most_values: int) -> Any:
    """Return what a loader makes of a text; None if the text is empty.

    Args:
        loader_class: The loader; exceptions of its own constructors pass through, unless PyYAML
            raises their like for values that are not what they claim to be.
        text: A document.
        most_values: The most values it may have, with its aliases written out.

    Raises:
        YamlProblem: It is not well-formed, too much, or has a value that is not what it claims.
        RecursionError: It is nested too deeply.
    """
    import yaml

    try:
        loader = loader_class(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _count(node, most_values, {})
        return loader.construct_document(node)
    except YamlProblem:
        raise
    except yaml.YAMLError as error:
        raise YamlProblem(f"YAML not well-formed. ({_in_a_line(error)})") from None
    except (ValueError, TypeError, LookupError, AttributeError):
        # PyYAML trusts what is tagged as a date, a number or a flag to be one: !!bool x.
        raise YamlProblem("it has a value that is not of the kind it claims to be") from None


def _count(node: yaml.Node, most: int, known: dict[int, int]) -> int:
    """Return how many values a node has, with its aliases written out."""
    found = known.get(id(node))
    if found == 0:
        raise YamlProblem("an alias contains itself")
    if found is None:
        known[id(node)] = 0
        found = 1
        value = node.value
        for child in value if isinstance(value, list) else ():
            parts = child if isinstance(child, tuple) else (child,)
            found += sum(_count(part, most, known) for part in parts)
        known[id(node)] = found
    if found > most:
        raise YamlProblem(f"it has more than {most} values")
    return found


def _in_a_line(error: yaml.YAMLError) -> str:
    problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
    if problem is None or mark is None:
        return " ".join(str(error).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}"


def parse(text: str) -> Any:
    """Return what a text stands for; dates stay text, as JSON has them.

    Raises:
        YamlProblem: It is no YAML, or too much of it.
    """
    import yaml

    class Loader(yaml.SafeLoader): ...

    Loader.yaml_implicit_resolvers = {
        first: [each for each in found if each[0] != "tag:yaml.org,2002:timestamp"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        return construct(Loader, text, _MOST_VALUES)
    except RecursionError:
        raise YamlProblem("it is nested too deeply") from None


async def read(text: str) -> Any:
    """Return what a text stands for, and hold up nobody meanwhile.

    Raises:
        YamlProblem: As :func:`parse`.
    """
    if len(text) <= _QUICK:
        return parse(text)
    return await asyncio.to_thread(parse, text)
