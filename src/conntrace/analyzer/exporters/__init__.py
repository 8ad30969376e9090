"""Where spans go: a file, an OTLP endpoint, the program's own OpenTelemetry, memory."""
