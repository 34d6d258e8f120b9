"""Three brokers as real processes: stock clients see one cluster, and it goes on when the controller is killed.
"""

import json
import sys
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import bounds  # noqa: E402
import clients  # noqa: E402
import ports  # noqa: E402
import results  # noqa: E402
from process import ROOT, run, wait_for  # noqa: E402

BINARY = ROOT / "build" / "release" / "kronika"
BROKERS = 3
NEW_CONTROLLER_SECONDS_MAX = 3


@unittest.skipUnless(BINARY.exists(), "build/release/kronika is not built")
class Cluster(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="kronika-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.port = ports.base_port(BROKERS)
        cls.folder = Path(folder.name) / "cluster"
        cls.addClassCleanup(lambda: cls.script("stop"))
        cls.script("start", "--base-port", str(cls.port), "--set", "journal_file_bytes=16MiB")

    @classmethod
    def script(cls, *words):
        return run([ROOT / "deploy" / "cluster.sh", "--dir", cls.folder, *words],
                   environment={"KRONIKA_BIN": str(BINARY)}, seconds=120).stdout

    @classmethod
    def at(cls, broker):
        return f"127.0.0.1:{cls.port + broker}"

    @classmethod
    def status(cls, broker):
        """What broker 0, 1 or 2 says of itself; None when it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{cls.port + 552 + broker}/v1/status", timeout=2) as answer:
                return json.load(answer)
        except OSError:
            return None

    def one_cluster(self, brokers=range(BROKERS)):
        """Whether every one of `brokers` lists all three and the same controller."""
        seen = [self.status(broker) for broker in brokers]
        return (all(one and one["brokers"] == [1, 2, 3] for one in seen) and
                len({one["controller"] for one in seen}) == 1 and seen[0]["controller"] != -1)

    def setUp(self):
        self.script("start")
        wait_for(self.one_cluster, 20, "all brokers list all three and one controller")

    @clients.needs("kcat")
    def test_kcat_sees_the_same_cluster_at_every_broker(self):
        def seen(broker):
            answer = clients.kcat_metadata(self.at(broker))
            return answer["controllerid"], sorted((one["id"], one["name"]) for one in answer["brokers"])

        expected = [(i + 1, self.at(i)) for i in range(BROKERS)]
        answers = [seen(broker) for broker in range(BROKERS)]
        self.assertEqual([expected] * BROKERS, [brokers for _, brokers in answers])
        self.assertEqual({self.status(0)["controller"]}, {controller for controller, _ in answers})

    @bounds.three_tries
    def test_a_killed_controller_is_replaced(self):
        for _ in range(2):
            old = self.status(0)["controller"]
            others = [broker for broker in range(BROKERS) if broker != old - 1]
            self.script("kill", str(old - 1))
            begin = time.monotonic()

            def named():
                seen = {(self.status(broker) or {}).get("controller") for broker in others}
                return len(seen) == 1 and not seen & {old, -1, None} and seen

            (new,) = wait_for(named, 30, "the others name one new controller", 0.01)
            taken = time.monotonic() - begin
            print(f"controller {old} killed; {new} named after {taken:.2f} s")
            self.script("restart", str(old - 1))
            wait_for(self.one_cluster, 20, "the killed one is back")
            bounds.within(NEW_CONTROLLER_SECONDS_MAX, taken, "a new controller, s")

    @clients.needs("kcat")
    def test_records_and_identities_survive_stop_and_start(self):
        records = [f"record {number}" for number in range(500)]
        clients.kcat(self.at(0), "-P", "-t", "kept", "-X", "acks=all", stdin="\n".join(records))
        before = [self.status(broker)["broker"]["uuid"] for broker in range(BROKERS)]
        self.script("stop")
        self.assertEqual([None] * BROKERS, [self.status(broker) for broker in range(BROKERS)])
        self.script("start")
        self.assertEqual(before, [self.status(broker)["broker"]["uuid"] for broker in range(BROKERS)])
        for broker in range(BROKERS):
            read = clients.kcat(self.at(broker), "-C", "-t", "kept", "-p", "0", "-o", "beginning", "-e", "-q")
            self.assertEqual(records, clients.lines(read))

    @clients.needs("kcat")
    def test_a_paused_broker_leaves_the_list_and_returns(self):
        victim = self.status(0)["controller"] % BROKERS  # not the controller
        watcher = self.status(0)["controller"] - 1
        self.script("pause", str(victim))
        try:
            wait_for(lambda: victim + 1 not in self.status(watcher)["brokers"], 10, "the paused one is not listed")
        finally:
            self.script("resume", str(victim))
        wait_for(self.one_cluster, 20, "it is listed again")

    def test_a_second_process_and_a_foreign_directory_are_refused(self):
        config = self.folder / "node0" / "kronika.yaml"
        second = run([BINARY, "start", "--config", config, "--set", f"admin_listener=127.0.0.1:{ports.free_port()}"], check=False)
        self.assertEqual(1, second.returncode)
        self.assertEqual(1, len([line for line in second.stderr.splitlines() if line.startswith("kronika: ")]))
        self.assertIn("in use by process", second.stderr)
        foreign = run([BINARY, "start", "--config", self.folder / "node1" / "kronika.yaml",
                       "--set", f"admin_listener=127.0.0.1:{ports.free_port()}", "--set", f"data_dir={self.folder}/nowhere"], check=False)
        self.assertEqual(1, foreign.returncode)
        self.assertIn("kronika format", foreign.stderr)
        self.assertFalse((self.folder / "nowhere").exists())
        self.assertTrue(self.one_cluster())


if __name__ == "__main__":
    results.main()
