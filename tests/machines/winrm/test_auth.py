"""Logins, against pyspnego's own client; no sockets."""

import base64

import pytest
import spnego
from hypothesis import given
from hypothesis import strategies as st
from spnego.channel_bindings import GssChannelBindings

from emulator.machines.settings import MachineSettings, WinrmSettings
from emulator.machines.winrm import certificate
from emulator.machines.winrm.auth import MUTUAL, Account, ConnectionAuth, Line

PASSWORD = "Pa55!wörd"
IDENTITY = certificate.identity("build-windows", "")
BINDINGS = IDENTITY.bindings
TLS = Line()


def machine(**changes: object) -> Account:
    """The account of a machine whose WinRM is set up so."""
    winrm = WinrmSettings(**changes)  # type: ignore[arg-type]
    return Account(
        MachineSettings("windows", "build-windows", "10.60.0.9", "packer", PASSWORD, winrm=winrm), IDENTITY
    )


@pytest.fixture(scope="module")
def account() -> Account:
    """The machine's account, by default."""
    return machine()


def basic(text: str, encoding: str = "utf-8") -> str:
    """A Basic header."""
    return f"Basic {base64.b64encode(text.encode(encoding)).decode()}"


def login(auth: ConnectionAuth, client: spnego.ContextProxy, scheme: str = "Negotiate") -> str:
    """Let a client log in; the user it became, or empty."""
    token = client.step()
    for _ in range(8):
        verdict = auth.judge(f"{scheme} {base64.b64encode(token or b'').decode()}")
        answers = [value.partition(" ")[2] for value in verdict.challenges if value.startswith(f"{scheme} ")]
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
    assert ConnectionAuth(account, TLS).judge(basic(f"{user}:{PASSWORD}", encoding)).user == "packer"


@pytest.mark.parametrize(
    "header", [basic("packer:wrong"), basic("other:" + PASSWORD), basic("packer"), "Basic !", "Basic"]
)
def test_basic_refuses(account: Account, header: str) -> None:
    """Anything else is denied, with all schemes offered and never NTLM by name."""
    verdict = ConnectionAuth(account, TLS).judge(header)

    assert verdict.user == ""
    assert verdict.challenges == ("Negotiate", 'Basic realm="WSMAN"', "CredSSP")


def test_basic_does_not_stick(account: Account) -> None:
    """The next request on the connection must bring its own header."""
    auth = ConnectionAuth(account, TLS)

    assert auth.judge(basic(f"packer:{PASSWORD}")).user == "packer"
    assert auth.judge(None).user == ""


@pytest.mark.parametrize("user", ["packer", "Packer", ".\\packer", "ANY\\packer"])
def test_ntlm_sticks_to_the_connection(account: Account, user: str) -> None:
    """After an NTLM login the connection is the user's, and another connection is not."""
    auth = ConnectionAuth(account, TLS)

    assert login(auth, ntlm(user)) == "packer"
    assert auth.judge(None).user == "packer"
    assert ConnectionAuth(account, TLS).judge(None).user == ""


def test_spnego_works(account: Account) -> None:
    """NTLM within SPNEGO logs in, too."""
    client = spnego.client("packer", PASSWORD, protocol="negotiate", options=spnego.NegotiateOptions.use_negotiate)

    assert login(ConnectionAuth(account, TLS), client) == "packer"


@pytest.mark.parametrize(("user", "password"), [("packer", "wrong"), ("other", PASSWORD), ("packer", "")])
def test_ntlm_refuses(account: Account, user: str, password: str) -> None:
    """A wrong password and an unknown user are denied, and the connection stays nobody's."""
    auth = ConnectionAuth(account, TLS)

    assert login(auth, ntlm(user, password)) == ""
    assert auth.judge(None).user == ""


def test_a_failed_login_ends_an_earlier_one(account: Account) -> None:
    """A new Authorization on a connection starts over."""
    auth = ConnectionAuth(account, TLS)
    assert login(auth, ntlm()) == "packer"

    assert login(auth, ntlm(password="wrong")) == ""
    assert auth.judge(None).user == ""


def test_presents_the_emulated_computer(account: Account) -> None:
    """The challenge names the build VM, not the machine that plays it."""
    token = base64.b64encode(ntlm().step() or b"").decode()

    (challenge,) = ConnectionAuth(account, TLS).judge(f"Negotiate {token}").challenges

    assert "BUILD-WINDOWS".encode("utf-16-le") in base64.b64decode(challenge.partition(" ")[2])


def test_ntlm_v1_is_refused(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that answers with NTLMv1 does not get in."""
    monkeypatch.setenv("LM_COMPAT_LEVEL", "1")
    client = ntlm()
    monkeypatch.delenv("LM_COMPAT_LEVEL")

    assert login(ConnectionAuth(account, TLS), client) == ""


OFFERED = {"right": BINDINGS, "absent": None, "wrong": b"tls-server-end-point:" + bytes(32)}


@pytest.mark.parametrize(
    ("level", "bindings", "user"),
    [
        # MS-WSMV, CbtHardeningLevel: None looks at no bindings, Relaxed at those that are there, Strict wants them.
        ("none", "right", "packer"),
        ("none", "absent", "packer"),
        ("none", "wrong", "packer"),
        ("relaxed", "right", "packer"),
        ("relaxed", "absent", "packer"),
        ("relaxed", "wrong", ""),
        ("strict", "right", "packer"),
        ("strict", "absent", ""),
        ("strict", "wrong", ""),
    ],
)
def test_channel_bindings(level: str, bindings: str, user: str) -> None:
    """Each level accepts and refuses right, absent and wrong bindings as Windows does."""
    data = OFFERED[bindings]
    told = GssChannelBindings(application_data=data) if data else None

    assert login(ConnectionAuth(machine(channel_binding=level), TLS), ntlm(bindings=told)) == user


def test_nothing_is_bound_without_tls() -> None:
    """Over HTTP there is no certificate to bind a login to, however strict the machine is."""
    assert login(ConnectionAuth(machine(channel_binding="strict"), Line(is_tls=False)), ntlm()) == "packer"


def credssp(password: str = PASSWORD) -> spnego.ContextProxy:
    """A client that delegates its password."""
    return spnego.client("packer", password, protocol="credssp", options=spnego.NegotiateOptions.use_negotiate)


def test_credssp_sticks_to_the_connection(account: Account) -> None:
    """A password delegated by CredSSP logs the connection in."""
    auth = ConnectionAuth(account, TLS)

    assert login(auth, credssp(), "CredSSP") == "packer"
    assert auth.judge(None).user == "packer"


def test_credssp_refuses_a_wrong_password(account: Account) -> None:
    """A wrong password ends the exchange, with an error that the client can read."""
    auth = ConnectionAuth(account, TLS)

    with pytest.raises(spnego.exceptions.SpnegoError):
        login(auth, credssp("wrong"), "CredSSP")
    assert auth.judge(None).user == ""


@pytest.mark.parametrize(
    ("schemes", "line", "challenges"),
    [
        (("basic",), TLS, ('Basic realm="WSMAN"',)),
        (("negotiate",), TLS, ("Negotiate",)),
        (("credssp", "negotiate"), TLS, ("Negotiate", "CredSSP")),
        (("negotiate", "basic"), Line(is_tls=False), ("Negotiate",)),
    ],
)
def test_offers_what_is_set(schemes: tuple[str, ...], line: Line, challenges: tuple[str, ...]) -> None:
    """A 401 offers the schemes that are set and no other; Basic only where it is not to be overheard."""
    assert set(ConnectionAuth(machine(schemes=schemes), line).judge(None).challenges) == set(challenges)


@pytest.mark.parametrize("schemes", [("basic",), ("credssp",)])
def test_a_scheme_that_is_not_offered_is_denied(schemes: tuple[str, ...]) -> None:
    """A right NTLM login on a host without Negotiate is denied."""
    assert login(ConnectionAuth(machine(schemes=schemes), TLS), ntlm()) == ""


def test_basic_is_denied_where_it_is_not_offered() -> None:
    """A right password by Basic does not get in on a host that only negotiates, nor over HTTP."""
    header = basic(f"packer:{PASSWORD}")

    assert ConnectionAuth(machine(schemes=("negotiate",)), TLS).judge(header).user == ""
    assert ConnectionAuth(machine(), Line(is_tls=False)).judge(header).user == ""


@pytest.mark.parametrize(("is_certified", "user"), [(True, "packer"), (False, "")])
def test_certificates_are_logins(account: Account, is_certified: bool, user: str) -> None:  # noqa: FBT001
    """A client whose certificate is believed is the account when it says so; without one it is nobody."""
    assert ConnectionAuth(account, Line(is_certified=is_certified)).judge(MUTUAL).user == user


@given(st.binary(max_size=300))
def test_random_credssp_tokens_are_denied(token: bytes) -> None:
    """No CredSSP token that nobody made logs in, or breaks anything."""
    auth = ConnectionAuth(machine(), TLS)

    for _ in range(3):
        assert auth.judge(f"CredSSP {base64.b64encode(token).decode()}").user == ""


@given(st.binary(max_size=300), st.booleans())
def test_random_tokens_are_denied(token: bytes, is_ntlm: bool) -> None:  # noqa: FBT001  # hypothesis draws it
    """No token that nobody made logs in, or breaks anything."""
    auth = ConnectionAuth(machine(), TLS)
    header = b"NTLMSSP\x00" if is_ntlm else b""

    assert auth.judge(f"Negotiate {base64.b64encode(header + token).decode()}").user == ""


@given(st.data())
def test_damaged_tokens_are_denied(data: st.DataObject) -> None:
    """A login that was changed on its way, wherever, is denied."""
    auth = ConnectionAuth(machine(), TLS)
    client = ntlm()
    opening = base64.b64encode(client.step() or b"").decode()
    (challenge,) = auth.judge(f"Negotiate {opening}").challenges
    token = bytearray(client.step(base64.b64decode(challenge.partition(" ")[2])) or b"")
    token[data.draw(st.integers(0, len(token) - 1))] ^= data.draw(st.integers(1, 255))

    assert auth.judge(f"Negotiate {base64.b64encode(bytes(token)).decode()}").user == ""


@given(st.text(max_size=60))
def test_any_header_is_judged(header: str) -> None:
    """No header raises anything."""
    auth = ConnectionAuth(machine(), TLS)

    assert auth.judge(header).user == ""
