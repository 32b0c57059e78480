"""The control API's routes about image builds: what one of another process needs is deployed and deleted here."""

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, get_args

from aiohttp import web

from emulator.app.building import template_of
from emulator.app.stagings import Stagings
from emulator.build.staging import staging
from emulator.errors import InvalidInputError
from emulator.model.ids import ResourceId
from emulator.model.world import System, World

if TYPE_CHECKING:
    from collections.abc import Sequence


GUID = re.compile(r"[0-9A-Za-z-]{1,64}")


class Builder(Protocol):
    """A running channel that builds go over."""

    @property
    def world(self) -> World: ...

    @property
    def stagings(self) -> Stagings: ...


def routes(channel: Builder) -> "Sequence[web.RouteDef]":
    """The routes, over a running channel."""
    builds = _Builds(channel)
    return [
        web.get("/emulator/builds", builds.all),
        web.delete("/emulator/builds", builds.forget),
        web.put("/emulator/builds/{guid}", builds.begin),
        web.delete("/emulator/builds/{guid}", builds.end),
        web.post("/emulator/builds/{guid}/cancel", builds.cancel),
        web.delete("/emulator/builds/{guid}/resources", builds.delete),
    ]


class _Builds:
    """What the routes do."""

    def __init__(self, channel: Builder) -> None:
        self._channel = channel

    async def all(self, _: web.Request) -> web.Response:
        stagings = self._channel.stagings
        return web.json_response({"value": stagings.as_json(), "resources": stagings.resources(self._channel.world)})

    async def forget(self, request: web.Request) -> web.Response:
        body = await _object(request)
        if not isinstance(body.get("template"), str):
            raise InvalidInputError('body: expected an object as {"template": "/subscriptions/…"}')
        await self._channel.stagings.forget(ResourceId(body["template"]))
        return web.json_response({"value": self._channel.stagings.as_json()})

    async def begin(self, request: web.Request) -> web.Response:
        body, guid = await _object(request), request.match_info["guid"]
        if not GUID.fullmatch(guid):
            raise InvalidInputError(f"build: found {guid!r}, expected a GUID: resources are named by it")
        template, system = body.get("template"), body.get("system")
        if not isinstance(template, Mapping) or system not in get_args(System):
            raise InvalidInputError('body: expected an object as {"template": {…}, "system": "linux"}')
        chosen: System = "windows" if system == "windows" else "linux"
        begun = staging(template_of(template), chosen, self._channel.world.topology, guid)
        await self._channel.stagings.begin(begun)
        return web.json_response(self._channel.stagings.builds[guid].as_json())

    async def cancel(self, request: web.Request) -> web.Response:
        self._channel.stagings.cancel(request.match_info["guid"])
        return web.json_response({"canceling": True}, status=202)

    async def end(self, request: web.Request) -> web.Response:
        body = await _object(request)
        await self._channel.stagings.end(request.match_info["guid"], keep=body.get("keep") is True)
        return web.json_response({"value": self._channel.stagings.as_json()})

    async def delete(self, request: web.Request) -> web.Response:
        body = await _object(request)
        self._channel.stagings.delete(request.match_info["guid"], ResourceId(str(body.get("id"))))
        return web.json_response({"value": self._channel.stagings.as_json()})


async def _object(request: web.Request) -> Mapping[str, Any]:
    try:
        found = json.loads(await request.read() or b"{}")
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"body: not JSON: {error}") from None
    if not isinstance(found, Mapping):
        raise InvalidInputError("body: expected an object")
    return found
