"""What is in the layer: a manifest, and a bill of materials (CycloneDX)."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence

from lambda_extension.packages import Package
from lambda_extension.tree import HOME, File, Tree

MANIFEST = f"{HOME}/manifest.json"
BILL_OF_MATERIALS = f"{HOME}/sbom.cdx.json"


def add_inventory(
    tree: Tree, version: str, flavour: str, bytecode: Mapping[str, str], packages: Sequence[Package]
) -> None:
    """Add both files; what they say depends on nothing but the other files."""
    content = _digest(tree)
    tree[BILL_OF_MATERIALS] = _json(_bill_of_materials(version, content, packages))
    manifest = {
        "conntrace": version,
        "flavour": flavour,
        "architectures": ["arm64", "x86_64"],
        "pythons": ["3.10", "3.11", "3.12", "3.13", "3.14"],
        # Other versions run too: they compile at each cold start.
        "bytecode": dict(bytecode),
        "packages": {package.name: package.version for package in packages},
        "files": {path: _sha256(tree[path].content) for path in sorted(tree)},
    }
    tree[MANIFEST] = _json(manifest)


def _bill_of_materials(
    version: str, content: str, packages: Sequence[Package]
) -> Mapping[str, object]:
    """CycloneDX 1.5: https://cyclonedx.org/docs/1.5/json/"""
    own = f"pkg:pypi/conntrace@{version}"
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        # The same files, the same number: the build can be repeated bit for bit.
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{own}#{content}')}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": "conntrace-layer",
                "version": version,
                "purl": own,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": [_component(package) for package in packages],
        "dependencies": [{"ref": own, "dependsOn": [_purl(package) for package in packages]}],
    }


def _component(package: Package) -> Mapping[str, object]:
    return {
        "type": "library",
        "bom-ref": _purl(package),
        "name": package.name,
        "version": package.version,
        "purl": _purl(package),
        "licenses": [{"license": {"name": package.license}}],
        "externalReferences": [
            {
                "type": "distribution",
                "url": f"https://pypi.org/project/{package.name}/{package.version}/#files",
                "comment": wheel,
                "hashes": [{"alg": "SHA-256", "content": sha256}],
            }
            for wheel, sha256 in package.wheels
        ],
    }


def _purl(package: Package) -> str:
    return f"pkg:pypi/{package.name.lower()}@{package.version}"


def _digest(tree: Mapping[str, File]) -> str:
    total = hashlib.sha256()
    for path in sorted(tree):
        total.update(f"{path}\0{_sha256(tree[path].content)}\n".encode())
    return total.hexdigest()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _json(value: object) -> File:
    return File((json.dumps(value, indent=1) + "\n").encode())
