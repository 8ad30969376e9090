"""The program around one execution environment: the parent of all its processes.

`sandbox.Sandbox` runs it with `-I -S`, one thread, nothing of conntrace imported. It lays the layer
on /opt in a mount namespace of its own, starts what it is told to start, and tells who exited.
When its control socket closes, also because the other side was killed, it kills every process of
the environment and ends.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import socket
import sys
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 0x1, 0x20, 0x1000, 0x4000, 0x40000
_LARGEST_MESSAGE = 1024 * 1024

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Argument 1 is the control socket's number, 2 the mounts: [[source, target, read only], …]."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)  # The environment's programs must not hold it open.
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        own_mounts(json.loads(sys.argv[2]))
        reply(control, ready=True, mounted=True)
    except OSError as error:
        reply(control, ready=True, mounted=False, why=str(error))
    wakeup, told = os.pipe()
    for end in (wakeup, told):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    # The terminal's Ctrl-C is for the one who started us; its end is told by the socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        serve(control, wakeup)
    finally:
        kill_all()


def serve(control: socket.socket, wakeup: int) -> None:
    """Until the control socket closes: start programs, tell exits."""
    names: dict[int, str] = {}
    while True:
        readable, _, _ = select.select([control.fileno(), wakeup], [], [])
        if wakeup in readable:
            os.read(wakeup, 4096)
            for pid, status in reaped():
                name = names.pop(pid, "")
                if name:
                    code = os.waitstatus_to_exitcode(status)
                    reply(control, exited=name, pid=pid, code=code)
        if control.fileno() in readable:
            message, descriptors, _, _ = socket.recv_fds(control, _LARGEST_MESSAGE, 4)
            if not message:
                return
            order = json.loads(message)
            os.set_inheritable(descriptors[0], False)
            pid = start(order, descriptors[0])
            names[pid] = order["name"]
            os.close(descriptors[0])
            reply(control, started=order["name"], pid=pid)


def reply(control: socket.socket, **facts: Any) -> None:
    """Tell the other side; when it is gone the next read says so."""
    try:
        control.send(json.dumps(facts).encode())
    except OSError:
        pass


def start(order: dict[str, Any], output: int) -> int:
    """Fork and execute; an error of exec goes to the program's own output, as a shell says it."""
    pid = os.fork()
    if pid:
        return pid
    code = 127
    try:
        os.setsid()
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDONLY)
        for descriptor, wanted in ((null, 0), (output, 1), (output, 2)):
            os.dup2(descriptor, wanted)
        os.chdir(order["cwd"])
        os.execve(order["argv"][0], order["argv"], order["env"])
    except OSError as error:
        code = 126 if isinstance(error, PermissionError) else 127
        os.write(2, f"{order['argv'][0]}: {error.strerror}\n".encode())
    finally:
        os._exit(code)


def own_mounts(mounts: list[tuple[str, str, bool]]) -> None:
    """Bind folders over others, seen by this program and its children only. Raises OSError."""
    if not mounts:
        return
    user, group = os.getuid(), os.getgid()
    if _libc.unshare(_CLONE_NEWNS) != 0:
        # Without root: a user namespace in which we are who we were, with the right to mount.
        check(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNS), "unshare")
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    mount("none", "/", _MS_REC | _MS_PRIVATE)
    for source, target, read_only in mounts:
        mount(source, target, _MS_BIND | _MS_REC)
        if read_only:
            mount(source, target, _MS_REMOUNT | _MS_BIND | _MS_RDONLY)


def mount(source: str, target: str, flags: int) -> None:
    """mount(2) of the C library."""
    result = _libc.mount(source.encode(), target.encode(), None, ctypes.c_ulong(flags), None)
    check(result, f"mount on {target}")


def check(result: int, what: str) -> None:
    """Raise OSError when a C function failed."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def reaped() -> list[tuple[int, int]]:
    """Children that have ended, adopted ones too, with their status."""
    found: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        found.append((pid, status))


def kill_all() -> None:
    """SIGKILL for every process below this one, until none is left.

    Those whose parent died were given to this program, so children are enough.
    """
    signal.set_wakeup_fd(-1)
    while True:
        for pid in children():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def children() -> list[int]:
    """The direct children of this process, by /proc."""
    own = str(os.getpid())
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    parent = file.read().rpartition(")")[2].split()[1]
            except OSError:
                continue
            if parent == own:
                found.append(int(name))
    return found


if __name__ == "__main__":
    main()
