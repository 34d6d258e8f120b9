"""What a broker answers first when it goes on after a pause: requests that wait in its sockets while it is stopped.

Such a broker may still believe that it leads. An answer is stale if it says less than what its successors had acknowledged
by then.
"""

import wire

OFFSET_OUT_OF_RANGE = 1


class Waiting:
    """Two connections a partition, opened before the pause."""

    def __init__(self, port, topic, partitions):
        self._topic, self._ends = topic, {}
        self._connections = {partition: (wire.Connection(port, 30), wire.Connection(port, 30)) for partition in partitions}
        for pair in self._connections.values():
            for connection in pair:
                connection.api_versions()  # it is accepted

    def ask(self, ends):
        """While it is stopped: each partition's end, and what stands at its last acknowledged record; {partition: end}."""
        self._ends = ends
        for partition, (asks, fetches) in self._connections.items():
            asks.send(wire.LIST_OFFSETS, 1, asks.end_offset_body(self._topic, partition))
            fetches.send(wire.FETCH, 4, fetches.fetch_body(self._topic, partition, ends[partition] - 1, 65536, 0))

    def stale(self):
        """([error of each answer], [a sentence for each stale one]).

        Most errors are no stale answer: the client asks elsewhere."""
        errors, found = [], []
        for partition, (asks, fetches) in self._connections.items():
            name, end = f"{self._topic}-{partition}", self._ends[partition]
            with asks, fetches:
                error, offset = asks.told_end(wire.Reader(asks.receive()[1]))
                if error == 0 and offset < end:
                    found.append(f"{name} ends at {offset}, acknowledged up to {end}")
                errors.append(error)
                error, watermark, _ = fetches.fetched(wire.Reader(fetches.receive()[1]))
                if error == OFFSET_OUT_OF_RANGE:
                    found.append(f"{name} has no offset {end - 1}, which was acknowledged")
                if error == 0 and watermark < end:
                    found.append(f"{name} is read up to {watermark}, acknowledged up to {end}")
                errors.append(error)
        return errors, found
