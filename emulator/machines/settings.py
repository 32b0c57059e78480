"""What a build VM is told when it starts: everything, as one value that travels as JSON."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Literal

from emulator.errors import InvalidInputError

System = Literal["linux", "windows"]
GuestChoice = Literal["auto", "sandbox", "container", "builtin"]


@dataclass(frozen=True, slots=True)
class MachineSettings:
    """A build VM's identity, credentials and surroundings.

    Attributes:
        system: `linux` (SSH) or `windows` (WinRM over HTTPS).
        name: the hop and computer name, as `build-linux`.
        address: Azure's address of the VM, as logs and the guest's own view show it.
        username: the one account.
        password: its password.
        authorized_key: an OpenSSH public key line that may log in (Linux).
        folder: where the host key or certificate is kept between starts; empty for none.
        guest: which backend executes commands (Linux); `auto` takes the best that works.
        hops: transport addresses of the hops that may send a hop header.
        hop_key: the hop header's HMAC key, hexadecimal.
    """

    system: System
    name: str
    address: str
    username: str
    password: str
    authorized_key: str = ""
    folder: str = ""
    guest: GuestChoice = "auto"
    hops: tuple[str, ...] = ()
    hop_key: str = ""

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, line: str) -> "MachineSettings":
        """The settings in a line of JSON.

        Raises:
            InvalidInputError: it is not JSON, or has unknown or missing fields.
        """
        try:
            fields = json.loads(line)
            return cls(**{**fields, "hops": tuple(fields.get("hops", ()))})
        except (ValueError, TypeError, AttributeError) as error:
            raise InvalidInputError(f"machine settings: {error}") from None
