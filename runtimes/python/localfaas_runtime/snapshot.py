"""SnapStart: from the end of INIT to the first invocation of what was restored.

The hooks before the snapshot run, in the reverse order of their registration; then ``restore/next``
waits until this process, or a copy of it, is to go on; then the hooks after restore run.

Source: https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html, and what
AWS's own client does.
"""

from __future__ import annotations

import gc
import json
import sys

from . import captured, copying, errors, logs, marshal

# What a type checker needs, and no start of a runtime pays for.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from .client import Client

#: Exit statuses of AWS's own client.
_BEFORE_FAILED, _AFTER_FAILED = 64, 65
#: Bytes of what is said of a snapshot.
_MOST = 32768


def pass_through(channel: Client) -> Client:
    """Stop at the snapshot, and return the channel of whoever goes on from there."""
    try:
        _run_before()
        channel.send(channel.get("restore/next", {"Localfaas-Snapshot": _said()}))
        gc.collect()
        gc.freeze()  # to look through all that would copy the pages that copies share
        channel = copying.serve(channel)
    except BaseException as error:
        if isinstance(error, SystemExit) and error.code == 0:
            raise  # nobody is left to work for
        _fail(channel, "init/error", "Runtime.BeforeSnapshotError", error, _BEFORE_FAILED)
    try:
        _run_after()
    except BaseException as error:  # noqa: BLE001 (as AWS's client: reported, whatever it is)
        _fail(channel, "restore/error", "Runtime.AfterRestoreError", error, _AFTER_FAILED)
    return channel


def _run_before() -> None:
    registered = sys.modules.get("snapshot_restore_py")
    if registered is None:
        return
    hooks = registered.get_before_snapshot()
    while hooks:
        function, arguments, named = hooks.pop()
        function(*arguments, **named)


def _run_after() -> None:
    registered = sys.modules.get("snapshot_restore_py")
    if registered is None:
        return
    for function, arguments, named in registered.get_after_restore():
        function(*arguments, **named)


def _said() -> str:
    """Return what the other side should know of this moment, as JSON in ASCII."""
    told = {"hindrances": copying.hindrances(), "shared": captured.shared()}
    text = json.dumps(told)
    while len(text) > _MOST and told["shared"]:
        told["shared"] = told["shared"][: len(told["shared"]) // 2]
        text = json.dumps(told)
    return text


def _fail(channel: Client, path: str, kind: str, error: BaseException, status: int) -> NoReturn:
    result: dict[str, Any] = errors.result(error)
    logs.error(result)
    channel.send(*channel.post(path, marshal.encode(result), error_type=kind))
    channel.receive()
    sys.exit(status)
