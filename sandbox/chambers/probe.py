"""The image of the chamber self-test: one static program that tries what a chamber must not be able to do.

Theory of operation. The program makes one system call for each question, in a straight line, and writes the kernel's
answers, eight bytes each, behind what it read of its own block, to its result file (x86-64 Linux, assembled here like
the launcher, so that no compiler, base image or network is needed). Nothing in it decides anything: what the answers
must be is for the node (`sandbox.domain.self_test`) to say.
"""

import hashlib
import json
import struct
import tarfile
from pathlib import Path
from typing import Any

from protocol.documents.image import OCI_CONFIG_TYPE, OCI_LAYER_TYPE, OCI_LAYOUT, OCI_MANIFEST_TYPE
from sandbox.chambers.launcher import executable
from sandbox.domain.self_test import ELSEWHERE_FILE, OWN_FILE, PATH_BYTES, QUESTIONS, SECRET_BYTES

PROGRAM = "/probe"
DATA = b"/mnt/input/data/"

_ANSWERS = SECRET_BYTES + PATH_BYTES  # where they begin in the buffer, behind the secret and the path
_BUFFER = _ANSWERS + 8 * len(QUESTIONS)
_LAST_ANSWER = object()  # the answer to the question before, as an argument

# openat's directory, flags and modes; a datagram socket, whose connect asks for a route and sends nothing
_HERE, _READ, _WRITE, _MAKE, _MODE = -100, 0, 1, 0o101, 0o600
_ADDRESS = struct.pack("<HH4s8x", 2, 0x0900, bytes((192, 0, 2, 1)))  # port 9 of TEST-NET-1 (RFC 5737)
_NEW_USER_NAMESPACE = 0x10000000

_TEXTS = {
    "own": DATA + OWN_FILE.encode() + b"\0",
    "elsewhere": DATA + ELSEWHERE_FILE.encode() + b"\0",
    "root": b"/written\0",
    "block": DATA + b"written\0",
    "result": b"/mnt/output/result.json\0",
    "address": _ADDRESS,
}

# For each question its call's number and arguments: numbers, a text's address, the buffer's (bytes), or _LAST_ANSWER.
_ASKED: dict[str, tuple[int, tuple[Any, ...]]] = {
    "user": (102, ()),  # getuid
    "become-root": (105, (0,)),  # setuid
    "namespace": (272, (_NEW_USER_NAMESPACE,)),  # unshare
    "write-root": (257, (_HERE, "root", _MAKE, _MODE)),
    "write-block": (257, (_HERE, "block", _MAKE, _MODE)),
    "change-block": (257, (_HERE, "own", _WRITE, 0)),
    "socket": (41, (2, 2, 0)),  # AF_INET, SOCK_DGRAM
    "route": (42, (_LAST_ANSWER, "address", len(_ADDRESS))),  # connect
    "other-block": (257, (_HERE, SECRET_BYTES, _READ, 0)),  # the path lies in the buffer
}


def program() -> bytes:
    """The program as an ELF file."""
    code = b"\x48\x81\xec" + struct.pack("<I", _BUFFER + 64) + b"\x49\x89\xe4"  # sub rsp, …; mov r12, rsp
    pieces = [code, *_read("own", 0, SECRET_BYTES), *_read("elsewhere", SECRET_BYTES, PATH_BYTES - 1)]
    for number, question in enumerate(QUESTIONS):
        call, arguments = _ASKED[question]
        pieces += _call(call, arguments)
        pieces.append(b"\x49\x89\x84\x24" + struct.pack("<i", _ANSWERS + 8 * number))  # mov [r12+…], rax
    pieces += _call(257, (_HERE, "result", _WRITE, 0))
    pieces += [*_call(1, (_LAST_ANSWER, 0, _BUFFER)), *_call(231, (0,))]  # write, exit_group
    return executable(_assemble(pieces))


def write_image(out: Path) -> None:
    """Write the canonical archive of the image that holds only this program (`protocol.documents.image`)."""
    content = program()
    layer = _entry(PROGRAM[1:], content, 0o755) + bytes(2 * tarfile.BLOCKSIZE)
    config = _json(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "created": "1980-01-01T00:00:00Z",
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_sha256(layer)}"]},
        }
    )
    head = {"schemaVersion": 2, "mediaType": OCI_MANIFEST_TYPE}
    layers = [_described(OCI_LAYER_TYPE, layer)]
    manifest = _json({**head, "config": _described(OCI_CONFIG_TYPE, config), "layers": layers})
    contents = _json([{"Config": _blob(config), "RepoTags": None, "Layers": [_blob(layer)]}])
    index = _json({"schemaVersion": 2, "manifests": [_described(OCI_MANIFEST_TYPE, manifest)]})
    members = (
        *(("manifest.json", contents), (_blob(config), config), ("oci-layout", OCI_LAYOUT)),
        *(("index.json", index), (_blob(manifest), manifest), (_blob(layer), layer)),
    )
    out.write_bytes(b"".join(_entry(name, body, 0o644) for name, body in members) + bytes(2 * tarfile.BLOCKSIZE))


_Piece = bytes | tuple[bytes, str]  # an instruction, or one that ends with the distance to a text


def _read(text: str, at: int, size: int) -> list[_Piece]:
    return [*_call(257, (_HERE, text, _READ, 0)), *_call(0, (_LAST_ANSWER, at, size))]  # openat, read


def _call(number: int, arguments: tuple[Any, ...]) -> list[_Piece]:
    """One system call. Of a call that takes a pointer, the second argument is a text or a place in the buffer."""
    pieces: list[_Piece] = []
    for place, value in enumerate(arguments):
        if value is _LAST_ANSWER:
            pieces.append(b"\x89\xc7")  # mov edi, eax
        elif isinstance(value, str):
            pieces.append((b"\x48\x8d\x35", value))  # lea rsi, [text]
        elif place == 1 and number != 41:
            pieces.append(b"\x49\x8d\xb4\x24" + struct.pack("<i", value))  # lea rsi, [r12+…]
        else:
            pieces.append(_REGISTERS[place] + struct.pack("<i", value))
    return [*pieces, b"\xb8" + struct.pack("<I", number), b"\x0f\x05"]


_REGISTERS = (b"\x48\xc7\xc7", b"\x48\xc7\xc6", b"\x48\xc7\xc2", b"\x49\xc7\xc2")  # mov rdi, rsi, rdx, r10


def _assemble(pieces: list[_Piece]) -> bytes:
    length = sum(len(piece) if isinstance(piece, bytes) else len(piece[0]) + 4 for piece in pieces)
    places, texts = {}, b""
    for name, text in _TEXTS.items():
        places[name] = length + len(texts)
        texts += text
    code = b""
    for piece in pieces:
        if isinstance(piece, bytes):
            code += piece
        else:
            code += piece[0] + struct.pack("<i", places[piece[1]] - (len(code) + len(piece[0]) + 4))
    return code + texts


def _entry(name: str, content: bytes, mode: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = len(content), 315_532_800, mode
    return entry.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict") + content + bytes(-len(content) % tarfile.BLOCKSIZE)


def _described(media_type: str, document: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": f"sha256:{_sha256(document)}", "size": len(document)}


def _blob(document: bytes) -> str:
    return f"blobs/sha256/{_sha256(document)}"


def _sha256(document: bytes) -> str:
    return hashlib.sha256(document).hexdigest()


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
