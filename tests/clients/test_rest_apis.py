"""Terraform, the CDK and Chalice make, change and remove REST APIs."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.clients import tools
from tests.clients.conftest import Client
from tests.clients.test_terraform import _MIRRORS, _has_provider
from tests.needs import need
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.timeout(1800)]

FILES = Path(__file__).parent / "rest_apis"


def call(
    client: Client, api_id: str, path: str, method: str = "GET", body: Any = None, **headers: str
) -> tuple[int, Any]:
    """Send a request to an API; underscores in names of headers are hyphens."""
    connection = http.client.HTTPConnection("localhost", client.up.port, timeout=PATIENCE_S)
    host = f"{api_id}.execute-api.us-east-1.localhost"
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    sent |= {"Host": host, "Content-Type": "application/json"}
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, sent)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or "null")
    finally:
        connection.close()


def test_terraform_applies_changes_and_destroys(client: Client) -> None:
    mirror = next((m for m in map(os.path.expanduser, _MIRRORS) if _has_provider(m)), None)
    if mirror is None:
        pytest.skip("needs Terraform's provider for AWS, which no package registry has")
    need("terraform")
    shutil.copytree(FILES / "terraform", client.folder / "rest")
    source = f'provider_installation {{\n  filesystem_mirror {{ path = "{mirror}" }}\n}}\n'
    (client.folder / "rc").write_text(source)
    client.environ["TF_CLI_CONFIG_FILE"] = str(client.folder / "rc")
    client.environ["TF_VAR_endpoint"] = client.environ["AWS_ENDPOINT_URL"]

    def run(*words: str) -> str:
        return client.run("terraform", *words, "-no-color", cwd="rest")

    run("init", "-input=false")
    sure = ("-auto-approve", "-input=false")
    assert "Apply complete!" in run("apply", *sure)
    api_id = client.run("terraform", "output", "-raw", "api", cwd="rest")
    key = client.run("terraform", "output", "-raw", "key", cwd="rest")
    assert call(client, api_id, "/dev/7", "POST", {"n": 1}) == (403, {"message": "Forbidden"})
    signed = {"x_api_key": key}
    assert call(client, api_id, "/dev/7", "POST", {"n": 1}, **signed)[1] == {"id": "7", "v": "a"}
    assert call(client, api_id, "/dev/7", "POST", {}, **signed)[1] == {"m": "Invalid request body"}
    assert "No changes" in run("plan", "-detailed-exitcode")
    changes = ("-var", "description=b", "-var", "rate=50")
    assert "Apply complete!" in run("apply", *sure, *changes)
    assert "No changes" in run("plan", "-detailed-exitcode", *changes)
    assert call(client, api_id, "/dev/7", "POST", {"n": 1}, **signed)[1] == {"id": "7", "v": "b"}
    assert "Destroy complete!" in run("destroy", *sure)


def test_the_cdk_deploys_and_destroys(client: Client) -> None:
    client.has(tools.programs("cdk"))
    shutil.copytree(FILES / "cdk", client.folder / "rest")
    (client.folder / "rest" / "cdk.json").write_text('{"app": "node app.js"}')
    os.symlink(tools.folder("cdk") / "node_modules", client.folder / "rest" / "node_modules")
    client.run("cdk", "bootstrap", "aws://000000000000/us-east-1", cwd="rest")
    client.run("cdk", "deploy", "--require-approval", "never", cwd="rest")
    outputs = client.outputs("Shop")
    ids = {
        name: re.findall(r"https?://(\w+)\.", value)[0]
        for name, value in outputs.items()
        if "Endpoint" in name
    }
    whole = next(value for name, value in ids.items() if name.startswith("Whole"))
    rest = next(value for name, value in ids.items() if name.startswith("Rest"))
    assert call(client, whole, "/prod/any/thing")[1] == {"path": "/any/thing", "r": "/{proxy+}"}
    assert call(client, rest, "/v1/orders/9") == (200, {"id": "9"})
    key = client.up.client("apigateway").get_api_key(apiKey=outputs["KeyId"], includeValue=True)
    signed = {"x_api_key": key["value"]}
    assert call(client, rest, "/v1/orders", "POST", {"n": 1})[0] == 403
    assert call(client, rest, "/v1/orders", "POST", {"n": "x"}, **signed)[0] == 422
    assert call(client, rest, "/v1/orders", "POST", {"n": 1}, **signed)[0] == 200
    client.run("cdk", "destroy", "--force", cwd="rest")
    assert client.is_gone("Shop")


def test_chalice_deploys_again_and_deletes(client: Client) -> None:
    client.has(tools.programs("chalice"))
    folder = client.folder / "rest"
    shutil.copytree(FILES / "chalice", folder)
    (folder / ".chalice").mkdir()
    config = {"version": "2.0", "app_name": "shop", "stages": {"dev": {"api_gateway_stage": "api"}}}
    (folder / ".chalice" / "config.json").write_text(json.dumps(config))
    (folder / "requirements.txt").touch()
    url = re.findall(r"https://(\w+)\.", client.run("chalice", "deploy", cwd="rest"))[0]
    assert call(client, url, "/api/orders/7?a=b")[1] == {"id": "7", "q": {"a": "b"}}
    assert call(client, url, "/api/guarded") == (401, {"message": "Unauthorized"})
    assert call(client, url, "/api/guarded", Authorization="ok") == (200, {"ok": True})
    assert call(client, url, "/api/guarded", Authorization="no")[0] == 403
    assert url in client.run("chalice", "deploy", cwd="rest")
    client.run("chalice", "delete", cwd="rest")
    assert call(client, url, "/api/orders/7")[0] == 403
