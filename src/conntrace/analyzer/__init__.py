"""The thinking: events in, spans with causes out. Never imports the traced side."""
