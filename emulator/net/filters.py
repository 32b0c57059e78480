"""Compile a posture to a socket filter: classic BPF that the kernel asks about every packet of a listening socket.

A verdict of 0 drops the packet silently. The program sees the TCP segment at offset 0 and the IP header at
`SKF_NET_OFF`, so IP options do not move the port. It runs for the last packet of a handshake too, and an accepted
socket inherits it: `detach` it there, or the connection lives under the rules of its first packet. See
https://www.kernel.org/doc/html/latest/networking/filter.html.
"""

import contextlib
import ctypes
import errno
import socket
import struct
import sys
from ipaddress import IPv4Address

from emulator.rules.distribution import MASK, STEPS
from emulator.rules.posture import Answer, Posture, SourceClass, Spread

SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_MEMINFO = 26, 27, 55
MEMINFO_WORDS, DROPS_WORD = 9, 8
SKF_NET_OFF = 0x100000000 - 0x100000
LET_IN, DROP = MASK, 0

# Operation codes of classic BPF; A is the accumulator, X the index register, M the sixteen words of scratch memory.
LD_WORD, LD_HALF, LD_BYTE = 0x20, 0x28, 0x30
LD_NUMBER, LD_MEM, LDX_MEM, ST_MEM = 0x00, 0x60, 0x61, 0x02
MUL, XOR, RSH, XOR_X, TAX = 0x24, 0xA4, 0x74, 0xAC, 0x07
JA, JEQ, JGT, JGE, JGT_X = 0x05, 0x15, 0x25, 0x35, 0x2D
RET, RET_A = 0x06, 0x16
ADDRESS, PORT, FLOW, BEST, VERDICT = range(5)
"""What the program keeps in M."""

Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, operand."""


def compile_filter(posture: Posture) -> bytes | None:
    """The program that lets in exactly the packets of sources whose answer is `OPEN`; None if all are.

    `REFUSE` drops: one listener cannot refuse some sources and answer others.
    """
    if posture.possible() == {Answer.OPEN}:
        return None
    program = _load_source()
    for source in posture.classes:
        program += _class(source)
    program.append((RET, 0, 0, DROP))
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program)


def _load_source() -> list[Instruction]:
    """Keep the source's address (0 unless the packet is IPv4, so that no address matches) and port."""
    return [
        (LD_BYTE, 0, 0, SKF_NET_OFF),
        (RSH, 0, 0, 4),
        (JEQ, 0, 2, 4),
        (LD_WORD, 0, 0, SKF_NET_OFF + 12),
        (JA, 0, 0, 1),
        (LD_NUMBER, 0, 0, 0),
        (ST_MEM, 0, 0, ADDRESS),
        (LD_HALF, 0, 0, 0),
        (ST_MEM, 0, 0, PORT),
    ]


def _class(source: SourceClass) -> list[Instruction]:
    verdict = _verdict(source.answer)
    program: list[Instruction] = []
    first, last = source.ports
    if source.address is not None:
        program += [(LD_MEM, 0, 0, ADDRESS), (JEQ, 1, 0, int(IPv4Address(source.address))), (JA, 0, 0, 0)]
    if (first, last) != (0, 65535):
        program += [(LD_MEM, 0, 0, PORT), (JGE, 1, 0, first), (JA, 0, 0, 0), (JGT, 0, 1, last), (JA, 0, 0, 0)]
    # Conditional jumps reach 255 instructions, `ja` any: each miss takes a `ja` past the verdict.
    end = len(program) + len(verdict)
    skips = [(JA, 0, 0, end - at - 1) if each[0] == JA else each for at, each in enumerate(program)]
    return skips + verdict


def _verdict(answer: Answer | Spread) -> list[Instruction]:
    if isinstance(answer, Answer):
        return [(RET, 0, 0, _value(answer))]
    if not answer.by_port or len({_value(each) for _, each in answer.backends}) == 1:
        return [(RET, 0, 0, _value(answer.answer(0)))]
    program = [(LD_MEM, 0, 0, PORT), (XOR, 0, 0, answer.prefix), *_mix(), (ST_MEM, 0, 0, FLOW)]
    for index, (backend_hash, behind) in enumerate(answer.backends):
        program += [(LD_MEM, 0, 0, FLOW), (XOR, 0, 0, backend_hash), *_mix()]
        if index:
            program += [(LDX_MEM, 0, 0, BEST), (JGT_X, 0, 3, 0)]
        program += [(ST_MEM, 0, 0, BEST), (LD_NUMBER, 0, 0, _value(behind)), (ST_MEM, 0, 0, VERDICT)]
    return [*program, (LD_MEM, 0, 0, VERDICT), (RET_A, 0, 0, 0)]


def _mix() -> list[Instruction]:
    """`distribution.mix` of A."""
    program: list[Instruction] = []
    for shift, factor in STEPS:
        program += [(TAX, 0, 0, 0), (RSH, 0, 0, shift), (XOR_X, 0, 0, 0), (MUL, 0, 0, factor)]
    return program


def _value(answer: Answer) -> int:
    return LET_IN if answer is Answer.OPEN else DROP


def attach(connection: socket.socket, program: bytes) -> None:
    """Filter the socket's packets from now on, in place of the filter it has.

    Raises:
        OSError: this kernel does not allow it to this user (EPERM), or the program is too long (EINVAL, ENOMEM).
    """
    code = ctypes.create_string_buffer(program, len(program))
    value = struct.pack("HL", len(program) // 8, ctypes.addressof(code))
    connection.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, value)


def detach(connection: socket.socket) -> None:
    """Filter no more; it may never have been filtered."""
    with contextlib.suppress(FileNotFoundError, PermissionError):  # no filter; or never allowed one
        connection.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)


def supported() -> str | None:
    """None where filters are allowed; else why they are not, for a person."""
    if not sys.platform.startswith("linux"):
        return f"socket filters exist on Linux, not on {sys.platform}"
    everything = struct.pack("HBBI", RET, 0, 0, LET_IN)
    with socket.socket() as probe:
        try:
            attach(probe, everything)
        except OSError as error:
            lack = " without CAP_NET_ADMIN" if error.errno == errno.EPERM else ""
            return f"this kernel refuses socket filters{lack} ({errno.errorcode.get(error.errno or 0, error)})"
    return None


def drops(listening: socket.socket) -> int:
    """How many packets this socket's filter or full queue has dropped; 0 where the system does not count."""
    if not sys.platform.startswith("linux"):
        return 0
    words = listening.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 4 * MEMINFO_WORDS)
    return int(struct.unpack(f"{len(words) // 4}I", words)[DROPS_WORD])
