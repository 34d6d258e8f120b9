"""deploy/setup.sh with stand-ins for dpkg-query, apt-cache and apt-get: what it asks for, and what it says of what is missing.

Seen to fail: with `apt-cache policy | grep -q` in `offered`, which ends early and leaves apt-cache to SIGPIPE, a package that is
offered counts as missing as soon as apt-cache writes line by line.
"""

import stat
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "support"))
import results  # noqa: E402
from process import run  # noqa: E402

LINES = 10_000


class SetupTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.bin = Path(folder.name)
        self.calls = self.bin / "calls"
        self.program("dpkg-query", "exit 0")  # nothing is installed
        self.program("apt-get", f'echo "$*" >>{self.calls}')
        for name in ("bash", "sed", "tr", "env", "grep"):
            (self.bin / name).symlink_to(f"/usr/bin/{name}" if Path(f"/usr/bin/{name}").exists() else f"/bin/{name}")
        # Whoever runs the test needs no root for it.
        self.program("sudo", 'exec "$@"')

    def program(self, name, text):
        path = self.bin / name
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def apt_cache(self, candidate):
        """An apt-cache that writes each of many lines by itself, the candidate among the first."""
        self.program("apt-cache", f'''trap 'exit 141' PIPE
echo "$2:"
echo "  Installed: (none)"
echo "  Candidate: {candidate}"
for ((i = 0; i < {LINES}; i++)); do echo "     $i 500"; done''')

    def setup(self, *words):
        return run([ROOT / "deploy" / "setup.sh", *words], check=False, seconds=120, environment={"PATH": str(self.bin)})

    def installed(self):
        lines = [line for line in self.calls.read_text().splitlines() if "install" in line.split()]
        return " ".join(lines).split()

    def test_what_is_offered_in_many_lines_is_installed(self):
        self.apt_cache("1.2-3")
        done = self.setup("--client")
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        for package in ("g++", "pkg-config", "librocksdb-dev", "kcat"):
            self.assertIn(package, self.installed())
        self.assertNotIn("pkgconf", self.installed())
        self.assertNotIn("strace", self.installed())

    def test_what_the_build_needs_and_nobody_offers_is_an_error(self):
        self.apt_cache("(none)")
        done = self.setup()
        self.assertEqual(1, done.returncode)
        self.assertIn("this distribution has no package g++, which is needed", done.stderr)
        self.assertNotIn("install", self.calls.read_text())

    def test_an_unknown_argument_is_refused(self):
        self.assertEqual(2, self.setup("--everything").returncode)


if __name__ == "__main__":
    results.main()
