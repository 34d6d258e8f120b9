"""A power cut of several brokers on this machine; root only.

Each broker's data lies on ext4 on a loop device over an image file. What was not synced exists only in the page cache above
the image, so a copy of the image, made while every broker stands still, is what a power cut leaves. What a disk itself
holds back and forgets is not modelled: what reached the device stays.

    if __name__ == "__main__":
        power.in_own_mounts()   # mounts of this process alone, which the kernel removes when it ends, however it ends
        results.main()
"""

import os
import shutil
import signal
import subprocess
import sys
import unittest
from pathlib import Path

from process import run, wait_for

OWN_MOUNTS = "KRONIKA_TEST_OWN_MOUNTS"
WRITEBACK = Path("/proc/sys/vm/dirty_writeback_centisecs")
OWN_NAMESPACE = ("--mount", "--propagation", "private")
# What keeps ext4 from writing by itself for the time of a test.
MOUNT_OPTIONS = "loop,commit=600"


def missing():
    """Why a power cut cannot be made here; None when it can."""
    if os.geteuid() != 0:
        return "only root can mount the disks of a power cut"
    for program in ("unshare", "mkfs.ext4", "mount", "umount"):
        if shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
            return f"not installed: {program}"
    if not Path("/dev/loop-control").exists():
        return "this machine has no loop devices"
    made = subprocess.run(["unshare", *OWN_NAMESPACE, "true"], capture_output=True, text=True, check=False)
    return f"no mounts of one's own here: {made.stderr.strip()}" if made.returncode else None


def needs_power_cut():
    return unittest.skipIf(missing(), missing())


def in_own_mounts():
    """Goes on in a mount namespace of its own, where there may be one."""
    if missing() is None and os.environ.get(OWN_MOUNTS) is None:
        os.environ[OWN_MOUNTS] = "1"
        os.execvp("unshare", ["unshare", *OWN_NAMESPACE, sys.executable, *sys.argv])


class NoWriteback:
    """Turns the kernel's periodic write-back off, so that nothing changes an image while it is copied.

    It belongs to the whole machine, so a process of its own turns it on again also when this one is killed."""

    def __init__(self):
        before = WRITEBACK.read_text().strip()
        self._guard = None
        if before == "0":
            return  # somebody else turned it off, and turns it on again
        self._guard = subprocess.Popen(["sh", "-c", f"cat >/dev/null; echo {before} >{WRITEBACK}"], stdin=subprocess.PIPE,
                                       start_new_session=True)
        WRITEBACK.write_text("0\n")

    def end(self):
        if self._guard is not None:
            self._guard.stdin.close()
            self._guard.wait(10)


class Disks:
    """One image for each of `mount_points`, mounted there; empty."""

    def __init__(self, mount_points, folder, mib):
        self._mounts = [(Path(point), Path(folder) / f"disk{i}.image") for i, point in enumerate(mount_points)]
        self._mounted = []
        self._writeback = NoWriteback()
        try:
            for point, image in self._mounts:
                self._make(point, image, mib)
        except BaseException:
            self.remove()
            raise

    def _make(self, point, image, mib):
        with image.open("wb") as file:
            file.truncate(mib << 20)
        run(["mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", image])
        point.mkdir(parents=True)
        self._mount(point, image)
        (point / "lost+found").rmdir()

    def _mount(self, point, image):
        run(["mount", "-o", MOUNT_OPTIONS, image, point])
        self._mounted.append(point)

    def _unmount(self, point):
        # A process that was killed may take a moment to let go of its files.
        wait_for(lambda: run(["umount", point], check=False).returncode == 0, 20, f"{point} is unmounted")
        self._mounted.remove(point)

    def remove(self):
        for point in list(self._mounted):
            self._unmount(point)
        self._writeback.end()

    def cut(self, pids, while_dark):
        """Power off for the processes `pids`: afterwards they are gone and the disks are as the cut left them.

        `while_dark` is called when the images are copied and the processes still stand still: what they had sent until the
        cut has arrived by then, and what it returns is returned."""
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: all(_stopped(pid) for pid in pids), 10, "the brokers stand still")
        wait_for(self._quiet, 10, "the disks have nothing under way", 0.1)
        for _, image in self._mounts:
            run(["cp", "--sparse=always", image, f"{image}.cut"])
        told = while_dark()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not any(Path(f"/proc/{pid}").exists() and _state(pid) != "Z" for pid in pids), 20, "the brokers ended")
        for point, image in self._mounts:
            self._unmount(point)
            os.replace(f"{image}.cut", image)
            self._mount(point, image)
        return told

    def _quiet(self):
        for point, _ in self._mounts:
            device = os.stat(point).st_dev
            inflight = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/inflight").read_text().split()
            if inflight != ["0", "0"]:
                return False
        return True


def _state(pid):
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "Z"
    return text[text.rindex(")") + 2]


def _stopped(pid):
    """Whether every thread of a process stands still; a thread in the kernel stops when its call ends."""
    states = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        text = (task / "stat").read_text()
        states.append(text[text.rindex(")") + 2])
    return all(state == "T" for state in states)
