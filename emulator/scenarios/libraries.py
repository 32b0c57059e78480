"""Run one command by a client library as its documentation does: `CLIENT FILE`; the file says where, as whom, what.

A program of its own: what a library says of a lost connection, and whether it ever says anything, is then its own
affair, and it can be ended from outside. It prints what the library returned, or the error that it raised.
"""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

Given = Mapping[str, str]


def by_asyncssh(given: Given) -> str:
    """AsyncSSH's `connect` and `run`."""
    import asyncio

    import asyncssh

    async def ran() -> object:
        connecting = asyncssh.connect(
            given["host"],
            int(given["port"]),
            username=given["username"],
            client_keys=[given["private_key"]],
            known_hosts=None,
            config=None,
        )
        async with connecting as connection:
            done = await connection.run(given["command"])
            return done.exit_status

    return f"exit_status {asyncio.run(ran())}"


def by_paramiko(given: Given) -> str:
    """Paramiko's `exec_command`, its output read to the end."""
    import paramiko

    with paramiko.SSHClient() as client:
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect(
            given["host"],
            int(given["port"]),
            given["username"],
            key_filename=given["private_key"],
            allow_agent=False,
            look_for_keys=False,
        )
        _, stdout, _ = client.exec_command(given["command"])
        stdout.read()
        return f"recv_exit_status() {stdout.channel.recv_exit_status()}"


def by_pywinrm(given: Given) -> str:
    """`run_cmd` of pywinrm."""
    import winrm

    account = (given["username"], given["password"])
    session = winrm.Session(given["url"], account, transport="ntlm", server_cert_validation="ignore")
    return f"status_code {session.run_cmd(given['command']).status_code}"


def by_pypsrp(given: Given) -> str:
    """`execute_ps` of pypsrp."""
    from pypsrp.client import Client

    account = {"username": given["username"], "password": given["password"], "auth": "ntlm"}
    with Client(given["host"], port=int(given["port"]), ssl=True, cert_validation=False, **account) as client:
        _, streams, had_errors = client.execute_ps(given["command"])
    return f"had_errors {had_errors}, {len(streams.error)} in the error stream"


CLIENTS: Mapping[str, Callable[[Given], str]] = {
    "asyncssh": by_asyncssh,
    "paramiko": by_paramiko,
    "pywinrm": by_pywinrm,
    "pypsrp": by_pypsrp,
}


def main() -> int:
    """Run the command, say what came of it; 1 where the library raised an error."""
    name, file = sys.argv[1:]
    try:
        print(CLIENTS[name](json.loads(Path(file).read_text("utf-8"))))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the library reports
        kind = type(error)
        where = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
        print(f"{where}{kind.__qualname__}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
