"""The archive of the base image's root: what is left out, what is cleared, and that it is always the same."""

import io
import tarfile

import pytest
import root_archive


def archive(*members):
    """An archive of (name, kind, mode, content or link)."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as written:
        for at, (name, kind, mode, content) in enumerate(members):
            member = tarfile.TarInfo(name)
            member.type, member.mode, member.mtime, member.uid = kind, mode, 1_000_000 + at, at
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                member.linkname, content = content, ""
            member.size = len(content)
            written.addfile(member, io.BytesIO(content.encode()))
    stream.seek(0)
    return stream


def tidied(*members):
    target = io.BytesIO()
    root_archive.tidy(archive(*members), target)
    target.seek(0)
    return tarfile.open(fileobj=target)


def file(name, mode=0o644, content="x"):
    return (name, tarfile.REGTYPE, mode, content)


@pytest.mark.parametrize(
    "name",
    [
        "bin/sh",
        "usr/bin/perl",
        "usr/sbin/useradd",
        "./usr/bin/apt-get",
        "dev/console",
        "proc/1/mem",
        "etc/hostname",
        "etc/apt/sources.list",
        ".dockerenv",
        "usr/share/doc/x",
        "var/lib/dpkg/status",
        "root/.bashrc",
        "usr/lib/python3.11/test/test_os.py",
        "usr/lib/python3/dist-packages/numpy/core/tests/test_x.py",
        "usr/local/lib/python3.11/site-packages/pip/__init__.py",
        "usr/local/lib/python3.11/site-packages/setuptools-65.5.1.dist-info/METADATA",
    ],
)
def test_what_no_algorithm_needs_is_left_out(name):
    assert name.removeprefix("./") not in tidied(file(name), file("usr/bin/python3")).getnames()


@pytest.mark.parametrize(
    "name",
    [
        "usr/bin/python3.11",
        "usr/lib/python3.11/json/__init__.py",
        "usr/lib/python3.11/__pycache__/os.cpython-311.pyc",
        "usr/lib/python3/dist-packages/numpy/__init__.py",
        "usr/local/lib/python3.11/site-packages/numpy/core.so",
        "lib/x86_64-linux-gnu/libc.so.6",
        "etc/ld.so.conf",
        "etc/python3.11/sitecustomize.py",
    ],
)
def test_what_python_needs_is_kept(name):
    assert name in tidied(file(name), file("usr/bin/python3")).getnames()


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_and_pipes_are_left_out(kind):
    assert tidied(("usr/lib/x", kind, 0o666, ""), file("usr/bin/python3")).getnames() == ["usr/bin/python3"]


def test_no_file_keeps_a_right_of_its_own():
    found = tidied(file("usr/bin/python3", 0o6755), file("usr/lib/a", 0o666), file("usr/lib/b", 0o4700))

    assert {member.name: member.mode for member in found} == {
        "usr/bin/python3": 0o755,
        "usr/lib/a": 0o644,
        "usr/lib/b": 0o755,
    }
    assert {(member.uid, member.gid, member.mtime) for member in found} == {(0, 0, root_archive.EPOCH)}


def test_absolute_link_becomes_relative():
    found = tidied(("lib64/ld.so.2", tarfile.SYMTYPE, 0o777, "/lib/x/ld.so"), file("usr/bin/python3"))

    assert found.getmember("lib64/ld.so.2").linkname == "../lib/x/ld.so"


def test_hard_link_becomes_a_file_though_its_first_name_is_left_out():
    found = tidied(
        file("usr/share/first", content="hello"),
        ("usr/lib/second", tarfile.LNKTYPE, 0o644, "usr/share/first"),
        file("usr/bin/python3"),
    )

    assert found.extractfile("usr/lib/second").read() == b"hello"


def test_python_is_where_algorithms_look_for_it():
    found = tidied(file("usr/local/bin/python3", 0o755))

    assert found.getmember("usr/bin/python3").linkname == "../local/bin/python3"


def test_same_files_in_another_order_and_at_another_time_give_the_same_bytes():
    one, other = io.BytesIO(), io.BytesIO()
    files = [file("usr/lib/a"), file("usr/lib/b"), file("usr/bin/python3", 0o755)]

    root_archive.tidy(archive(*files), one)
    root_archive.tidy(archive(*reversed(files)), other)

    assert one.getvalue() == other.getvalue()
