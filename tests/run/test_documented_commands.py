"""Every command line of conntrace that README and docs show in a block is run as it stands.

What cannot be had in a test (a real endpoint, a program that never ends) is put in place by
STAND_INS; what another test runs is named in ELSEWHERE.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.layer.built import built_layer
from tests.servers.loopback import LoopbackServer

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = [CHECKOUT / "README.md", *sorted(CHECKOUT.glob("docs/*.md"))]
STAND_INS = {
    "https://api.example.com/health --gaps 0,1,2,5,10,30,60": "{url} --gaps 0,0.3 --repeat 1",
    "gunicorn app": "gunicorn --check-config app",
    "dist/conntrace-layer.zip --gaps 0,1,5,30": "{layer} --gaps 0,0.2",
    "dist/conntrace-layer.zip --gaps 0,1,5": "{layer} --gaps 0,0.2",
    "http://localhost:4318": "{url}",
}
# A part of the command -> the test that runs it.
ELSEWHERE = {
    "--jaeger": "tests/reports/test_jaeger.py",
    "report log.json": "tests/unit/report/test_cloudwatch.py",
}
PASSES = {0, 3}
APP = """
import os
import urllib3

client = urllib3.PoolManager()

def call():
    return client.request("GET", os.environ["SHOP_URL"]).data.decode()

def handler(event, context):
    return event

def app(environ, start_response):
    start_response("200 OK", [])
    return []

application = app

if __name__ == "__main__":
    print(call())
"""


def documented() -> Iterator[tuple[str, str]]:
    """Page and command line, as in a block of code; explanations at its end left out."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in text.splitlines():
            command = re.sub(r"\s{3,}.*$|\s+# .*$", "", line.strip())
            if line.startswith("    ") and re.match(r"([A-Z_]+=\S+ +)*conntrace ", command):
                yield page.name, command


COMMANDS = [each for each in documented() if not any(part in each[1] for part in ELSEWHERE)]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder as the pages take it for granted, and the environment."""
    folder = tmp_path_factory.mktemp("documented")
    (folder / "app.py").write_text(APP)
    (folder / "package").mkdir()
    (folder / "package" / "__init__.py").write_text("")
    (folder / "package" / "module.py").write_text("import app; print(app.call())")
    (folder / "tests").mkdir()
    (folder / "tests" / "test_app.py").write_text("import app\ndef test(): assert app.call()\n")
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider -p no:randomly\n")
    with LoopbackServer() as server:
        url = server.url(path="/")
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        env = {**os.environ, "PATH": path, "SHOP_URL": url, "NO_PROXY": "*", "PYTHONPATH": "."}
        run = ["conntrace", "run", "-o", "spans.jsonl", "--", "python", "app.py"]
        subprocess.run(run, cwd=folder, env=env, check=True, capture_output=True, timeout=60)
        (folder / "folder").mkdir()
        for name in ("folder/spans.jsonl", "more.jsonl"):
            shutil.copy(folder / "spans.jsonl", folder / name)
        save = ["conntrace", "report", "spans.jsonl", "--write-baseline", "connections.json"]
        subprocess.run(save, cwd=folder, env=env, check=True, capture_output=True, timeout=60)
        yield folder, env


@pytest.mark.parametrize(("page", "command"), COMMANDS, ids=[each[1][:70] for each in COMMANDS])
def test_it_runs(page: str, command: str, workplace: tuple[Path, dict[str, str]]) -> None:
    folder, env = workplace
    for shown, stand_in in STAND_INS.items():
        layer = str(built_layer() / "layer.zip") if "{layer}" in stand_in else ""
        command = command.replace(shown, stand_in.format(url=env["SHOP_URL"], layer=layer))
    ended = subprocess.run(
        command, shell=True, cwd=folder, env=env, capture_output=True, text=True, timeout=100
    )
    assert ended.returncode in PASSES, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_they_were_found() -> None:
    assert len(COMMANDS) >= 18
    for part, test in ELSEWHERE.items():
        assert (CHECKOUT / test).exists(), part
