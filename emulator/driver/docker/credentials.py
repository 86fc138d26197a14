"""What `docker login` has kept, as `docker pull` uses it."""

from __future__ import annotations

import shutil


def credentials(image: str) -> dict[str, str]:
    """Return what the registry of ``image`` is to be told; nothing where nothing is known. Blocks.

    A helper that is missing or fails is passed over, as by `docker pull`: a configuration that came
    from another machine names one that is not here, and most images need no credentials.

    Source: https://docs.docker.com/reference/cli/docker/login/#credential-stores
    """
    from docker import auth
    from docker.errors import DockerException

    registry, _ = auth.resolve_repository_name(image)
    kept = auth.load_config()
    helper = kept.get_credential_store(registry)
    if helper and shutil.which(f"docker-credential-{helper}"):
        try:
            return dict(kept.resolve_authconfig(registry) or {})
        except DockerException:
            pass
    return dict(auth.AuthConfig({"auths": kept.auths}).resolve_authconfig(registry) or {})
