"""Regular expressions in filter patterns: the few that CloudWatch Logs has, without groups.

Without groups nothing is repeated within what is repeated, so no message takes long.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import re
from collections.abc import Callable

from emulator.services.logs.lookup import invalid

_LONGEST = 256
#: What may stand in one: letters, digits, some signs, and what an escape stands for.
_ALLOWED = re.compile(r"(?:[\w\s:#=@/;,.^$?\[\]{}|*+\-<>'\"!&~`]|\\.)*", re.DOTALL)
#: Beyond these, a search could take long.
_MOST_REPEATED = 8


def compile_regex(text: str) -> Callable[[str], re.Match[str] | None]:
    """Return a function that searches a text.

    Raises:
        AwsError: InvalidParameterException: it is none that CloudWatch Logs takes.
    """
    if not text or len(text) > _LONGEST or not _ALLOWED.fullmatch(text):
        raise invalid(f"Invalid regular expression in filter pattern: {text}")
    bare = re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]", "a", text)
    if len(re.findall(r"[*+}]", bare)) > _MOST_REPEATED:
        raise invalid(f"Invalid regular expression in filter pattern, too many repetitions: {text}")
    try:
        return re.compile(text, re.ASCII).search
    except re.error as error:
        said = f"Invalid regular expression in filter pattern: {text}: {error}"
        raise invalid(said) from error
