"""The credentials that `docker login` has kept, read as `docker pull` reads them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from emulator.driver.docker.responses import CredentialsFault

if TYPE_CHECKING:
    from docker.auth import AuthConfig


def kept() -> AuthConfig:
    """Return the credentials that are kept, without those of helpers that are not installed.

    A configuration that came from another machine may name a helper that this one lacks, and most
    images need no credentials.

    Raises:
        CredentialsFault: The file is not as `docker login` writes it; its name and what is wrong.

    Source: https://docs.docker.com/reference/cli/docker/login/#credential-stores
    """
    from docker import auth
    from docker.utils.config import find_config_file

    path = cast(str | None, find_config_file())
    if path and (wrong := _wrong(Path(path))):
        raise CredentialsFault(f"{path} is not as `docker login` writes it: {wrong}")
    kept = auth.load_config()
    if not _is_here(kept.creds_store):
        kept.pop("credsStore", None)
    if kept.cred_helpers:
        helpers = {name: each for name, each in kept.cred_helpers.items() if _is_here(each)}
        kept["credHelpers"] = helpers
    if kept.is_empty:  # which the SDK takes for "not read yet"
        kept["auths"] = {auth.INDEX_URL: {}}
    return kept


def _wrong(path: Path) -> str:
    """Return what is wrong with what a file keeps, of which the SDK says too little; or nothing."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return ""  # in the old format, perhaps, which the SDK reads
    if not isinstance(content, dict):
        return "it is no object"
    for name in ("auths", "credHelpers"):
        if not isinstance(content.get(name) or {}, dict):
            return f"`{name}` is no object"
    for registry, entry in (content.get("auths") or {}).items():
        if not isinstance(entry, dict):
            return f"`auths` has no object for {registry!r}"
        if "auth" in entry and "identitytoken" not in entry and not _is_login(entry["auth"]):
            return f"`auth` for {registry!r} in `auths` is not the Base64 of user:password"
    return ""


def _is_login(text: Any) -> bool:
    from docker.auth import decode_auth

    try:
        decode_auth(text)
    except (ValueError, TypeError):
        return False
    return True


def _is_here(helper: str | None) -> bool:
    return bool(helper) and shutil.which(f"docker-credential-{helper}") is not None


def credentials(image: str) -> dict[str, str]:
    """Return what the registry of ``image`` is to be told; nothing where nothing is known. Blocks.

    A helper that fails is passed over, as by `docker pull`.

    Raises:
        CredentialsFault: As :func:`kept`.
    """
    from docker import auth
    from docker.errors import DockerException

    registry, _ = auth.resolve_repository_name(image)
    found = kept()
    try:
        return dict(found.resolve_authconfig(registry) or {})
    except DockerException:
        plain = auth.AuthConfig({"auths": found.auths})
        return dict(plain.resolve_authconfig(registry) or {})
