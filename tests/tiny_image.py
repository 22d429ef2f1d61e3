"""An image of one file: a static program of some two hundred bytes that writes a fixed result and ends.

It needs no compiler, no base image and no engine to be made, and starts as fast as anything can (x86-64 Linux).
"""

import hashlib
import io
import json
import secrets
import struct
import tarfile
from pathlib import Path
from typing import Any

from client.canonical import write_canonical
from protocol.documents.algorithm import ImageIdentity
from protocol.documents.image import ImageLimits, read_identity

PROGRAM = "/run"
_BASE = 0x400000
_HEADERS = 64 + 56


def program(result: bytes, seconds: int = 0) -> bytes:
    """An ELF program that writes `result` to /mnt/output/result.json, sleeps, and exits with 0."""
    path, pause = b"/mnt/output/result.json\0", struct.pack("<qq", seconds, 0)
    steps: list[bytes | tuple[bytes, str]] = [
        b"\xb8" + struct.pack("<I", 257),  # openat(
        b"\xbf" + struct.pack("<i", -100),  # AT_FDCWD,
        (b"\x48\x8d\x35", "path"),
        b"\xba" + struct.pack("<I", 1),  # O_WRONLY)
        b"\x0f\x05",
        b"\x89\xc7\xb8" + struct.pack("<I", 1),  # write(that,
        (b"\x48\x8d\x35", "result"),
        b"\xba" + struct.pack("<I", len(result)),
        b"\x0f\x05",
        b"\xb8" + struct.pack("<I", 35),  # nanosleep(
        (b"\x48\x8d\x3d", "pause"),
        b"\x31\xf6\x0f\x05",
        b"\xb8" + struct.pack("<I", 231) + b"\x31\xff\x0f\x05",  # exit_group(0)
    ]
    length = sum(len(step) if isinstance(step, bytes) else len(step[0]) + 4 for step in steps)
    places = {"path": length, "result": length + len(path), "pause": length + len(path) + len(result)}
    code = b""
    for step in steps:
        if isinstance(step, bytes):
            code += step
        else:
            code += step[0] + struct.pack("<i", places[step[1]] - (len(code) + len(step[0]) + 4))
    return _elf(code + path + result + pause)


def _elf(content: bytes) -> bytes:
    size = _HEADERS + len(content)
    identity = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = identity + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, _BASE + _HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    return header + segment + content


def write_image(out: Path, result: bytes, seconds: int = 0) -> ImageIdentity:
    """Write the canonical archive of an image that holds only that program, and return its identity."""
    layer = _tar({PROGRAM[1:]: (program(result, seconds), 0o755)})
    digest = hashlib.sha256(layer).hexdigest()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    config_bytes = json.dumps(config).encode()
    config_name = f"{hashlib.sha256(config_bytes).hexdigest()}.json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": None, "Layers": [f"{digest}/layer.tar"]}]).encode()
    members = {config_name: config_bytes, f"{digest}/layer.tar": layer, "manifest.json": manifest}
    saved = out.with_name(f"{out.name}.saved")
    saved.write_bytes(_tar({name: (content, 0o644) for name, content in members.items()}))
    write_canonical(saved, out)
    saved.unlink()
    with out.open("rb") as stream:
        return read_identity(stream, ImageLimits())


def _tar(files: dict[str, tuple[bytes, int]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, (content, mode) in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def specification(identity: ImageIdentity) -> dict[str, Any]:
    """What this image changes of an algorithm's specification; each name is a new one."""
    share = {"name": "share", "kind": "number", "range": ["0", "1"], "default": "0", "aggregator": "mean"}
    return {
        "name": f"tiny-{secrets.token_hex(4)}",
        "image": identity.model_dump(),
        "entrypoint": [PROGRAM],
        "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
        "outputs": [share],
        "inputs": {"variants": False, "columns": ["age"]},
        "model_parameters": 1,
        "slot_milliseconds": 20_000,
        "memory_bytes": 64 * 2**20,
    }
