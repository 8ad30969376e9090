"""Chores of this repository: ``python -m scripts.NAME`` in its root, or through make."""
