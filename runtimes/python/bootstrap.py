"""The Python runtime of one execution environment: a client of the Lambda Runtime API.

Started in one of two ways:
  as a stem cell   forked from the zygote, which calls ``main``: one line of JSON on file
                   descriptor 3 tells environment, folder and handler; what follows is HTTP.
  as a program     ``python bootstrap.py [json]``: the environment is set. Speaks on file
                   descriptor 3 when that is a socket, else with AWS_LAMBDA_RUNTIME_API. With
                   LOCALFAAS_STEM_SOCKET, a Unix socket's path, it connects to that and is a
                   stem cell: a container inherits no descriptors.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from localfaas_runtime import client, connections, loop, setup

# What a type checker needs, and no start of a runtime pays for.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_hidden: list[Any] = []


def main() -> None:
    """Run as a stem cell; returns when the Runtime API has closed the channel."""
    # Out of sight but alive: to free it would copy the pages shared with the zygote.
    _hidden.append(sys.modules["__main__"])
    channel = client.Client.inherited()
    assert channel is not None, "a stem cell has its channel"
    order = channel.read_order()
    os.environ.clear()
    os.environ.update(order["environ"])
    setup.as_forked(order.get("limits", {}))
    os.chdir(order["cwd"])
    _serve(channel, order["handler"], order)


def _main() -> None:
    if "LOCALFAAS_STEM_SOCKET" in os.environ:
        client.Client.take(os.environ["LOCALFAAS_STEM_SOCKET"])
        main()
        return
    import json

    given = json.loads(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1][:1] == "{" else {}
    del sys.argv[1:]
    channel = client.Client.inherited() or client.Client.connect(
        os.environ["AWS_LAMBDA_RUNTIME_API"]
    )
    _serve(channel, os.environ.get("_HANDLER", ""), given)


def _serve(channel: client.Client, handler: str, told: dict[str, Any]) -> None:
    """``told`` has, where they are not AWS's, the folders of layers and of packages."""
    setup.streams()
    setup.search_path(told.get("opt", ["/opt"]), told.get("packages", ""))
    setup.own_names(__name__)
    connections.install()
    count = os.environ.get("AWS_LAMBDA_MAX_CONCURRENCY")
    if count:
        from localfaas_runtime import workers

        workers.run(channel, handler, int(count))
    loop.run(channel, handler)


if __name__ == "__main__":
    _main()
