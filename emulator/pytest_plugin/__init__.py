"""The pytest plugin: an emulator for each run (each worker of xdist), an account for each test.

pytest loads it by its entry point in every run where localfaas is installed, so only its fixtures
import what they need. A test that uses none of its fixtures pays nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from emulator.client.server import Server
    from emulator.pytest_plugin.kit import Localfaas
    from emulator.pytest_plugin.servers import Servers

_KIT = pytest.StashKey["Localfaas"]()
_MARKER = (
    "localfaas(*options, **settings): run the test against an emulator with these options of "
    "`localfaas up`, as in localfaas(profile='aws', seed=7, strict=True)"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options; pytest calls it."""
    group = parser.getgroup("localfaas")
    group.addoption(
        "--localfaas-endpoint",
        metavar="URL",
        help="Use the emulator that runs there, and start none (also LOCALFAAS_ENDPOINT, for the "
        "fixture localfaas_noproc alone).",
    )
    group.addoption(
        "--localfaas-options",
        metavar="OPTIONS",
        help="Options of `localfaas up` for the emulators that are started. They take the place of "
        "the ini file's localfaas_options.",
    )
    parser.addini("localfaas_options", "Options of `localfaas up`.", type="args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker; pytest calls it."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture(scope="session")
def localfaas_servers(request: pytest.FixtureRequest) -> Iterator[Servers]:
    """The emulators of this run, by their options; each starts at its first use."""
    from emulator.pytest_plugin.servers import Servers

    servers = Servers.of(request.config)
    yield servers
    servers.close()


@pytest.fixture(scope="session")
def localfaas_server(localfaas_servers: Servers) -> Any:
    """The emulator of this run (each worker of xdist has its own): ``url``, ``region``."""
    return localfaas_servers.get(())


@pytest.fixture(scope="session")
def localfaas_factory(localfaas_servers: Servers) -> Callable[..., Server]:
    """Return a function that starts one more emulator: ``factory("--strict", idle_timeout=5)``."""
    return localfaas_servers.start


@pytest.fixture
def localfaas(request: pytest.FixtureRequest, localfaas_servers: Servers) -> Iterator[Localfaas]:
    """An account for this test alone, and the variables by which AWS SDKs find it."""
    from emulator.pytest_plugin.kit import Localfaas
    from emulator.pytest_plugin.servers import options_of_marker

    server = localfaas_servers.get(options_of_marker(request.node))
    with Localfaas.opened(server) as kit:
        request.node.stash[_KIT] = kit
        yield kit


@pytest.fixture
def localfaas_noproc(request: pytest.FixtureRequest) -> Iterator[Localfaas]:
    """Like ``localfaas``, on a running emulator: ``--localfaas-endpoint``, else port 4566."""
    from emulator.pytest_plugin.kit import Localfaas
    from emulator.pytest_plugin.servers import running

    server = running(request.config)
    with Localfaas.opened(server) as kit:
        request.node.stash[_KIT] = kit
        yield kit


@pytest.fixture(scope="session")
def localfaas_account(
    localfaas_servers: Servers,
) -> Callable[..., AbstractContextManager[Localfaas]]:
    """Return what opens an account for a fixture of a wider scope.

    ``with localfaas_account() as localfaas:`` has what the fixture ``localfaas`` has. It takes
    options as the marker does.
    """
    from emulator.pytest_plugin.kit import Localfaas
    from emulator.pytest_plugin.servers import options_of

    def account(*options: str, **settings: Any) -> AbstractContextManager[Localfaas]:
        server = localfaas_servers.get(options_of(*options, **settings))
        return Localfaas.opened(server)

    return account


def _client(service: str) -> Any:
    def client(localfaas: Localfaas) -> Any:
        return localfaas.client(service)

    client.__doc__ = f"boto3's client of {service}, in the test's own account."
    return pytest.fixture(name=f"{service}_client")(client)


lambda_client = _client("lambda")
sqs_client = _client("sqs")
s3_client = _client("s3")
logs_client = _client("logs")
cloudformation_client = _client("cloudformation")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the invocations and logs of its functions to a failed test."""
    report = yield
    if report.when == "teardown" or not report.failed:
        return report
    for kit in _used(item):
        sections = kit.sections()
        report.sections += sections
        # What reports of JUnit's kind have of a test.
        item.user_properties += [("localfaas account", kit.account), *sections]
    return report


def _used(item: pytest.Item) -> list[Localfaas]:
    """Return the accounts that a test has: its own, and those of its fixtures."""
    module = sys.modules.get("emulator.pytest_plugin.kit")
    if module is None:
        return []
    found = [*getattr(item, "funcargs", {}).values(), item.stash.get(_KIT, None)]
    return list({id(kit): kit for kit in found if isinstance(kit, module.Localfaas)}.values())
