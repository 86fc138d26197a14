"""A Kubernetes cluster's API: requests, lists, watches, logs.

Whom to ask, and as whom, is lightkube's: kubeconfig, login programs, certificates, the pod's own
account. It is imported when a cluster is opened.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.model.errors import ConfigurationError, DriverFault

if TYPE_CHECKING:
    import httpx2

#: Seconds a request may take.
_PATIENCE = 10.0
#: Seconds after which the API ends a watch, which then begins anew.
_WATCH_S = 300
#: How many connections are kept at most: each watch, followed log and forwarded port has one.
_CONNECTIONS = 1000
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_INSTALL = "--driver kubernetes needs lightkube: pip install 'localfaas[kubernetes]'"


class ClusterFault(DriverFault):
    """The API refused or did not answer.

    Args:
        text: What it said.
        status: The HTTP status; 0 where there was no answer.
        reason: Kubernetes' word for it, e.g. "AlreadyExists"; may be empty.
    """

    def __init__(self, text: str, status: int = 0, reason: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason


class Cluster:
    """One cluster, as one of its users, and one namespace of it.

    Args:
        context: The kubeconfig's context; empty for the current one.
        namespace: Empty for that of the context.
        environ: The variables that say where the kubeconfig is.
    """

    def __init__(self, *, context: str, namespace: str, environ: Mapping[str, str]) -> None:
        self._context = context
        self.namespace = namespace
        self._environ = environ
        self._http: httpx2.AsyncClient | None = None
        #: This process runs in a pod of the cluster.
        self.is_inside = False
        #: The API's address, for people.
        self.server = ""

    async def open(self) -> None:
        """Find the cluster and make ready to ask it. Nothing is asked yet.

        Raises:
            ConfigurationError: No cluster is named anywhere, or lightkube is missing.
        """
        try:
            from lightkube.config.client_adapter import AsyncClient, ConnectionParams
        except ImportError as error:
            raise ConfigurationError(_INSTALL) from error
        import httpx2

        from emulator.driver.kubernetes.connecting import close_what_is_called_off

        config = self._find()
        self.server = str(config.cluster.server)
        self.namespace = self.namespace or config.namespace
        self._http = AsyncClient(config, ConnectionParams(timeout=httpx2.Timeout(_PATIENCE)))
        close_what_is_called_off(self._http)

    def _find(self) -> Any:
        import yaml
        from lightkube.config.kubeconfig import KubeConfig
        from lightkube.core.exceptions import ConfigError

        file = self._environ.get("KUBECONFIG") or Path.home() / ".kube" / "config"
        try:
            if not self._context and not self._environ.get("KUBECONFIG") and _ACCOUNT.is_dir():
                self.is_inside = True
                return KubeConfig.from_service_account().get()
            found = KubeConfig.from_file(str(file).split(os.pathsep)[0]).get(self._context or None)
        # What it says of a file that is none: it does not check one.
        except (
            ConfigError,
            yaml.YAMLError,
            OSError,
            LookupError,
            ValueError,
            TypeError,
            AttributeError,
        ) as error:
            raise ConfigurationError(
                f"no cluster is known by {file}: {error}. KUBECONFIG names the file that says "
                "where it is, --kube-context one of its contexts."
            ) from error
        if found is None:
            raise ConfigurationError(f"{file} has no context {self._context or 'that is current'}")
        return found

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Any:
        """Return the API's answer.

        Args:
            method: "GET" and so on.
            path: Below the API's root, or below the namespace's where it does not begin with "/".
            body: Sent as JSON.
            query: The query's parameters.
            content_type: Of the body.

        Raises:
            ClusterFault: It refused, or did not answer.
        """
        import httpx2

        content = None if body is None else json.dumps(body).encode()
        try:
            response = await self._client.request(
                method,
                self._path(path),
                content=content,
                params=query,
                headers={"Content-Type": content_type} if content else None,
            )
        except httpx2.HTTPError as error:
            raise _no_answer(self.server, error) from error
        return _result(response)

    def _path(self, path: str) -> str:
        return path if path.startswith("/") else f"/api/v1/namespaces/{self.namespace}/{path}"

    @property
    def _client(self) -> httpx2.AsyncClient:
        if self._http is None:
            raise DriverFault("the cluster is not open")
        return self._http

    async def watch(
        self, path: str, labels: str, version: str
    ) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Yield what happens to objects: "ADDED", "MODIFIED" or "DELETED", and the object.

        Ends when the API ends it, which it does from time to time.

        Args:
            path: As for :meth:`ask`.
            labels: Which objects.
            version: The list's version from which on; status 410 says that it is too old.

        Raises:
            ClusterFault: As for :meth:`ask`.
        """
        query = {
            "watch": "1",
            "labelSelector": labels,
            "resourceVersion": version,
            "timeoutSeconds": str(_WATCH_S),
        }
        async with self._stream(path, query) as response:
            async for line in response.aiter_lines():
                event = json.loads(line)
                if event["type"] == "ERROR":
                    found = event["object"]
                    raise ClusterFault(
                        str(found.get("message")), int(found.get("code") or 0), "Gone"
                    )
                yield event["type"], event["object"]

    async def log(self, pod: str, container: str, since_s: int | None) -> AsyncIterator[bytes]:
        """Yield what a container prints, as it comes, until it ends.

        Raises:
            ClusterFault: As for :meth:`ask`.
        """
        query = {"follow": "true", "container": container}
        if since_s is not None:
            query["sinceSeconds"] = str(since_s)
        async with self._stream(f"pods/{pod}/log", query) as response:
            async for piece in response.aiter_bytes():
                yield piece

    @asynccontextmanager
    async def _stream(self, path: str, query: Mapping[str, str]) -> AsyncIterator[httpx2.Response]:
        import httpx2

        timeout = httpx2.Timeout(_PATIENCE, read=_WATCH_S + 30.0)
        try:
            async with self._client.stream(
                "GET", self._path(path), params=query, timeout=timeout
            ) as response:
                if response.is_error:
                    await response.aread()
                    _result(response)
                yield response
        except httpx2.HTTPError as error:
            raise _no_answer(self.server, error) from error

    @asynccontextmanager
    async def web_socket(self, path: str, query: Mapping[str, str], protocol: str) -> Any:
        """Open a web socket of the API."""
        url = self._path(path)
        async with self._client.websocket(url, params=query, subprotocols=[protocol]) as socket:
            yield socket

    async def close(self) -> None:
        """Let go of all connections. Idempotent."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None


def _no_answer(server: str, error: Exception) -> ClusterFault:
    return ClusterFault(f"the cluster at {server} does not answer: {error or type(error).__name__}")


def _result(response: httpx2.Response) -> Any:
    if not response.is_error:
        return response.json() if response.content else None
    try:
        said = response.json()
    except ValueError:
        said = {"message": response.text[:500]}
    if not isinstance(said, dict):
        said = {"message": str(said)[:500]}
    text = str(said.get("message") or f"HTTP {response.status_code}")
    raise ClusterFault(text, response.status_code, str(said.get("reason") or ""))
