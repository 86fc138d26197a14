"""What `docker login` has kept, as `docker pull` uses it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docker.auth import AuthConfig


def kept() -> AuthConfig:
    """Return what is kept, without the helpers that are not installed: a configuration that came
    from another machine names one that is not here, and most images need no credentials.

    Source: https://docs.docker.com/reference/cli/docker/login/#credential-stores
    """
    from docker import auth

    kept = auth.load_config()
    if not _is_here(kept.creds_store):
        kept.pop("credsStore", None)
    if kept.cred_helpers:
        helpers = {name: each for name, each in kept.cred_helpers.items() if _is_here(each)}
        kept["credHelpers"] = helpers
    if kept.is_empty:  # which the SDK takes for "not read yet"
        kept["auths"] = {auth.INDEX_URL: {}}
    return kept


def _is_here(helper: str | None) -> bool:
    return bool(helper) and shutil.which(f"docker-credential-{helper}") is not None


def credentials(image: str) -> dict[str, str]:
    """Return what the registry of ``image`` is to be told; nothing where nothing is known. Blocks.

    A helper that fails is passed over, as by `docker pull`.
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
