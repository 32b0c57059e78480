"""The HTTP front end, byte by byte over TLS."""

import asyncio
import base64

import pytest

from emulator.wire.wsman import names
from tests.windows_vm import SETTINGS, windows_vm
from tests.wsman_client import Reply, envelope

pytestmark = pytest.mark.network

LOGIN = f"Basic {base64.b64encode(f'{SETTINGS.username}:{SETTINGS.password}'.encode()).decode()}"
SHELL = envelope(names.CREATE, "<rsp:Shell/>", message_id="uuid:First")


def post(body: bytes, *, path: str = "/wsman", method: str = "POST", **headers: str) -> bytes:
    """A request, logged in unless the headers say otherwise."""
    lines = {"Authorization": LOGIN, "Content_Length": str(len(body)), **headers}
    told = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items() if value)
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\n{told}\r\n".encode() + body


def _halves(line: str) -> tuple[str, str, str]:
    return line.partition(":")


class Answer:
    """A response: its status, its headers in order, its body."""

    def __init__(self, head: bytes, body: bytes) -> None:
        first, *lines = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = [
            (name.strip().casefold(), value.strip()) for name, _, value in (x.partition(":") for x in lines)
        ]
        self.body = body

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


async def exchange(*said: bytes, **changes: object) -> list[Answer]:
    """The answers to requests on one connection."""
    async with windows_vm(**changes) as vm:
        with await asyncio.to_thread(vm.dial_tls) as client, client.makefile("rb") as stream:

            def ask(words: bytes) -> Answer:
                client.sendall(words)
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    line = stream.readline()
                    assert line, "the connection ended within an answer's head"
                    head += line
                answer = Answer(head.removesuffix(b"\r\n\r\n"), b"")
                answer.body = stream.read(int(answer.values("content-length")[0]))
                return answer

            return [await asyncio.to_thread(ask, words) for words in said]


async def test_unauthenticated_is_told_what_to_offer() -> None:
    """A 401 is empty, has one header a scheme, and keeps the connection for the login."""
    first, second = await exchange(post(SHELL, Authorization=""), post(SHELL))

    assert first.status == 401
    assert first.body == b""
    assert first.values("www-authenticate") == ["Negotiate", 'Basic realm="WSMAN"', "CredSSP"]
    assert second.status == 200


async def test_wrong_password_does_not_wait_for_the_body() -> None:
    """The 401 comes before the body has: nobody reads what a stranger sends."""
    wrong = f"Basic {base64.b64encode(b'packer:wrong').decode()}"

    (answer,) = await exchange(post(b"", Authorization=wrong, Content_Length="100000"))

    assert answer.status == 401
    assert answer.values("www-authenticate") == ["Negotiate", 'Basic realm="WSMAN"', "CredSSP"]


async def test_answers_a_request() -> None:
    """A logged in request gets SOAP that names its MessageID verbatim."""
    (answer,) = await exchange(post(SHELL))

    assert answer.status == 200
    assert answer.values("content-type") == ["application/soap+xml;charset=UTF-8"]
    assert Reply.of(answer.body).relates_to == "uuid:First"


async def test_body_longer_than_an_envelope() -> None:
    """Over 500 KiB the answer is an empty 413, before the body was read."""
    (answer,) = await exchange(post(b"", Content_Length=str(500 * 1024 + 1)))

    assert (answer.status, answer.body) == (413, b"")


async def test_chunked_body_longer_than_an_envelope() -> None:
    """A body that does not say how long it is has the same bound."""
    body = b"10000\r\n" + b"x" * 65536 + b"\r\n"

    (answer,) = await exchange(post(body * 9, Content_Length="", Transfer_Encoding="chunked"))

    assert (answer.status, answer.body) == (413, b"")


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/", "POST", 404), ("/other", "POST", 404), ("/wsman", "GET", 405), ("/wsman", "PUT", 405)],
)
async def test_other_paths_and_methods(path: str, method: str, status: int) -> None:
    """What is no WS-Management is refused without a login."""
    (answer,) = await exchange(post(b"", path=path, method=method, Authorization=""))

    assert (answer.status, answer.body) == (status, b"")


@pytest.mark.parametrize(
    "body", [b"garbage", b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><l>&b;</l>', b"<a/>"]
)
async def test_bad_envelopes_are_faults(body: bytes) -> None:
    """Garbage and a DTD are answered with a schema fault, and the connection goes on."""
    first, second = await exchange(post(body), post(SHELL))

    assert first.status == 500
    assert Reply.of(first.body).fault == (2150858817, "w:SchemaValidationError")
    assert second.status == 200


async def test_a_fault_names_its_request() -> None:
    """A refused operation has status 500, Windows' code, and the MessageID."""
    (answer,) = await exchange(post(envelope(names.DELETE, "", shell_id="nope", message_id="uuid:Second")))

    assert answer.status == 500
    assert Reply.of(answer.body).fault == (2150858843, "w:InvalidSelectors")
    assert Reply.of(answer.body).relates_to == "uuid:Second"


async def test_identify() -> None:
    """Strangers may ask who is there, and learn no version; users learn it."""
    body = (
        f'<s:Envelope xmlns:s="{names.SOAP}"><s:Body><i:Identify xmlns:i="{names.IDENTITY}"/></s:Body></s:Envelope>'
    )

    known, stranger, path = await exchange(
        post(body.encode()),
        post(body.encode(), Authorization="", WSMANIDENTIFY="unauthenticated"),
        post(body.encode(), Authorization="", path="/wsman-anon/identify"),
    )

    assert b"OS: 10.0.20348" in known.body
    assert b"OS: 0.0.0" in stranger.body
    assert b"OS: 0.0.0" in path.body


async def test_waits_to_be_told_to_continue() -> None:
    """A client that asks first is told to go on before it sends its body."""
    async with windows_vm() as vm:
        with await asyncio.to_thread(vm.dial_tls) as client, client.makefile("rb") as stream:
            client.sendall(post(SHELL, Expect="100-continue").removesuffix(SHELL))
            first = await asyncio.to_thread(stream.readline)
            client.sendall(SHELL)
            await asyncio.to_thread(stream.readline)
            second = await asyncio.to_thread(stream.readline)

    assert first == b"HTTP/1.1 100 Continue\r\n"
    assert second == b"HTTP/1.1 200 OK\r\n"


async def test_an_interrupted_body_is_nobodys_bug(capfd: pytest.CaptureFixture[str]) -> None:
    """A client that leaves within its body, or sends broken chunks, breaks nothing and is not logged."""
    async with windows_vm() as vm:
        with await asyncio.to_thread(vm.dial_tls) as client:
            client.sendall(post(SHELL)[:-10])
        with await asyncio.to_thread(vm.dial_tls) as client:
            client.sendall(post(b"zz\r\n", Content_Length="", Transfer_Encoding="chunked"))
            await asyncio.to_thread(client.recv, 1024)
        with await asyncio.to_thread(vm.dial_tls) as client, client.makefile("rb") as stream:
            client.sendall(post(SHELL))
            assert await asyncio.to_thread(stream.readline) == b"HTTP/1.1 200 OK\r\n"

    assert capfd.readouterr().err == ""
