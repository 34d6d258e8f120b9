"""The rows of the comparison and the bars that Kronika is held to (the column "first" of the design's numbers).

A load row is one call of bench_load on a topic of its own; every topic has replication 3 and min.insync.replicas=2.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Bar:
    """Kronika's value divided by Kafka's: at least, or at most, `limit`."""
    metric: str
    limit: float
    at_least: bool

    def reached(self, kronika, kafka):
        if kafka == 0:
            return kronika == 0 or self.at_least
        return kronika / kafka >= self.limit if self.at_least else kronika / kafka <= self.limit

    def __str__(self):
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}×"


@dataclass(frozen=True)
class Load:
    name: str
    title: str
    partitions: int
    words: tuple = ()  # for bench_load
    mb: int = 0  # at most, in a whole run; 0: only the time counts
    seconds: float = 0  # at most, in a whole run
    reads: str = ""  # the row whose topic is read
    passes: int = 1
    metrics: tuple = ("mb_per_s", "cpu_s_per_gb")
    bars: tuple = field(default=())


LOADS = (
    Load("saturated", "1 KiB records, 64 KiB batches, linger 5 ms, 6 partitions, saturated", 6,
         ("--set", "batch.size=65536", "--set", "linger.ms=5"), mb=2000, seconds=60,
         bars=(Bar("mb_per_s", 2, True), Bar("cpu_s_per_gb", 0.25, False))),
    Load("small", "1 KiB records, 4 KiB batches, linger 1 ms, 64 partitions, saturated", 64,
         ("--set", "batch.size=4096", "--set", "linger.ms=1", "--set", "queue.buffering.max.messages=20000"),
         mb=800, seconds=30, bars=(Bar("mb_per_s", 10, True), Bar("cpu_s_per_gb", 0.25, False))),
    Load("one-in-flight", "1 KiB records, one in flight", 1, ("--one-in-flight", "1", "--set", "linger.ms=0"), seconds=15,
         metrics=("mb_per_s", "p50_ms", "p99_ms"), bars=(Bar("p50_ms", 1, False),)),
    Load("consume", "consume what 'saturated' wrote, page cache warm, 6 partitions", 6, reads="saturated", passes=4,
         bars=(Bar("mb_per_s", 1, True), Bar("cpu_s_per_gb", 1, False))),
)


@dataclass(frozen=True)
class Groups:
    """One call of bench_groups: `groups` consumer groups of `members` each join, become stable and commit offsets."""
    name: str
    title: str
    groups: int
    members: int
    commit_seconds: float = 10
    partitions: int = 6
    metrics: tuple = ("stable_s", "commits_per_s", "cpu_s")
    bars: tuple = field(default=(Bar("stable_s", 1, False), Bar("commits_per_s", 1, True)))


GROUPS = (
    Groups("groups", "1,000 consumer groups of 10 members, 64 commit at a time", 1000, 10),
    Groups("big-group", "one consumer group of 2,000 members, 64 commit at a time", 1, 2000),
)
WARM_UP = Load("warm-up", "warm-up", 6, ("--set", "batch.size=65536", "--set", "linger.ms=5"), mb=3000, seconds=90)

# Counted beside the loads: (name, unit, title). Smaller is better in each.
STATES = (
    ("start", "s", "start of three brokers, directories new, until all serve"),
    ("rss-fresh", "MiB", "resident memory of the three, fresh"),
    ("rss-loaded", "MiB", "resident memory of the three, after the load"),
    ("idle", "% of core", "idle CPU of the three at 150 partitions"),
)
IDLE_PARTITIONS = 150
ROWS = tuple(row.name for row in LOADS + GROUPS) + ("idle",)
UNITS = {"mb_per_s": "MB/s", "cpu_s_per_gb": "CPU s/GB", "p50_ms": "p50 ms", "p99_ms": "p99 ms", "stable_s": "s to stable",
         "commits_per_s": "commits/s", "cpu_s": "CPU s"}
