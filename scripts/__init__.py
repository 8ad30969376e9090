"""Chores of this repository; run them from its root as ``python -m scripts.NAME`` or through make."""
