"""Configuration: where each setting comes from, and what is said of a wrong one."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.app.config import AUTO, Config, Listen, Winrm, load_config
from emulator.errors import InvalidInputError
from emulator.model.switches import Switches

QUICK = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
SECRET = "hunter2-hunter2"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a test writes its configuration."""
    return tmp_path / "emulator.yaml"


def load(file: Path, text: str, environ: dict[str, str] | None = None, **overrides: Any) -> Config:
    """The configuration of this text."""
    file.write_text(text, "utf-8")
    return load_config(file, overrides, environ or {})


def refused(file: Path, text: str, environ: dict[str, str] | None = None, **overrides: Any) -> str:
    """What is said of this text."""
    with pytest.raises(InvalidInputError) as caught:
        load(file, text, environ, **overrides)
    return str(caught.value)


def test_every_key_is_optional(file: Path) -> None:
    """An empty file is the defaults, and these are the promised ones."""
    found = load(file, "")

    assert found == load_config(None, {}, {}) == Config()
    assert (found.topology, found.time_scale, found.guest) == (None, 1.0, "auto")
    assert found.listening == Listen(host="127.0.0.1", linux=60001, windows=60000, control=8060)
    assert found.switch_values == Switches()
    assert found.credentials.username == "packer"


def test_the_command_line_wins(file: Path) -> None:
    """Options stand over the environment, and that over the file; an option not given stands over nothing."""
    environ = {"AIB_EMULATOR_TOPOLOGY": "public-ip", "AIB_EMULATOR_TIME_SCALE": "60"}

    found = load(file, "topology: existing-vnet\ntime_scale: 2\nguest: builtin\n", environ, time_scale=5, guest=None)

    assert (found.topology, found.time_scale) == ("public-ip", 5)
    assert found.guest == "builtin"


def test_auto_gives_every_port_freely(file: Path) -> None:
    """`listen: auto` is the short form of auto for each port."""
    assert load(file, "listen: auto").listening == AUTO
    assert load(file, "listen: {linux: auto}").listening == Listen(linux="auto")
    assert load(file, "", {"AIB_EMULATOR_LISTEN": "auto"}).listening == AUTO


def test_switches_reach_the_decisions(file: Path) -> None:
    """Each switch of the file is the model's switch."""
    found = load(file, "switches: {pls_data_nsg: bypass, proxy_connect_timeout: 5, proxy_connect_failure: hold}")

    assert found.switch_values == Switches(
        pls_data_nsg="bypass", proxy_connect_timeout=5.0, proxy_connect_failure="hold"
    )


def test_resources_stand_beside_their_file(file: Path) -> None:
    """A file's resources are relative to it, the command line's to the working folder."""
    assert load(file, "resources: [nsg.json, /abs.json]").resources == (file.parent / "nsg.json", Path("/abs.json"))
    assert load(file, "resources: [nsg.json]", resources=["mine.json"]).resources == (Path("mine.json"),)


# One mistake each, and what the message has to say beside the file's name.
WRONG = [
    ("topology: mesh", "topology: found 'mesh', input should be 'existing-vnet', 'public-ip' or"),
    ("time_scale: 0", "time_scale: found 0, input should be greater than 0"),
    ("time_scale: .nan", "time_scale: found nan"),
    ("typo: 1", "typo: no such key; the keys are topology, template, subnet, resources, time_scale"),
    ("switches: {typo: 1}", "switches.typo: no such key; the keys are pls_data_nsg, load_balancer_tag_admits_data"),
    ("credentials: {user: x}", "credentials.user: no such key; the keys are username, password, private_key"),
    ("listen: {linux: 65536}", "listen.linux: found 65536, expected a port from 1 to 65535, or auto"),
    ("listen: {linux: 0}", "listen.linux: found 0, expected a port from 1 to 65535, or auto"),
    ("listen: {linux: [1]}", "listen.linux: found [1], expected a port from 1 to 65535, or auto"),
    ("listen: {ssh: 22}", "listen.ssh: no such key; the keys are host, linux, windows, control"),
    ("listen: {ssh: 22, linux: x}", "listen.linux: found 'x', expected a port from 1 to 65535, or auto"),
    ("listen: 5", "listen: found 5, expected auto, or keys and values: host, linux, windows, control"),
    ("resources: [5]", "resources.0: found 5"),
    ("resources: nsg.json", "resources: found 'nsg.json'"),
    ("- a", "document: found list, expected keys and values"),
    ("1: 2", "document: found dict, expected keys and values"),
    ("a: [", "not YAML: "),
    ("a: 2020-99-99", "not YAML: "),
    ("a: !!bool x", "not YAML: "),
    ("a: !!timestamp x", "not YAML: "),
    ("a: !!python/object:os.system x", "not YAML: "),
    ("[" * 10_000, "not YAML: "),
]


@pytest.mark.parametrize(("text", "expected"), WRONG)
def test_mistakes(file: Path, text: str, expected: str) -> None:
    """A mistake is named with file, key, what was found and what is allowed."""
    said = refused(file, text)

    assert all(line.startswith(f"{file}: ") for line in said.splitlines()[:1])
    assert expected in said


def test_every_mistake_is_named(file: Path) -> None:
    """All mistakes are said at once, each with the place that it came from."""
    said = refused(file, "topology: mesh", {"AIB_EMULATOR_GUEST": "alien"}, time_scale=-1)

    assert sorted(line.partition(": ")[0] for line in said.splitlines()) == sorted(
        [str(file), "AIB_EMULATOR_GUEST", "settings"]
    )


@pytest.mark.parametrize(
    "text",
    [
        f"credentials: {{username: [{SECRET}]}}",
        f"credentials: {{password: [{SECRET}]}}",
        f"credentials: {SECRET}",
        f"credentials: {{password: {SECRET * 20}}}",
    ],
)
def test_a_secret_is_not_repeated(file: Path, text: str) -> None:
    """What stands below `credentials` is not in the message about it."""
    assert SECRET not in refused(file, text)


def test_a_bomb_is_not_printed(file: Path) -> None:
    """Aliases that expand without end make a short message."""
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]

    assert len(refused(file, "\n".join([*lines, "topology: *a11"]))) < 5000


def test_no_file(tmp_path: Path) -> None:
    """A file that is not there, or is no text, is named."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\xd8")
    for name in ("absent", "binary", "."):
        with pytest.raises(InvalidInputError, match="cannot be read"):
            load_config(tmp_path / name, {}, {})


keys = st.sampled_from([*Config.model_fields, "typo", "linux", "host", "password", "pls_data_nsg"])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.dates()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys | st.integers(), inner, max_size=3)
)


@QUICK
@given(value=st.dictionaries(keys, values, max_size=4) | values)
def test_random_yaml_raises_only_our_error(file: Path, value: object) -> None:
    """Whatever the YAML, a configuration comes of it or findings do."""
    said = "findings"
    try:
        load(file, yaml.safe_dump(value))
    except InvalidInputError as error:
        said = str(error)
    assert said


@QUICK
@given(text=st.text(st.characters(codec="utf-8"), max_size=30))
def test_random_text_raises_only_our_error(file: Path, text: str) -> None:
    """Whatever the text, a configuration comes of it or findings do."""
    said = "findings"
    try:
        load(file, text)
    except InvalidInputError as error:
        said = str(error)
    assert said


WINRM = {
    "schemes": ("basic,negotiate", ("basic", "negotiate")),
    "channel_binding": ("strict", "strict"),
    "certificate": ("/own.pem", "/own.pem"),
    "client_certificates": ("/clients.pem", "/clients.pem"),
    "http": ("127.0.0.1:5985", "127.0.0.1:5985"),
    "envelope_kilobytes": ("150", 150),
    "longest_poll": ("30", 30.0),
    "idle_timeout": ("60", 60.0),
    "shells_per_user": ("5", 5),
    "processes_per_shell": ("6", 6),
    "operations_per_user": ("7", 7),
    "shell_patience": ("0", 0.0),
    "restart_silent": ("1.5", 1.5),
    "restart_refused": ("0", 0.0),
}
"""Each key of `winrm`: as a variable or an option has it, and as the machine takes it."""


def test_every_setting_of_winrm_has_its_variable_and_its_option(file: Path) -> None:
    """Each key is set by its variable and by its option alike, and none is missing here."""
    environ = {f"AIB_EMULATOR_WINRM_{key.upper()}": text for key, (text, _) in WINRM.items()}
    options = {key: text for key, (text, _) in WINRM.items()}
    wanted = {key: value for key, (_, value) in WINRM.items()}

    assert set(WINRM) == set(Winrm.model_fields)
    for found in (load(file, "", environ), load(file, "", winrm=options)):
        assert {key: getattr(found.winrm.settings, key) for key in WINRM} == wanted


def test_containers_are_told_every_setting_of_winrm() -> None:
    """compose.yaml hands each key's variable on, and the settings file, to the Windows build VM."""
    compose = yaml.safe_load((Path(__file__).parents[2] / "compose.yaml").read_text("utf-8"))
    told = compose["services"]["build-windows"]

    assert {f"AIB_EMULATOR_WINRM_{key.upper()}" for key in WINRM} <= set(told["environment"])
    assert (
        told["environment"]["AIB_EMULATOR_CONFIG"]
        == compose["services"]["control"]["environment"]["AIB_EMULATOR_CONFIG"]
    )
    assert told["volumes"] == compose["services"]["control"]["volumes"]


def test_the_latest_word_on_winrm_wins(file: Path) -> None:
    """An option stands over a variable, that over the file, key by key; an empty variable says nothing."""
    environ = {"AIB_EMULATOR_WINRM_SHELLS_PER_USER": "2", "AIB_EMULATOR_WINRM_LONGEST_POLL": "3"}
    environ |= {"AIB_EMULATOR_WINRM_HTTP": ""}
    text = "winrm: {shells_per_user: 1, longest_poll: 1, idle_timeout: 1, http: '127.0.0.1:1'}"

    found = load(file, text, environ, winrm={"longest_poll": "4"}).winrm

    assert (found.shells_per_user, found.longest_poll, found.idle_timeout) == (2, 4, 1)
    assert found.http == "127.0.0.1:1"


def test_files_of_winrm_lie_beside_the_settings(file: Path) -> None:
    """A certificate that the file names is looked for where the file is; one that a variable names, where we are."""
    found = load(file, "winrm: {certificate: own.pem, client_certificates: /abs.pem}").winrm.settings
    told = load(file, "", {"AIB_EMULATOR_WINRM_CERTIFICATE": "own.pem"}).winrm.settings

    assert (found.certificate, found.client_certificates) == (str(file.parent / "own.pem"), "/abs.pem")
    assert told.certificate == "own.pem"


@pytest.mark.parametrize(
    ("environ", "options", "said"),
    [
        ({"SCHEMES": "kerberos"}, {}, "AIB_EMULATOR_WINRM_SCHEMES: winrm.schemes.0: found 'kerberos'"),
        ({"SHELLS_PER_USER": "0"}, {}, "AIB_EMULATOR_WINRM_SHELLS_PER_USER: winrm.shells_per_user: found '0'"),
        (
            {"SHELL": "1"},
            {},
            "AIB_EMULATOR_WINRM_SHELL: winrm.shell: no such key; the keys are schemes, channel_binding",
        ),
        ({}, {"http": "5985"}, "--winrm: winrm.http: found '5985', expected HOST:PORT"),
        ({}, {"http": "127.0.0.1:65536"}, "expected HOST:PORT, as 127.0.0.1:5985"),
        ({}, {"nonsense": "1"}, "--winrm: winrm.nonsense: no such key"),
    ],
)
def test_a_wrong_setting_of_winrm(file: Path, environ: dict[str, str], options: dict[str, str], said: str) -> None:
    """The variable or the option is named, with what was found and what is allowed."""
    variables = {f"AIB_EMULATOR_WINRM_{key}": value for key, value in environ.items()}

    assert said in refused(file, "", variables, winrm=options)


def test_a_winrm_that_is_none(file: Path) -> None:
    """A document whose `winrm` is no object is refused by the file's name, whatever the variables say."""
    said = refused(file, "winrm: 5", {"AIB_EMULATOR_WINRM_HTTP": "127.0.0.1:1"})

    assert said.startswith(f"{file}: winrm: found 5")
