"""The Python runtime writes JSON as AWS's own client does, whatever came before."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from awslambdaric import lambda_runtime_marshaller
from hypothesis import given
from hypothesis import strategies as st

_RUNTIME = Path(__file__).parents[3] / "runtimes" / "python"

_texts = st.text(st.characters(exclude_categories=["Cs"])) | st.text('a\\"u\x00\x1f\x7f\u2028é😀')
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _texts,
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(_texts, parts, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module", params=["python3.11", "python3.12", "python3.13"])
def encode(request: pytest.FixtureRequest) -> Any:
    """Yield a function that returns what our runtime writes and what AWS's does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_EXECUTION_ENV", f"AWS_Lambda_{request.param}")
        patch.syspath_prepend(str(_RUNTIME))
        for name in [name for name in sys.modules if name.startswith("localfaas_runtime")]:
            patch.delitem(sys.modules, name)
        ours = importlib.import_module("localfaas_runtime.marshal").encode
        theirs = lambda_runtime_marshaller.LambdaMarshaller()

        def both(value: Any) -> tuple[bytes, bytes]:
            return ours(value), theirs.marshal_response(value)[0].encode()

        yield both


Both = Callable[[Any], tuple[bytes, bytes]]


@given(value=_values)
def test_it_is_what_the_official_client_writes(encode: Both, value: Any) -> None:
    ours, theirs = encode(value)
    assert ours == theirs


def test_a_response_beyond_ascii_changes_none_after_it(encode: Both) -> None:
    values = ["plain", 'quoted " \\u0041', "\x7f", "é\u2028", {"plain": 1}, "\\", "日本"]
    for value in values + values[::-1]:
        ours, theirs = encode(value)
        assert ours == theirs
