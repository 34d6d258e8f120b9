"""Who may include whom, and which expensive or dangerous headers are confined to which files.

    cmd -> broker -> metadata -> raft -> raft/core -> base
                        raft, broker -> wal -> base          config -> the options structs of every module
"""

import re

from tree import CODE, blank

# What a folder may include besides itself; the longest matching folder decides. "*" is everything.
MAY_INCLUDE = {
    "base": (),
    "proto": ("base",),
    "wal": ("base",),
    "raft/core": ("base",),
    "raft": ("base", "wal", "raft", "proto"),
    "metadata": ("base", "wal", "raft", "proto"),
    "broker": ("base", "wal", "raft", "metadata", "proto"),
    "config": ("base", "wal", "raft", "metadata", "broker"),
    "cmd": ("*",), "bench": ("*",), "tests": ("*",),
}
ROOMS = ("base", "proto", "wal", "raft", "metadata", "broker", "config", "cmd", "bench", "tests")

ARROW_REASON = ("layers point one way, so that a lower one can be understood, tested and simulated without a "
                "higher one; move the type down, or pass an interface or an options struct")

# Standard headers that bring a clock, a thread, chance or a file into code that must stay a pure function.
IMPURE = ("thread", "mutex", "shared_mutex", "condition_variable", "future", "stop_token", "semaphore", "latch",
          "barrier", "chrono", "ctime", "time.h", "random", "fstream", "iostream", "filesystem", "cstdio", "unistd.h",
          "sys/time.h", "base/loop.h", "base/files.h", "base/kv.h")
PURE_FOLDERS = ("raft/core",)
PURE_REASON = ("the Raft core is a pure function of its inputs: no clock, thread, randomness or file, so that a "
               "script or a seed repeats it exactly")

THREADS = ("thread", "mutex", "shared_mutex", "condition_variable", "future", "stop_token", "semaphore", "latch",
           "barrier")
# Threads live behind the wrappers of base, and where a library brings its own.
THREAD_FILES = ("base/", "cmd/", "bench/", "tests/", "wal/rocks_kv.cc", "raft/grpc_")
THREAD_REASON = "a worker is one thread that runs to completion; other threads live behind the wrappers in base"

# Headers that cost seconds in every file that includes them, and tie it to one library: the list of files.
HEAVY = {
    "gRPC": (r"grpc", ("raft/grpc_transport.cc", "raft/grpc_stream.h", "raft/grpc_stream.cc")),
    "RocksDB": (r"rocksdb/", ("wal/rocks_kv.cc",)),
    "spdlog": (r"spdlog/", ("base/spdlog_log.cc",)),
    "yaml-cpp": (r"yaml-cpp/", ("config/yaml.cc",)),
    "Asio and Beast": (r"boost/(asio|beast)", ("base/asio_loop.cc", "broker/net/acceptor.h", "broker/net/listener.cc",
                                               "broker/admin/http.cc")),
    "CLI11": (r"CLI/", ("cmd/kronika/main.cc", "cmd/kronika_sim/main.cc", "cmd/kmsgc/main.cc")),
    "nlohmann-json": (r"nlohmann/", ("broker/admin/status.cc", "cmd/kmsgc/parse.cc", "cmd/kronika/output.cc")),
    "prometheus-cpp": (r"prometheus/", ("broker/admin/metrics.cc",)),
    "liburing": (r"liburing", ("base/uring.h",)),
}
HEAVY_REASON = "its headers cost seconds in every file that includes them; include our wrapper instead"
# rapidcheck: one file in each folder of tests.
RAPIDCHECK = re.compile(r"rapidcheck")

# Text that never appears in our code, by name.
REFUSED_CODE = (
    (r"\bco_(await|return|yield)\b", "coroutines: the compiler we support destroys temporaries of an await twice; "
                                     "use a completion handler"),
    (r"\bthrow\b", "exceptions of our own: return Result<T>"),
    (r"std::\w+_distribution\b", "standard distributions differ between libraries and a seed would not repeat: use Rng"),
    (r"\brandom_device\b", "chance comes from Rng, whose seed can be repeated"),
)
CLOCKS = re.compile(r"\b(steady_clock|system_clock|high_resolution_clock)::now|\bclock_gettime\b|\bgettimeofday\b")
CLOCK_FOLDERS = ("base/", "cmd/", "bench/", "tests/", "raft/grpc_")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', re.MULTILINE)


def room_of(path):
    """The longest folder of MAY_INCLUDE that holds `path`, or None."""
    folders = [folder for folder in MAY_INCLUDE if path.startswith(folder + "/")]
    return max(folders, key=len) if folders else None


def direction(name, target):
    """Why `name` may not include `target`; None when it may."""
    source, destination = room_of(name), room_of(target)
    if source is None or destination is None or source == destination:
        return None
    allowed = MAY_INCLUDE[source]
    if "*" in allowed or any(destination == other or destination.startswith(other + "/") for other in allowed):
        return None
    return f"{source} may not include {destination}: {ARROW_REASON}"


def confinement(name, target):
    if name.startswith(PURE_FOLDERS) and target in IMPURE:
        return f"<{target}> in {name}: {PURE_REASON}"
    if target in THREADS and not name.startswith(THREAD_FILES):
        return f"<{target}> outside the wrappers: {THREAD_REASON}"
    for library, (pattern, files) in HEAVY.items():
        if re.match(pattern, target) and name not in files:
            return f"{library} is confined to {', '.join(files)}: {HEAVY_REASON}"
    if RAPIDCHECK.match(target) and not (name.startswith("tests/") and name.endswith(".cc")):
        return "rapidcheck belongs to tests"
    return None


def refused_code(name, code):
    for pattern, reason in REFUSED_CODE:
        for match in re.finditer(pattern, code):
            yield code.count("\n", 0, match.start()) + 1, reason
    if not name.startswith(CLOCK_FOLDERS):
        for match in CLOCKS.finditer(code):
            yield code.count("\n", 0, match.start()) + 1, "time comes from Loop, which a simulator can turn"


def check(tree):
    rapidcheck_files = {}
    for name in tree.files(CODE):
        code = blank(tree.text(name), keep_strings=True)
        for match in INCLUDE.finditer(code):
            target, line = match.group(1), code.count("\n", 0, match.start()) + 1
            for problem in (direction(name, target), confinement(name, target)):
                if problem:
                    yield f"{name}:{line}: {problem}"
            if RAPIDCHECK.match(target):
                rapidcheck_files.setdefault(name.rpartition("/")[0], set()).add(name)
        for line, reason in refused_code(name, blank(code)):
            yield f"{name}:{line}: {reason}"
    for folder, names in sorted(rapidcheck_files.items()):
        if len(names) > 1:
            yield f"{folder}: rapidcheck is included by {', '.join(sorted(names))}: one file a folder, {HEAVY_REASON}"
