"""The test layers, in the order in which they run: cheap and telling ones first.

A layer is a ctest label in one build tree. A layer without tests prints nothing. Budgets are seconds on two
cores; a layer is stopped when it has taken three times its budget. See docs/testing.md.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    name: str
    label: str  # regular expression over ctest labels
    tree: str = "dev"  # preset whose build directory holds the tests
    tests: str = ""  # regular expression over test names; empty: all with the label
    short_budget_seconds: int = 60
    long_budget_seconds: int = 600
    jobs: int = 2  # 1: the tests measure time and run alone; single tests that do have ctest's RUN_SERIAL
    forms: tuple = ("short", "long")
    targets: tuple = ()  # to be built in its tree, beside those that are named like its tests


# What the short form runs under AddressSanitizer and UBSan: the code that reads bytes from disks and networks.
# The long form runs the unit, script and property layers whole, under ThreadSanitizer too.
SANITIZED_SHORT = r"^(kmsg|proto|journal|raft_core|core|wire|record_batch|frame)"

QUICK = "^(unit|script|property)$"

LAYERS = (
    Layer("tidy", "^tidy$", short_budget_seconds=150),
    Layer("unit", "^unit$", short_budget_seconds=90),
    Layer("script", "^script$", short_budget_seconds=30),
    Layer("property", "^property$", short_budget_seconds=60),
    Layer("asan", QUICK, "asan", SANITIZED_SHORT, short_budget_seconds=120, forms=("short",)),
    Layer("asan", QUICK, "asan", long_budget_seconds=1800, forms=("long",)),
    Layer("tsan", QUICK, "tsan", long_budget_seconds=1800, forms=("long",)),
    Layer("asan_sim", "^sim_sanitized$", "asan", long_budget_seconds=1800, forms=("long",), targets=("kronika-sim",)),
    Layer("sim", "^sim$", short_budget_seconds=240, long_budget_seconds=5400),
    Layer("fuzz", "^fuzz$", "asan", short_budget_seconds=120, long_budget_seconds=1800, jobs=1),
    Layer("clients", "^clients$", short_budget_seconds=300, long_budget_seconds=3600),
    Layer("chaos", "^chaos$", short_budget_seconds=420, long_budget_seconds=7200),
)

# Trees that are built whole before the first layer, with the targets of each ("all": everything).
BUILD_TREES = ("dev", "release")
BUILD_BUDGET_SECONDS = {"dev": 900, "release": 900, "asan": 600, "tsan": 600, "tidy": 3600}
