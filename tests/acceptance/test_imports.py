"""Runtimes measure what functions import in their INIT phase, where it is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.driver.process import interpreters
from emulator.model.imports import Imports
from emulator.model.lifecycle_events import EnvironmentImported
from emulator.settings import Settings
from tests.api.conftest import Running
from tests.needs import need
from tests.node_versions import node

PYTHON = {
    "app.py": """
import os
import time
import outer

if "LOCALFAAS_TRACE_IMPORTS" in os.environ:
    raise RuntimeError("the function sees it")

def handler(event, context):
    import late
    return "ok"
""",
    "outer/__init__.py": "import time\nfrom . import inner\ntime.sleep(0.02)\n",
    "outer/inner.py": "import time\ntime.sleep(0.04)\n",
    "late.py": "",
}
NODE = {
    "index.mjs": """
import './outer.mjs';
import './common.cjs';
if ('LOCALFAAS_TRACE_IMPORTS' in process.env) throw new Error('the function sees it');
export const handler = async () => 'ok';
""",
    "outer.mjs": "import './inner.mjs';\nlet x = Date.now() + 20; while (Date.now() < x);\n",
    "inner.mjs": "let x = Date.now() + 40; while (Date.now() < x);\n",
    "common.cjs": "require('./deep.cjs');\nlet x = Date.now() + 20; while (Date.now() < x);\n",
    "deep.cjs": "let x = Date.now() + 30; while (Date.now() < x);\n",
}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def imports(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Imports]:
    write(tmp_path / "f", request.param)
    running = Running(
        Settings(port=0, cpu_limit="none", functions=(tmp_path,), trace_imports=True, watch=False)
    )
    told: list[EnvironmentImported] = []
    running.call(
        lambda: running.emulator.lifecycle.add(
            lambda event: told.append(event) if isinstance(event, EnvironmentImported) else None
        )
    )
    try:
        answer = running.client("lambda").invoke(FunctionName="f")
        assert answer["Payload"].read() == b'"ok"'
        [environment] = running.emulator.pools.environments.values()
        assert environment.imports is not None
        assert [each.imports for each in told] == [environment.imports]
        yield environment.imports
    finally:
        running.stop()


def nested(imports: Imports, name: str) -> list[str]:
    """Return the names of the imports that ``name`` is nested in, outermost first."""
    each = next(one for one in imports.imports if one.module.endswith(name))
    names = [each.module]
    while each.parent is not None:
        each = imports.imports[each.parent]
        names.append(each.module)
    return names[::-1]


def took(imports: Imports, name: str) -> tuple[float, float]:
    each = next(one for one in imports.imports if one.module.endswith(name))
    return each.self_ms, each.total_ms


@pytest.mark.parametrize("imports", [PYTHON], indirect=True)
def test_python(imports: Imports) -> None:
    assert nested(imports, "outer.inner") == ["app", "outer", "outer.inner"]
    own, total = took(imports, "outer")
    assert own >= 19
    assert total >= own + 39
    assert took(imports, "app")[1] >= total
    assert imports.total_ms >= took(imports, "app")[1]
    # What an invocation imports is none of INIT's.
    assert not any(each.module == "late" for each in imports.imports)
    assert took(imports, "outer.inner")[0] >= 39
    first, second = imports.dearest(2)
    assert first.self_ms >= max(39, second.self_ms)


@pytest.mark.parametrize("imports", [NODE], indirect=True)
def test_node(imports: Imports) -> None:
    need("node")
    assert nested(imports, "deep.cjs")[-2:] == ["common.cjs", "deep.cjs"]
    assert took(imports, "deep.cjs")[0] >= 29
    own, total = took(imports, "common.cjs")
    assert own >= 19
    # Each is rounded to a thousandth.
    assert total >= own + took(imports, "deep.cjs")[0] - 0.002
    assert imports.total_ms >= 105


@pytest.mark.slow
@pytest.mark.parametrize("release", [22, 24])
def test_modules_of_newer_node(
    release: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "f", NODE)
    runtime = f"nodejs{release}.x"
    (tmp_path / "template.yaml").write_text(f"""
Transform: AWS::Serverless-2016-10-31
Resources:
  f:
    Type: AWS::Serverless::Function
    Properties: {{FunctionName: f, CodeUri: f, Handler: index.handler, Runtime: {runtime}}}
""")
    monkeypatch.setenv("PATH", f"{node(release).parent}:{os.environ['PATH']}")
    interpreters.find.cache_clear()
    running = Running(
        Settings(port=0, cpu_limit="none", functions=(tmp_path,), trace_imports=True, watch=False)
    )
    try:
        answer = running.client("lambda").invoke(FunctionName="f")
        assert answer["Payload"].read() == b'"ok"'
        [environment] = running.emulator.pools.environments.values()
        assert environment.imports is not None
        imports = environment.imports
    finally:
        running.stop()
        interpreters.find.cache_clear()
    assert nested(imports, "inner.mjs")[-2:] == ["outer.mjs", "inner.mjs"]
    assert took(imports, "inner.mjs")[0] >= 39
    own, total = took(imports, "outer.mjs")
    assert own >= 19
    assert total >= own + 39
    assert nested(imports, "deep.cjs")[-2:] == ["common.cjs", "deep.cjs"]
    assert took(imports, "deep.cjs")[0] >= 29
