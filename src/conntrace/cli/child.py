"""The command that `conntrace run` starts: spawned with nothing of ours on it, followed to its end.

The parent takes its signals with `sigwaitinfo`, which tells who sent them. A signal from the
terminal went to the whole process group, so the child has it already; any other one is passed on.
"""

from __future__ import annotations

import errno
import os
import signal
import time

from conntrace.errors import ConntraceError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# si_code of a signal that the kernel made itself, as the terminal driver does (Linux asm-generic).
_SI_KERNEL = 0x80

# A program that is asked to stop may tidy up before it does; later it stops for another reason.
_STOPS_WITHIN_S = 10.0

_STOPS = frozenset({signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})
# Faults of our own process, and those that nobody can take.
_NOT_OURS = frozenset(
    {
        signal.SIGKILL,
        signal.SIGSTOP,
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGTRAP,
        signal.SIGSYS,
        signal.SIGPIPE,
    }
)
# Python ignores these in itself; a program must find them as every program does.
_IGNORED_BY_PYTHON = tuple(
    getattr(signal, name) for name in ("SIGPIPE", "SIGXFSZ") if hasattr(signal, name)
)


class CommandNotStarted(ConntraceError):
    """The command is not there (127) or cannot be executed (126), as in a shell."""

    def __init__(self, slug: str, message: str, exit_code: int) -> None:
        super().__init__(slug, message)
        self.exit_code = exit_code


class Child:
    """A running command. All signals of this process are blocked and belong to `wait`."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        """Start the command. Raises `CommandNotStarted`."""
        self._signals = signal.valid_signals() - _NOT_OURS
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, self._signals)
        self._stopped = False
        self._asked_to_stop = -_STOPS_WITHIN_S
        self._is_init = os.getpid() == 1
        if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # else the exit status would be lost
        try:
            self.pid = os.posix_spawnp(
                command[0],
                command,
                environment,
                setsigmask=self._mask,
                setsigdef=_IGNORED_BY_PYTHON,
            )
        except OSError as error:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
            raise _not_started(command[0], error) from error

    def wait(self) -> int:
        """Follow the child to its end, signals included; returns its wait status."""
        while True:
            status = self._reap()
            if status is not None:
                return status
            information = signal.sigwaitinfo(self._signals)
            self._handle(information.si_signo, information.si_code)

    def wait_for_signal(self) -> int:
        """Wait for the next signal after the child's end; returns its number."""
        return signal.sigwaitinfo(self._signals).si_signo

    def _reap(self) -> int | None:
        """Take all news of children; the wait status once the command itself has ended.

        As process 1 we inherit orphans, and nobody else would reap them.
        """
        ended = None
        while True:
            try:
                pid, status = os.waitpid(
                    -1 if self._is_init else self.pid,
                    os.WNOHANG | os.WUNTRACED | os.WCONTINUED,
                )
            except ChildProcessError:
                return ended
            if pid == 0:
                return ended
            if pid != self.pid:
                continue
            if os.WIFSTOPPED(status):
                self._stopped = True
                self._stop_along()
            elif os.WIFCONTINUED(status):
                self._stopped = False
            else:
                ended = status

    def _handle(self, number: int, code: int) -> None:
        if number == signal.SIGCHLD:
            return
        if number == signal.SIGCONT:
            self._continue_along()
            return
        if code != _SI_KERNEL:
            self._send(number)
        if number in _STOPS:
            self._asked_to_stop = time.monotonic()
            self._stop_along()

    def _stop_along(self) -> None:
        """Stop when the child has, so that the shell sees its job stopped.

        Only when the signal came to us too, before or after the news of the child: one that
        somebody stops and continues by its own process id must not leave us stopped for ever.
        """
        if not self._stopped or time.monotonic() - self._asked_to_stop > _STOPS_WITHIN_S:
            return
        self._asked_to_stop = -_STOPS_WITHIN_S
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTSTP})
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP})

    def _continue_along(self) -> None:
        """Wake the child, unless the signal was for the whole group and has woken it already."""
        self._asked_to_stop = -_STOPS_WITHIN_S
        try:
            news = os.waitid(os.P_PID, self.pid, os.WCONTINUED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if self._stopped and news is None:
            self._send(signal.SIGCONT)

    def _send(self, number: int) -> None:
        try:
            os.kill(self.pid, number)
        except OSError:
            pass  # it has ended, or has become another user's


def end_like(status: int) -> int:
    """End as the command did: returns its exit code, or dies by the same signal.

    Process 1 cannot be killed by its own signals; it exits with 128 + n, as a shell reports.
    """
    if not os.WIFSIGNALED(status):
        return os.waitstatus_to_exitcode(status)
    number = os.WTERMSIG(status)
    if os.getpid() != 1:
        _leave_no_core()
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
        os.kill(os.getpid(), number)
    return 128 + number


def _leave_no_core() -> None:
    """The child's core is of interest. Limit 1 also keeps Linux from piping one (core(5))."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0 if hard == 0 else 1, hard))


def _not_started(name: str, error: OSError) -> CommandNotStarted:
    if error.errno == errno.ENOENT and not ("/" in name and os.path.exists(name)):
        return CommandNotStarted(
            "command-not-found", f"command not found: {name}{_hint(name)}", 127
        )
    reason = error.strerror
    if error.errno == errno.ENOENT:
        reason = "the interpreter that its first line names is missing"
    return CommandNotStarted("command-not-executable", f"cannot execute {name}: {reason}", 126)


def _hint(name: str) -> str:
    """How a file of this folder is run: a shell does not look here either."""
    if not os.path.isfile(name):
        return ""
    command = f"python {name}" if name.endswith(".py") else f"./{name}"
    return f"; for the file in this folder: {command}"
