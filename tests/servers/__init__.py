"""Scripted loopback servers for the integration tests: real sockets, real TLS, no public host."""
