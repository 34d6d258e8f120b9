"""Starts that must not be: each gives one clear line and an exit code, and harms neither the directory nor the cluster.

A wrong node file, a port in use, directories that are unwritable, foreign, in use, copied or rolled back. Afterwards the
cluster is whole, and what was acknowledged is there.

Seen to fail: with rolled-back-by-one and with copy-let-in-beside-original (KRONIKA_BIN=build/dev/kronika,
KRONIKA_PLANTED=...) a copied directory is let in.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import ports  # noqa: E402
import results  # noqa: E402
from chaos import ChaosTest  # noqa: E402
from cluster import BINARY, SMALL_JOURNAL  # noqa: E402
from process import Process, run, wait_for  # noqa: E402

FAILED, USAGE = 1, 2
NOBODY = 65534


@clients.needs("kcat")
@clients.needs_kafka_python()
class BadStart(ChaosTest):
    SETTINGS = SMALL_JOURNAL
    PARTITIONS = 3
    VICTIM = 0  # the lowest id: it dials the others from wherever it listens itself

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shared = None

    def setUp(self):
        super().setUp()
        if type(self).shared is None:
            topic = self.create("kept")
            type(self).shared = self.load(topic)
            wait_for(lambda: len(self.shared.read().acks) > 500, 30, "the load is acknowledged")
            self.shared.finish()
        self.scratch = Path(tempfile.mkdtemp(dir=self.folder))

    def check_cluster(self):
        """Last of all in a case that could do harm: the cluster is whole and nothing acknowledged is lost."""
        self.cluster.start()
        self.wait_in_sync(self.shared.topic, 30)
        self.assert_everything_is_there(self.shared, self.shared.acks, range(self.BROKERS), self._testMethodName)

    def config(self, broker=None, free_ports=True, **changes):
        """The node file of a broker with other values, and ports of its own."""
        text = self.cluster.config(self.VICTIM if broker is None else broker).read_text()
        if free_ports:
            base = ports.base_port(1)
            address = f"PLAINTEXT://127.0.0.1:{base}"
            changes = {"listeners": address, "advertised_listeners": address, "peer_listener": f"127.0.0.1:{base + 100}",
                       "admin_listener": f"127.0.0.1:{base + 552}", **changes}
        for key, value in changes.items():
            text, count = re.subn(rf"^{key}: .*$", f"{key}: {value}", text, flags=re.MULTILINE)
            if count == 0:
                text += f"{key}: {value}\n"
        path = self.scratch / "kronika.yaml"
        path.write_text(text)
        return path

    def refused(self, config, pattern, code=FAILED, user=None):
        """Starts a broker that must end by itself, with one line of its own that has `pattern`."""
        done = subprocess.run([BINARY, "start", "--config", config], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=30, check=False, user=user)
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("kronika: ")]
        self.assertEqual(1, len(lines), f"{done.stdout}{done.stderr}")
        self.assertRegex(lines[0], pattern)
        self.assertEqual(code, done.returncode, lines[0])
        print(lines[0], flush=True)

    @staticmethod
    def tree(directory):
        """{path: (size, time of change)} of all below a directory."""
        return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(directory.rglob("*"))}

    def test_a_wrong_node_file(self):
        self.refused(self.config(journal_fils="4"), "unknown key 'journal_fils'; did you mean 'journal_files'", USAGE)
        self.refused(self.config(journal_file_bytes="16MB5"), "journal_file_bytes: .*16MB5", USAGE)
        self.refused(self.config(journal_io="urin"), "journal_io: 'urin' is none of auto, uring, thread", USAGE)
        self.refused(self.config(topic_defaults="min.insync.replica=2"), "min.insync.replica.*min.insync.replicas", USAGE)
        self.refused(self.config(listeners="PLAINTEXT://0.0.0.0:9092"), "(advertised_)?listeners: .*0.0.0.0", USAGE)
        self.refused(self.scratch / "none.yaml", "none.yaml", USAGE)

    def test_a_port_in_use(self):
        self.addCleanup(self.check_cluster)
        self.cluster.kill(self.VICTIM)
        before = self.tree(self.cluster.data(self.VICTIM))
        for key, form in (("listeners", "PLAINTEXT://127.0.0.1:{}"), ("admin_listener", "127.0.0.1:{}"),
                          ("peer_listener", "127.0.0.1:{}")):
            with socket.create_server(("127.0.0.1", 0)) as taken:
                port = taken.getsockname()[1]
                self.refused(self.config(**{key: form.format(port)}), f"{port}.*in use")
        after = self.tree(self.cluster.data(self.VICTIM))
        self.assertEqual({p for p in before if "journal" in p}, {p for p in after if "journal" in p})

    def test_an_unwritable_directory(self):
        data = self.scratch / "data"
        config = self.config(data_dir=data)
        run([BINARY, "format", "--config", config, "--from", self.cluster.dir / "founding"])
        before = self.tree(data)
        if os.getuid() == 0:  # root may write everywhere: as nobody
            for folder in (self.folder, self.scratch):
                folder.chmod(0o755)
            if subprocess.run([BINARY, "version"], capture_output=True, check=False, user=NOBODY).returncode != 0:
                self.skipTest("the program cannot be run as nobody from where it lies")
            self.refused(config, r"data/lock\): cannot open: (Permission denied|Read-only)", user=NOBODY)
        else:
            data.chmod(0o555)
            self.addCleanup(data.chmod, 0o755)
            self.refused(config, r"data/lock\): cannot open: (Permission denied|Read-only)")
        self.assertEqual(before, self.tree(data))

    def test_a_foreign_directory(self):
        self.addCleanup(self.check_cluster)
        data = self.scratch / "data"
        self.refused(self.config(data_dir=data), "never formatted")
        data.mkdir()
        (data / "holiday.jpg").write_text("not ours")
        self.refused(self.config(data_dir=data), "never formatted")
        done = run([BINARY, "format", "--config", self.config(data_dir=data), "--from", self.cluster.dir / "founding"], check=False)
        self.assertEqual(FAILED, done.returncode)
        self.assertRegex(done.stderr, r"not empty \('holiday.jpg' is there\)")
        self.assertEqual({str(data / "holiday.jpg")}, set(self.tree(data)))
        # Another broker's: it says whose it is.
        self.cluster.kill(self.VICTIM)
        self.refused(self.config(node_id=self.VICTIM + 2), f"broker {self.VICTIM + 1}")

    def test_a_directory_in_use(self):
        self.refused(self.config(), "(in use|another process)")

    def joins_nothing(self, config, pattern):
        """Runs a broker that the others must not let in, until it says why; it never becomes ready."""
        log = Path(tempfile.mkstemp(dir=self.scratch, suffix=".log")[1])
        admin = re.search(r"^admin_listener: (\S+)$", Path(config).read_text(), re.MULTILINE).group(1)
        with Process([BINARY, "start", "--config", config], log) as twin:
            def says():
                return next((line for line in twin.output().splitlines() if re.search(pattern, line)), None)
            line = wait_for(says, 15, f"the broker says {pattern}", 0.1)
            print(line, flush=True)
            begin = time.monotonic()
            while time.monotonic() - begin < 2 and twin.running():
                done = subprocess.run(["curl", "-s", f"http://{admin}/readyz"], capture_output=True, text=True, check=False)
                self.assertFalse(done.stdout.startswith("ok"), "it was let in")
                time.sleep(0.1)

    def test_a_second_broker_with_the_same_id(self):
        self.addCleanup(self.check_cluster)
        config = self.config(data_dir=self.scratch / "data")
        run([BINARY, "format", "--config", config, "--from", self.cluster.dir / "founding"])
        self.joins_nothing(config, "(refused|stops).*formatted again")

    def test_a_copied_directory(self):
        self.addCleanup(self.check_cluster)
        # Copied while its broker is stopped; both then run.
        self.cluster.kill(self.VICTIM)
        shutil.copytree(self.cluster.data(self.VICTIM), self.scratch / "data")
        self.cluster.restart(self.VICTIM)
        wait_for(lambda: self.cluster.ready(self.VICTIM), 20, "the original is ready")
        config = self.config(data_dir=self.scratch / "data")
        self.joins_nothing(config, "refused.*another process was.*copied")
        # Its boot epoch is the newer one now: the original's process is what speaks against it.
        self.joins_nothing(config, "refused.*another process of it speaks.*copied")
        self.assertTrue(self.cluster.ready(self.VICTIM), "the original goes on")

    def test_a_rolled_back_directory(self):
        self.addCleanup(self.check_cluster)
        data, backup = self.cluster.data(self.VICTIM), self.scratch / "backup"
        self.cluster.kill(self.VICTIM)
        shutil.copytree(data, backup)
        self.cluster.restart(self.VICTIM)
        wait_for(lambda: self.cluster.ready(self.VICTIM), 20, "the broker is ready")
        self.cluster.kill(self.VICTIM)
        self.joins_nothing(self.config(data_dir=backup), "(refused|stops).*rolled back or copied")

    def test_a_directory_with_parts_rolled_back(self):
        """The journal or the store alone from an earlier day: said at the start, and the directory is left as it is."""
        self.addCleanup(self.check_cluster)
        data = self.cluster.data(self.VICTIM)
        self.cluster.kill(self.VICTIM)
        early = self.scratch / "early"
        shutil.copytree(data, early)
        self.cluster.restart(self.VICTIM)
        more = self.load(self.shared.topic, name="more", bytes_per_second=20_000_000, record_bytes=8192)
        wait_for(lambda: self.cluster.metric(self.VICTIM, "kronika_journal_files_recycled_total") >= 5, 60, "the journal went round")
        more.finish()
        self.cluster.kill(self.VICTIM)
        for part in ("journal", "store"):
            mixed = self.scratch / f"old-{part}"
            shutil.copytree(data, mixed)
            shutil.rmtree(mixed / part)
            shutil.copytree(early / part, mixed / part)
            self.refused(self.config(data_dir=mixed), "(journal|checkpoint).*(lost|rolled back|older|recycled|cannot be used)")


if __name__ == "__main__":
    results.main()
