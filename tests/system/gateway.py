"""A gateway of the tests' own, for centres: paho and independent.py, written from docs/FORMAT.md and the C2SP texts alone.
It makes its own blocks, signs its own checkpoints, and can be told to lie."""

import base64
import hashlib
import json
import secrets
import threading
import time

import zstandard
from cryptography.hazmat.primitives.asymmetric import ec
from independent import Receipt, der_of, leaf_hash, root_of, sign_note, verifier_line, write_checkpoint
from support import SITE, mqtt_client, wait_until

DRIVER = b"maker: Test\nmodel: Meter\n"
CONFIG = b"site: {}\n"


def definitions(driver=DRIVER, config=CONFIG, note=""):
    point = {"instrument": "meter" + note, "driver": hashlib.sha256(driver).hexdigest(), "certificate": None}
    document = {"tally-definitions": 1, "software": "0" * 64, "config": hashlib.sha256(config).hexdigest(),
                "time_zone": "Asia/Shanghai", "points": {"1": point}}
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


class Gateway:
    """One log of one gateway, connected on request. key, log: for a clone of another."""

    def __init__(self, broker, name="gw-01", site=SITE, key=None, log=None, user="gw-01"):
        self.broker, self.user = broker, user
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.origin = f"{site}/{name}/{log or secrets.token_hex(16)}"
        self.blocks = []
        self.run = secrets.token_hex(16)
        self.definitions = definitions()
        self.receipts, self.resumes = [], []  # (time, note as text), in the order of arrival
        self.obeys = True  # resume
        self.lock = threading.Lock()
        self.client = None
        self.nonce = None

    # --- what it has

    def make(self, count=1, readings=1, events=(), missed=0):
        """Appends blocks; returns them."""
        for _ in range(count):
            n = len(self.blocks)
            prev = leaf_hash(self.blocks[-1]).hex() if n else ""
            now = 1795498776000000 + n * 1000000
            block = {"tally": 1, "log": self.origin, "n": n, "prev": prev, "run": self.run,
                     "mono_us": [n * 1000000, n * 1000000 + 10], "closed_us": now,
                     "clock": {"state": "synchronised", "error_us": 850, "leap": 0},
                     "defs": hashlib.sha256(self.definitions).hexdigest(),
                     "readings": [[1, now + i, 420, "0001", 230.1, None, None, 0] for i in range(readings)],
                     "missed": [[1, now + i, "timeout"] for i in range(missed)], "events": list(events)}
            self.blocks.append(json.dumps(block, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")
        return self.blocks[-count:]

    def root(self, size=None):
        return root_of(self.blocks[:size])

    def checkpoint_note(self, size=None, root=None, key=None):
        size = len(self.blocks) if size is None else size
        root = self.root(size) if root is None else root
        return sign_note(write_checkpoint(self.origin, size, root), self.origin, key or self.key)

    def fingerprint(self):
        return hashlib.sha256(der_of(self.key.public_key())).hexdigest()

    def verifier_line(self):
        return verifier_line(self.origin, self.key.public_key())

    # --- what it says

    def publish(self, last, payload, retain=False, properties=None, wait=True, origin=None):
        info = self.client.publish(f"tally/1/{origin or self.origin}/{last}", payload, qos=1, retain=retain,
                                   properties=properties)
        if wait:
            info.wait_for_publish(20)
        return info

    def hello(self, first=0, size=None, key=None):
        self.nonce = secrets.token_hex(16)
        key = base64.b64encode(der_of((key or self.key).public_key())).decode()
        size = len(self.blocks) if size is None else size
        self.publish("hello", f"tally-hello/v1\nnonce {self.nonce}\nkey {key}\nfirst {first}\n{self.origin}\n{size}\n")
        return self.nonce

    def send_file(self, content, kind="file", chunk=65536, name=None):
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties
        name = name or hashlib.sha256(content).hexdigest()
        for offset in range(0, max(len(content), 1), chunk):
            properties = Properties(PacketTypes.PUBLISH)
            properties.UserProperty = [("offset", str(offset)), ("total", str(len(content))), ("kind", kind)]
            self.publish(f"file/{name}", content[offset:offset + chunk], properties=properties)

    def send_files(self):
        self.send_file(DRIVER)
        self.send_file(CONFIG)
        self.send_file(self.definitions, kind="definitions")

    def send_blocks(self, first=0, last=None, packed=False):
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties
        properties = None
        if packed:
            properties = Properties(PacketTypes.PUBLISH)
            properties.ContentType = "application/vnd.tally.block+zstd"
        info = None
        for block in self.blocks[first:last]:
            payload = zstandard.ZstdCompressor().compress(block) if packed else block
            info = self.publish("block", payload, properties=properties, wait=False)
        if info:
            info.wait_for_publish(20)

    def send_checkpoint(self, size=None, **more):
        note = self.checkpoint_note(size, **more)
        self.publish("checkpoint", note, retain=True)
        return note

    def send_all(self, first=0):
        self.send_files()
        self.send_blocks(first)
        self.send_checkpoint()

    # --- what it hears

    def on_message(self, _client, _context, message):
        note = message.payload.decode()
        with self.lock:
            (self.receipts if message.topic.endswith("/receipt") else self.resumes).append((time.time(), note))
        if message.topic.endswith("/resume") and self.obeys:
            first = int(note.splitlines()[4].removeprefix("from "))
            threading.Thread(target=self.send_all, args=(first,), daemon=True).start()

    def heads(self, public):
        """(nonce, from, size, root, time) of each receipt, each verified."""
        out = []
        with self.lock:
            notes = [note for _, note in self.receipts]
        for note in notes:
            receipt = Receipt(note.encode())
            receipt.note.verify(receipt.centre, public)
            assert receipt.origin == self.origin
            out.append((receipt.nonce, receipt.start, receipt.size, receipt.root, receipt.time))
        return out

    def wait_receipt(self, public, size, nonce=None, seconds=30):
        """Until a receipt of that size (and nonce) came; its root must be ours."""
        def found():
            return next((head for head in self.heads(public) if head[2] == size and nonce in (None, head[0])), None)
        head = wait_until(found, lambda: f"a receipt of {size}: {self.heads(public)}", seconds)
        assert head[3] == self.root(size)
        return head

    # --- its life

    def connect(self):
        ready = threading.Event()
        self.client = mqtt_client(self.broker, "fake-" + secrets.token_hex(6), user=self.user)
        self.client.max_inflight_messages_set(1000)
        self.client.on_message = self.on_message
        topics = [(f"tally/1/{self.origin}/{kind}", 1) for kind in ("receipt", "resume")]
        self.client.on_connect = lambda client, *_: client.subscribe(topics)
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.connect("localhost", self.broker.port, keepalive=30)
        self.client.loop_start()
        assert ready.wait(20), "the gateway could not subscribe"
        return self

    def __enter__(self):
        return self.connect()

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()
