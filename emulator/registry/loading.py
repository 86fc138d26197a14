"""Loads the registry from the store at the start."""

from __future__ import annotations

from pathlib import Path

from emulator.model.function import Code
from emulator.registry import records
from emulator.registry.document_store import DocumentStore
from emulator.registry.functions import Registry


async def load(registry: Registry, documents: DocumentStore, code_folder: Path) -> list[Code]:
    """Fill ``registry`` with all functions and resources.

    Args:
        registry: Gets them.
        documents: Where they are kept.
        code_folder: Where archives lie unpacked.

    Returns:
        All code that functions and layers have; its folders may be gone.

    Raises:
        StorageError: The store could not be read.
    """
    for document in await documents.load("version-number"):
        at = (document.account, document.region, document.key)
        registry.number_from(*at, document.body["next"])
    for document in await documents.load("function"):
        registry.add(records.to_function(document.body, code_folder))
    for document in await documents.load("version"):
        name, _, number = document.key.rpartition(":")
        function = registry.find(document.account, document.region, name)
        if function is not None:
            function.versions[number] = records.to_version(document.body, code_folder)
    codes: dict[str, Code] = {}
    for function in registry.all():
        function.versions = dict(sorted(function.versions.items(), key=_by_number))
        for version in (function.latest, *function.versions.values()):
            codes[version.code.sha256] = version.code
            codes.update({layer.code.sha256: layer.code for layer in version.layers})
    for table in (
        registry.layers,
        registry.mappings,
        registry.code_signing,
        registry.capacity_providers,
    ):
        await table.load()
    for *_, layer in registry.layers.all():
        for version in layer["versions"].values():
            code = records.to_code(version["code"], code_folder)
            codes[code.sha256] = code
    return list(codes.values())


def _by_number(item: tuple[str, object]) -> int:
    return int(item[0]) if item[0].isdecimal() else 0
