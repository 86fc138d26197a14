"""What KMS keeps: keys with their material, aliases, grants."""

from __future__ import annotations

import asyncio
import re
import uuid
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

from emulator.model.errors import AwsError
from emulator.registry.resource_table import ResourceTable
from emulator.services.kms import errors, material
from emulator.services.kms.specs import ENCRYPTING

if TYPE_CHECKING:
    from emulator.services.context import Context, Parts

Body = dict[str, Any]
_MANAGED = "alias/aws/"
#: Operations whose keys may be named by an alias or an alias's ARN; others want id or ARN.
_TAKES_ALIASES = frozenset((
    "Decrypt", "DeriveSharedSecret", "DescribeKey", "Encrypt", "GenerateDataKey",
    "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext", "GenerateMac", "GetPublicKey", "ReEncrypt", "Sign",
    "Verify", "VerifyMac",
))  # fmt: skip
#: A key's id; those of multi-Region keys begin otherwise.
_KEY_ID = re.compile(r"mrk-[0-9a-f]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
DAY_S = 86_400.0


class Key:
    """A key.

    Attributes:
        body: What is kept of it.
    """

    def __init__(self, account: str, region: str, body: Body) -> None:
        self.account, self.region, self.body = account, region, body

    @property
    def id(self) -> str:
        return str(self.body["id"])

    @property
    def arn(self) -> str:
        return f"arn:aws:kms:{self.region}:{self.account}:key/{self.id}"

    @property
    def spec(self) -> str:
        """What kind of key it is."""
        return str(self.body["spec"])

    @property
    def usage(self) -> str:
        return str(self.body["usage"])

    def material(self, number: int = -1) -> bytes:
        """Return its material: the latest, or an earlier one by its number."""
        return b64decode(self.body["material"][number])


class Kms:
    """The service's state; :func:`open` makes it.

    Attributes:
        keys: By their ids.
        aliases: By their names: the target's id, and when they were made and changed.
        grants: By their ids.
    """

    def __init__(self, parts: Parts) -> None:
        self.clock = parts.clock
        self.keys = ResourceTable("kms-key", parts.documents)
        self.aliases = ResourceTable("kms-alias", parts.documents)
        self.grants = ResourceTable("kms-grant", parts.documents)
        self._managing = asyncio.Lock()

    async def open(self) -> None:
        """Bring back what was kept."""
        for table in (self.keys, self.aliases, self.grants):
            await table.load()

    async def reset(self, account: str | None) -> None:
        """See :class:`emulator.services.service.ServiceState`."""
        for table in (self.keys, self.aliases, self.grants):
            table.clear(account)

    async def close(self) -> None:
        """Let go of nothing: all is kept by the store."""

    async def create(self, account: str, region: str, **fields: Any) -> Key:
        """Make a key, and keep it."""
        spec = fields.get("spec", "SYMMETRIC_DEFAULT")
        # Large RSA keys take a while.
        made = await asyncio.to_thread(material.make, spec)
        body = {
            "id": str(uuid.uuid4()),
            "spec": spec,
            "usage": ENCRYPTING,
            "state": "Enabled",
            "created": self.clock.now(),
            "description": "",
            "policy": "",
            "tags": {},
            "manager": "CUSTOMER",
            "material": [b64encode(made).decode()],
            "material_ids": [uuid.uuid4().hex * 2],
            "rotation": None,
            "rotated": [],
            "deletion": None,
            **fields,
        }
        await self.keys.put(account, region, body["id"], body)
        return Key(account, region, body)

    async def change(self, key: Key, **changes: Any) -> None:
        """Change what is kept of a key."""
        key.body = {**key.body, **changes}
        await self.keys.put(key.account, key.region, key.id, key.body)

    def key(self, account: str, region: str, id: str) -> Key | None:
        """Return a key by its id, unless its time is over."""
        body = self.keys.find(account, region, id)
        if body is None:
            return None
        if body["deletion"] is not None and body["deletion"] <= self.clock.now():
            return None
        return Key(account, region, body)

    async def find(self, ctx: Context, text: str) -> Key:
        """Return the key that a request names: by id or ARN; where keys are used, by alias, too.

        A key of AWS's own ("alias/aws/sqs") is made when it is first asked for.

        Raises:
            AwsError: There is none.
        """
        account, region, name = ctx.account, ctx.region, text
        if text.startswith("arn:"):
            parts = text.split(":", 5)
            if len(parts) < 6 or parts[2] != "kms":
                raise errors.invalid(f"Invalid arn {text}")
            region, account, name = parts[3], parts[4], parts[5].removeprefix("key/")
            if region != ctx.region:
                raise errors.not_found(f"Invalid arn {region}")
        if name.startswith("alias/"):
            if ctx.operation not in _TAKES_ALIASES:
                raise errors.not_found(f"Invalid keyId '{text}'")
            alias = self.aliases.find(account, region, name)
            if alias is None and name.startswith(_MANAGED):
                async with self._managing:
                    # Two who ask at once get the same key.
                    alias = self.aliases.find(account, region, name)
                    if alias is None:
                        return await self._managed(account, region, name)
            if alias is None:
                arn = f"arn:aws:kms:{region}:{account}:{name}"
                raise errors.not_found(f"Alias {arn} is not found.")
            name = alias["target"]
        found = self.key(account, region, name)
        if found is None:
            if not _KEY_ID.fullmatch(name):
                raise errors.not_found(f"Invalid keyId '{name}'")
            arn = f"arn:aws:kms:{region}:{account}:key/{name}"
            raise errors.not_found(f"Key '{arn}' does not exist")
        return found

    async def _managed(self, account: str, region: str, alias: str) -> Key:
        service = alias.removeprefix(_MANAGED)
        what = "S3 objects" if service == "s3" else f"{service} data"
        description = f"Default key that protects my {what} when no other key is defined"
        key = await self.create(account, region, description=description, manager="AWS")
        now = self.clock.now()
        body = {"target": key.id, "created": now, "updated": now}
        await self.aliases.put(account, region, alias, body)
        return key

    async def alive(self, ctx: Context, text: str) -> Key:
        """Return the key that a request names, unless it is about to be deleted.

        Raises:
            AwsError: It is, or there is none.
        """
        key = await self.find(ctx, text)
        if key.body["state"] == "PendingDeletion":
            raise errors.invalid_state(f"{key.arn} is pending deletion.")
        return key

    async def usable(self, ctx: Context, text: str, usage: str = "") -> Key:
        """Return the key that a request names, if it can be used.

        Raises:
            AwsError: There is none, it is disabled, about to be deleted, or for something else.
        """
        key = await self.find(ctx, text)
        if key.body["state"] == "Disabled":
            raise AwsError("DisabledException", f"{key.arn} is disabled.")
        if key.body["state"] != "Enabled":
            raise errors.invalid_state(f"{key.arn} is pending deletion.")
        if usage and key.usage != usage:
            raise errors.wrong_usage(key.arn, key.usage, ctx.operation)
        rotation = key.body["rotation"]
        if (
            rotation is not None
            and rotation["since"] + rotation["days"] * DAY_S <= self.clock.now()
        ):
            await self.rotate(key, "AUTOMATIC", rotation={**rotation, "since": self.clock.now()})
        return key

    async def rotate(self, key: Key, kind: str, **changes: Any) -> None:
        """Give a key new material; the earlier one still decrypts what it has encrypted.

        Args:
            key: A symmetric one.
            kind: AUTOMATIC or ON_DEMAND.
            changes: What else changes.
        """
        made = b64encode(material.make(key.spec)).decode()
        await self.change(
            key,
            material=[*key.body["material"], made],
            material_ids=[*key.body["material_ids"], uuid.uuid4().hex * 2],
            rotated=[*key.body["rotated"], {"at": self.clock.now(), "kind": kind}],
            **changes,
        )


async def open(parts: Parts) -> Kms:
    """Open the service's state."""
    state = Kms(parts)
    await state.open()
    return state


def of(context: Context) -> Kms:
    """Return the state of a request."""
    state: Kms = context.state
    return state
