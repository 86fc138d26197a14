"""The named statements of queries.sql, and the schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def schema(file: str) -> str:
    """Return the statements that make an empty database ours."""
    return files(__package__).joinpath(file).read_text("utf-8")


@cache
def queries() -> Mapping[str, str]:
    """Return each statement of queries.sql by the name that stands above it."""
    parts = _NAME.split(files(__package__).joinpath("queries.sql").read_text("utf-8"))
    return {name: sql.strip() for name, sql in zip(parts[1::2], parts[2::2], strict=True)}
