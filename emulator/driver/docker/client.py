"""The Docker SDK's client of one engine. The SDK is imported here, on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.driver.docker.address import EngineAddress
from emulator.driver.docker.credentials import kept

if TYPE_CHECKING:
    from docker import APIClient
    from requests import PreparedRequest, Response


def make_client(
    address: EngineAddress, url: str, timeout: float, version: str = "auto"
) -> APIClient:
    """Return a client. Blocks.

    Args:
        address: Where the engine is, and how it is known to be that.
        url: Where it answers; another than the address's behind a tunnel.
        timeout: Seconds that may pass before something of an answer comes.
        version: Of the Engine API; "auto" asks the engine.

    Raises:
        docker.errors.DockerException: Nothing answers there.
        CredentialsFault: What `docker login` has kept can't be read.
    """
    import docker
    from docker.tls import TLSConfig

    class Client(docker.APIClient):
        # Else `requests` would prefer REQUESTS_CA_BUNDLE to the engine's own authority, and
        # put a proxy between, which can't carry attached streams.
        trust_env = property(lambda self: False, lambda self, value: None)

        def send(self, request: PreparedRequest, **options: Any) -> Response:
            # The SDK would wait for a pull or a build without end.
            options["timeout"] = options.get("timeout") or timeout
            return super().send(request, **options)

    tls: TLSConfig | bool = False
    if address.certificates is not None:
        files = {name: address.certificates / f"{name}.pem" for name in ("ca", "cert", "key")}
        pair = (str(files["cert"]), str(files["key"])) if files["cert"].exists() else None
        ca = str(files["ca"]) if address.verify and files["ca"].exists() else None
        tls = TLSConfig(client_cert=pair, ca_cert=ca, verify=address.verify)
    found = kept()  # first: the SDK's client reads it as well, and says less where it can't
    client = Client(url, version=version, timeout=int(timeout), tls=tls)
    # A build sends all there is, and would fail of a helper that is not installed.
    client._auth_configs = found  # type: ignore[attr-defined]
    return client
