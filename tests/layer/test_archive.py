"""What is in the zip file, and that it is the same each time."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from lambda_extension.archive import write_folder, write_zip
from lambda_extension.tree import File
from scripts.cache import CHECKOUT

import conntrace
from tests.layer.pythons import pythons

MOST_BYTES = 1_500_000
HOME = "conntrace.d"
EXECUTABLE = {"conntrace", "extensions/conntrace"}
# ELF's names of machines: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
MACHINES = {"x86_64": 62, "aarch64": 183}


@pytest.fixture(scope="module")
def names(archive: Path) -> list[str]:
    """The files of the zip file in their order."""
    with zipfile.ZipFile(archive) as opened:
        return opened.namelist()


def test_it_is_small(archive: Path) -> None:
    """A layer is unpacked at every cold start."""
    assert archive.stat().st_size <= MOST_BYTES


def test_only_our_places_in_opt(names: list[str]) -> None:
    """The wrapper, the extension, the private folder, and one .pth file for Python's own path."""
    assert {"conntrace", "extensions", "python", HOME} == {name.split("/")[0] for name in names}
    assert [name for name in names if name.startswith("extensions/")] == ["extensions/conntrace"]
    assert [name for name in names if name.startswith("python/")] == ["python/conntrace_layer.pth"]


def test_the_private_folder(names: list[str]) -> None:
    """Scripts, agent, extension, bytecode, and what people want to know of them."""
    inside = {name.split("/")[1] for name in names if name.startswith(f"{HOME}/")}
    scripts = {"start.py", "start_from_pth.py", "extension.py"}
    papers = {"licenses", "manifest.json", "sbom.cdx.json"}
    assert {"agent", "extension", "bytecode", *scripts, *papers} == inside


def test_what_a_function_needs_is_there_and_no_more(names: list[str]) -> None:
    """The traced side, the analyzer and the extension; no commands, reports or simulators."""
    package = f"{HOME}/agent/conntrace/"
    inside = {name.removeprefix(package) for name in names if name.startswith(package)}
    source = Path(conntrace.__file__).parent
    for room in ("traced", "analyzer"):
        expected = {str(path.relative_to(source)) for path in (source / room).rglob("*.py")}
        assert expected <= inside
    rooms = {name.split("/")[0] for name in inside}
    assert rooms & {"cli", "report", "simulator", "startup", "testing.py", "__main__.py"} == set()
    assert all(name.endswith(".py") for name in inside)
    assert f"{HOME}/extension/conntrace_extension/main.py" in names


def test_compiled_wrapt_for_each_python_and_machine(archive: Path) -> None:
    """Side by side, each for the machine that its name says."""
    with zipfile.ZipFile(archive) as opened:
        found = {
            name.rpartition("/")[2]: opened.read(name)
            for name in opened.namelist()
            if name.endswith(".so")
        }
    expected = {
        f"_wrappers.cpython-3{minor}-{machine}-linux-gnu.so": number
        for minor in range(10, 15)
        for machine, number in MACHINES.items()
    }
    machines = {name: int.from_bytes(data[18:20], "little") for name, data in found.items()}
    assert expected == machines


def test_order_times_and_modes(archive: Path) -> None:
    """Sorted, one time, 755 for what is executed and 644 for all else."""
    with zipfile.ZipFile(archive) as opened:
        entries = opened.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    modes = {entry.filename: entry.external_attr >> 16 for entry in entries}
    assert {0o100755} == {modes[name] for name in EXECUTABLE}
    assert {0o100644} == {mode for name, mode in modes.items() if name not in EXECUTABLE}


def test_the_folder_holds_the_same(archive: Path, opt: Path, names: list[str]) -> None:
    """For container images: the same files, with the same modes, whatever the umask was."""
    found = {str(path.relative_to(opt)): path for path in opt.rglob("*") if path.is_file()}
    assert names == sorted(found)
    with zipfile.ZipFile(archive) as opened:
        for name in names:
            assert found[name].read_bytes() == opened.read(name)
    assert {name for name, path in found.items() if path.stat().st_mode & 0o111} == EXECUTABLE


def test_modes_do_not_depend_on_the_umask(tmp_path: Path) -> None:
    """Lambda runs as another user than the one who built the image."""
    tree = {"a/program": File(b"#!/bin/sh\n", executable=True), "a/b/text": File(b"text")}
    before = os.umask(0o077)
    try:
        write_folder(tree, tmp_path / "opt")
    finally:
        os.umask(before)
    modes = {
        str(path.relative_to(tmp_path)): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")
    }
    assert modes == {
        "opt": 0o755,
        "opt/a": 0o755,
        "opt/a/b": 0o755,
        "opt/a/program": 0o755,
        "opt/a/b/text": 0o644,
    }


def test_the_order_of_files_does_not_matter(tmp_path: Path) -> None:
    """What was found first on one machine may be found last on another."""
    tree = {name: File(name.encode()) for name in ("b", "a", "c/d")}
    write_zip(tree, tmp_path / "one.zip")
    write_zip(dict(reversed(tree.items())), tmp_path / "other.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()


@pytest.mark.matrix
def test_built_again_it_is_the_same_bit_for_bit(tmp_path: Path) -> None:
    """From another checkout, by another process, under another umask, hash seed and time zone."""
    first, second = tmp_path / "first", tmp_path / "second" / "checkout"
    for name in ("lambda_extension", "scripts", "src"):
        shutil.copytree(CHECKOUT / name, first / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "LICENSE", first)
    shutil.copytree(first, second)
    one = built_archive(first, "022", {"TZ": "UTC", "PYTHONHASHSEED": "1"})
    other = built_archive(second, "077", {"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "2"})
    assert hashlib.sha256(one).digest() == hashlib.sha256(other).digest()


def built_archive(checkout: Path, umask: str, environment: dict[str, str]) -> bytes:
    """The zip file that `make layer` makes there."""
    command = f'umask {umask} && exec "$0" -m lambda_extension.build'
    subprocess.run(
        ["sh", "-c", command, sys.executable],
        cwd=checkout,
        env=os.environ | environment,
        check=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=110,
    )
    return (checkout / "dist" / "conntrace-layer.zip").read_bytes()


def test_the_manifest(opt: Path) -> None:
    """It names the Pythons that have bytecode, and the digest of each file."""
    manifest = json.loads((opt / HOME / "manifest.json").read_text())
    assert manifest["conntrace"] == conntrace.__version__
    assert sorted(manifest["bytecode"]) == sorted(pythons())
    for version, exact in manifest["bytecode"].items():
        assert exact.startswith(f"{version}.")
    assert manifest["packages"] == {"wrapt": "1.17.3"}
    papers = {f"{HOME}/manifest.json"}
    files = {str(path.relative_to(opt)) for path in opt.rglob("*") if path.is_file()}
    assert files - papers == set(manifest["files"])
    for name, digest in manifest["files"].items():
        assert digest == hashlib.sha256((opt / name).read_bytes()).hexdigest()


def test_the_bill_of_materials(opt: Path) -> None:
    """CycloneDX: each package with version, licence, and the wheels that it came from."""
    bill = json.loads((opt / HOME / "sbom.cdx.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.5", 1)
    assert bill["serialNumber"].startswith("urn:uuid:")
    (wrapt,) = bill["components"]
    assert wrapt["purl"] == "pkg:pypi/wrapt@1.17.3"
    assert "BSD" in wrapt["licenses"][0]["license"]["name"]
    assert len(wrapt["externalReferences"]) == 10
    assert [{"ref": bill["metadata"]["component"]["purl"], "dependsOn": [wrapt["purl"]]}] == bill[
        "dependencies"
    ]


def test_licences(opt: Path) -> None:
    """Ours and those of all packages."""
    texts = {path.name: path.read_text() for path in (opt / HOME / "licenses").iterdir()}
    assert {"conntrace.txt", "wrapt.txt"} == set(texts)
    assert "Apache License" in texts["conntrace.txt"]
    assert "Graham Dumpleton" in texts["wrapt.txt"]
