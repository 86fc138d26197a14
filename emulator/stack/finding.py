"""Which file is meant by a path: a template, in a folder or by itself, or a cloud assembly."""

from __future__ import annotations

from pathlib import Path

from emulator.model.errors import ConfigurationError

#: The names by which a template is found in a folder.
TEMPLATES = ("template.yaml", "template.yml", "template.json")
#: What CDK writes: a folder of its own, with a list of what it holds.
CLOUD_ASSEMBLY, MANIFEST = "cdk.out", "manifest.json"
#: How files end that are taken for a template by mistake.
_CODE = (".py", ".js", ".mjs", ".cjs", ".ts", ".zip", ".jar")


def find_template(path: Path) -> Path | None:
    """Return the template that ``path`` is or holds; None for a folder without one.

    Raises:
        ConfigurationError: There is no such file, or it is code.
    """
    if path.is_dir():
        return next((path / name for name in TEMPLATES if (path / name).is_file()), None)
    if not path.exists():
        raise ConfigurationError(f"{path} does not exist")
    if path.suffix in _CODE:
        raise ConfigurationError(f"{path} is code, no template: give the folder that holds it")
    return path


def find_assembly(path: Path) -> Path | None:
    """Return the cloud assembly that ``path`` is or holds (``cdk.out``), if any."""
    for folder in (path, path / CLOUD_ASSEMBLY):
        if (folder / MANIFEST).is_file():
            return folder
    return None
