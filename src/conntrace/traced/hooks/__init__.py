"""One file for each patched library; `base` installs their rows and can undo it."""
