"""The registry's settings: read once at start from its folder, its environment and its command line.

Later sources win: `<dir>/registry.toml`, then `SAFECONDUCT_REGISTRY_<NAME>`, then the command line. Whatever is
missing or wrong stops the start with the setting's name.
"""

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from protocol.documents.passkey import PasskeyOrigin
from protocol.documents.strict import build
from protocol.errors import Refused
from registry.domain.limits import IMAGE_BYTES
from registry.errors import Misconfigured
from registry.outbound.mail import Mailer

PREFIX: Final = "SAFECONDUCT_REGISTRY_"
FILE: Final = "registry.toml"
LOCAL_PAGE: Final = PasskeyOrigin(origin="http://localhost:8400", rp_id="localhost")


class Settings(BaseSettings):
    """Everything that can be set.

    directory: where the registry keeps its files. database_url: SQLAlchemy URL, a SQLite file in the directory unless
    given. urls: the addresses by which clients and nodes know this registry, without a path; login assertions for any
    other address are refused. host, port, uds: where it listens. image_bytes: largest image archive.
    log_passphrase_file: holds the passphrase of the transparency log's key, if that is encrypted. passkey_origins: the
    pages on which committee members' passkeys may sign, each with its RP id behind a comma unless that is its host;
    this registry's own page among them lets members sign there: name it only if the holders' trust roots do.
    workflow: the process of its reviews, a file like those in policies/workflows; plain.toml of them if not set.
    page_origin: the address under which browsers open the pages, written likewise; login passkeys are bound to it. web:
    the folder of the pages' installed files, SAFECONDUCT_WEB unless given.
    smtp_url, mail_from: the mail server and our own address; without them nothing is mailed.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    directory: Path
    database_url: SecretStr | None = None
    urls: Annotated[tuple[str, ...], NoDecode] = ()
    host: str = "127.0.0.1"
    port: int = Field(default=8400, ge=0, le=65535)
    uds: Path | None = None
    image_bytes: int = Field(default=IMAGE_BYTES, ge=1, le=IMAGE_BYTES)
    log_passphrase_file: Path | None = None
    passkey_origins: Annotated[tuple[str, ...], NoDecode] = ()
    workflow: Path | None = None
    page_origin: str | None = None
    web: Path | None = Field(default_factory=lambda: installed_web())
    smtp_url: SecretStr | None = None
    mail_from: str = ""

    @field_validator("urls", "passkey_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(value.split()) if isinstance(value, str) else value

    @field_validator("urls")
    @classmethod
    def _plain(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for url in value:
            if not url.startswith(("http://", "https://")) or url.count("/") > 2:
                raise ValueError("an address is http(s)://host[:port] without a path")
        return value

    @property
    def passkey_pages(self) -> tuple[PasskeyOrigin, ...]:
        """The pages of `passkey_origins`."""
        return tuple(_page(text) for text in self.passkey_origins)

    @property
    def page(self) -> PasskeyOrigin:
        """The page of `page_origin`; on one machine, that machine's own."""
        here = f"http://localhost:{self.port}" if self.port else "http://localhost"  # behind a socket: name the proxy's
        return _page(self.page_origin or here, "page-origin")

    @property
    def mailer(self) -> Mailer | None:
        """The mail server, if one is set."""
        return Mailer(self.smtp_url.get_secret_value(), self.mail_from) if self.smtp_url is not None else None

    @property
    def database(self) -> str:
        """The database's URL."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.directory / 'registry.db'}"

    @property
    def audiences(self) -> tuple[str, ...]:
        """The addresses of this registry: the configured ones, or the loopback ones for a registry on one machine."""
        return self.urls or (f"http://127.0.0.1:{self.port}", f"http://localhost:{self.port}", "http://registry")


def installed_web() -> Path | None:
    """Return the folder that set-up filled with the pages' files, if the environment names it."""
    folder = os.environ.get("SAFECONDUCT_WEB")
    return Path(folder) if folder else None


def load(directory: Path, overrides: Mapping[str, Any]) -> Settings:
    """Return the settings of the registry in `directory`; raises Misconfigured with the setting's name."""
    path = directory / FILE
    if not path.is_file():
        raise Misconfigured(
            "setting-directory", f"{directory} holds no registry. Make one with `safeconduct registry init`."
        )
    in_environment = {name.removeprefix(PREFIX).lower() for name in os.environ if name.startswith(PREFIX)}
    from_file = {name: value for name, value in _read(path).items() if name not in in_environment}
    return check(directory, {**from_file, **_given(overrides)})


def environment(directory: Path, overrides: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables by which another process, or the application's factory, finds the same settings."""
    return {
        f"{PREFIX}{name.upper()}": str(value) for name, value in _given({"directory": directory, **overrides}).items()
    }


def from_environment() -> Settings:
    """Return the settings of the registry whose folder the environment names."""
    directory = os.environ.get(f"{PREFIX}DIRECTORY")
    if not directory:
        raise Misconfigured("setting-directory", f"Set {PREFIX}DIRECTORY to the registry's folder.")
    return load(Path(directory), {})


def check(directory: Path, chosen: Mapping[str, Any]) -> Settings:
    """Return settings from explicit values and the environment; raises Misconfigured with the setting's name."""
    try:
        return Settings(**{**_given(chosen), "directory": directory})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        code = f"setting-{name.replace('_', '-')}"
        raise Misconfigured(code, f"The setting {name} is wrong: {first['msg']}.") from error


def write(directory: Path, chosen: Mapping[str, Any]) -> None:
    """Write the settings file of a new registry, readable by its owner only: a database URL may hold a password."""
    lines = [f"{name} = {_toml(value)}" for name, value in _given(chosen).items()]
    path = directory / FILE
    path.touch(mode=0o600)
    path.write_text("\n".join(["# Settings of a Safeconduct registry.", *lines, ""]), encoding="utf-8")


def _page(text: str, setting: str = "passkey-origins") -> PasskeyOrigin:
    origin, _, rp_id = text.partition(",")
    host = origin.partition("://")[2].partition(":")[0]
    try:
        return build(PasskeyOrigin, {"origin": origin, "rp_id": rp_id or host})
    except Refused as error:
        raise Misconfigured(f"setting-{setting}", f"The address {text} is wrong: {error.sentence}") from error


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _toml(value: str | tuple[str, ...]) -> str:
    return json.dumps(value, ensure_ascii=False)  # a JSON string or array of strings is one in TOML, too


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured("setting-file", f"{path} cannot be read as TOML: {error}.") from error
