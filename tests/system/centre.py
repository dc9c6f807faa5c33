"""A testing centre of the tests' own, for gateways: paho and independent.py, written from docs/FORMAT.md, RFC 6962 and the
C2SP texts alone. It keeps blocks in memory, believes nothing but a signed root, and can be told to behave badly."""

import base64
import json
import threading
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from independent import Refused, open_note, read_checkpoint, root_of, sign_note, verifier_line, write_checkpoint
from support import mqtt_client, wait_until


class Log:
    """What the centre knows of one log."""

    def __init__(self, origin):
        self.origin = origin
        self.key = None      # as the hello says
        self.nonce = "-"
        self.hellos = []
        self.blocks = {}     # those that came, verified or not
        self.head = 0        # [0, head) is verified
        self.checkpoints = []  # (size, root), each verified
        self.faults = []

    def root(self, size):
        return root_of([self.blocks[n] for n in range(size)])


class Centre:
    """A context manager. answering: whether it answers at all; asks: whether it asks for blocks that are missing; deaf:
    whether it loses every block that comes."""

    def __init__(self, broker, folder, name="fuzhou", answering=True, asks=True):
        self.broker, self.name = broker, name
        self.answering, self.asks, self.deaf = answering, asks, False
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.trusted = folder / f"{name}.pub"
        self.trusted.write_text(verifier_line(name, self.private.public_key()) + "\n")
        self.logs = {}
        self.receipts = []  # the notes sent, in order
        self.lock = threading.RLock()
        self.client = None

    # --- what it says

    def publish(self, log, topic, note, retain):
        self.client.publish(f"tally/1/{log.origin}/{topic}", note, qos=1, retain=retain)

    def receipt(self, log, nonce="-", size=None, root=None):
        size = log.head if size is None else size
        root = log.root(size) if root is None else root
        text = (f"tally-receipt/v1\ncentre {self.name}\ntime {int(time.time())}\nnonce {nonce}\nfrom 0\n" +
                write_checkpoint(log.origin, size, root))
        note = sign_note(text, self.name, self.private)
        self.receipts.append(note)
        self.publish(log, "receipt", note, True)
        return note

    def resume(self, log, start):
        text = (f"tally-resume/v1\ncentre {self.name}\ntime {int(time.time())}\nnonce {log.nonce}\nfrom {start}\n"
                f"{log.origin}\n")
        self.publish(log, "resume", sign_note(text, self.name, self.private), False)

    # --- what it hears

    def on_hello(self, log, payload):
        lines = payload.decode().split("\n")
        assert lines[0] == "tally-hello/v1" and lines[4] == log.origin, lines
        log.nonce = lines[1].removeprefix("nonce ")
        log.key = serialization.load_der_public_key(base64.b64decode(lines[2].removeprefix("key ")))
        log.hellos.append(int(lines[5]))
        if self.answering:
            self.receipt(log, log.nonce)

    def on_block(self, log, block):
        n = json.loads(block)["n"]
        if self.deaf:
            return
        if n in log.blocks:
            if log.blocks[n] != block:
                log.faults.append(f"block {n} differs")
        elif n and n - 1 not in log.blocks:
            log.faults.append(f"block {n} after a hole")
            if self.asks:
                self.resume(log, max(log.blocks, default=-1) + 1)
        else:
            log.blocks[n] = block

    def on_checkpoint(self, log, payload):
        if log.key is None:
            return
        try:
            text, name = open_note(payload.decode(), log.key)
            origin, size, root = read_checkpoint(text)
        except (Refused, ValueError) as error:
            log.faults.append(f"checkpoint: {error!r}")
            return
        assert origin == name == log.origin
        if any(n not in log.blocks for n in range(log.head, size)):
            return
        if log.root(size) != root:
            log.faults.append(f"checkpoint of {size} blocks: another root")
            return
        log.checkpoints.append((size, root))
        log.head = max(log.head, size)
        if self.answering:
            self.receipt(log)

    def on_message(self, _client, _context, message):
        with self.lock:
            *_, site, gateway, log_id, kind = message.topic.split("/")
            origin = f"{site}/{gateway}/{log_id}"
            log = self.logs.setdefault(origin, Log(origin))
            {"hello": self.on_hello, "block": self.on_block, "checkpoint": self.on_checkpoint}[kind](
                log, bytes(message.payload))

    # --- its life

    def __enter__(self):
        ready = threading.Event()
        self.client = mqtt_client(self.broker, f"centre-{self.name}")
        self.client.on_message = self.on_message
        topics = [(f"tally/1/+/+/+/{kind}", 1) for kind in ("hello", "block", "checkpoint")]
        self.client.on_connect = lambda client, *_: client.subscribe(topics)
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.connect("localhost", self.broker.port, keepalive=30)
        self.client.loop_start()
        assert ready.wait(20), "the centre could not subscribe"
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()

    def log(self, index=-1):
        """The log heard of last (or by index), or None."""
        with self.lock:
            logs = list(self.logs.values())
        return logs[index] if logs else None

    def wait_head(self, size, seconds=30):
        """Until the last log is verified up to `size` blocks at least."""
        wait_until(lambda: self.log() and self.log().head >= size,
                   lambda: f"head {self.log() and (self.log().head, len(self.log().blocks), self.log().faults)}", seconds)
        return self.log()
