"""Logins, against pyspnego's own client; no sockets."""

import base64
import hashlib

import pytest
import spnego
from hypothesis import given
from hypothesis import strategies as st
from spnego.channel_bindings import GssChannelBindings

from emulator.machines.winrm.auth import CHALLENGES, Account, ConnectionAuth

BINDINGS = b"tls-server-end-point:" + hashlib.sha256(b"certificate").digest()
PASSWORD = "Pa55!wörd"


@pytest.fixture(scope="module")
def account() -> Account:
    """The machine's account."""
    return Account("packer", PASSWORD, "build-windows", BINDINGS)


def basic(text: str, encoding: str = "utf-8") -> str:
    """A Basic header."""
    return f"Basic {base64.b64encode(text.encode(encoding)).decode()}"


def login(auth: ConnectionAuth, client: spnego.ContextProxy) -> str:
    """Let a client log in; the user it became, or empty."""
    token = client.step()
    for _ in range(4):
        verdict = auth.judge(f"Negotiate {base64.b64encode(token or b'').decode()}")
        answers = [value.partition(" ")[2] for value in verdict.challenges if value.startswith("Negotiate ")]
        if verdict.user or not answers:
            return verdict.user
        token = client.step(base64.b64decode(answers[0]))
    return ""


def ntlm(
    user: str = "packer", password: str = PASSWORD, bindings: GssChannelBindings | None = None
) -> spnego.ContextProxy:
    """A client that speaks NTLM in Python, as requests-ntlm does."""
    return spnego.client(
        user, password, protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm, channel_bindings=bindings
    )


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("user", ["packer", "PACKER", ".\\packer", "BUILD-WINDOWS\\packer"])
def test_basic_accepts(account: Account, user: str, encoding: str) -> None:
    """The account logs in by Basic, whatever the spelling, in either encoding."""
    assert ConnectionAuth(account).judge(basic(f"{user}:{PASSWORD}", encoding)).user == "packer"


@pytest.mark.parametrize(
    "header", [basic("packer:wrong"), basic("other:" + PASSWORD), basic("packer"), "Basic !", "Basic"]
)
def test_basic_refuses(account: Account, header: str) -> None:
    """Anything else is denied, with both schemes offered and never NTLM by name."""
    verdict = ConnectionAuth(account).judge(header)

    assert verdict.user == ""
    assert verdict.challenges == CHALLENGES == ("Negotiate", 'Basic realm="WSMAN"')


def test_basic_does_not_stick(account: Account) -> None:
    """The next request on the connection must bring its own header."""
    auth = ConnectionAuth(account)

    assert auth.judge(basic(f"packer:{PASSWORD}")).user == "packer"
    assert auth.judge(None).user == ""


@pytest.mark.parametrize("user", ["packer", "Packer", ".\\packer", "ANY\\packer"])
def test_ntlm_sticks_to_the_connection(account: Account, user: str) -> None:
    """After an NTLM login the connection is the user's, and another connection is not."""
    auth = ConnectionAuth(account)

    assert login(auth, ntlm(user)) == "packer"
    assert auth.judge(None).user == "packer"
    assert ConnectionAuth(account).judge(None).user == ""


def test_spnego_works(account: Account) -> None:
    """NTLM within SPNEGO logs in, too."""
    client = spnego.client("packer", PASSWORD, protocol="negotiate", options=spnego.NegotiateOptions.use_negotiate)

    assert login(ConnectionAuth(account), client) == "packer"


@pytest.mark.parametrize(("user", "password"), [("packer", "wrong"), ("other", PASSWORD), ("packer", "")])
def test_ntlm_refuses(account: Account, user: str, password: str) -> None:
    """A wrong password and an unknown user are denied, and the connection stays nobody's."""
    auth = ConnectionAuth(account)

    assert login(auth, ntlm(user, password)) == ""
    assert auth.judge(None).user == ""


def test_a_failed_login_ends_an_earlier_one(account: Account) -> None:
    """A new Authorization on a connection starts over."""
    auth = ConnectionAuth(account)
    assert login(auth, ntlm()) == "packer"

    assert login(auth, ntlm(password="wrong")) == ""
    assert auth.judge(None).user == ""


def test_presents_the_emulated_computer(account: Account) -> None:
    """The challenge names the build VM, not the machine that plays it."""
    token = base64.b64encode(ntlm().step() or b"").decode()

    (challenge,) = ConnectionAuth(account).judge(f"Negotiate {token}").challenges

    assert "BUILD-WINDOWS".encode("utf-16-le") in base64.b64decode(challenge.partition(" ")[2])


def test_ntlm_v1_is_refused(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that answers with NTLMv1 does not get in."""
    monkeypatch.setenv("LM_COMPAT_LEVEL", "1")
    client = ntlm()
    monkeypatch.delenv("LM_COMPAT_LEVEL")

    assert login(ConnectionAuth(account), client) == ""


@pytest.mark.parametrize(
    ("bindings", "user"),
    [(BINDINGS, "packer"), (None, "packer"), (b"tls-server-end-point:" + bytes(32), "")],
    ids=["right", "absent", "wrong"],
)
def test_channel_bindings_are_relaxed(account: Account, bindings: bytes | None, user: str) -> None:
    """Right bindings and none are accepted, another certificate's are refused."""
    told = GssChannelBindings(application_data=bindings) if bindings else None

    assert login(ConnectionAuth(account), ntlm(bindings=told)) == user


@given(st.binary(max_size=300), st.booleans())
def test_random_tokens_are_denied(token: bytes, is_ntlm: bool) -> None:  # noqa: FBT001  # hypothesis draws it
    """No token that nobody made logs in, or breaks anything."""
    auth = ConnectionAuth(Account("packer", PASSWORD, "build-windows", BINDINGS))
    header = b"NTLMSSP\x00" if is_ntlm else b""

    assert auth.judge(f"Negotiate {base64.b64encode(header + token).decode()}").user == ""


@given(st.data())
def test_damaged_tokens_are_denied(data: st.DataObject) -> None:
    """A login that was changed on its way, wherever, is denied."""
    auth = ConnectionAuth(Account("packer", PASSWORD, "build-windows", BINDINGS))
    client = ntlm()
    opening = base64.b64encode(client.step() or b"").decode()
    (challenge,) = auth.judge(f"Negotiate {opening}").challenges
    token = bytearray(client.step(base64.b64decode(challenge.partition(" ")[2])) or b"")
    token[data.draw(st.integers(0, len(token) - 1))] ^= data.draw(st.integers(1, 255))

    assert auth.judge(f"Negotiate {base64.b64encode(bytes(token)).decode()}").user == ""


@given(st.text(max_size=60))
def test_any_header_is_judged(header: str) -> None:
    """No header raises anything."""
    auth = ConnectionAuth(Account("packer", PASSWORD, "build-windows", BINDINGS))

    assert auth.judge(header).user == ""
