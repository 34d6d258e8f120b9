"""What the kernel says of the brokers' processes and of the machine: CPU, memory, disk writes, threads, foreign load."""

import os
from collections import Counter
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def _stat(path):
    """(name, CPU seconds) of a process or thread."""
    text = path.read_text()
    name = text[text.index("(") + 1:text.rindex(")")]
    fields = text[text.rindex(")") + 2:].split()
    return name, (int(fields[11]) + int(fields[12])) / TICK


def cpu_seconds(pids):
    return sum(_stat(Path(f"/proc/{pid}/stat"))[1] for pid in pids)


def cpu_seconds_by_thread(pids):
    """{thread's name: CPU seconds}; names that differ only in a number at their end are one.

    A thread without a name of its own has its process's; the first thread is "main", which in Kronika is the worker."""
    sums = Counter()
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            try:
                name, seconds = _stat(task / "stat")
            except OSError:  # it ended
                continue
            sums["main" if task.name == str(pid) else name.rstrip("0123456789-:/") or name] += seconds
    return sums


def resident_mib(pids):
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1])
    return total / 1024


def bytes_written(pids):
    """Bytes that these processes caused to be sent to the disk, page cache written back included."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/io").read_text().splitlines():
            if line.startswith("write_bytes:"):
                total += int(line.split()[1])
    return total


def machine_busy_seconds():
    """CPU seconds that anything on this machine took since it was started."""
    fields = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    user, nice, system, _idle, _wait, irq, soft = fields[:7]
    return (user + nice + system + irq + soft) / TICK
