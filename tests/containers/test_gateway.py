"""The gateway: what `explain` says of the build VM's use of the Internet is what its commands experience."""

import json
from collections.abc import Iterator

import pytest

from emulator.channels import winrm
from emulator.model import arm
from tests.beyond import PUBLIC
from tests.containers.stack import PASSWORD, SPEAKING, Result, Stack, settings_folder, until
from tests.worlds import DOCUMENTED, nsg

pytestmark = [pytest.mark.containers, pytest.mark.timeout(300), pytest.mark.xdist_group("containers")]
SETTINGS = f"""
outbound:
  dial: false
  map:
    {PUBLIC}: 127.0.0.1:{SPEAKING}
    www.example.com: 127.0.0.1:{SPEAKING}
    203.0.113.51: 127.0.0.1:9
    203.0.113.52: control:8060
"""


@pytest.fixture(scope="module")
def channel(built: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A channel whose gateway knows two places beyond; a server in its own container stands for both."""
    folder = settings_folder(tmp_path_factory.mktemp("gateway"), SETTINGS)
    with (
        built.beside("outbound", AIB_EMULATOR_CONFIG_FOLDER=str(folder)).running() as found,
        found.speaking("gateway"),
    ):
        yield found


def ask(channel: Stack, *words: str, stdin: str = "") -> Result:
    """Run our own command line in control's container."""
    return channel.run("control", "aib-emulator", *words, "--control", "http://127.0.0.1:8060", stdin=stdin)


def with_rules(channel: Stack, *rules: str) -> None:
    """Have the build subnet's group hold these."""
    ask(channel, "world", "apply", "-", stdin=json.dumps(arm.dump(nsg(DOCUMENTED, *rules))))


def records(channel: Stack, hop: str, to: str) -> list[dict[str, object]]:
    """What was told of connections of a build VM to an address and port."""
    found = [json.loads(line) for line in ask(channel, "events").stdout.splitlines()]
    return [each for each in found if each.get("hop") == hop and each.get("to") == to]


def told_of(channel: Stack, hop: str, to: str) -> dict[str, object]:
    """The last record of them, once there is one."""
    return until(lambda: records(channel, hop, to), lambda: ask(channel, "events").stdout)[-1]


def told(channel: Stack, to: str) -> dict[str, object]:
    """The last one of the Linux build VM's."""
    return told_of(channel, "build-linux", to)


def test_what_is_let_out_arrives(channel: Stack) -> None:
    """Any port of a public address, by address and by name; the record speaks the world's addresses."""
    targets = [f"{PUBLIC}:80", f"{PUBLIC}:443", "www.example.com:4711"]

    assert set(channel.dial("build-linux", targets).values()) == {"gateway"}
    assert set(channel.dial("build-windows", targets[:2]).values()) == {"gateway"}
    record = told(channel, f"{PUBLIC}:443")
    assert (record["kind"], record["leg"]) == ("close", "build-linux → Internet")
    assert str(record["from"]).startswith("10.60.0.8:")


def test_a_rule_that_denies_is_silence(channel: Stack) -> None:
    """Live, with a record that names it; undone, the address answers again."""
    target = f"{PUBLIC}:8443"
    with_rules(channel, "300 deny out * -> Internet:8443")
    try:
        denied = channel.dial("build-linux", [target])
        record = told(channel, target)
    finally:
        ask(channel, "world", "reset")

    assert denied == {target: "<silent>"}
    assert (record["kind"], record["reason"]["name"]) == ("drop", "deny-300")  # type: ignore[index]
    assert channel.dial("build-linux", [target]) == {target: "gateway"}


def test_a_refusal_is_a_refusal(channel: Stack) -> None:
    """A destination that answers RST answers the build VM so."""
    assert channel.dial("build-linux", ["203.0.113.51:80"]) == {"203.0.113.51:80": "<refused>"}


def test_nobody_else_is_reached(channel: Stack) -> None:
    """What no map names is silent where nothing is dialled, and so is control, mapped or not."""
    targets = ["1.1.1.1:443", "203.0.113.52:80", f"{channel.address('control', 'control')}:8060"]

    assert set(channel.dial("build-linux", targets).values()) == {"<silent>"}
    assert channel.dial("build-linux", ["nobody.example.org:80"]) == {"nobody.example.org:80": "<no name>"}
    assert told(channel, "1.1.1.1:443")["approximated"] is True


async def test_the_windows_build_vm_meets_the_same_verdicts(channel: Stack) -> None:
    """Test-NetConnection over the channel: reached by address and by name, refused; the record is its own."""
    url = f"https://{channel.service_net}.5:60000/wsman"

    async def told(host: str, port: int) -> str:
        script = f"(Test-NetConnection {host} -Port {port} -WarningAction Ignore).TcpTestSucceeded"
        done = await winrm.run(url, "packer", PASSWORD, f'powershell -Command "{script}"', timeout=60)
        return done.stdout.decode().strip()

    assert [await told(host, 4712) for host in (PUBLIC, "www.example.com")] == ["True", "True"]
    assert [await told(*each) for each in (("203.0.113.51", 80), ("nobody.example.org", 80))] == ["False", "False"]
    assert told_of(channel, "build-windows", f"{PUBLIC}:4712")["kind"] == "close"


def test_status_names_it(channel: Stack) -> None:
    """The gateway is a hop, up, with nothing that it lacks."""
    status = json.loads(ask(channel, "status", "--json").stdout)
    (hop,) = (each for each in status["hops"] if each["name"] == "gateway")

    assert hop["state"] == "up"
    assert not [each for each in status["approximated"] if "way out" in each]


def test_the_build_vm_sends_everything_to_the_router(channel: Stack) -> None:
    """Its default route is the address that the gateway took beside its own."""
    rows = [line.split() for line in channel.run("build-linux", "cat", "/proc/net/route").stdout.splitlines()]
    (default,) = (row for row in rows if row[1] == "00000000")
    router = ".".join(str(byte) for byte in reversed(bytes.fromhex(default[2])))

    assert router == f"{channel.build_net}.1"
