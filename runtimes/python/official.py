"""Starts AWS's own runtime client as AWS's /var/runtime/bootstrap.py does.

    python -S official.py [json]

The JSON is that of ``bootstrap.py``. ``-S`` leaves out what this machine's interpreter has
installed: a function's environment has none of it.
"""

from __future__ import annotations

import json
import os
import sys

from localfaas_runtime import setup


def main() -> None:
    given = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    del sys.argv[1:]
    setup.search_path(given.get("opt", ["/opt"]), given.get("packages", ""))
    from awslambdaric.__main__ import main as run  # type: ignore[import-untyped]

    run(["awslambdaric", os.environ["_HANDLER"]])


if __name__ == "__main__":
    main()
