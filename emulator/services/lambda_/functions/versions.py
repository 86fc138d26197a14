"""Versions: snapshots of code and configuration that never change.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
"""

from __future__ import annotations

from dataclasses import replace

from emulator.model.function import LATEST, LATEST_PUBLISHED, FunctionVersion
from emulator.registry.function import Function
from emulator.services.context import Context, Request, Response
from emulator.services.lambda_ import lookup
from emulator.services.lambda_.errors import invalid, stale
from emulator.services.lambda_.lifecycle import states
from emulator.services.lambda_.paging import by_number, page
from emulator.services.lambda_.rules import configuration


async def publish_version(ctx: Context, request: Request) -> Response:
    """Serve PublishVersion.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
    """
    function = lookup.function(ctx, request)
    latest = function.latest
    if request.get("RevisionId") not in (None, "", latest.revision_id):
        raise stale()
    states.check_settled(function)
    wanted = request.get("CodeSha256")
    if wanted and wanted != latest.code.sha256:
        raise invalid(
            f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST "
            f"({latest.code.sha256}). Please try again with the CodeSHA256 in $LATEST."
        )
    number = publish(ctx, function, request)
    waits = configuration.snapshot_wanted(latest) or latest.managed is not None
    if number in function.settling and not waits:
        # The code is ready: only a snapshot or environments made ahead of use take time.
        states.show(ctx.parts, function, function.settling.pop(number))
    published = states.shown(ctx.parts, function, function.versions[number])
    body = configuration.render(published, number)
    await states.save(ctx.parts, function, number)
    return body


async def list_versions_by_function(ctx: Context, request: Request) -> Response:
    """Serve ListVersionsByFunction.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_ListVersionsByFunction.html
    """
    function = lookup.function(ctx, request)
    numbers, marker = page([LATEST, *function.versions], request, order=by_number)
    return {
        "Versions": [configuration.listed(_numbered(function, n), n) for n in numbers],
        "NextMarker": marker,
    }


def publish(ctx: Context, function: Function, request: Request) -> str:
    """Publish $LATEST as it will be; returns the version, Pending until it is settled.

    Where nothing has changed since the last published version, that one is returned.
    """
    latest = function.settled(LATEST)
    print_ = configuration.fingerprint(latest)
    to_latest = request.get("PublishTo") == "LATEST_PUBLISHED"
    if function.published is not None and not to_latest:
        number, before = function.published
        if before == print_ and number in function.versions:
            return number
    number = LATEST_PUBLISHED if to_latest else str(function.next_version)
    settings = dict(latest.settings)
    if request.get("Description") is not None:
        settings["Description"] = request["Description"]
    version = replace(
        latest,
        version=number,
        settings=settings,
        last_modified=configuration.timestamp(ctx.clock.now()),
        revision_id=configuration.new_revision(),
    )
    version = states.settled(version)
    pending = replace(states.creating(version), revision_id=configuration.new_revision())
    if to_latest:
        replaced = function.versions.get(number)
        if replaced is not None and replaced.key != pending.key:
            ctx.parts.pools.retire(replaced, "published anew")
        function.versions = {
            number: pending,
            **{n: v for n, v in function.versions.items() if n != number},
        }
    else:
        function.versions[number] = pending
        function.next_version += 1
        function.published = (number, print_)
        # Recorded: a new version, unlike a new alias, is a new revision of $LATEST, too.
        configuration.bump_revision(function)
    function.settling[number] = version
    return number


def _numbered(function: Function, number: str) -> FunctionVersion:
    version = function.numbered(number)
    assert version is not None
    return version
