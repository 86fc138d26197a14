"""The sample of parameters and secrets that are cached."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.acceptance.conftest import ROOT, localfaas_up

pytestmark = pytest.mark.slow


def test_parameters_and_secrets_are_cached_until_they_are_refreshed() -> None:
    with localfaas_up(ROOT / "samples" / "cached-settings", "--no-watch") as up:
        functions, ssm, secrets = (up.client(name) for name in ("lambda", "ssm", "secretsmanager"))

        def greet(**event: Any) -> dict[str, Any]:
            answer = functions.invoke(
                FunctionName="Greet", Payload=json.dumps({"name": "Ann", **event})
            )
            body = json.loads(answer["Payload"].read())
            assert "FunctionError" not in answer, body
            return dict(body)

        first = {"greeting": "Good morning, Ann", "key": "abc"}
        assert greet() == first
        ssm.put_parameter(Name="/shop/greeting", Value="Good night", Overwrite=True)
        secrets.put_secret_value(SecretId="shop/api-key", SecretString='{"key": "xyz789"}')
        assert greet() == first
        assert greet(refresh=True) == {"greeting": "Good night, Ann", "key": "xyz"}
        assert greet() == {"greeting": "Good night, Ann", "key": "xyz"}
        for client in (functions, ssm, secrets):
            client.close()
