"""The filter that the kernel really applies to a process, read back from it, and what it says to a call."""

import ctypes
import os
import struct

import pytest

ALLOW = 0x7FFF0000
_AUDIT_ARCH_X86_64 = 0xC000003E
_ATTACH, _DETACH, _GET_FILTER = 16, 17, 0x420C
_JUMPS = {
    0x15: lambda a, k: a == k,
    0x25: lambda a, k: a > k,
    0x35: lambda a, k: a >= k,
    0x45: lambda a, k: bool(a & k),
}


def filter_of(pid: int) -> list[tuple[int, int, int, int]]:
    """The instructions of a process's own filter; whoever asks must be root on its machine."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.restype = ctypes.c_long
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

    def ptrace(request: int, address: int, data: int | None) -> int:
        result = int(libc.ptrace(request, pid, address, data))
        if result < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return result

    ptrace(_ATTACH, 0, None)
    try:
        os.waitpid(pid, 0x40000000)  # __WALL
        space = ctypes.create_string_buffer(8 * ptrace(_GET_FILTER, 0, None))
        ptrace(_GET_FILTER, 0, ctypes.addressof(space))
    finally:
        ptrace(_DETACH, 0, None)
    return list(struct.iter_unpack("<HBBI", space.raw))


def verdict(program: list[tuple[int, int, int, int]], number: int, arguments: tuple[int, ...]) -> int:
    """What the filter returns for an x86-64 call with these arguments (of six, those that are not given are 0)."""
    values = (*arguments, *[0] * (6 - len(arguments)))
    data = struct.pack("<IIQ6Q", number, _AUDIT_ARCH_X86_64, 0, *values)
    at, accumulator = 0, 0
    while True:
        code, yes, no, constant = program[at]
        at += 1
        if code == 0x20:  # load a word
            (accumulator,) = struct.unpack_from("<I", data, constant)
        elif code == 0x54:  # and
            accumulator &= constant
        elif code == 0x05:  # jump
            at += constant
        elif code in _JUMPS:
            at += yes if _JUMPS[code](accumulator, constant) else no
        elif code == 0x06:  # return
            return constant
        else:
            msg = f"the filter has an instruction that is not known here: {code:#x}"
            raise NotImplementedError(msg)


def numbers_of(names: set[str]) -> set[int]:
    """The x86-64 numbers of calls, by the machine's own seccomp library, which every OCI runtime brings."""
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        pytest.skip("libseccomp.so.2, which knows the numbers of calls, is not on this machine")
    return {
        library.seccomp_syscall_resolve_name_arch(ctypes.c_uint32(_AUDIT_ARCH_X86_64), name.encode()) for name in names
    }
