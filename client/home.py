"""The profile: which registry, which person, which key. One folder, one small file.

The folder is `--home`, else `SAFECONDUCT_HOME`, else `~/.config/safeconduct`. It holds `config.toml`, `keys/` and what
the person pinned (`trust-root.json` with its fingerprint). Everything in it belongs to one person.
"""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from client.errors import UsageProblem

CONFIG: Final = "config.toml"

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", envvar="SAFECONDUCT_HOME", help="Folder of your profile and keys.", show_default=False),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Who is at the keyboard. A missing setting is None and is asked for by the command that needs it."""

    home: Path
    registry: str | None = None
    person: str | None = None
    key: str | None = None
    trust_root: str | None = None
    fingerprint: str | None = None

    @property
    def keys(self) -> Path:
        """The folder of this person's key files."""
        return self.home / "keys"

    def need(self, name: str) -> str:
        """Return a setting, or say how to set it."""
        value = getattr(self, name)
        if not value:
            flag = name.replace("_", "-")
            raise UsageProblem(
                "profile-incomplete",
                f"Your profile in {self.home} names no {flag}. Set it with `safeconduct profile set --{flag} …`.",
            )
        return str(value)


SETTINGS: Final = ("registry", "person", "key", "trust_root", "fingerprint")


def find_home(option: Path | None) -> Path:
    """Return the profile folder: the option, the environment, else the user's configuration folder."""
    if option is not None:
        return option
    named = os.environ.get("SAFECONDUCT_HOME")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "safeconduct"


def read_profile(option: Path | None = None) -> Profile:
    """Read the profile. A missing file is an empty profile; an unknown setting is refused."""
    home = find_home(option)
    path = home / CONFIG
    if not path.exists():
        return Profile(home=home)
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise UsageProblem("profile-malformed", f"{path} is not valid TOML: {problem}. Correct it.") from problem
    unknown = sorted(found.keys() - set(SETTINGS))
    if unknown or not all(isinstance(value, str) for value in found.values()):
        what = f"an unknown setting {unknown[0]!r}" if unknown else "a setting that is not text"
        raise UsageProblem("profile-malformed", f"{path} has {what}; it may hold only {', '.join(SETTINGS)}.")
    return Profile(home=home, **found)


def write_profile(profile: Profile, **changes: str | None) -> Profile:
    """Change some settings and write the file, readable by its owner only."""
    settings = {name: changes.get(name) or getattr(profile, name) for name in SETTINGS}
    new = Profile(home=profile.home, **settings)
    new.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    lines = [f"{name} = {json.dumps(asdict(new)[name])}" for name in SETTINGS if asdict(new)[name]]
    path = new.home / CONFIG
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    path.chmod(0o600)
    return new
