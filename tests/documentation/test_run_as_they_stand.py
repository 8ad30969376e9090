"""Every command line of ours that README and docs show in a block is run as it stands.

What cannot be had in a test (a real endpoint, a program that never ends) is put in place by
STAND_INS; who runs the other commands is in `elsewhere`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.components.require import require_component
from tests.documentation.collector import CHECKOUT, Command, commands
from tests.documentation.elsewhere import PLACES
from tests.layer.built import built_layer
from tests.servers.loopback import LoopbackServer

STAND_INS = {
    "https://api.example.com/health --gaps 0,1,2,5,10,30,60": "{url} --gaps 0,0.3 --repeat 1",
    "gunicorn app": "gunicorn --check-config app",
    "dist/conntrace-layer.zip --gaps 0,1,5,30": "{layer} --gaps 0,0.2",
    "dist/conntrace-layer.zip --gaps 0,1,5": "{layer} --gaps 0,0.2",
    "http://localhost:4318": "{url}",
    "other-program |": "cat spans.jsonl |",
    "build/demo/spans.jsonl": "spans.jsonl pictures",
    "python script": "python app.py",
    "tests/compat/run.py": f"{CHECKOUT}/tests/compat/run.py",
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


RUN = [
    command
    for command in commands()
    if command.line not in PLACES and (command.in_block or not command.line.startswith("conntrace"))
]


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
        env = {**os.environ, "PATH": path, "SHOP_URL": url, "NO_PROXY": "*"}
        # `scripts` is in the checkout, where its command is given.
        env["PYTHONPATH"] = f".{os.pathsep}{CHECKOUT}"
        run = ["conntrace", "run", "-o", "spans.jsonl", "--", "python", "app.py"]
        subprocess.run(run, cwd=folder, env=env, check=True, capture_output=True, timeout=60)
        (folder / "folder").mkdir()
        for name in ("folder/spans.jsonl", "more.jsonl"):
            shutil.copy(folder / "spans.jsonl", folder / name)
        save = ["conntrace", "report", "spans.jsonl", "--write-baseline", "connections.json"]
        subprocess.run(save, cwd=folder, env=env, check=True, capture_output=True, timeout=60)
        yield folder, env


@pytest.mark.component
@pytest.mark.parametrize("command", RUN, ids=lambda command: command.line[:70])
def test_it_runs(command: Command, workplace: tuple[Path, dict[str, str]]) -> None:
    folder, env = workplace
    line = command.line
    if "scripts.pictures" in line:
        require_component("chromium")
    for shown, stand_in in STAND_INS.items():
        layer = str(built_layer() / "layer.zip") if "{layer}" in stand_in else ""
        line = line.replace(shown, stand_in.format(url=env["SHOP_URL"], layer=layer))
    ended = subprocess.run(
        line, shell=True, cwd=folder, env=env, capture_output=True, text=True, timeout=100
    )
    assert ended.returncode in PASSES, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_no_stand_in_is_for_a_command_of_the_past() -> None:
    shown = "\n".join(command.line for command in RUN)
    assert [part for part in STAND_INS if part not in shown] == []
