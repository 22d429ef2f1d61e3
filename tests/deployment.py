"""Registry and nodes as compose/README.md deploys them: its own commands and files, with an engine of the test's own.

README blocks are marked `<!-- run: name -->` and run by name, in the folder of the project's copy of its own files.
"""

import json
import os
import re
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
README = (ROOT / "compose/README.md").read_text()
BLOCK = re.compile(r"<!-- run: (\w+) -->\n```sh\n(.*?)```", re.DOTALL)
BLOCKS = dict(BLOCK.findall(README))
PREFIXES = {"registry": "REGISTRY", "node": "NODE", "observability": "WATCH"}


class Deployment:
    """One registry, one node or what watches it: its folder, its variables, and what README says about it."""

    def __init__(self, kind: str, project: str, home: Path, variables: Mapping[str, str], **words: str) -> None:
        self.kind, self.project, self.home = kind, project, home
        self._file = home.with_name(f"{home.name}.env")
        self.variables = {"SAFECONDUCT_HOME": str(home), **variables}
        self._file.write_text("".join(f"{name}={value}\n" for name, value in self.variables.items()))
        self._environment = os.environ | self.variables | words | {f"{PREFIXES[kind]}_PROJECT": project}

    def run(self, *blocks: str, **words: str) -> str:
        """Run README's blocks in one shell, as written but for the name of the file of variables."""
        text = "\n".join(f"cd {ROOT}\n{BLOCKS[name]}" for name in blocks)
        if "compose=" not in text:
            text = f"compose='{' '.join(self._compose())}'\n{text}"
        text = re.sub(r"--env-file \w+\.env", f"--env-file {self._file}", text)
        text = text.replace("> request.json", f"> {self.home}/request.json")
        done = subprocess.run(
            ["sh", "-euc", text],
            env=self._environment | words,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, f"{blocks}: {done.stdout[-1500:]}\n{done.stderr[-3000:]}\n{self.logs()}"
        return done.stdout

    def compose(self, *words: str) -> str:
        """Run docker-compose for this deployment."""
        done = subprocess.run(
            [*self._compose(), *words], env=self._environment, capture_output=True, text=True, check=False, timeout=240
        )
        assert done.returncode == 0, f"{words}: {done.stdout[-1000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def command(self, *words: str) -> Any:
        """Run a command of the program in a container of its own, and read what it prints."""
        return json.loads(self.compose("run", "--rm", "-T", "cli", *words, "--json"))

    def ask(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """What the deployed Prometheus answers now: labels and values."""
        question = ["promtool", "query", "--format", "json", "instant", "http://localhost:9090", expression]
        found = json.loads(self.compose("exec", "-T", "prometheus", *question))
        return [(one["metric"], float(one["value"][1])) for one in found]

    def logs(self) -> str:
        """What the containers said last."""
        done = subprocess.run(
            [*self._compose(), "logs", "--tail", "15"],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout[-6000:]

    def put(self, name: str, content: bytes, owner: int = 0, mode: int = 0o444) -> None:
        """Put a file into the deployment's folder."""
        path = self.home / name
        path.write_bytes(content)
        os.chown(path, owner, owner)
        path.chmod(mode)

    def wait_until_healthy(self, services: int, seconds: float = 90) -> None:
        """Wait until each service that has a health check is well."""
        until = time.monotonic() + seconds
        while (states := self._health()).count("healthy") < services:
            assert time.monotonic() < until, f"{states}\n{self.logs()}"
            time.sleep(0.5)

    def _health(self) -> list[str]:
        numbers = self.compose("ps", "--quiet").split()
        if not numbers:
            return []
        form = "{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}"
        command = ["docker", "inspect", "--format", form, *numbers]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, check=True).stdout.split()

    def _compose(self) -> list[str]:
        files = ["--env-file", str(self._file), "--file", f"{ROOT}/compose/{self.kind}.yaml"]
        return ["docker-compose", "--project-name", self.project, *files]


def make_certificate(folder: Path, address: str) -> None:
    """Make a key and a certificate of its own for an address."""
    subject = ["-subj", "/CN=registry", "-addext", f"subjectAltName=IP:{address}", "-days", "30"]
    files = ["-keyout", str(folder / "tls-key.pem"), "-out", str(folder / "tls.pem")]
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    subprocess.run(["openssl", "req", *kind, *files, *subject], check=True, capture_output=True)
