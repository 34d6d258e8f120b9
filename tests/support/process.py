"""Starts processes for tests and ends exactly those, whatever happens to the test.

A Process is a group of its own, so that what it started ends with it; nothing is ever found by name.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def wait_for(condition, seconds, what, interval=0.05):
    """Waits until `condition()` is true and returns its value; an AssertionError names `what` was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(interval)


def run(command, seconds=60, check=True, environment=None, stdin=None):
    """Runs `command` to its end and returns the CompletedProcess with text output; standard error is apart."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=seconds, check=False,
                          env={**os.environ, **(environment or {})}, **({} if stdin is not None else
                                                                        {"stdin": subprocess.DEVNULL}))
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done


class Process:
    """A background process whose output goes to a file."""

    def __init__(self, command, log, environment=None):
        self.log = Path(log)
        self.command = [str(word) for word in command]
        with self.log.open("ab") as out:
            self._child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=out,
                                           stderr=subprocess.STDOUT, start_new_session=True,
                                           env={**os.environ, **(environment or {})})

    @property
    def pid(self):
        return self._child.pid

    def running(self):
        return self._child.poll() is None

    def output(self):
        return self.log.read_text(errors="replace")

    def signal(self, number):
        if self.running():
            os.killpg(self.pid, number)

    def wait(self, seconds):
        """Returns the exit code; an AssertionError when it did not end."""
        try:
            return self._child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.command[0]} (pid {self.pid}) did not end within {seconds} s") from None

    def stop(self, seconds=10):
        """Ends it: TERM (and CONT, for one that is stopped), wait, KILL."""
        if self.running():
            self.signal(signal.SIGTERM)
            self.signal(signal.SIGCONT)
            try:
                self._child.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGKILL)
                self._child.wait()
        return self._child.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
