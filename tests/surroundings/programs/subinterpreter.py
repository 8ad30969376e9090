"""Code in a sub-interpreter makes requests of its own."""

import sys
import urllib.request

URL = sys.argv[1]
CODE = f"import urllib.request; print(urllib.request.urlopen({URL!r}).read(), flush=True)"
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

print(urllib.request.urlopen(URL).read(), flush=True)
inner = interpreters.create()
interpreters.run_string(inner, CODE)
interpreters.destroy(inner)
print(urllib.request.urlopen(URL).read())
