"""Every operation of the models compiles: its parser, its validator and its serialiser."""

from __future__ import annotations

import subprocess
import sys

import pytest

from emulator.wire import model
from emulator.wire.protocols import PROTOCOLS, protocol
from emulator.wire.routing import Router
from emulator.wire.services import default_protocol
from emulator.wire.validate import Checks
from tests.unit.wire.models import MODELS, every_model

#: Protocols that only EC2 speaks, which nothing here serves.
_ABSENT = {"ec2"}


def compile_all(service: str) -> int:
    """Compile a model's operations in each of its protocols; return how many there are."""
    loaded = model.load(service)
    offered = loaded.metadata.get("protocols", [loaded.metadata["protocol"]])
    checks = Checks(loaded)
    for name in offered:
        if name in _ABSENT:
            continue
        spoken = protocol(name)(loaded)
        if spoken.routed:
            Router(loaded)
        for operation in loaded.operations.values():
            spoken.parser(operation)
            spoken.serialiser(operation)
    for operation in loaded.operations.values():
        checks.compile(operation)
    return len(loaded.operations)


@pytest.mark.parametrize("service", MODELS)
def test_every_operation_compiles(service: str) -> None:
    assert compile_all(service) > 0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_operation_of_every_model_compiles() -> None:
    for service in every_model():
        compile_all(service)
        model.load.cache_clear()


def test_the_protocols_that_models_have_are_there() -> None:
    for service in MODELS:
        metadata = model.load(service).metadata
        assert set(metadata.get("protocols", [metadata["protocol"]])) <= set(PROTOCOLS)
    assert default_protocol(model.load("cloudwatch")) == "smithy-rpc-v2-cbor"


def test_to_load_one_model_loads_no_other() -> None:
    """And imports no format that the service does not speak."""
    code = (
        "import sys; from emulator import wire; from emulator.wire import model;"
        "wire.service('sqs');"
        "print(model.load.cache_info().currsize, 'cbor2' in sys.modules, 'xml' in sys.modules)"
    )
    output = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert output.split() == ["1", "False", "False"]
