"""The process between the machine and its guest: `python -m emulator.machines.sandbox.agent FD PARENT [OUTLET]`.

Gives up the machine's root, enters new namespaces, forks the guest's PID 1 and waits for it; where it has an outlet,
a socket to whoever decides on the guest's connections, it plays the network beyond the guest meanwhile. It imports
all that the guest's side will need: once the root is the guest's, an import would run the guest's files.
"""

# Plain paths, not pathlib: it costs start-up time, and these are system calls anyway.
# ruff: noqa: PTH123

import contextlib
import os
import resource
import signal
import socket
import sys

from emulator.machines.outside import switchboard, wiring
from emulator.machines.sandbox import init, messages, syscalls
from emulator.machines.sandbox.messages import HOST_ID

OUTER_PROCESSES = 4096
"""The bound on all processes of all guests of this machine, where they have an account of their own."""
KEPT_CAPABILITIES = frozenset({10, 12})
"""NET_BIND_SERVICE and NET_ADMIN: routing rules and listeners in others' names, in the namespace between."""
NAMESPACES = (
    syscalls.CLONE_NEWNS
    | syscalls.CLONE_NEWPID
    | syscalls.CLONE_NEWNET
    | syscalls.CLONE_NEWIPC
    | syscalls.CLONE_NEWUTS
    | syscalls.CLONE_NEWCGROUP
)


def main() -> None:
    """Serve one guest over the control socket named on the command line."""
    parent = int(sys.argv[2])
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    syscalls.die_with_parent(parent)
    settings, _ = messages.receive(control)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for the emulator
    outlet = socket.socket(fileno=int(sys.argv[3])) if len(sys.argv) > 3 else None
    try:
        _isolate(control, parent)
        wires = _wired(outlet, settings)
        child = os.fork()
    except OSError as error:
        messages.send(control, {"error": f"enter the namespaces: {error.strerror or error}"})
        return
    if child == 0:
        if outlet is not None:
            outlet.close()
        if wires is not None:
            wires.close()
        init.main(control, {**settings, "network": settings.get("network") if wires else None})
        os._exit(1)
    control.close()
    if outlet is not None and wires is not None:
        _serve(outlet, wires, child)
    os.waitpid(child, 0)


def _wired(outlet: socket.socket | None, settings: messages.Message) -> wiring.Wires | None:
    """The guest's way out, with this process at the guest's end of it; None where it has none, for a reason told."""
    wish = switchboard.wish_of(settings)
    if outlet is None or wish is None:
        return None
    outlet.set_inheritable(False)
    try:
        return wiring.wired(wish)
    except OSError as error:
        messages.send(outlet, {"lost": f"make a network interface: {error.strerror or error}"})
        return None


def _serve(outlet: socket.socket, wires: wiring.Wires, child: int) -> None:
    """Play the network beyond the guest until the guest has ended, or nobody decides any more."""
    try:
        line = wiring.line(wires)
        syscalls.keep_capabilities(KEPT_CAPABILITIES)
        syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
        ended = os.pidfd_open(child)
        switchboard.Switchboard(line, outlet).run(ended)
    except OSError as error:
        with contextlib.suppress(OSError):  # nobody listens any more
            messages.send(outlet, {"lost": f"play the network: {error.strerror or error}"})
    outlet.close()


def _isolate(control: socket.socket, parent: int) -> None:
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")
    as_root = os.geteuid() == 0
    if as_root:
        _become_nobody_in_particular(parent)
    user, group = os.geteuid(), os.getegid()  # the new namespace has no names for them until they are mapped
    syscalls.new_session_keyring()
    syscalls.unshare(syscalls.CLONE_NEWUSER)
    if as_root:
        _ask_for_map(control)
    else:
        _map_ourselves(user, group)
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    syscalls.unshare(NAMESPACES)
    syscalls.die_with_parent(parent)


def _become_nobody_in_particular(parent: int) -> None:
    """Guest root must not be the machine's root, whatever a namespace lets through."""
    resource.setrlimit(resource.RLIMIT_NPROC, (OUTER_PROCESSES, OUTER_PROCESSES))
    os.setgroups([])
    os.setresgid(HOST_ID, HOST_ID, HOST_ID)
    os.setresuid(HOST_ID, HOST_ID, HOST_ID)
    syscalls.die_with_parent(parent)  # a change of user forgets it


def _ask_for_map(control: socket.socket) -> None:
    messages.send(control, {"map": os.getpid()})
    answer, _ = messages.receive(control)
    if not answer.get("mapped"):
        raise OSError(f"map the guest's accounts: {answer.get('error', 'the machine ended')}")


def _map_ourselves(user: int, group: int) -> None:
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


if __name__ == "__main__":
    main()
