"""The kinds of faults that a build VM itself plays: its SSH server's and its WinRM service's."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, cast

from emulator.rules.faults.kinds import Effect, Where, limits, one_of

MODERN = "ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-256,rsa-sha2-512"
"""Signatures that OpenSSH accepts by default since 8.8 (its release notes): no `ssh-rsa`, whose hash is SHA-1."""
SIGNATURES = (
    *("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    *("rsa-sha2-256", "rsa-sha2-512", "ssh-rsa"),
)
"""Those that can be named."""
ONE_OF_THEM = f"({'|'.join(SIGNATURES)})"
GUESTS: tuple[Where, ...] = ("linux", "windows")


def matching(pattern: str, default: str) -> Any:
    """Text that matches a pattern."""
    return field(default=default, metadata={"pattern": pattern})


@dataclass(frozen=True, slots=True, kw_only=True)
class SshAlgorithms(Effect):
    """SSH: keys may only log in by the signatures in `accept`; by default today's, which `ssh-rsa` is none of."""

    kind: ClassVar[str] = "ssh-algorithms"
    where: ClassVar[Where] = "linux"
    accept: str = matching(f"{ONE_OF_THEM}(,{ONE_OF_THEM})*", MODERN)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxAuthTries(Effect):
    """SSH: after `tries` failed logins on a connection it is ended with `Too many authentication failures`."""

    kind: ClassVar[str] = "max-auth-tries"
    where: ClassVar[Where] = "linux"
    tries: int = limits(1, 100, default=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoExitStatus(Effect):
    """SSH: a command ends and its channel closes without an exit status."""

    kind: ClassVar[str] = "no-exit-status"
    where: ClassVar[Where] = "linux"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionHangs(Effect):
    """SSH: a session is opened and its command never begins."""

    kind: ClassVar[str] = "session-hangs"
    where: ClassVar[Where] = "linux"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCloses(Effect):
    """SSH: a session is opened and closed at once; its command never begins."""

    kind: ClassVar[str] = "session-closes"
    where: ClassVar[Where] = "linux"


@dataclass(frozen=True, slots=True, kw_only=True)
class WinrmSchemes(Effect):
    """WinRM: one login alone is offered."""

    kind: ClassVar[str] = "winrm-schemes"
    where: ClassVar[Where] = "windows"
    offer: Literal["negotiate", "basic", "credssp"] = one_of("negotiate", "basic", "credssp")


@dataclass(frozen=True, slots=True, kw_only=True)
class WinrmCertificate(Effect):
    """WinRM: the listener's certificate has expired, or is another machine's."""

    kind: ClassVar[str] = "winrm-certificate"
    where: ClassVar[Where] = "windows"
    problem: Literal["expired", "wrong-name"] = one_of("expired", "wrong-name")


@dataclass(frozen=True, slots=True, kw_only=True)
class WinrmPlaintext(Effect):
    """WinRM: the TLS port speaks HTTP without TLS."""

    kind: ClassVar[str] = "winrm-plaintext"
    where: ClassVar[Where] = "windows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Winrm500(Effect):
    """WinRM: every request of who has logged in is answered by a 500 whose body is no SOAP."""

    kind: ClassVar[str] = "winrm-500"
    where: ClassVar[Where] = "windows"


@dataclass(frozen=True, slots=True, kw_only=True)
class WinrmSlow(Effect):
    """WinRM: every operation is answered `seconds` later."""

    kind: ClassVar[str] = "winrm-slow"
    where: ClassVar[Where] = "windows"
    seconds: float = limits(0, 3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class WinrmQuota(Effect):
    """WinRM: the user's quota is spent: of `shells` (a Create is refused), or of `operations` (everything is)."""

    kind: ClassVar[str] = "winrm-quota"
    where: ClassVar[Where] = "windows"
    of: Literal["shells", "operations"] = one_of("shells", "operations")


GUEST_KINDS: dict[str, type[Effect]] = {
    cast("Any", each).kind: each
    for each in (
        *(SshAlgorithms, MaxAuthTries, NoExitStatus, SessionHangs, SessionCloses),
        *(WinrmSchemes, WinrmCertificate, WinrmPlaintext, Winrm500, WinrmSlow, WinrmQuota),
    )
}
