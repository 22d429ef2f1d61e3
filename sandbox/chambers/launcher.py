"""The launcher: a chamber's first process, a real parent to the approved program, in about 500 bytes of our own.

Theory of operation. Two things must not be left to the approved program. It must not hold the container's standard
streams: the engine copies what is written there, outside the container's limits, at up to four seconds of processor
time for three seconds of flooding, whichever log driver is set. And it must not be PID 1: a first process that asks to
be traced and then stops makes the engine report its end while it runs on. So PID 1 is this launcher. It

1. opens ``/dev/null`` and puts it in place of standard input, output and error;
2. closes every other descriptor, in case the engine leaked one (CVE-2024-21626);
3. makes itself undumpable: its ``/proc`` entry is closed to the program, and nobody may trace it;
4. forks. The child takes two calls away from itself that only the OCI runtime and this launcher needed, ``fstatfs``
   (it tells how full the host's tmpfs is) and the loading of further filters (which may write into the host's log),
   and becomes the approved program, with the arguments and environment that the launcher was given;
5. the parent waits, whoever ends, until that child has ended, by exit or by signal (a traced child that stops has not),
   and then ends with its exit code, or 128 and the signal's number. The kernel then kills all that is left.

If a step fails the launcher ends with 126 and nothing of the image has run. It reads nothing that the image brought.

It is assembled here, instruction by instruction, because it is so small: no compiler is needed, the bytes are the same
on every machine, and it is static, so nothing in the image (LD_PRELOAD, a loader) can change it.
"""

import platform
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.errors import InfrastructureLost

_BASE = 0x400000  # where the file is mapped
_HEADERS = 64 + 56


@dataclass(frozen=True, slots=True)
class _To:
    """An instruction that ends with the distance to a label: a jump, or the loading of an address."""

    instruction: bytes
    label: str


@dataclass(frozen=True, slots=True)
class _Address:
    """The address of a label, as data."""

    label: str


_Piece = bytes | str | _To | _Address  # a str is a label

# x86-64 Linux: a call's number in eax, its arguments in rdi, rsi, rdx, r10; a negative eax is an error.
_CALL = b"\x0f\x05"
_FAIL_ON_ERROR = (b"\x85\xc0", _To(b"\x0f\x88", "fail"))  # test eax, eax; js fail


def _number(call: int) -> bytes:
    return b"\xb8" + struct.pack("<I", call)  # mov eax, call


def _first(value: int) -> bytes:
    return b"\xbf" + struct.pack("<I", value)  # mov edi, value


def _second(value: int) -> bytes:
    return b"\xbe" + struct.pack("<I", value)  # mov esi, value


def _put_in_place_of(stream: int) -> tuple[_Piece, ...]:
    return (_number(33), b"\x89\xef", _second(stream), _CALL, *_FAIL_ON_ERROR)  # dup2(ebp, stream)


_OPEN: tuple[_Piece, ...] = (
    b"\x48\x8b\x1c\x24",  # mov rbx, [rsp]: the number of arguments
    b"\x49\x89\xe4",  # mov r12, rsp: where they are
    # 1. open("/dev/null", O_RDWR), three times dup2
    *(_number(2), _To(b"\x48\x8d\x3d", "null"), _second(2), b"\x31\xd2", _CALL, *_FAIL_ON_ERROR),
    b"\x89\xc5",  # mov ebp, eax
    *_put_in_place_of(0),
)
_SILENCE: tuple[_Piece, ...] = (*_put_in_place_of(1), *_put_in_place_of(2))
_REST: tuple[_Piece, ...] = (
    # 2. close_range(3, ~0, 0); where that does not exist (gVisor's kernel), close(3), …, close(65535) one by one
    *(_number(436), _first(3), _second(0xFFFFFFFF), b"\x31\xd2", _CALL),
    *(b"\x85\xc0", _To(b"\x0f\x89", "closed")),  # test eax, eax; jns closed
    b"\x41\xbd" + struct.pack("<I", 3),  # mov r13d, 3
    "close",
    *(_number(3), b"\x44\x89\xef", _CALL, b"\x41\xff\xc5"),  # close(r13d); inc r13d
    *(b"\x41\x81\xfd" + struct.pack("<I", 65536), _To(b"\x0f\x85", "close")),  # cmp r13d, 65536; jne close
    "closed",
    # 3. prctl(PR_SET_DUMPABLE, 0)
    *(_number(157), _first(4), b"\x31\xf6", _CALL, *_FAIL_ON_ERROR),
    # 4. fork()
    *(_number(57), _CALL, *_FAIL_ON_ERROR),
    _To(b"\x0f\x84", "child"),  # jz child
    # 5. wait4(-1, rsp, 0, 0) until it is the child
    b"\x89\xc5",  # mov ebp, eax
    "wait",
    *(_number(61), b"\x48\x83\xcf\xff", b"\x48\x89\xe6", b"\x31\xd2", b"\x45\x31\xd2", _CALL, *_FAIL_ON_ERROR),
    *(b"\x39\xe8", _To(b"\x0f\x85", "wait")),  # cmp eax, ebp; jne wait
    *(b"\x8b\x3c\x24", b"\x83\xe7\x7f"),  # mov edi, [rsp]; and edi, 0x7f: the signal
    _To(b"\x0f\x84", "exited"),  # jz exited
    *(b"\x83\xff\x7f", _To(b"\x0f\x84", "wait")),  # cmp edi, 0x7f; je wait: stopped, not ended
    b"\x81\xc7\x80\x00\x00\x00",  # add edi, 128
    _To(b"\xe9", "exit"),  # jmp exit
    "exited",
    b"\x0f\xb6\x7c\x24\x01",  # movzx edi, byte [rsp+1]: the exit code
    "exit",
    *(_number(231), _CALL),  # exit_group(edi)
    "child",
    # prctl with PR_SET_SECCOMP, SECCOMP_MODE_FILTER and the filter below
    *(_number(157), _first(22), _second(2), _To(b"\x48\x8d\x15", "filter"), _CALL, *_FAIL_ON_ERROR),
    # execve(argv[1], &argv[1], environment): rdi = [r12+16], rsi = r12+16, rdx = r12+16+8*rbx
    *(_number(59), b"\x49\x8b\x7c\x24\x10", b"\x49\x8d\x74\x24\x10", b"\x49\x8d\x54\xdc\x10", _CALL),
    "fail",
    *(_first(126), _number(231), _CALL),  # exit_group(126)
    "null",
    b"/dev/null\0",
    "filter",
    *(struct.pack("<HHI", 7, 0, 0), _Address("rules")),  # seven rules, and where they are
    "rules",
    struct.pack("<HBBI", 0x20, 0, 0, 0),  # load the call's number
    struct.pack("<HBBI", 0x15, 3, 0, 138),  # fstatfs: it fails
    struct.pack("<HBBI", 0x15, 0, 3, 157),  # not prctl: it is allowed
    struct.pack("<HBBI", 0x20, 0, 0, 16),  # load the first argument
    struct.pack("<HBBI", 0x15, 0, 1, 22),  # PR_SET_SECCOMP: it fails
    struct.pack("<HBBI", 0x06, 0, 0, 0x00050001),  # fail with EPERM
    struct.pack("<HBBI", 0x06, 0, 0, 0x7FFF0000),  # allow, as far as the chamber's own list does
)


def launcher() -> bytes:
    """The launcher as a static executable for this machine; refused where there is none yet."""
    return _make((*_OPEN, *_SILENCE, *_REST))


def heard_launcher() -> bytes:
    """The same without step 1 for standard output and error: for rehearsals on synthetic data only (`watched`)."""
    return _make((*_OPEN, *_REST))


def _make(program: Sequence[_Piece]) -> bytes:
    if platform.machine() != "x86_64":
        raise InfrastructureLost("machine-unsupported", f"Chambers are not yet made for {platform.machine()} machines.")
    return executable(_assemble(program))


def _assemble(program: Sequence[_Piece]) -> bytes:
    labels, at = {}, 0
    for piece in program:
        if isinstance(piece, str):
            labels[piece] = at
        at += _length(piece)
    code = b""
    for piece in program:
        if isinstance(piece, bytes):
            code += piece
        elif isinstance(piece, _To):
            code += piece.instruction + struct.pack("<i", labels[piece.label] - len(code) - _length(piece))
        elif isinstance(piece, _Address):
            code += struct.pack("<Q", _BASE + _HEADERS + labels[piece.label])
    return code


def _length(piece: _Piece) -> int:
    if isinstance(piece, bytes):
        return len(piece)
    if isinstance(piece, _To):
        return len(piece.instruction) + 4
    return 8 if isinstance(piece, _Address) else 0


def executable(content: bytes) -> bytes:
    """x86-64 code as an ELF file with one segment, readable and executable, entered at its first instruction."""
    size = _HEADERS + len(content)
    # 64 bits, little-endian, version 1, System V; an executable (2) for x86-64 (62).
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 2, 62, 1)
    # entry point, offset of the program header, no sections, no flags, sizes and counts of the headers
    header += struct.pack("<QQQIHHHHHH", _BASE + _HEADERS, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    # one segment to load (1), readable and executable (5): offset, addresses, sizes, alignment
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    return header + segment + content
