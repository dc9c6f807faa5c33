"""What is stored and published, read without any code of ours: sqlite3, zstandard, hashlib, json."""

import hashlib
import json
import sqlite3
from pathlib import Path

import zstandard


def unpack(payload):
    """A block's or file's bytes, from bytes that may be zstd (magic 28 B5 2F FD)."""
    if payload[:4] == b"\x28\xb5\x2f\xfd":
        return zstandard.ZstdDecompressor().decompress(payload, max_output_size=1 << 24)
    return payload


def ledger_blocks(data):
    """The blocks of <data>/ledger.db as {n: bytes}; empty while it is being made."""
    if not (Path(data) / "ledger.db").exists():
        return {}
    database = sqlite3.connect(f"file:{data}/ledger.db?mode=ro", uri=True, timeout=10)
    try:
        return {n: unpack(packed) for n, packed in database.execute("SELECT n, packed FROM blocks ORDER BY n")}
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return {}
        raise
    finally:
        database.close()


def ledger_files(data, kind):
    """The content-addressed files of a kind, unpacked."""
    database = sqlite3.connect(f"file:{data}/ledger.db?mode=ro", uri=True, timeout=10)
    try:
        return [unpack(packed) for (packed,) in database.execute("SELECT packed FROM files WHERE kind = ?", (kind,))]
    finally:
        database.close()


def stored(data):
    """The blocks as objects, in order."""
    return [json.loads(block) for block in ledger_blocks(data).values()]


def stored_readings(data):
    return [reading for block in stored(data) for reading in block["readings"]]


def stored_events(data, kind=None):
    return [event for block in stored(data) for event in block["events"] if kind in (None, event["kind"])]


def check_chain(blocks):
    """Fails when numbers have a gap or `prev` is not the leaf hash of the block before. `blocks`: {n: bytes}."""
    numbers = sorted(blocks)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    for n in numbers[1:]:
        assert json.loads(blocks[n])["prev"] == hashlib.sha256(b"\0" + blocks[n - 1]).hexdigest(), f"block {n}"
