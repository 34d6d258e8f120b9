"""Kafka's protocol by hand, for what no client shows: stored batches, old versions, malformed requests.

Old, non-flexible versions where there are any; written from the protocol guide, independently of the code under test.
"""

import socket
import struct

PRODUCE, FETCH, LIST_OFFSETS, METADATA, FIND_COORDINATOR, API_VERSIONS = 0, 1, 2, 3, 10, 18
CREATE_TOPICS, DELETE_TOPICS, INIT_PRODUCER_ID, DESCRIBE_CONFIGS, DESCRIBE_CLUSTER = 19, 20, 22, 32, 60
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


def string(text):
    if text is None:
        return struct.pack(">h", -1)
    encoded = text if isinstance(text, bytes) else text.encode(errors="surrogateescape")
    return struct.pack(">h", len(encoded)) + encoded


def blob(content):
    return struct.pack(">i", len(content)) + content


def array(items):
    return struct.pack(">i", len(items)) + b"".join(items)


class Reader:
    def __init__(self, content):
        self.content = content
        self.position = 0

    def take(self, form):
        values = struct.unpack_from(">" + form, self.content, self.position)
        self.position += struct.calcsize(">" + form)
        return values[0] if len(values) == 1 else values

    def bytes(self, size):
        self.position += size
        return self.content[self.position - size:self.position]

    def string(self):
        size = self.take("h")
        return None if size < 0 else self.bytes(size).decode(errors="surrogateescape")

    def uvarint(self):
        value, shift = 0, 0
        while True:
            byte = self.take("B")
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def compact_string(self):
        size = self.uvarint()
        return None if size == 0 else self.bytes(size - 1).decode()

    def tags(self):
        """Skips tagged fields."""
        for _ in range(self.uvarint()):
            self.uvarint(), self.bytes(self.uvarint())

    def array(self, read):
        return [read(self) for _ in range(max(0, self.take("i")))]


class Connection:
    """One connection; `request` sends a frame and waits for its answer's body."""

    def __init__(self, port, seconds=10, client="wire"):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self._client = client
        self._correlation = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, key, version, body, tags=b""):
        self._correlation += 1
        header = struct.pack(">hhi", key, version, self._correlation) + string(self._client) + tags
        self.socket.sendall(struct.pack(">i", len(header) + len(body)) + header + body)
        return self._correlation

    def exactly(self, size):
        content = b""
        while len(content) < size:
            chunk = self.socket.recv(size - len(content))
            if not chunk:
                raise ConnectionError("the broker closed the connection")
            content += chunk
        return content

    def receive(self):
        """(correlation id, rest) of the next answer."""
        frame = self.exactly(struct.unpack(">i", self.exactly(4))[0])
        return struct.unpack(">i", frame[:4])[0], frame[4:]

    def request(self, key, version, body):
        sent = self.send(key, version, body)
        correlation, rest = self.receive()
        assert correlation == sent, f"answer {correlation} to request {sent}"
        return Reader(rest)

    def api_versions(self):
        """{key: (lowest, highest)} from version 0."""
        reader = self.request(API_VERSIONS, 0, b"")
        error = reader.take("h")
        assert error == 0, f"ApiVersions: error {error}"
        return {key: (low, high) for key, low, high in reader.array(lambda r: r.take("hhh"))}

    def leader(self, topic, partition=0):
        """(error, leader's node id) from Metadata version 1."""
        reader = self.request(METADATA, 1, array([string(topic)]))
        reader.array(lambda r: (r.take("i"), r.string(), r.take("i"), r.string()))
        reader.take("i")

        def one_partition(r):
            error, index, leader = r.take("hii")
            r.array(lambda x: x.take("i")), r.array(lambda x: x.take("i"))
            return index, error, leader

        topics = reader.array(lambda r: (r.take("h"), r.string(), r.take("b"), r.array(one_partition)))
        error, _, _, partitions = topics[0]
        return next(((e, leader) for index, e, leader in partitions if index == partition), (error or 3, -1))

    def leader_epochs(self, topic):
        """{partition: leader epoch} from Metadata version 7."""
        reader = self.request(METADATA, 7, array([string(topic)]) + b"\0")
        reader.take("i")
        reader.array(lambda r: (r.take("i"), r.string(), r.take("i"), r.string()))
        reader.string(), reader.take("i")

        def one_partition(r):
            _, index, _, epoch = r.take("hiii")
            for _ in range(3):
                r.array(lambda x: x.take("i"))
            return index, epoch

        topics = reader.array(lambda r: (r.take("h"), r.string(), r.take("b"), r.array(one_partition)))
        return dict(topics[0][3])

    def fetch(self, topic, partition=0, offset=0, bytes_max=10_000_000, wait_ms=500):
        """(error, high watermark, stored bytes) of one partition from Fetch version 4."""
        return self.fetched(self.request(FETCH, 4, self.fetch_body(topic, partition, offset, bytes_max, wait_ms)))

    @staticmethod
    def fetch_body(topic, partition, offset, bytes_max, wait_ms):
        body = struct.pack(">iiiib", -1, wait_ms, 1, bytes_max, 0)
        return body + array([string(topic) + array([struct.pack(">iqi", partition, offset, bytes_max)])])

    @staticmethod
    def fetched(reader):
        reader.take("i")
        reader.take("i"), reader.string(), reader.take("i")
        _, error, watermark, _ = reader.take("ihqq")
        reader.array(lambda r: r.take("qq"))
        return error, watermark, reader.bytes(max(0, reader.take("i")))

    def fetch_from_replica(self, topic, partition=0, offset=0, bytes_max=8_000_000):
        """Like fetch, from this very broker, leader or not (Fetch version 11, as KIP-392's consumers do)."""
        body = struct.pack(">iiiibii", -1, 100, 1, bytes_max, 0, 0, -1)
        body += array([string(topic) + array([struct.pack(">iiqqi", partition, -1, offset, -1, bytes_max)])])
        body += array([]) + string("")
        reader = self.request(FETCH, 11, body)
        reader.take("i"), reader.take("h"), reader.take("i")
        reader.take("i"), reader.string(), reader.take("i")
        _, error, watermark, _, _ = reader.take("ihqqq")
        reader.array(lambda r: r.take("qq"))
        reader.take("i")
        return error, watermark, reader.bytes(max(0, reader.take("i")))

    def find_coordinator(self, group):
        """(error, node id) from FindCoordinator version 0."""
        reader = self.request(FIND_COORDINATOR, 0, string(group))
        return reader.take("hi")

    def init_producer_id(self):
        """(error, producer id, epoch) from InitProducerId version 0, without a transactional id."""
        reader = self.request(INIT_PRODUCER_ID, 0, string(None) + struct.pack(">i", 60_000))
        reader.take("i")
        return reader.take("hqh")

    def end_offset(self, topic, partition=0):
        """(error, offset) of the end from ListOffsets version 1."""
        return self.told_end(self.request(LIST_OFFSETS, 1, self.end_offset_body(topic, partition)))

    @staticmethod
    def end_offset_body(topic, partition):
        return struct.pack(">i", -1) + array([string(topic) + array([struct.pack(">iq", partition, -1)])])

    @staticmethod
    def told_end(reader):
        reader.take("i"), reader.string(), reader.take("i")
        _, error, _, offset = reader.take("ihqq")
        return error, offset

    def describe_cluster(self):
        """(controller's node id, {node id: port}) from DescribeCluster version 0, which is flexible."""
        sent = self.send(DESCRIBE_CLUSTER, 0, b"\0" + b"\0", tags=b"\0")
        correlation, rest = self.receive()
        assert correlation == sent, f"answer {correlation} to request {sent}"
        reader = Reader(rest)
        reader.tags(), reader.take("i")
        error, _, _, controller = reader.take("h"), reader.compact_string(), reader.compact_string(), reader.take("i")
        assert error == 0, f"DescribeCluster: error {error}"
        brokers = {}
        for _ in range(reader.uvarint() - 1):
            node, _, port, _ = reader.take("i"), reader.compact_string(), reader.take("i"), reader.compact_string()
            reader.tags()
            brokers[node] = port
        return controller, brokers

    def produce(self, topic, batch, partition=0, acks=-1, timeout_ms=10_000):
        """(error, base offset) from Produce version 3."""
        body = string(None) + struct.pack(">hi", acks, timeout_ms)
        body += array([string(topic) + array([struct.pack(">ii", partition, len(batch)) + batch])])
        reader = self.request(PRODUCE, 3, body)
        reader.take("i"), reader.string(), reader.take("i")
        _, error, offset, _ = reader.take("ihqq")
        return error, offset


def crc32c(content):
    """Castagnoli's checksum, bit by bit: for small batches."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def put_varint(value):
    """A zigzag varint."""
    value = (value << 1) ^ (value >> 63)
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def batch(values, now_ms=0, producer=(-1, -1, -1), base=0, attributes=0):
    """A record batch of these values, uncompressed; `producer` is (id, epoch, first sequence)."""
    content = b""
    for delta, value in enumerate(values):
        record = b"\0" + put_varint(0) + put_varint(delta) + put_varint(-1) + put_varint(len(value)) + value + put_varint(0)
        content += put_varint(len(record)) + record
    checked = struct.pack(">hiqqqhii", attributes, len(values) - 1, now_ms, now_ms, *producer, len(values)) + content
    return struct.pack(">qiibI", base, len(checked) + 9, -1, 2, crc32c(checked)) + checked


def varint(content, position):
    """(value, next position) of a zigzag varint."""
    value, shift = 0, 0
    while True:
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), position
        shift += 7


def records(stored):
    """(offset, value's first 64 bytes) of every record in whole, uncompressed batches of fetched bytes."""
    position, found = 0, []
    while position + 61 <= len(stored):
        base, length = struct.unpack_from(">qi", stored, position)
        end = position + 12 + length
        if end > len(stored):
            break
        (attributes,) = struct.unpack_from(">h", stored, position + 21)
        (count,) = struct.unpack_from(">i", stored, position + 57)
        assert attributes & 7 == 0, "a compressed batch"
        at = position + 61
        if attributes & 0x20:  # a control batch has no records of clients
            position = end
            continue
        for _ in range(count):
            size, at = varint(stored, at)
            following = at + size
            _, at = varint(stored, at + 1)  # past the attributes: time
            delta, at = varint(stored, at)
            key_size, at = varint(stored, at)
            value_size, at = varint(stored, at + max(0, key_size))
            found.append((base + delta, bytes(stored[at:at + min(64, max(0, value_size))])))
            at = following
        position = end
    return found


def batches(stored):
    """The headers of whole batches in fetched bytes: base offset, last offset, codec's name, leader epoch, count, producer
    and its first sequence."""
    position, found = 0, []
    while position + 61 <= len(stored):
        base, length, epoch, magic, _, attributes, last_delta = struct.unpack_from(">qiibIhi", stored, position)
        if position + 12 + length > len(stored):
            break
        producer, _, sequence, count = struct.unpack_from(">qhii", stored, position + 43)
        found.append({"base_offset": base, "last_offset": base + last_delta, "codec": CODECS[attributes & 7],
                      "leader_epoch": epoch, "magic": magic, "count": count, "producer": producer, "sequence": sequence,
                      "log_append_time": bool(attributes & 8), "end": position + 12 + length})
        position += 12 + length
    return found


def stored_batches(cluster, topic, partition=0):
    """The headers of all batches of a partition, read from its leader without a client."""
    with Connection(cluster.port(0)) as connection:
        _, leader = connection.leader(topic, partition)
    with Connection(cluster.port(leader - 1)) as connection:
        offset, found = 0, []
        while True:
            error, watermark, content = connection.fetch(topic, partition, offset)
            assert error == 0, f"Fetch of {topic}: error {error}"
            found += [one for one in batches(content) if one["base_offset"] >= offset]
            if not found or found[-1]["last_offset"] + 1 >= watermark:
                return found
            offset = found[-1]["last_offset"] + 1


def stored_codecs(cluster, topic):
    return [one["codec"] for one in stored_batches(cluster, topic)]
