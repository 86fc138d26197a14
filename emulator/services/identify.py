"""Which service, protocol and operation a request means, by what the specs say.

A request says it by the first of these that it has: the service of its signature, X-Amz-Target,
the path of a CBOR request, the parameters Action and Version, its path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import NamedTuple
from urllib.parse import unquote

from emulator.model.errors import AwsError
from emulator.services.not_served import NotServed, not_served
from emulator.services.service import Service
from emulator.wire import ServiceCodec, values
from emulator.wire.protocols import of_form, of_target

#: Parameters of a form that say whom it is for, where it can't be decoded.
_PLAIN = re.compile(rb"(?:^|&)(Action|Version)=([\w-]+)")
#: The path of a request of the protocol rpc-v2-cbor.
_CBOR_PATH = re.compile(r"/service/(?P<prefix>[^/]+)/operation/(?P<operation>[^/]*)")


class Meaning(NamedTuple):
    """What a request means."""

    service: Service
    #: Of the protocol it came in.
    codec: ServiceCodec
    #: The operation's wire name, unchecked; None where method and path say it.
    operation: str | None


class Identifier:
    """Finds what requests mean.

    Args:
        services: Those that are served.
    """

    def __init__(self, services: Iterable[Service]) -> None:
        self._services = list(services)
        self._signed: dict[str, list[Service]] = {}
        self._targets: dict[str, Service] = {}
        self._versions: dict[str, Service] = {}
        self._hosts: list[tuple[re.Pattern[str], Service]] = []
        #: The service whose requests are signed by version 2, by its name in signatures.
        self.signed_by_version_2 = ""
        for service in self._services:
            spec = service.spec
            if spec.signed_by_version_2:
                self.signed_by_version_2 = spec.signing_names[0]
            for name in spec.signing_names:
                self._signed.setdefault(name, []).append(service)
            if spec.target_prefix:
                self._targets[spec.target_prefix] = service
            if spec.query_version:
                self._versions[spec.query_version] = service
            if spec.host:
                self._hosts.append((re.compile(spec.host), service))
        #: Meanings by the service of a signature, for services that speak REST alone and share that
        #: name with no other: nothing else of their requests has to be looked at.
        self.by_signature: dict[str, Meaning] = {}
        #: The services of signatures whose requests may mean something by their host.
        self.by_host = frozenset(
            ["", *(name for _, each in self._hosts for name in each.spec.signing_names)]
        )

    def __call__(
        self,
        method: str,
        path: str,
        query_string: str,
        headers: Mapping[str, str],
        body: bytes,
        signed_for: str,
    ) -> Meaning:
        """Return what a request means.

        Args:
            method: The HTTP method.
            path: Still percent-encoded.
            query_string: Still encoded.
            headers: By names in lower case.
            body: The whole body, or its beginning.
            signed_for: The service of the request's signature; "" if it has none.

        Raises:
            AwsError: It is for nothing there is, or cannot be read.
            NotServed: It is for a service that is not served, or for no operation of the one it
                is for.
        """
        known = self.by_signature.get(signed_for) or self.without_body(path, signed_for)
        if known is not None:
            return known
        signed = self._signed.get(signed_for, [])
        owner = self._owner(path, signed_for)
        named = self._named(path, query_string, headers, body, signed_for, owner)
        if named is not None:
            return named
        if owner is not None and owner.spec.rest_protocols:
            return Meaning(owner, owner.codec(_rest_protocol(owner, body)), None)
        if signed or owner is not None:
            meant = owner or signed[0]
            protocol = "query" if meant.speaks("query") else None
            raise NotServed(meant.codec(protocol), _unknown(method, path))
        if not signed_for and not _names_operation(path, query_string, headers, body):
            raise _unknown(method, path)
        titles = [service.spec.title for service in self._services]
        raise not_served(headers, query_string, body, signed_for, titles)

    @cached_property
    def _paths(self) -> list[tuple[re.Pattern[str], Service]]:
        return [
            (re.compile(service.spec.path, re.DOTALL), service)
            for service in self._services
            if service.spec.path
        ]

    def without_body(self, path: str, signed_for: str) -> Meaning | None:
        """Return what a request means, if signature and path suffice to know; else None."""
        owner = self._owner(path, signed_for)
        if owner is None or not owner.spec.is_rest:
            return None
        meaning = Meaning(owner, owner.codec(), None)
        if self._signed.get(signed_for) == [owner]:
            self.by_signature[signed_for] = meaning
        return meaning

    def from_host(self, host: str, signed_for: str) -> tuple[str, str]:
        """Return what a request's host puts in front of its path ("" for nothing), and its service.

        Args:
            host: The header ``Host``.
            signed_for: The service of the request's signature; "" if it has none.
        """
        for pattern, service in self._hosts:
            if signed_for in ("", *service.spec.signing_names):
                match = pattern.fullmatch(host)
                if match is not None and (signed_for or match["named"]):
                    return match["prefix"] or "", service.spec.signing_names[0]
        return "", signed_for

    def may_be_kept(self, host: str, path: str) -> list[tuple[Service, str, str]]:
        """Return what an unsigned request may be for, where nothing else claims its path.

        Returns:
            Services with ``keeps_names``, each with the name that it may keep, and with what the
            host puts in front of the path.
        """
        if self._owner(path, "") is not None:
            return []
        found = []
        for pattern, service in self._hosts:
            if service.spec.keeps_names:
                match = pattern.fullmatch(host)
                prefix = (match and match["prefix"]) or ""
                name = prefix or unquote(path[1:].partition("/")[0])
                if name:
                    found.append((service, name, prefix))
        return found

    def _owner(self, path: str, signed_for: str) -> Service | None:
        """Return the service that signature and path point to, if it is one."""
        signed = self._signed.get(signed_for, ()) if signed_for else self._services
        for pattern, service in self._paths:
            if service in signed and pattern.fullmatch(path):
                return service
        return signed[0] if len(signed) == 1 else None

    def _named(
        self,
        path: str,
        query_string: str,
        headers: Mapping[str, str],
        body: bytes,
        signed_for: str,
        owner: Service | None,
    ) -> Meaning | None:
        """Return what a request means that names its operation; None if it names none we serve."""
        target = headers.get("x-amz-target")
        if target is not None:
            prefix, _, operation = target.rpartition(".")
            if prefix not in self._targets:
                prefix, _, operation = target.partition(".")
            return _meaning(self._targets.get(prefix), of_target(headers), operation)
        if "smithy-protocol" in headers and (match := _CBOR_PATH.fullmatch(path)):
            service = self._targets.get(match["prefix"])
            return _meaning(service, "smithy-rpc-v2-cbor", match["operation"])
        parameters = _action(headers, query_string, body)
        if parameters is None:
            return None
        if "Version" in parameters:
            owner = self._versions.get(parameters["Version"][0])
        return _meaning(owner, of_form(headers), parameters["Action"][0])


def _rest_protocol(service: Service, body: bytes) -> str:
    """Return the protocol of a request to a service that has others besides."""
    protocols = service.spec.rest_protocols
    spoken = "rest-xml" if body.lstrip()[:1] == b"<" else "rest-json"
    return spoken if spoken in protocols else protocols[0]


def _meaning(service: Service | None, protocol: str, operation: str) -> Meaning | None:
    if service is None or not service.speaks(protocol):
        return None
    return Meaning(service, service.codec(protocol), operation)


def _action(
    headers: Mapping[str, str], query_string: str, body: bytes
) -> Mapping[str, list[str]] | None:
    """Return the parameters of a request of the query protocol; None if it is none.

    Raises:
        AwsError: ``SerializationException``: a query string that is not UTF-8.
    """
    parameters = values.parse_query_string(query_string)
    if "Action" in parameters:
        return parameters
    if not values.is_form(headers):
        return None
    from emulator.wire.form_body import load_form  # many emulators never see a form

    try:
        parameters = load_form(query_string, body)
    except AwsError:
        # What is wrong with it is said by the service it is for, in its protocol.
        parameters = {name.decode(): [text.decode()] for name, text in _PLAIN.findall(body)}
    return parameters if "Action" in parameters else None


def _names_operation(path: str, query_string: str, headers: Mapping[str, str], body: bytes) -> bool:
    if "x-amz-target" in headers or _CBOR_PATH.match(path):
        return True
    return _action(headers, query_string, body) is not None


def _unknown(method: str, path: str) -> AwsError:
    return AwsError(
        "UnknownOperationException", f"No operation answers {method} {path}.", status=404
    )
