"""Which commit a folder's source is at, read from the repository's own files; nothing is run."""

from __future__ import annotations

import re
from pathlib import Path

from client.errors import UsageProblem

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def head_commit(folder: Path) -> str:
    """Return the commit that is checked out around a folder. Refused: no repository, no commit yet."""
    for parent in (folder.resolve(), *folder.resolve().parents):
        if (parent / ".git").exists():
            commit = _read(_git_dir(parent / ".git"))
            if commit and _COMMIT.fullmatch(commit):
                return commit
            break
    raise UsageProblem(
        "source-commit",
        f"{folder} is in no git repository with a commit; say with --source-commit where the source is.",
    )


def _git_dir(dot_git: Path) -> Path:
    if dot_git.is_dir():
        return dot_git
    pointed = dot_git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
    return dot_git.parent / pointed


def _read(git: Path) -> str | None:
    head = (git / "HEAD").read_text(encoding="utf-8").strip()
    if not head.startswith("ref:"):
        return head
    name = head.removeprefix("ref:").strip()
    common = git / "commondir"
    stores = [git, git / common.read_text(encoding="utf-8").strip()] if common.exists() else [git]
    for store in stores:
        if (store / name).exists():
            return (store / name).read_text(encoding="utf-8").strip()
        packed = store / "packed-refs"
        lines = packed.read_text(encoding="utf-8").splitlines() if packed.exists() else []
        for line in lines:
            commit, _, ref = line.partition(" ")
            if ref == name:
                return commit
    return None
