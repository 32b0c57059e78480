"""The control API: HTTP on loopback, JSON, a bearer token for everything but health (design section 5).

A page in a browser must not reach it: hosts other than the allowed names are refused (DNS rebinding), changes need
`application/json`, and no body ever names a file.
"""

import contextlib
import hmac
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from aiohttp import web

from emulator.control.metrics import Tally, exposition
from emulator.errors import EmulatorError, InvalidInputError
from emulator.observe import Event, as_json

MAX_BODY_BYTES = 16 * 1024 * 1024
HOSTS = frozenset({"127.0.0.1", "localhost", "::1", "control"})
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


Admits = Callable[[web.Request], Awaitable[bool]]
"""Whether a request needs no token."""


class StatusLike(Protocol):
    """What can be printed as `status --json`."""

    @property
    def ready(self) -> bool: ...

    def as_json(self) -> dict[str, Any]: ...


class FaultsLike(Protocol):
    """The faults of the running channel."""

    def add(self, values: Mapping[str, Any]) -> object: ...

    def remove(self, name: str) -> None: ...

    def clear(self) -> None: ...

    def all(self) -> list[dict[str, Any]]: ...


class ChannelLike(Protocol):
    """What the API talks about: the running channel."""

    @property
    def status(self) -> StatusLike: ...

    @property
    def tally(self) -> Tally: ...

    def events(self) -> tuple[Event, ...]: ...

    def follow(self) -> AsyncIterator[Event]: ...

    def resources(self) -> list[dict[str, Any]]: ...

    async def apply(self, resources: Any) -> object: ...

    async def reset(self) -> object: ...

    def machine_states(self) -> dict[str, str]: ...

    async def set_machine(self, hop: str, state: str) -> None: ...

    @property
    def faults(self) -> FaultsLike: ...


async def nobody(_: web.Request) -> bool:
    """Everybody needs the token."""
    return False


class Api:
    """The routes."""

    def __init__(self, channel: ChannelLike, token: str, stop: Callable[[], None], admits: Admits) -> None:
        self._channel = channel
        self._token = token
        self._stop = stop
        self._admits = admits

    def routes(self) -> list[web.RouteDef]:
        """Every route, by method and path."""
        return [
            web.get("/emulator/health", self._health),
            web.get("/emulator/status", self._status),
            web.get("/emulator/events", self._events),
            web.get("/emulator/world", self._world),
            web.put("/emulator/world", self._apply),
            web.post("/emulator/reset", self._reset),
            web.post("/emulator/stop", self._stop_emulator),
            web.get("/emulator/machines", self._machines),
            web.put("/emulator/machines/{hop}", self._set_machine),
            web.get("/emulator/faults", self._faults),
            web.post("/emulator/faults", self._add_fault),
            web.delete("/emulator/faults", self._clear_faults),
            web.delete("/emulator/faults/{name}", self._remove_fault),
            web.get("/metrics", self._metrics),
        ]

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse foreign hosts, strangers and bodies of other types; turn our errors into JSON."""
        refusal = await self._refusal(request)
        if refusal is not None:
            return refusal
        try:
            return await handler(request)
        except web.HTTPException as error:
            return _error(error.status, f"{request.method} {request.path}: {error.reason}")
        except InvalidInputError as error:
            return _error(400, str(error))
        except EmulatorError as error:
            return _error(503, str(error))

    async def _refusal(self, request: web.Request) -> web.Response | None:
        if _host(request) not in HOSTS:
            return _error(421, f"host {request.host} is not one of {', '.join(sorted(HOSTS))}")
        if request.path != "/emulator/health" and not await self._is_known(request):
            return _error(401, "a bearer token is needed; `aib-emulator status` knows where it is")
        if (
            request.can_read_body or request.method not in ("GET", "HEAD", "DELETE")
        ) and request.content_type != "application/json":
            return _error(415, f"found content type {request.content_type}, expected application/json")
        return None

    async def _is_known(self, request: web.Request) -> bool:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        right = hmac.compare_digest(given.strip().encode(), self._token.encode())
        return (scheme.lower() == "bearer" and right) or await self._admits(request)

    async def _health(self, _: web.Request) -> web.Response:
        status = self._channel.status
        hops = {hop["name"]: hop["state"] for hop in status.as_json()["hops"]}
        return web.json_response({"ready": status.ready, "hops": hops}, status=200 if status.ready else 503)

    async def _status(self, _: web.Request) -> web.Response:
        return web.json_response(self._channel.status.as_json())

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("follow") not in ("1", "true"):
            lines = "".join(_line(event) for event in self._channel.events())
            return web.Response(text=lines, content_type="application/x-ndjson")
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):  # whoever followed has left
            async for event in self._channel.follow():
                await response.write(_line(event).encode())
        return response

    async def _metrics(self, request: web.Request) -> web.Response:
        channel = self._channel
        accept = request.headers.get("Accept", "")
        text, content_type = exposition(channel.tally, channel.status.as_json(), accept)
        return web.Response(body=text, headers={"Content-Type": content_type})

    async def _world(self, _: web.Request) -> web.Response:
        return web.json_response({"value": self._channel.resources()})

    async def _apply(self, request: web.Request) -> web.Response:
        body = await _json(request)
        await self._channel.apply(_resources(body))
        return web.json_response({"value": self._channel.resources()})

    async def _reset(self, _: web.Request) -> web.Response:
        await self._channel.reset()
        return web.json_response({"value": self._channel.resources()})

    async def _machines(self, _: web.Request) -> web.Response:
        return web.json_response(self._channel.machine_states())

    async def _set_machine(self, request: web.Request) -> web.Response:
        body = await _json(request)
        if not isinstance(body, Mapping) or not isinstance(body.get("state"), str):
            raise InvalidInputError('body: expected an object as {"state": "deallocated"}')
        await self._channel.set_machine(request.match_info["hop"], body["state"])
        return web.json_response(self._channel.machine_states())

    async def _faults(self, _: web.Request) -> web.Response:
        return web.json_response({"value": self._channel.faults.all()})

    async def _add_fault(self, request: web.Request) -> web.Response:
        body = await _json(request)
        if not isinstance(body, Mapping):
            raise InvalidInputError('body: expected an object as {"kind": "delay", "hop": "proxy", "seconds": 0.2}')
        self._channel.faults.add(body)
        return web.json_response(self._channel.faults.all()[-1], status=201)

    async def _clear_faults(self, _: web.Request) -> web.Response:
        self._channel.faults.clear()
        return web.json_response({"value": []})

    async def _remove_fault(self, request: web.Request) -> web.Response:
        self._channel.faults.remove(request.match_info["name"])
        return web.json_response({"value": self._channel.faults.all()})

    async def _stop_emulator(self, _: web.Request) -> web.Response:
        self._stop()
        return web.json_response({"stopping": True}, status=202)


def _host(request: web.Request) -> str:
    host = request.headers.get("Host", "")
    return host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0].lower()


def _line(event: Event) -> str:
    return json.dumps(as_json(event), ensure_ascii=False) + "\n"


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": message, "status": status}, status=status)


async def _json(request: web.Request) -> object:
    try:
        return json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"body: not JSON: {error}") from None


def _resources(body: object) -> list[Mapping[str, Any]]:
    value = body.get("value") if isinstance(body, Mapping) and "id" not in body else body
    given = value if isinstance(value, list) else [value]
    found = [each for each in given if isinstance(each, Mapping)]
    if not found or len(found) < len(given):
        raise InvalidInputError("body: expected a resource, a list of resources or a page with `value`")
    return found


@contextlib.asynccontextmanager
async def serving(
    channel: ChannelLike,
    token: str,
    bound: socket.socket,
    *,
    stop: Callable[[], None],
    more: Sequence[web.RouteDef] = (),
    admits: Admits = nobody,
) -> AsyncIterator[str]:
    """Serve the API on a bound socket until the body ends, `more` routes beside its own; yields its URL.

    `admits` says who needs no token.
    """
    api = Api(channel, token, stop, admits)
    app = web.Application(middlewares=[api.guard], client_max_size=MAX_BODY_BYTES)
    app.add_routes([*api.routes(), *more])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, handle_signals=False)
    await runner.setup()
    try:
        await web.SockSite(runner, bound).start()
        host, port = bound.getsockname()[:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
