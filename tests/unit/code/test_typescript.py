"""TypeScript's maps: in the file itself, with sources where the function has them."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from emulator.code.typescript import place_sources


@pytest.mark.parametrize(
    ("file", "source", "seen"),
    [
        ("app.js", "app.ts", "app.ts"),
        ("app.mjs", "lib/greet.ts", "lib/greet.ts"),
        ("src/app.js", "lib/greet.ts", "../lib/greet.ts"),
    ],
)
def test_maps_lie_in_their_files_and_name_the_functions_own_sources(
    file: str, source: str, seen: str, tmp_path: Path
) -> None:
    built, folder = tmp_path / "cache/built", tmp_path / "functions/hello"
    code = built / file
    code.parent.mkdir(parents=True)
    code.write_text("exports.handler = 1;\n")
    told = {"sources": [os.path.relpath(folder / source, code.parent), str(tmp_path / "else.ts")]}
    (code.parent / f"{code.name}.map").write_text(json.dumps(told))

    place_sources(built, folder)

    first, mark, last = code.read_text().partition("//# sourceMappingURL=data:application/json;")
    assert (first, bool(mark)) == ("exports.handler = 1;\n", True)
    content = json.loads(base64.b64decode(last.partition("base64,")[2]))
    assert content["sources"] == [seen, str(tmp_path / "else.ts")]
    assert not list(built.rglob("*.map"))
