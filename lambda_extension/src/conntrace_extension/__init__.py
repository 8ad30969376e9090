"""The layer's extension: a process beside the function that thinks and sends after the response."""
