"""A package, so that a stray ``tests`` in site-packages can never be found first."""
