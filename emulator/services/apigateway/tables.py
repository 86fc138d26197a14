"""Tables that are asked with each request to an API, by what the request has."""

from __future__ import annotations

from typing import Any

from emulator.registry.resource_table import Body, ResourceTable

_Scope = tuple[str, str]


class KeyTable(ResourceTable):
    """API keys, also by their values."""

    def __init__(self, kind: str, documents: Any) -> None:
        super().__init__(kind, documents)
        self._by_value: dict[_Scope, dict[str, str]] = {}

    def by_value(self, account: str, region: str, value: str) -> Body | None:
        """Return the key of a value; None: nobody has it."""
        key = self._by_value.get((account, region), {}).get(value)
        return None if key is None else self.find(account, region, key)

    def drop(self, account: str, region: str, key: str) -> None:
        """See :meth:`ResourceTable.drop`."""
        self._forget(account, region, key)
        super().drop(account, region, key)

    def clear(self, account: str | None) -> None:
        """See :meth:`ResourceTable.clear`."""
        super().clear(account)
        for scope in [each for each in self._by_value if account in (None, each[0])]:
            del self._by_value[scope]

    def _set(self, account: str, region: str, key: str, body: Body) -> None:
        self._forget(account, region, key)
        super()._set(account, region, key, body)
        self._by_value.setdefault((account, region), {})[str(body.get("value"))] = key

    def _forget(self, account: str, region: str, key: str) -> None:
        before = self.find(account, region, key)
        values = self._by_value.get((account, region), {})
        if before is not None and values.get(str(before.get("value"))) == key:
            del values[str(before.get("value"))]


class PlanTable(ResourceTable):
    """Usage plans, also by the stages that they are for."""

    def __init__(self, kind: str, documents: Any) -> None:
        super().__init__(kind, documents)
        #: The ids of plans, by account, region, API and stage.
        self._by_stage: dict[tuple[str, str, str, str], dict[str, None]] = {}

    def of_stage(self, account: str, region: str, api_id: str, stage: str) -> list[Body]:
        """Return the plans of a stage."""
        ids = self._by_stage.get((account, region, api_id, stage), ())
        return [plan for each in ids if (plan := self.find(account, region, each)) is not None]

    def drop(self, account: str, region: str, key: str) -> None:
        """See :meth:`ResourceTable.drop`."""
        self._forget(account, region, key)
        super().drop(account, region, key)

    def clear(self, account: str | None) -> None:
        """See :meth:`ResourceTable.clear`."""
        super().clear(account)
        for place in [each for each in self._by_stage if account in (None, each[0])]:
            del self._by_stage[place]

    def _set(self, account: str, region: str, key: str, body: Body) -> None:
        self._forget(account, region, key)
        super()._set(account, region, key, body)
        for each in body.get("apiStages") or ():
            place = (account, region, each["apiId"], each["stage"])
            self._by_stage.setdefault(place, {})[key] = None

    def _forget(self, account: str, region: str, key: str) -> None:
        for each in (self.find(account, region, key) or {}).get("apiStages") or ():
            place = (account, region, each["apiId"], each["stage"])
            self._by_stage.get(place, {}).pop(key, None)
