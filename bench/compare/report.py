"""Medians, ratios and bars of all rounds as text; pure functions over the figures."""

from statistics import median

from rows import GROUPS, LOADS, STATES, UNITS

# perf, this program and the kernel's own work stay below it.
OTHER_LOAD_CORES_MAX = 0.2


def medians(rounds, system, load, metric):
    """The median over the rounds that have it; None when none does."""
    values = [one[system][load.name][metric] for one in rounds if load.name in one.get(system, {})]
    return median(values) if values else None


def state_median(rounds, system, name):
    values = [one[system]["states"][name] for one in rounds if name in one.get(system, {}).get("states", {})]
    return median(values) if values else None


def number(value):
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def ratio(kronika, kafka):
    return f"{kronika / kafka:.2f}×" if kronika is not None and kafka else "-"


def verdict(load, metric, kronika, kafka):
    bar = next((bar for bar in load.bars if bar.metric == metric), None)
    if bar is None:
        return "", False
    if kronika is None or kafka is None:
        return f"bar {bar}", False
    reached = bar.reached(kronika, kafka)
    return f"bar {bar}: {'reached' if reached else 'MISSED'}", not reached


def table(rounds):
    """(lines, names of the loads that missed a bar)"""
    lines = [f"{'':<46}{'':<12}{'Kafka':>10}{'Kronika':>10}{'ratio':>9}"]
    missed = []
    for load in LOADS + GROUPS:
        title = load.title
        for metric in load.metrics:
            kafka, kronika = (medians(rounds, system, load, metric) for system in ("kafka", "kronika"))
            if kafka is None and kronika is None:
                continue
            said, bad = verdict(load, metric, kronika, kafka)
            if bad and load.name not in missed:
                missed.append(load.name)
            if title and len(title) > 45:
                lines.append(title)
                title = ""
            lines.append(f"{title:<46}{UNITS[metric]:<12}{number(kafka):>10}{number(kronika):>10}"
                         f"{ratio(kronika, kafka):>9}  {said}".rstrip())
            title = ""
    for name, unit, title in STATES:
        kafka, kronika = (state_median(rounds, system, name) for system in ("kafka", "kronika"))
        if kafka is None and kronika is None:
            continue
        if len(title) > 45:
            lines.append(title)
            title = ""
        lines.append(f"{title:<46}{unit:<12}{number(kafka):>10}{number(kronika):>10}{ratio(kronika, kafka):>9}")
    return lines, missed


# A budget's parts: (name in the figures, what is printed).
PARTS = (
    ("batches", "batches"),
    ("fetches", "fetches"),
    ("cpu_us_per_batch", "CPU us per batch or fetch"),
    ("syncs_per_batch", "syncs per batch"),
    ("frames_per_batch", "frames between brokers per batch"),
    ("syncs_per_gb", "syncs per GB"),
    ("frames_per_gb", "frames per GB"),
    ("copied_received", "bytes copied per byte: received"),
    ("copied_gathered", "bytes copied per byte: gathered for the journal"),
    ("copied_to_segments", "bytes copied per byte: to segments"),
    ("disk_bytes_per_byte", "bytes to the disk per byte"),
)


def budget(rounds, load):
    """Where Kronika's work went in the last round that has the load."""
    figures = next((one["kronika"][load.name] for one in reversed(rounds) if load.name in one.get("kronika", {})), None)
    if figures is None:
        return []
    found = figures["budget"]
    lines = [f"budget of '{load.name}' (Kronika, last round; sums of three brokers, {figures['bytes'] / 1e9:.2f} GB):"]
    threads = found["cpu_s_per_gb_by_thread"]
    total = sum(threads.values()) or 1
    lines += [f"  {f'CPU of thread {name}':<50}{seconds:>8.2f} s/GB {100 * seconds / total:>5.0f} %"
              for name, seconds in threads.items()]
    lines.append(f"  {'CPU of the client':<50}{figures['client_cpu_s_per_gb']:>8.2f} s/GB")
    lines += [f"  {title:<50}{number(found[name]):>8}" for name, title in PARTS if name in found]
    profile = figures.get("profile", [])
    if threads:
        lines.append(f"  largest: thread {next(iter(threads))}" + (f"; profile line: {profile[0]}" if profile else ""))
    return lines + [f"    {line}" for line in profile]


def other_load(rounds):
    """What the rest of the machine did meanwhile, worst row of each system; and what that means."""
    worst = {system: max((figures["other_load_cores"] for one in rounds for name, figures in one.get(system, {}).items()
                          if name != "states"), default=0.0) for system in ("kafka", "kronika")}
    line = f"other load at most: {worst['kafka']:.2f} cores beside Kafka, {worst['kronika']:.2f} beside Kronika"
    return line + (": TOO MUCH to compare" if max(worst.values()) > OTHER_LOAD_CORES_MAX else "")


def text(rounds, profiled=None):
    """`profiled`: a round of Kronika alone under perf, for the rows that missed their bars."""
    lines, missed = table(rounds)
    lines += [other_load(rounds)]
    alone = not any("kafka" in one for one in rounds)
    for load in LOADS:
        has_profile = any("profile" in one.get("kronika", {}).get(load.name, {}) for one in rounds)
        if load.name in missed or has_profile or alone:
            spent = budget(rounds + ([profiled] if profiled else []), load)
            lines += [""] + spent if spent else []
    return "\n".join(lines)
