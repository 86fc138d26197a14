"""TypeScript, and packages of package.json and pyproject.toml, in a folder that is served live."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.acceptance.conftest import Up, localfaas_up
from tests.needs import need
from tests.patience import until

pytestmark = pytest.mark.slow

HANDLER = """
import { greet, type Greeting } from './lib/greet';
import parcel from 'parcel';
export const handler = async (event: { name?: string; fail?: boolean }): Promise<Greeting> => {
  if (event.fail) throw new Error('asked for');
  return { ...greet(event.name ?? 'you'), parcel: parcel.content };
};
"""
GREET = """
export interface Greeting { message: string; parcel?: number }
export function greet(name: string): Greeting { return { message: `Hello, ${name}!` }; }
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with functions: TypeScript with a package, TypeScript that is none, a project."""
    need("node")
    need("npm")
    root = tmp_path_factory.mktemp("functions")
    files = {
        "greeter/app.ts": HANDLER,
        "greeter/lib/greet.ts": GREET,
        "greeter/package.json": '{"dependencies": {"parcel": "file:../parcel"}}',
        "parcel/package.json": '{"name": "parcel", "version": "1.0.0", "main": "main.js"}',
        "parcel/main.js": "exports.content = 42;",
        "module/index.mts": "import fs from 'node:fs';\n"
        "const found = await Promise.resolve(require('node:os').EOL);\n"
        "export const handler = async () => [found, typeof fs.readFileSync];\n",
        "broken/app.ts": "export const handler = async (: => 1\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture(scope="module")
def up(root: Path) -> Iterator[Up]:
    with localfaas_up(root) as up:
        yield up


def call(up: Up, name: str, event: Any = None) -> Any:
    answer = up.client().invoke(FunctionName=name, Payload=json.dumps(event or {}).encode())
    return json.load(answer["Payload"])


def test_typescript_runs_and_follows_its_sources(up: Up, root: Path) -> None:
    assert call(up, "greeter", {"name": "Ada"}) == {"message": "Hello, Ada!", "parcel": 42}
    (root / "greeter/lib/greet.ts").write_text(GREET.replace("Hello", "Goodbye"))
    until(lambda: call(up, "greeter")["message"] == "Goodbye, you!")


def test_stack_traces_name_the_sources(up: Up) -> None:
    failed = call(up, "greeter", {"fail": True})
    assert failed["errorMessage"] == "asked for"
    assert "app.ts:5:" in failed["trace"][1], failed["trace"]


def test_es_modules_may_await_and_require(up: Up) -> None:
    assert call(up, "module") == ["\n", "function"]


def test_what_the_compiler_refuses_is_told_to_the_caller(up: Up) -> None:
    with pytest.raises(ClientError, match=r"esbuild can't build broken: .*app\.ts:1:30"):
        call(up, "broken")
