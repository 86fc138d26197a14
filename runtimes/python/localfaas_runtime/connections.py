"""Lets functions speak to the connections of WebSocket APIs by the address that their event has.

Code for AWS calls ``https://{domainName}/{stage}``. Here that name is one below ``localhost``,
which not every machine resolves, and without TLS: so botocore's clients of ``@connections`` are
given the emulator's own address, with the API in its path. Nothing else of botocore is touched, and
nothing at all before a function imports it.
"""

from __future__ import annotations

import os
import sys

# What a type checker needs, and no start of a runtime pays for.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MODULE = "botocore.client"
_SERVICE = "apigatewaymanagementapi"


def install() -> None:
    """Wait for the function to import botocore, if there is an emulator to lead it to."""
    if "AWS_ENDPOINT_URL" in os.environ:
        sys.meta_path.insert(0, _Finder())


def local(url: str) -> str:
    """Return the emulator's address for that of an API; any other address stays."""
    host, slash, path = url.partition("://")[2].partition("/")
    api, dot, _ = host.partition(".execute-api.")
    if not dot:
        return url
    return f"{os.environ['AWS_ENDPOINT_URL']}/_aws/execute-api/{api}{slash}{path}"


class _Finder:
    """Finds botocore's clients as the others do, once, and changes how one kind is made."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != _MODULE:
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    _follow(spec.loader)
                return spec
        return None


def _follow(loader: Any) -> None:
    run = loader.exec_module

    def exec_module(module: Any) -> None:
        run(module)
        _change(module.ClientCreator)

    loader.exec_module = exec_module


def _change(creator: Any) -> None:
    create = creator.create_client

    def create_client(self: Any, service_name: str, *given: Any, **more: Any) -> Any:
        if service_name == _SERVICE and more.get("endpoint_url"):
            more["endpoint_url"] = local(more["endpoint_url"])
        return create(self, service_name, *given, **more)

    creator.create_client = create_client
