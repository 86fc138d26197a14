"""Finds the template or cloud assembly that a path names or contains."""

from __future__ import annotations

from pathlib import Path

from emulator.model.errors import ConfigurationError

#: The names of template files to look for in a folder.
TEMPLATES = ("template.yaml", "template.yml", "template.json")
#: CDK's output: a folder, and the manifest in it.
CLOUD_ASSEMBLY, MANIFEST = "cdk.out", "manifest.json"
#: Suffixes of code files, which users give by mistake in place of a template.
_CODE = (".py", ".js", ".mjs", ".cjs", ".ts")
_ARCHIVES = (".zip", ".jar")


def find_template(path: Path) -> Path | None:
    """Return the template that ``path`` is or holds; None for a folder without one.

    Raises:
        ConfigurationError: The path does not exist, or is a file of code.
    """
    if path.is_dir():
        return next((path / name for name in TEMPLATES if (path / name).is_file()), None)
    if not path.exists():
        raise ConfigurationError(f"{path} does not exist")
    if path.suffix in _CODE:
        raise ConfigurationError(f"{path} is code, no template: give the folder that holds it")
    if path.suffix in _ARCHIVES:
        text = f"{path} is code, no template: give a template with CodeUri: {path.name}"
        raise ConfigurationError(text)
    return path


def find_assembly(path: Path) -> Path | None:
    """Return the cloud assembly that ``path`` is or holds (``cdk.out``), if any."""
    for folder in (path, path / CLOUD_ASSEMBLY):
        if (folder / MANIFEST).is_file():
            return folder
    return None
