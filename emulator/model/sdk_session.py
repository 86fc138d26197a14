"""Sessions of AWS's SDK for Python that nothing of the user's changes."""

from __future__ import annotations

import os
from functools import cache
from typing import Any


def own_session() -> Any:
    """Return a session of boto3 that reads no profile and no configuration file.

    One that ``AWS_PROFILE`` names and that is not there would fail every client.
    """
    import boto3
    import botocore.session

    session = botocore.session.Session(
        session_vars={
            "config_file": (None, None, os.devnull, None),
            "profile": (None, None, None, None),
        }
    )
    loader = _loader()
    session.register_component("data_loader", loader)
    own = boto3.Session(botocore_session=session)
    # Each session of boto3 adds its own folder.
    loader.search_paths[:] = dict.fromkeys(loader.search_paths)
    return own


@cache
def _loader() -> Any:
    """Return the loader of the services' models, one for all sessions."""
    from botocore.loaders import create_loader

    return create_loader()
