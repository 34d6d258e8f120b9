"""Record batches by hand, for producers that no stock client plays: a batch sent again, a sequence that does not follow.

Written from the format's description, independently of the code under test.
"""

import struct
from dataclasses import dataclass

CRC_POLYNOMIAL = 0x82F63B78  # CRC-32C, reflected


def _table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (CRC_POLYNOMIAL if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _table()


def crc32c(content):
    crc = 0xFFFFFFFF
    for byte in content:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


@dataclass
class Producer:
    """Who sends a batch; the default is no idempotent producer."""
    id: int = -1
    epoch: int = -1
    sequence: int = -1


def varint(number):
    number = (number << 1) ^ (number >> 63)
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def encode(values, base=0, attributes=0, producer=Producer()):
    """One uncompressed batch of records without keys."""
    body = b""
    for delta, text in enumerate(values):
        record = b"\0" + varint(0) + varint(delta) + varint(-1) + varint(len(text)) + text + varint(0)
        body += varint(len(record)) + record
    checked = struct.pack(">hiqqqhii", attributes, len(values) - 1, 0, 0, producer.id, producer.epoch, producer.sequence,
                          len(values)) + body
    rest = struct.pack(">ibI", 0, 2, crc32c(checked)) + checked
    return struct.pack(">qi", base, len(rest)) + rest
