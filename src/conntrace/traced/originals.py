"""Untouched references, taken before any patch of ours or of others (gevent, freezegun, mocks).

Whoever patches `time`, `threading` or `socket` later changes nothing here.
"""

from __future__ import annotations

import _thread
import os
import time

allocate_lock = _thread.allocate_lock
allocate_rlock = _thread.RLock
get_ident = _thread.get_ident
getpid = os.getpid
getppid = os.getppid
urandom = os.urandom
open_file = os.open
read_file = os.read
close_file = os.close
monotonic_ns = time.monotonic_ns
sleep = time.sleep
# Some platforms have no clock for one thread.
thread_time_ns = getattr(time, "thread_time_ns", None)
