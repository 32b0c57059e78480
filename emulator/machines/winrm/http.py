"""The HTTP front end: one connection at a time, its requests, bodies and logins.

It is aiohttp's low-level server. A login by NTLM belongs to the TCP connection, so its state is held by the
connection's protocol object. Nothing a peer sends is logged; a bug of ours is kept and raised again by `serve`.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
from typing import Any, cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler
from multidict import CIMultiDict

from emulator.errors import PeerError
from emulator.machines.faults import MachineFaults
from emulator.machines.winrm import sealing
from emulator.machines.winrm.auth import Account, ConnectionAuth, Line
from emulator.machines.winrm.service import WsmanService
from emulator.net.handing import handed
from emulator.rules.faults.guest_kinds import Winrm500, WinrmQuota, WinrmSlow
from emulator.wire.wsman import faults, replies, requests
from emulator.wire.wsman.faults import WsmanFaultError
from emulator.wire.wsman.operations import Create, Request

HANDSHAKE_PATIENCE = 10.0
"""Real seconds within which a TLS handshake is done."""
IDLE_PATIENCE = 120.0
"""Real seconds that a connection may stay without a request; http.sys' figure."""
BODY_PATIENCE = 60.0
LINGER = 5.0
"""Real seconds to drop the body of a request that was refused, so that its connection can log in."""
SERVER = "Microsoft-HTTPAPI/2.0"
MAX_FIELD_BYTES = 128 * 1024
"""A header's length; the longest is a token, which `auth` bounds anew."""
NO_SOAP = "<html><body><h2>Internal Server Error</h2></body></html>"
"""The body of a 500 that is no WS-Management fault: something before the service failed."""
PATHS = ("/wsman", "/wsman-anon/identify")

_QUIET = logging.getLogger(__name__)
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False


class Connection(RequestHandler):
    """One TCP connection, and what it has proven."""

    def __init__(self, server: web.Server, account: Account, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=IDLE_PATIENCE,
            lingering_time=LINGER,
            auto_decompress=False,
            access_log=cast("logging.Logger", None),
            logger=cast("Any", _QUIET),
            max_field_size=MAX_FIELD_BYTES,
        )
        self.auth = ConnectionAuth(account, Line())
        self._account = account
        self.bug: BaseException | None = None
        self.lost: asyncio.Future[None] = loop.create_future()
        self._wire: asyncio.WriteTransport | None = None
        self._serving: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport and aiohttp's task, which it forgets before they have ended."""
        super().connection_made(transport)
        session = transport.get_extra_info("ssl_object")
        is_certified = session is not None and session.getpeercert(binary_form=True) is not None
        self.auth = ConnectionAuth(self._account, Line(is_tls=session is not None, is_certified=is_certified))
        self._wire = cast("asyncio.WriteTransport", transport)
        self._serving = self._task_handler

    async def end(self) -> None:
        """Cut the connection, and wait until nothing of it runs any more; idempotent."""
        if self._wire is None or self._serving is None:
            return
        # Python 3.11.2 fails so on a TLS transport that is closing or closed, once it has marked it as closed; the
        # shutdown's time limit ends it then.
        with contextlib.suppress(AttributeError):
            self._wire.abort()
        self._serving.cancel()
        await _settled(self.lost, self._serving)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Tell `serve` that it is over."""
        super().connection_lost(exc)
        if not self.lost.done():
            self.lost.set_result(None)

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002  # the signature is aiohttp's
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002
    ) -> web.StreamResponse:
        """Answer with nothing but the status; keep what is no peer's doing."""
        if exc is not None and not isinstance(exc, (HttpProcessingError, OSError, web.RequestPayloadError)):
            self.bug = exc
        response = _empty(status)
        response.force_close()
        return response


class FrontEnd:
    """What all connections of one machine share."""

    def __init__(self, service: WsmanService, account: Account, faults: MachineFaults | None = None) -> None:
        self._service = service
        self._account = account
        self._faults = faults or MachineFaults()
        self._max_bytes = account.winrm.envelope_kilobytes * 1024
        self._server = web.Server(self._answer, handler_cancellation=True)

    async def serve(self, connection: socket.socket, *, is_tls: bool = True) -> None:
        """Speak HTTP on a fresh connection, within TLS or without, until it ends; cancelled, it cuts the connection.

        Raises:
            PeerError: the peer spoke no TLS, or none we accept.
        """
        loop = asyncio.get_running_loop()
        protocol = Connection(self._server, self._account, loop)
        try:
            with handed(connection) as own:
                # What it returns is of no use: uvloop's is not our protocol.
                await loop.connect_accepted_socket(
                    lambda: protocol,
                    own,
                    ssl=self._account.identity.tls if is_tls else None,
                    ssl_handshake_timeout=HANDSHAKE_PATIENCE if is_tls else None,
                    ssl_shutdown_timeout=1.0 if is_tls else None,
                )
            await protocol.lost
        except ConnectionResetError:
            return  # it left before the handshake was done, as a port check does
        except OSError as error:
            raise PeerError(f"no TLS session: {_reason(error)}") from None
        finally:
            await protocol.end()
        if protocol.bug is not None:
            raise protocol.bug

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if request.path.rstrip("/") not in PATHS:
            return _empty(404)
        if request.method != "POST":
            return _empty(405, {"Allow": "POST"})
        if _is_anonymous_identify(request):
            return _soap(replies.identity(version=""))
        auth = cast("Connection", request.protocol).auth
        verdict = auth.judge(request.headers.get("Authorization"))
        if not verdict.user:
            return self._denied(request, verdict.challenges or auth.denied.challenges)
        response = await self._authenticated(request, verdict.user, auth)
        for challenge in verdict.challenges:
            response.headers.add("WWW-Authenticate", challenge)
        return response

    def _denied(self, request: web.BaseRequest, challenges: tuple[str, ...]) -> web.Response:
        """A 401; a body too long to be an envelope is not waited for."""
        is_long = (request.content_length or 0) > self._max_bytes
        response = _closing(401) if is_long else _empty(401)
        for challenge in challenges:
            response.headers.add("WWW-Authenticate", challenge)
        return response

    async def _authenticated(self, request: web.BaseRequest, user: str, auth: ConnectionAuth) -> web.Response:
        body = await _read(request, self._max_bytes)
        if body is None:
            return _closing(413)
        if self._faults.find(Winrm500):
            return web.Response(status=500, text=NO_SOAP, content_type="text/html", headers={"Server": SERVER})
        if not body:
            # An empty POST only logs in, before sealed messages are sent.
            return _empty(200)
        if sealing.is_sealed(request.headers.get("Content-Type", "")):
            return await self._sealed(user, body, auth)
        if not auth.line.is_tls:
            # AllowUnencrypted is false, which is Windows' default and no setting here.
            return _soap(self._service.fault("", faults.unencrypted()), 500)
        status, reply = await self._reply(user, body)
        return _soap(reply, status)

    async def _sealed(self, user: str, body: bytes, auth: ConnectionAuth) -> web.Response:
        session = auth.session
        if session is None:
            return _closing(400)
        try:
            envelope = sealing.open_sealed(session, body)
        except PeerError:
            return _closing(400)
        status, reply = await self._reply(user, envelope)
        sealed_type, sealed = sealing.seal(session, reply)
        return web.Response(status=status, body=sealed, headers={"Content-Type": sealed_type, "Server": SERVER})

    async def _reply(self, user: str, body: bytes) -> tuple[int, bytes]:
        relates_to = ""
        try:
            request = requests.parse(body)
            relates_to = request.message_id
            await self._fail(request)
            return 200, await self._service.answer(user, request)
        except WsmanFaultError as fault:
            return 500, self._service.fault(fault.relates_to or relates_to, fault)

    async def _fail(self, request: Request) -> None:
        """What a fault does to an operation.

        Raises:
            WsmanFaultError: a quota is spent.
        """
        quota, slow = self._faults.find(WinrmQuota), self._faults.find(WinrmSlow)
        if quota is not None and quota.of == "operations":
            raise faults.too_many_operations(self._account.winrm.operations_per_user)
        if quota is not None and isinstance(request.operation, Create):
            raise faults.too_many_shells(self._account.winrm.shells_per_user)
        if slow is not None:
            await asyncio.sleep(self._faults.real(slow.seconds))


async def _settled(*futures: asyncio.Future[None]) -> None:
    """Wait until all are done, even where we are cancelled meanwhile: what is left behind would outlive its owner."""
    is_cancelled = False
    while not all(future.done() for future in futures):
        try:
            await asyncio.wait(futures)
        except asyncio.CancelledError:
            is_cancelled = True
    if is_cancelled:
        raise asyncio.CancelledError


async def _read(request: web.BaseRequest, limit: int) -> bytes | None:
    """The body; None where it is longer than an envelope may be, or does not come whole or in time."""
    if (request.content_length or 0) > limit:
        return None
    if request.headers.get("Expect", "").casefold() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_PATIENCE):
            while chunk := await request.content.readany():
                body += chunk
                if len(body) > limit:
                    return None
    except (TimeoutError, OSError, web.RequestPayloadError, HttpProcessingError):
        return None
    return bytes(body)


def _is_anonymous_identify(request: web.BaseRequest) -> bool:
    return (
        request.path.startswith("/wsman-anon/")
        or request.headers.get("WSMANIDENTIFY", "").casefold() == "unauthenticated"
    )


def _soap(envelope: bytes, status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=envelope, headers={"Content-Type": replies.CONTENT_TYPE, "Server": SERVER}
    )


def _empty(status: int, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, headers=CIMultiDict({"Server": SERVER, **(headers or {})}))


def _closing(status: int) -> web.Response:
    response = _empty(status)
    response.force_close()
    return response


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "a broken handshake").replace("_", " ").lower()
    return str(error) or type(error).__name__
