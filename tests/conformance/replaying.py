"""How a test replays one scenario through boto3, and notes what differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.api.conftest import Running
from tests.conformance.conftest import RESULTS
from tests.conformance.recorded import FOLDER, Comparison, load
from tests.conformance.replay import ACCOUNT, REGION

needs_recordings = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recordings at {FOLDER}")

Clients = Callable[..., Any]


def recordings(file: str, *, classes: bool = False, without: str = "") -> dict[str, dict[str, Any]]:
    """Return the scenarios of a file by the names of their tests; none without the recordings.

    Args:
        file: Its name, without its ending.
        classes: Names have their class in front: in some files two classes share a name.
        without: Leaves out those whose whole name holds this text.
    """
    if not FOLDER.is_dir():
        return {}
    return {
        name.partition(".py::")[2] if classes else name.rpartition("::")[2]: each
        for name, each in load(file).items()
        if not without or without not in name
    }


def clients_of(running: Running) -> Clients:
    """Return what makes clients of an emulator, with the recordings' account and region."""
    return partial(
        boto3.client,
        endpoint_url=running.url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}, parameter_validation=False),
    )


@contextmanager
def replayed(
    file: str, name: str, recording: dict[str, Any], *, known: str = ""
) -> Iterator[Comparison]:
    """Yield what a scenario is compared with; at its end nothing differs, and all was compared.

    Args:
        file: The recordings' file, as the report at the end of the run calls it.
        name: The scenario's.
        recording: What was recorded.
        known: A difference that holds this text is known.
    """
    comparison = Comparison(recording, name)
    try:
        yield comparison
    except Exception as error:
        comparison.differences.append(f"{type(error).__name__}: {error}")
        raise
    finally:
        comparison.finish()
        left = [each for each in comparison.differences if not known or known not in each]
        RESULTS.setdefault(file, {})[name] = left
    assert left == []
