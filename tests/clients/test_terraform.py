"""Terraform applies, plans without changes, changes and destroys the sample."""

from __future__ import annotations

import os
import shutil
import zipfile
from functools import partial
from pathlib import Path

import pytest

from tests.clients.conftest import Client
from tests.needs import need

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.timeout(1800)]

#: Where AWS's provider may lie, laid out as a mirror of Terraform's registry.
_MIRRORS = (os.environ.get("TF_PLUGIN_MIRROR", ""), "/opt/tf-plugins", "~/.terraform.d/plugins")
_PROVIDER = "registry.terraform.io/hashicorp/aws"


@pytest.fixture
def terraform(client: Client) -> Client:
    mirror = next((m for m in map(os.path.expanduser, _MIRRORS) if _has_provider(m)), None)
    if mirror is None:
        pytest.skip("needs Terraform's provider for AWS, which no package registry has")
    need("terraform")
    _zip(client)
    source = f'provider_installation {{\n  filesystem_mirror {{ path = "{mirror}" }}\n}}\n'
    (client.folder / "rc").write_text(source)
    client.environ["TF_CLI_CONFIG_FILE"] = str(client.folder / "rc")
    client.environ["TF_VAR_archive"] = str(client.folder / "create.zip")
    return client


def _run(terraform: Client, verb: str, *words: str, status: int = 0) -> str:
    sure = () if verb in ("init", "plan") else ("-auto-approve",)
    options = (*sure, "-input=false", "-no-color")
    return terraform.run("terraform", verb, *options, *words, cwd="terraform", status=status)


def _has_provider(mirror: str) -> bool:
    return bool(mirror) and (Path(mirror) / _PROVIDER).is_dir()


def _zip(client: Client) -> None:
    with zipfile.ZipFile(client.folder / "create.zip", "w") as archive:
        archive.write(client.folder / "src" / "create" / "app.py", "app.py")


def test_the_life_of_a_configuration(terraform: Client) -> None:
    run = partial(_run, terraform)
    run("init")
    function = "terraform-create-order"
    assert "Apply complete!" in run("apply")
    assert terraform.order(function)["currency"] == "EUR"

    assert "No changes" in run("plan", "-detailed-exitcode")

    changed = ("-var", "currency=USD", "-var", "memory=256")
    assert "2 changed" in run("apply", *changed)
    assert terraform.order(function)["currency"] == "USD"

    # What Terraform lets pass, and AWS does not: too long for a parameter.
    assert "4096" in run("apply", "-var", f"currency={'x' * 4100}", status=1)
    assert terraform.order(function)["currency"] == "USD"

    terraform.change_code()
    _zip(terraform)
    run("apply", *changed)
    assert terraform.order(function)["version"] == 2

    assert "Destroy complete!" in run("destroy", *changed)
    roles = terraform.up.client("iam").list_roles()["Roles"]
    assert "create-order" not in [role["RoleName"] for role in roles]


def test_one_of_each_kind(terraform: Client) -> None:
    shutil.copy(Path(__file__).parent / "terraform" / "main.tf", terraform.folder / "terraform")
    run = partial(_run, terraform)
    run("init")
    assert "26 added" in run("apply")
    assert "No changes" in run("plan", "-detailed-exitcode")
    assert "26 destroyed" in run("destroy")


def test_http_and_websocket_apis(terraform: Client) -> None:
    for each in (terraform.folder / "terraform").glob("*.tf"):
        each.unlink()
    source = Path(__file__).parent / "terraform" / "http_apis.tf"
    shutil.copy(source, terraform.folder / "terraform")
    run = partial(_run, terraform)
    run("init")
    assert "17 added" in run("apply")
    assert "No changes" in run("plan", "-detailed-exitcode")
    assert "1 changed" in run("apply", "-var", "key=GET /dogs")
    client = terraform.up.client("apigatewayv2")
    (web,) = [each for each in client.get_apis()["Items"] if each["Name"] == "web"]
    keys = {each["RouteKey"] for each in client.get_routes(ApiId=web["ApiId"])["Items"]}
    assert keys == {"GET /dogs", "POST /pets"}
    assert "17 destroyed" in run("destroy", "-var", "key=GET /dogs")
    assert client.get_apis()["Items"] == []
    client.close()
