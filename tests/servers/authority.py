"""A certificate authority of the tests' own, and server contexts signed by it."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme

# No "*.test": OpenSSL takes no wildcard that covers a whole top-level domain.
NAMES = ("localhost", "a.test", "b.test", "c.test", "127.0.0.1", "127.0.0.2", "::1")


class Authority:
    """One CA for a whole test session; `bundle` is the file that programs trust."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self._certificate = self._ca.issue_cert(*NAMES)
        self.bundle = folder / "test-ca.pem"
        self._ca.cert_pem.write_to_path(str(self.bundle))

    def server_context(
        self, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3, alpn: tuple[str, ...] = ()
    ) -> ssl.SSLContext:
        """A server context that speaks exactly `version`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = version
        self._certificate.configure_cert(context)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context

    def unrelated_context(self) -> ssl.SSLContext:
        """A server context whose certificate `bundle` does not cover: the handshake must fail."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert(*NAMES).configure_cert(context)
        return context

    def write_key_pair(self, folder: Path) -> tuple[Path, Path]:
        """Certificate chain and private key as files, for servers that are programs (nginx)."""
        chain, key = folder / "server.pem", folder / "server.key"
        chain.write_bytes(b"".join(blob.bytes() for blob in self._certificate.cert_chain_pems))
        self._certificate.private_key_pem.write_to_path(str(key))
        return chain, key
