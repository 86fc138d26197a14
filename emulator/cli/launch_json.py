"""What editors need to attach to functions: VS Code's ``launch.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emulator.cli.terminal import CommandError

#: What PyCharm needs, which waits for functions instead of attaching to them.
PYCHARM = """\
PyCharm waits for the function: make a run configuration "Python Debug Server" with any free port,
put `pydevd-pycharm` into requirements.txt, and begin the handler with

    import pydevd_pycharm; pydevd_pycharm.settrace("127.0.0.1", port=PORT, suspend=False)

Its path mapping is the function's folder to /var/task. It takes the place of --debug, beside which
it does nothing: `localfaas debug NAME --off`. The function's Timeout counts at breakpoints: raise
it meanwhile."""


def configuration(debugged: Mapping[str, Any], workspace: Path) -> dict[str, Any]:
    """Return VS Code's way to attach to one function.

    Args:
        debugged: The function, as the admin API shows it.
        workspace: The folder that the editor has open.
    """
    name, port = debugged["function"], debugged["port"]
    local, remote = _local(debugged["local_root"], workspace), debugged["remote_root"]
    common = {"name": f"localfaas: {name}", "request": "attach"}
    match debugged["language"]:
        case "nodejs":
            roots = {"localRoot": local, "remoteRoot": remote, "sourceMaps": True}
            return {**common, "type": "node", "address": "127.0.0.1", "port": port, **roots}
        case "java":
            return {**common, "type": "java", "hostName": "127.0.0.1", "port": port}
        case _:
            mapping = [{"localRoot": local, "remoteRoot": remote}]
            where = {"host": "127.0.0.1", "port": port}
            more = {"pathMappings": mapping, "justMyCode": False}
            return {**common, "type": "debugpy", "connect": where, **more}


def _local(folder: str, workspace: Path) -> str:
    path = Path(folder)
    if folder and path.is_relative_to(workspace):
        return str(Path("${workspaceFolder}") / path.relative_to(workspace))
    return folder


def merged(present: str, configurations: Sequence[Mapping[str, Any]], file: Path) -> str:
    """Return a ``launch.json`` with these configurations in the place of those of their names.

    Args:
        present: What the file has; "" for nothing.
        configurations: The configurations.
        file: The file's path, for the error.

    Raises:
        CommandError: The file is none that can be added to.
    """
    try:
        document: Any = json.loads(present) if present.strip() else {"version": "0.2.0"}
        own = {each["name"] for each in configurations}
        there = document.get("configurations", [])
        others = [each for each in there if each.get("name") not in own]
    except (ValueError, AttributeError) as failure:
        raise CommandError(
            f"{file} can't be added to ({failure}): has it comments? Print the configurations with"
            " --vscode alone, and put them in yourself"
        ) from failure
    return json.dumps({**document, "configurations": [*others, *configurations]}, indent=2) + "\n"
