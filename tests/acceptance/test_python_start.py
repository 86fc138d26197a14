"""Python functions start as on AWS: search path, site folders, names, packages.

Source: AWS's /var/runtime/bootstrap.py, and rows P1–P14 of what public reports say of it.
"""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.driver.languages.python import LANGUAGE as PYTHON
from emulator.driver.process.interpreters import find
from tests.acceptance.drivers import settings
from tests.api.conftest import Running, create

RUNTIMES = [one.runtime for one in find(PYTHON)]
HERE = "python3.11"


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    running = Running(settings("process"))
    yield running.client("lambda")
    running.stop()


def archive(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, text in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o644 << 16
            opened.writestr(info, text)
    return buffer.getvalue()


def answer(
    client: Any, name: str, files: dict[str, str], runtime: str = HERE, **fields: Any
) -> Any:
    create(
        client,
        name,
        Code={"ZipFile": archive(files)},
        Handler="app.handler",
        Runtime=runtime,
        Timeout=60,
        **fields,
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    result = client.invoke(FunctionName=name)
    payload = json.loads(result["Payload"].read())
    assert "FunctionError" not in result, payload
    return payload


def layer(client: Any, name: str, files: dict[str, str]) -> str:
    made = client.publish_layer_version(LayerName=name, Content={"ZipFile": archive(files)})
    arn: str = made["LayerVersionArn"]
    return arn


def test_pth_files_of_the_code_and_of_layers_are_read(client: Any) -> None:
    arn = layer(
        client,
        "pth",
        {"python/more.pth": "bundled\n", "python/bundled/mod_l.py": "where = 'layer'\n"},
    )
    files = {
        "vend.pth": "vendored\n",
        "vendored/mod_v.py": "where = 'code'\n",
        "app.py": "import mod_v, mod_l\ndef handler(e, c): return [mod_v.where, mod_l.where]\n",
    }
    assert answer(client, "pth", files, Layers=[arn]) == ["code", "layer"]


def test_who_sets_pythonpath_gets_no_layers_unless_it_names_them(client: Any) -> None:
    arn = layer(client, "path", {"python/mod_l.py": "", "named/mod_n.py": ""})
    code = (
        "import os, sys\nfrom importlib.util import find_spec\n"
        "def handler(e, c):\n"
        "    return [bool(find_spec(n)) for n in ('mod_l', 'mod_n')], os.environ['PYTHONPATH']\n"
    )
    given = {"Variables": {"PYTHONPATH": "/opt/named"}}
    files = {"app.py": code}
    found = answer(client, "path-set", files, Layers=[arn], Environment=given)
    assert found == [[False, True], "/opt/named"]
    found = answer(client, "path-unset", files, Layers=[arn])
    assert found == [[True, False], "/var/runtime"]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_search_path_is_that_of_aws(client: Any, runtime: str) -> None:
    code = "import sys\npath = list(sys.path)\ndef handler(e, c): return path\n"
    path = answer(client, "sys-path-" + runtime.replace(".", ""), {"app.py": code}, runtime)
    site = f"/var/lang/lib/{runtime}/site-packages"
    layers = [f"/opt/python/lib/{runtime}/site-packages", "/opt/python"]
    first = ["/var/task", *layers, site, "/var/runtime"]
    if int(runtime.partition(".")[2]) <= 10:
        first.remove(site)
    assert path[: len(first)] == first


@pytest.mark.parametrize(
    "name", ["bootstrap", "official", "select", "socket", "resource", "signal", "kernel", "warden"]
)
def test_a_module_of_the_user_may_have_any_name(client: Any, name: str) -> None:
    files = {
        f"{name}.py": "mine = True\n",
        "app.py": f"import {name}\ndef handler(e, c): return {name}.mine\n",
    }
    assert answer(client, f"own-{name}", files) is True


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_sdk_is_there_with_its_metadata_on_every_interpreter(client: Any, runtime: str) -> None:
    code = (
        "import boto3, botocore\n"
        "try:\n    from importlib.metadata import version\n"
        "except ImportError:\n    from importlib_metadata import version\n"
        "def handler(e, c):\n"
        "    boto3.client('sqs', region_name='us-east-1')\n"
        "    return [version('boto3') == boto3.__version__,"
        " version('botocore') == botocore.__version__, bool(version('python-dateutil'))]\n"
    )
    name = "sdk-" + runtime.replace(".", "")
    assert answer(client, name, {"app.py": code}, runtime, MemorySize=1769) == [True] * 3


@pytest.mark.parametrize(
    "runtime", [each for each in RUNTIMES if int(each.partition(".")[2]) >= 12]
)
def test_hooks_of_snapstart_can_be_registered(client: Any, runtime: str) -> None:
    code = (
        "from snapshot_restore_py import register_before_snapshot, register_after_restore\n"
        "@register_before_snapshot\ndef before(): ...\n"
        "@register_after_restore\ndef after(): ...\n"
        "def handler(e, c): return 'loaded'\n"
    )
    name = "hooks-" + runtime.replace(".", "")
    assert answer(client, name, {"app.py": code}, runtime) == "loaded"


def test_the_main_module_is_none_of_the_users_way(client: Any) -> None:
    code = (
        "import __main__, sys\n"
        "def handler(e, c):\n"
        "    return [__main__.__name__, __main__.__file__, sys.argv, 'bootstrap' in sys.modules]\n"
    )
    file = "/var/runtime/bootstrap.py"
    assert answer(client, "main", {"app.py": code}) == ["__main__", file, [file], False]


@pytest.mark.parametrize(
    "change",
    [
        "sys.stdout = None",
        "sys.stdout = sys.stderr = None",
        "sys.stdout.close()",
        "sys.stdout = type('W', (), {'write': lambda self, text: None})()",
        "sys.stderr.close()",
        "import os; os.dup2(os.open('/dev/null', os.O_WRONLY), 1)",
    ],
)
def test_what_a_user_does_to_the_streams_is_nothing_to_the_runtime(
    client: Any, change: str
) -> None:
    code = f"import sys\ndef handler(e, c):\n    {change}\n    return 1\n"
    name = "streams-" + "".join(filter(str.isalpha, change))[:40]
    assert answer(client, name, {"app.py": code}) == 1
    assert json.loads(client.invoke(FunctionName=name)["Payload"].read()) == 1


def test_a_circle_is_noticed_at_once(client: Any) -> None:
    code = "def handler(e, c):\n    a = []; a.append(a); return a\n"
    name = "circle"
    create(
        client,
        name,
        Code={"ZipFile": archive({"app.py": code})},
        Handler="app.handler",
        Runtime=HERE,
        MemorySize=128,
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    assert json.loads(client.invoke(FunctionName=name)["Payload"].read())["errorMessage"] == (
        "Unable to marshal response: Circular reference detected"
    )


def test_the_official_client_sees_none_of_the_emulators_packages() -> None:
    running = Running(settings("process", bootstrap="awslambdaric"))
    try:
        client = running.client("lambda")
        code = (
            "from importlib.util import find_spec\n"
            "def handler(e, c):\n"
            "    return [n for n in ('fastapi', 'yaml', 'pytest', 'boto3') if find_spec(n)]\n"
        )
        assert answer(client, "none", {"app.py": code}) == ["boto3"]
    finally:
        running.stop()


def test_an_sdk_that_cannot_be_installed_says_so_at_its_import(tmp_path: Path) -> None:
    """No index: the function starts all the same, and its import says what is missing."""
    if "python3.9" not in RUNTIMES:
        pytest.skip("no Python 3.9 here")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path))
        patch.setenv("PIP_NO_INDEX", "1")
        running = Running(settings("process"))
        try:
            client = running.client("lambda")
            code = (
                "def handler(e, c):\n"
                "    try:\n        import boto3\n"
                "    except ImportError as error:\n        return str(error)\n"
            )
            text = answer(client, "no-index", {"app.py": code}, "python3.9")
            assert "boto3 for python3.9 is not here" in text
            assert "Bring it with the function's own packages" in text
        finally:
            running.stop()
            shutil.rmtree(tmp_path, ignore_errors=True)
