"""What to run: `emulator.yaml`, `AIB_EMULATOR_*` and the command line, checked once, as one value."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from emulator.app.finding import finding, place_of
from emulator.errors import InvalidInputError
from emulator.machines.settings import ChannelBinding, GuestChoice, HostChoice, Scheme, WinrmSettings
from emulator.model.switches import ProxyMode, Switches
from emulator.model.world import System, Topology
from emulator.rules.deployment import Wanted


def _port(found: object) -> object:
    number = int(found) if isinstance(found, str) and found.isdecimal() else found
    if number == "auto" or (isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= 65535):
        return number
    raise ValueError("expected a port from 1 to 65535, or auto")


Port = Annotated[int | Literal["auto"], BeforeValidator(_port)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SwitchSettings(_Strict):
    """The key `switches`."""

    pls_data_nsg: Literal["match_nat_ip", "bypass"] = "match_nat_ip"
    load_balancer_tag_admits_data: bool = False
    virtual_network_tag_default_route: Literal["include", "exclude"] = "include"
    unknown_appliance: Literal["drop", "forward"] = "drop"
    isolated_builds: bool = False
    proxy_connect_timeout: float = Field(default=30.0, gt=0, le=3600)
    proxy_connect_failure: Literal["fin", "rst", "hold"] = "fin"
    private_link_idle: float = Field(default=300.0, gt=0, le=86_400)
    private_link_idle_reset: bool = False
    proxy_mode: ProxyMode = "tcp-forward"
    proxy_egress_megabits: float = Field(default=0.0, ge=0, le=100_000)
    proxy_vm_reads_proxy_v2: bool = False
    nat_ports_per_backend: int = Field(default=64_000, ge=2, le=65_536)  # a start tries two paths at once
    endpoint_lost: Literal["black-hole", "reset", "keep"] = "black-hole"
    rule_change: Literal["keep", "cut"] = "keep"
    admin_down: Literal["keep", "reset"] = "keep"
    sole_backend_down: Literal["continue", "drop"] = "continue"


class Credentials(_Strict):
    """The key `credentials`; what is absent is made at first use."""

    username: str = Field(default="packer", pattern=r"^[a-z_][a-z0-9_-]{0,31}$")
    password: str | None = Field(default=None, min_length=1, max_length=127)
    private_key: Path | None = None


class Listen(_Strict):
    """The key `listen`: an address and ports, or `auto` for free ones."""

    host: str = "127.0.0.1"
    linux: Port = 60001
    windows: Port = 60000
    control: Port = 8060


def _host_and_port(text: str) -> str:
    host, _, port = text.rpartition(":")
    if text and not (
        re.fullmatch(r"[\w.:\[\]-]+", host) and re.fullmatch(r"\d{1,5}", port) and 0 < int(port) < 65536
    ):
        raise ValueError("expected HOST:PORT, as 127.0.0.1:5985, or nothing")
    return text


class Builds(_Strict):
    """The key `builds`: machines of the user's own at the channel's end, by `HOST:PORT`; ours where there is none."""

    linux: Annotated[str, AfterValidator(_host_and_port)] = ""
    windows: Annotated[str, AfterValidator(_host_and_port)] = ""

    @property
    def given(self) -> dict[System, str]:
        """Those that are set."""
        found: dict[System, str] = {"linux": self.linux, "windows": self.windows}
        return {system: text for system, text in found.items() if text}


def _map_key(text: str) -> str:
    name, colon, port = text.partition(":")
    if not re.fullmatch(r"[\w.-]+", name) or (
        colon and not (re.fullmatch(r"\d{1,5}", port) and 0 < int(port) < 65536)
    ):
        raise ValueError("expected ADDRESS-OR-NAME or ADDRESS-OR-NAME:PORT, as example.com:443")
    return text


def _map_place(text: str) -> str:
    try:
        return _host_and_port(text) if text else _host_and_port(" ")
    except ValueError:
        raise ValueError("expected HOST:PORT, as 127.0.0.1:8443") from None


class Outbound(_Strict):
    """The key `outbound`: where the traffic really goes that the rules let out of a build VM."""

    map: dict[Annotated[str, AfterValidator(_map_key)], Annotated[str, AfterValidator(_map_place)]] = Field(
        default={}, max_length=200
    )
    dial: bool = True


class Winrm(_Strict):
    """The key `winrm`: how the Windows build VM's service is set up; see `machines.settings.WinrmSettings`."""

    schemes: tuple[Scheme, ...] = Field(default=("negotiate", "basic", "credssp"), min_length=1)
    channel_binding: ChannelBinding = "relaxed"
    certificate: Path | None = None
    client_certificates: Path | None = None
    http: Annotated[str, AfterValidator(_host_and_port)] = ""
    envelope_kilobytes: int = Field(default=500, ge=32, le=8192)
    longest_poll: float = Field(default=60.0, gt=0, le=3600)
    idle_timeout: float = Field(default=7200.0, gt=0, le=2147483)
    shells_per_user: int = Field(default=30, ge=1, le=2147483647)
    processes_per_shell: int = Field(default=25, ge=1, le=2147483647)
    operations_per_user: int = Field(default=1500, ge=1, le=2147483647)
    shell_patience: float = Field(default=10.0, ge=0, le=3600)
    restart_silent: float = Field(default=5.0, ge=0, le=3600)
    restart_refused: float = Field(default=5.0, ge=0, le=3600)

    @property
    def settings(self) -> WinrmSettings:
        """As a machine takes them."""
        paths = {name: str(getattr(self, name) or "") for name in ("certificate", "client_certificates")}
        return WinrmSettings(**{**self.model_dump(), **paths})


class Windows(_Strict):
    """The key `windows`: the Windows build VM besides its WinRM."""

    drive_megabytes: int = Field(default=2048, ge=64, le=131_072)
    hosts: tuple[HostChoice, ...] = ()
    pwsh: Path | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """As a machine's settings take them."""
        return {**self.model_dump(), "pwsh": str(self.pwsh or "")}


AUTO = Listen(linux="auto", windows="auto", control="auto")


class Config(_Strict):
    """Everything that can be set; each key is optional."""

    topology: Topology | None = None
    template: str | None = None
    subnet: str | None = None
    resources: tuple[Path, ...] = ()
    time_scale: float = Field(default=1.0, gt=0, le=100_000)
    switches: SwitchSettings = SwitchSettings()
    credentials: Credentials = Credentials()
    listen: Annotated[
        Annotated[Listen, pydantic.Tag("keys")] | Annotated[Literal["auto"], pydantic.Tag("auto")],
        pydantic.Discriminator(lambda found: "auto" if found == "auto" else "keys"),
    ] = Listen()
    guest: GuestChoice = "auto"
    winrm: Winrm = Winrm()
    windows: Windows = Windows()
    flow_logs: Path | None = None
    faults: tuple[dict[str, Any], ...] = ()
    builds: Builds = Builds()
    outbound: Outbound = Outbound()
    fused: bool = True

    @property
    def listening(self) -> Listen:
        """The addresses to listen on, `auto` spelled out."""
        return AUTO if self.listen == "auto" else self.listen

    @property
    def wanted(self) -> Wanted:
        """What is set of the channel over what the resources say."""
        return Wanted(self.topology, self.template, self.subnet)

    @property
    def switch_values(self) -> Switches:
        """The switches as the decisions take them."""
        return Switches(**self.switches.model_dump())


SCALARS = ("topology", "template", "subnet", "time_scale", "listen", "guest", "flow_logs")
"""Keys that `AIB_EMULATOR_<KEY>` sets."""


WINRM = "AIB_EMULATOR_WINRM_"
"""What the variables that set `winrm`'s keys begin with; lists have commas."""
FILES = ("certificate", "client_certificates")
"""Keys of `winrm` that name files, in the settings file from where that lies."""
PASSWORD = "AIB_EMULATOR_PASSWORD"  # noqa: S105 - a variable's name
"""The variable that sets `credentials.password`."""
YAML_ERRORS = (ValueError, LookupError, AttributeError, TypeError, OverflowError, RecursionError)
"""What PyYAML lets out for `2020-99-99`, `!!bool x`, `!!timestamp x` and documents nested without end."""


def load_config(file: Path | None, overrides: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Config:
    """The configuration: the file, over it the environment, over it `overrides` (those that are not None).

    Raises:
        InvalidInputError: naming the file, each field, what was found and what is allowed.
    """
    values: dict[str, Any] = _read(file) if file else {}
    if file and isinstance(values.get("resources"), list):
        values["resources"] = [file.parent / each if isinstance(each, str) else each for each in values["resources"]]
    if file and isinstance(values.get("flow_logs"), str):
        values["flow_logs"] = file.parent / values["flow_logs"]
    variables = {key: name for key in SCALARS if (name := f"AIB_EMULATOR_{key.upper()}") in environ}
    options = {key: value for key, value in overrides.items() if value is not None}
    if environ.get(PASSWORD) and isinstance(values.get("credentials", {}), dict):
        values["credentials"] = {**values.get("credentials", {}), "password": environ[PASSWORD]}
    winrm, winrm_sources = _winrm(values.get("winrm", {}), file, environ, options.pop("winrm", {}))
    sources = (
        {"credentials": PASSWORD, "winrm": str(file)}
        | dict.fromkeys(values, str(file or PASSWORD))
        | variables
        | dict.fromkeys(options, "settings")
        | winrm_sources
    )
    values = {**values, "winrm": winrm}
    return _checked({**values, **{key: environ[name] for key, name in variables.items()}, **options}, sources)


def _winrm(
    told: Any, file: Path | None, environ: Mapping[str, str], options: Mapping[str, str]
) -> tuple[Any, dict[str, str]]:
    """What is set of WinRM by the file, over it by variables, over them by options; and where each value is from."""
    if not isinstance(told, dict):
        return told, {}
    paths = {key: str(file.parent / told[key]) for key in FILES if file and isinstance(told.get(key), str)}
    named = {name: name.removeprefix(WINRM).lower() for name in environ if name.startswith(WINRM) and environ[name]}
    values: dict[str, Any] = {key: environ[name] for name, key in named.items()} | dict(options)
    if "schemes" in values:
        values["schemes"] = tuple(word.strip() for word in values["schemes"].split(","))
    sources = {f"winrm.{key}": name for name, key in named.items()} | {f"winrm.{key}": "--winrm" for key in options}
    return {**told, **paths, **values}, sources


def _checked(values: Mapping[str, Any], sources: Mapping[str, str]) -> Config:
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        found = [
            (place_of(values, each["loc"]), each) for each in error.errors(include_url=False, include_context=False)
        ]
        told = [f"{_source(sources, place)}: {finding(each, place, _keys(place))}" for place, each in found]
        raise InvalidInputError("\n".join(told)) from None


def _source(sources: Mapping[str, str], place: Sequence[object]) -> str:
    return sources.get(".".join(map(str, place[:2]))) or sources[str(place[0])]


def _keys(place: Sequence[object]) -> Sequence[str]:
    """The keys of the settings object at a place, or around it."""
    models: dict[object, type[_Strict]] = {
        "switches": SwitchSettings,
        "credentials": Credentials,
        "listen": Listen,
        "builds": Builds,
        "outbound": Outbound,
        "winrm": Winrm,
        "windows": Windows,
    }
    return tuple(models.get(place[0], Config).model_fields)


def _read(file: Path) -> dict[str, Any]:
    import yaml

    try:
        values = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InvalidInputError(f"{file}: cannot be read: {why}") from None
    except (*YAML_ERRORS, yaml.YAMLError) as error:
        raise InvalidInputError(f"{file}: not YAML: {error}") from None
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise InvalidInputError(f"{file}: document: found {type(values).__name__}, expected keys and values")
    return values
