"""Run JSONata's reference suite against the function that workflows evaluate expressions with.

``python -m tests.tools.jsonata_suite [FOLDER]``: FOLDER is ``test/test-suite`` of a checkout of
https://github.com/jsonata-js/jsonata; without one, it is cloned.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from emulator.workflows.frames import Moment
from emulator.workflows.query import jsonata, limits

REPOSITORY = "https://github.com/jsonata-js/jsonata"
#: Groups of what Step Functions has not: `$eval`, and bounds in time that a case sets itself.
LEFT_OUT = ("function-eval", "tail-recursion")


def main() -> None:
    """Print how many cases pass, and which do not."""
    if len(sys.argv) > 1:
        return report(Path(sys.argv[1]))
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "-q", "--depth", "1", REPOSITORY, folder], check=True)
        return report(Path(folder) / "test" / "test-suite")


def report(folder: Path) -> None:
    """Run the cases of a folder."""
    passed, failed = 0, Counter[str]()
    for path in sorted((folder / "groups").glob("*/*.json")):
        group = path.parent.name
        if group in LEFT_OUT:
            continue
        content = json.loads(path.read_text())
        for case in content if isinstance(content, list) else [content]:
            problem = problem_of(case, path, folder)
            if problem is None:
                passed += 1
            else:
                failed[group] += 1
                print(f"{group}/{path.name}: {problem}")
    print(f"{passed} of {passed + failed.total()} cases pass", dict(failed))


def problem_of(case: dict[str, Any], path: Path, folder: Path) -> str | None:
    """Return how a case fails; None: it passes."""
    data = case.get("data")
    if case.get("dataset"):
        data = json.loads((folder / "datasets" / f"{case['dataset']}.json").read_text())
    text = case.get("expr") or (path.parent / case["expr-file"]).read_text()
    try:
        result = jsonata.evaluate(text, case.get("bindings", {}), Moment(0), data)
    except jsonata.Undefined:
        return None if case.get("undefinedResult") else "nothing"
    except (limits.EvaluationFailed, jsonata.InvalidExpression) as error:
        wanted = case.get("code") or case.get("error", {}).get("code")
        return None if wanted else f"{text[:60]!r}: {error}"
    if "result" in case and _near(result, case["result"]):
        return None
    return f"{text[:60]!r}: {str(result)[:60]} is not {str(case.get('result', case))[:60]}"


def _near(one: Any, other: Any) -> bool:
    if isinstance(one, float) or isinstance(other, float):
        both = isinstance(one, int | float) and isinstance(other, int | float)
        return both and abs(one - other) <= 1e-9 * max(1, abs(one))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_near, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_near(one[key], other[key]) for key in one)
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


if __name__ == "__main__":
    main()
