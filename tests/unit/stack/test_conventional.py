"""Functions in bare folders: which files make one, and which do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.model.errors import ConfigurationError
from emulator.stack import conventional
from emulator.stack.declarations import FunctionDeclaration
from emulator.stack.finding import TEMPLATES


@pytest.fixture(autouse=True)
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    return folder


def read(path: Path) -> tuple[FunctionDeclaration, ...]:
    return tuple(conventional.read(path, TEMPLATES)[0])


@pytest.mark.parametrize(
    ("file", "text", "handler", "runtime"),
    [
        ("app.py", "def handler(event, context): pass", "app.handler", "python3.12"),
        ("lambda_function.py", "def lambda_handler(e, c): pass", "lambda_function.lambda_handler",
         "python3.12"),
        ("handler.py", "import x\nhandler = x.make()", "handler.handler", "python3.12"),
        ("main.py", "async def handler(e, c): pass", "main.handler", "python3.12"),
        ("main.py", "handler: Callable = x", "main.handler", "python3.12"),
        ("index.js", "exports.handler = async () => 1", "index.handler", "nodejs20.x"),
        ("index.js", "module.exports = {\n  handler,\n}", "index.handler", "nodejs20.x"),
        ("index.js", "module.exports.lambda_handler = 1", "index.lambda_handler", "nodejs20.x"),
        ("index.mjs", "export const handler = 1", "index.handler", "nodejs20.x"),
        ("index.mjs", "export async function handler() {}", "index.handler", "nodejs20.x"),
        ("index.mjs", "export {\n  x as y,\n  handler };", "index.handler", "nodejs20.x"),
    ],
)  # fmt: skip
def test_conventional_files(
    tmp_path: Path, file: str, text: str, handler: str, runtime: str
) -> None:
    folder = tmp_path / "my-function"
    folder.mkdir()
    (folder / file).write_text(text)
    expected = FunctionDeclaration(
        name="my-function", folder=folder, handler=handler, runtime=runtime, memory_mb=1769
    )
    assert read(tmp_path) == (expected,)
    assert read(folder) == read(tmp_path), "the folder itself counts, too"


def test_what_is_no_function_by_convention(tmp_path: Path) -> None:
    for name, text in {
        "node_modules/index.js": "exports.handler = 1",
        ".hidden/app.py": "def handler(e, c): pass",
        "helpers/app.py": "def handle(e, c): pass\n# def handler(e, c)\n    def handler(x): pass",
        "deep/er/app.py": "def handler(e, c): pass",
        "other/tool.py": "def handler(e, c): pass",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"holds no function.*app\.py.*lambda_handler"):
        read(tmp_path)


def test_second_conventional_file_counts_where_the_first_has_no_handler(tmp_path: Path) -> None:
    (tmp_path / "code/app.py").write_text("x = 1")
    (tmp_path / "code/main.py").write_text("def lambda_handler(e, c): pass")
    assert read(tmp_path)[0].handler == "main.lambda_handler"


def test_a_link_is_followed_to_the_code(tmp_path: Path) -> None:
    (tmp_path / "elsewhere/code").mkdir(parents=True)
    (tmp_path / "elsewhere/code/app.py").write_text("def handler(e, c): pass")
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions/linked").symlink_to(tmp_path / "elsewhere/code")
    (found,) = read(tmp_path / "functions")
    assert (found.name, found.folder) == ("linked", tmp_path / "elsewhere/code")


def test_a_folder_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bool:
        if path.parent.name == "code":
            raise PermissionError(13, "Permission denied")
        return False

    monkeypatch.setattr(Path, "is_file", refuse)
    with pytest.raises(ConfigurationError, match="code can't be read: Permission denied"):
        read(tmp_path)


def test_a_file_that_windows_marked_as_unicode_is_read(tmp_path: Path) -> None:
    (tmp_path / "code/app.py").write_text("\ufeffdef handler(e, c):\r\n  pass\r\n", newline="")
    assert read(tmp_path)[0].handler == "app.handler"


def test_folder_whose_name_can_be_no_function(tmp_path: Path) -> None:
    (tmp_path / "my function").mkdir()
    (tmp_path / "my function/app.py").write_text("def handler(e, c): pass")
    (tmp_path / ("n" * 65)).mkdir()
    (tmp_path / ("n" * 65) / "app.py").write_text("def handler(e, c): pass")
    with pytest.raises(ConfigurationError, match=r"my function can't name .*; .*nnn can't name"):
        read(tmp_path)
    (tmp_path / "code/app.py").write_text("def handler(e, c): pass")
    functions, left_out = conventional.read(tmp_path, TEMPLATES)
    assert [function.name for function in functions] == ["code"]
    assert [why.partition(" can't name")[0] for why in left_out] == [
        str(tmp_path / "my function"),
        str(tmp_path / ("n" * 65)),
    ]
