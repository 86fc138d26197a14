"""Make ``emulator/stack/schemas.json.gz`` from the registry schemas that cfn-lint ships (MIT-0).

Run it where cfn-lint is installed: ``uvx --with cfn-lint python -m tests.tools.extract_schemas``.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[2] / "emulator" / "stack" / "schemas.json.gz"


def main() -> None:
    """Write the extract of all resource types of us-east-1."""
    found = importlib.util.find_spec("cfnlint")
    if found is None or found.origin is None:
        raise SystemExit("cfn-lint is not installed")
    folder = Path(found.origin).parent / "data" / "schemas"
    names = json.loads((folder / "providers" / "us-east-1.json").read_text())
    extract = {
        kind: _of(json.loads((folder / "resources" / f"{name}.json").read_text()))
        for kind, name in sorted(names.items())
    }
    text = json.dumps(extract, separators=(",", ":"), sort_keys=True)
    TARGET.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"{TARGET.name}: {len(extract)} types, {TARGET.stat().st_size} bytes")


def _of(schema: dict[str, Any]) -> dict[str, list[str]]:
    found = {
        "p": _paths(schema, "primaryIdentifier"),
        "r": _paths(schema, "readOnlyProperties"),
        "c": _paths(schema, "createOnlyProperties"),
        "m": _paths(schema, "conditionalCreateOnlyProperties"),
        "w": _paths(schema, "writeOnlyProperties"),
        "q": list(schema.get("required", [])),
        "a": sorted(schema.get("properties", {})),
        "s": ["Tags"] if (schema.get("tagging") or {}).get("cloudFormationSystemTags") else [],
    }
    return {key: value for key, value in found.items() if value}


def _paths(schema: dict[str, Any], key: str) -> list[str]:
    return [
        path.removeprefix("/properties/").replace("/", ".")
        for path in schema.get(key, [])
        if "*" not in path
    ]


if __name__ == "__main__":
    main()
