"""docs/compatibility.md: written from a run of the matrix, and compared with one."""

from dataclasses import dataclass

from drivers import ROOT
from scenario import FEATURES

PAGE = ROOT / "docs" / "compatibility.md"
HEAD = """# Clients

What stock clients do against three brokers of Kronika, as `tests/clients/test_matrix.py` saw it; `REWRITE=1` before its command
writes this page, and every run of the layer `clients` compares it. "not in client": the client does not have the feature, or
not on this machine's toolchain. What a row stands for is in `tests/clients/matrix/README.md`.

"""


@dataclass(frozen=True)
class Rows:
    version: str
    results: dict  # {feature: result}


def write(drivers, found):
    """A client that could not be driven keeps the rows that it has."""
    rows = read()
    for driver in drivers:
        if driver in found:
            for feature in FEATURES:
                rows[driver.name, feature] = (found[driver].version, found[driver].results[feature])
    lines = ["| client | version | feature | result |", "|---|---|---|---|"]
    lines += [f"| {driver.name} | {rows[driver.name, feature][0]} | {feature} | {rows[driver.name, feature][1]} |"
              for driver in drivers for feature in FEATURES if (driver.name, feature) in rows]
    PAGE.write_text(HEAD + "\n".join(lines) + "\n")


def read():
    """{(client, feature): (version, result)}"""
    if not PAGE.exists():
        return {}
    cells = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in PAGE.read_text().splitlines()
             if line.startswith("| ") and not line.startswith("| client ")]
    return {(client, feature): (version, result) for client, version, feature, result in cells}


def differences(drivers, found):
    """What is wrong with the page, in words: rows too many or too few, versions that are not tried, and results that are not
    those of the run, where it had the same version."""
    rows = read()
    wanted = {(driver.name, feature) for driver in drivers for feature in FEATURES}
    out = [f"the page has no row for {row}" for row in sorted(wanted - set(rows))]
    out += [f"the page has a row for {row}, the matrix has not" for row in sorted(set(rows) - wanted)]
    for driver in drivers:
        told = {feature: rows[driver.name, feature] for feature in FEATURES if (driver.name, feature) in rows}
        for version in sorted({version for version, _ in told.values()}):
            if driver.pins is not None and version.split(",")[0] not in driver.pins:
                out.append(f"{driver.name}: the page says version {version}, tried are {sorted(driver.pins)}")
        if driver in found:
            run = found[driver]
            out += [f"{driver.name}, {feature}: the page says '{result}', the run '{run.results[feature]}'"
                    for feature, (version, result) in told.items()
                    if version == run.version and result != run.results[feature]]
    return out
