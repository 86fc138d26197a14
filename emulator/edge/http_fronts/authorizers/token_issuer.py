"""An issuer of tokens for tests, built in: every JWT authorizer believes it, whoever it names.

``localfaas token`` has it sign tokens. So an API that asks a user pool elsewhere can be called
without that pool.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulator.model.errors import StorageError

#: The id of its key, by which its tokens are known.
KEY_ID = "localfaas"
_BITS = 2048


class TokenIssuer:
    """Signs tokens, and gives the key to check them. The key is made when it is first needed.

    Args:
        folder: Keeps the key.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "token-issuer.pem"
        self._key: Any = None
        self._making = asyncio.Lock()

    async def sign(self, claims: Mapping[str, Any]) -> str:
        """Return a token with these claims.

        Raises:
            StorageError: The key can't be kept.
        """
        import jwt

        key = await self._load()
        return jwt.encode(dict(claims), key, algorithm="RS256", headers={"kid": KEY_ID})

    async def public_key(self) -> Any:
        """Return the key by which its tokens are checked.

        Raises:
            StorageError: The key can't be kept.
        """
        return (await self._load()).public_key()

    async def jwks(self) -> dict[str, Any]:
        """Return its public key as a key set, for those who check tokens themselves.

        Raises:
            StorageError: The key can't be kept.
        """
        from jwt.algorithms import RSAAlgorithm

        found = RSAAlgorithm.to_jwk(await self.public_key(), as_dict=True)
        return {"keys": [{**found, "kid": KEY_ID, "alg": "RS256", "use": "sig"}]}

    async def _load(self) -> Any:
        async with self._making:
            if self._key is None:
                self._key = await asyncio.to_thread(_load_key, self._file)
        return self._key


def _load_key(file: Path) -> Any:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )

    try:
        if file.exists():
            return load_pem_private_key(file.read_bytes(), None)
        key = rsa.generate_private_key(65537, _BITS)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(pem)
        return key
    except OSError as error:
        raise StorageError(f"the key of the token issuer: {error.strerror}") from error
