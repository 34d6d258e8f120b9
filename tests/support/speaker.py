"""A member of a group in frames of our own, with the codes that it may be told: for what no client does."""

import struct

import wire
from process import wait_for
from wire import array, blob, string

COMMIT, FETCH_OFFSETS, JOIN, HEARTBEAT, LEAVE, SYNC, DELETE_OFFSETS = 8, 9, 11, 12, 13, 14, 47
OK, UNKNOWN_TOPIC, TOO_LARGE, LOADING, NOT_AVAILABLE, NOT_COORDINATOR = 0, 3, 12, 14, 15, 16
ILLEGAL_GENERATION, INCONSISTENT_PROTOCOL, INVALID_GROUP, UNKNOWN_MEMBER, INVALID_SESSION = 22, 23, 24, 25, 26
COMMIT_SIZE, INVALID_EPOCH, SUBSCRIBED, MEMBER_ID_REQUIRED, FENCED = 28, 47, 86, 79, 82
SERVER_ERROR = -1


class Speaker:
    """A member of a group, or somebody who says so."""

    def __init__(self, test, group, client="wire"):
        def found():
            with wire.Connection(test.cluster.port(0)) as connection:
                error, node = connection.find_coordinator(group)
            return error == OK and node
        node = wait_for(found, 30, "the group has a coordinator")
        self.connection = wire.Connection(test.cluster.port(node - 1), 20, client)
        test.addCleanup(self.connection.socket.close)
        self.group, self.member, self.instance, self.generation = group, "", None, -1
        self.settled = False

    def ask(self, key, version, body):
        reader = self.connection.request(key, version, body)
        reader.take("i")  # throttle time
        return reader

    def who(self):
        return string(self.group) + struct.pack(">i", self.generation) + string(self.member) + string(self.instance)

    def join(self, protocols=(("range", b"hello"),), kind="consumer", session_ms=10_000):
        body = string(self.group) + struct.pack(">ii", session_ms, 10_000) + string(self.member) + string(self.instance)
        reader = self.ask(JOIN, 5, body + string(kind) + array([string(name) + blob(text) for name, text in protocols]))
        error, generation = reader.take("hi")
        reader.string(), reader.string()
        told = reader.string()
        if error in (OK, MEMBER_ID_REQUIRED):
            self.member, self.generation = told, generation
        # A new one is told its id; and the group's partition may be new, too.
        again = error == MEMBER_ID_REQUIRED or error in (LOADING, NOT_AVAILABLE, NOT_COORDINATOR) and not self.settled
        self.settled = self.settled or error == OK
        return self.join(protocols, kind, session_ms) if again else error

    def sync(self, assignment=b"all"):
        """(error, assignment)"""
        reader = self.ask(SYNC, 3, self.who() + array([string(self.member) + blob(assignment)]))
        return reader.take("h"), reader.bytes(max(0, reader.take("i")))

    def heartbeat(self):
        return self.ask(HEARTBEAT, 3, self.who()).take("h")

    def leave(self):
        body = string(self.group) + array([string(self.member) + string(self.instance)])
        reader = self.ask(LEAVE, 3, body)
        error = reader.take("h")
        each = reader.array(lambda r: (r.string(), r.string(), r.take("h")))
        return error or each[0][2]

    def commit(self, *offsets):
        """The error of each (topic, partition, offset, metadata)."""
        topics = [string(topic) + array([struct.pack(">iqi", partition, offset, -1) + string(text)])
                  for topic, partition, offset, text in offsets]
        reader = self.ask(COMMIT, 7, self.who() + array(topics))
        told = {(topic, partition): error for topic, partitions in
                reader.array(lambda r: (r.string(), r.array(lambda p: p.take("ih")))) for partition, error in partitions}
        return [told[topic, partition] for topic, partition, _, _ in offsets]

    def committed(self, topic, partition=0):
        reader = self.ask(FETCH_OFFSETS, 5, string(self.group) + array([string(topic) + array([struct.pack(">i", partition)])]))
        told = reader.array(lambda r: (r.string(), r.array(lambda p: (p.take("iqi"), p.string(), p.take("h")))))
        assert reader.take("h") == OK
        return told[0][1][0][0][1]

    def settle(self, test, instance=None):
        self.instance = instance
        test.assertEqual(OK, self.join())
        test.assertEqual(OK, self.sync()[0])
        return self

    def like(self, test):
        """Somebody who says the same of himself."""
        other = Speaker(test, self.group)
        other.member, other.instance, other.generation = self.member, self.instance, self.generation
        return other
