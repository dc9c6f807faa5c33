"""A broker that lies, real gateway and centre on both sides of it: it puts in false blocks, notes and files, replays,
withholds and reorders. All of it is seen, nothing false is taken, and the receipts go on within a minute.

Two brokers stand for the one: what the gateway sends to the first, and the centre to the second, goes across by a relay
that does as a test tells it.
"""

import json
import os
import random
import re
import shutil
import threading
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from independent import sign_note
from stored import stored_events
from support import Broker, ModbusServer, Subscriber, float_registers, mqtt_client, needs_broker, needs_daemon, wait_until
from test_centre import CENTRE, Centre
from test_faults import Chain

pytestmark = [needs_daemon, needs_broker, pytest.mark.skipif(not CENTRE.exists(), reason="tally-centre is not built"),
              pytest.mark.timeout(300)]
RETAINED = ("definitions", "checkpoint", "status", "receipt")
STALL = 60  # seconds, at most, until a receipt comes again
MOVING = 8  # and where the truth comes too: checkpoints are made each second


def last_of(topic):
    return topic.rpartition("/")[2]


class Across:
    """One direction. lie(topic, payload): what goes across in place of a message, [(topic, payload)]."""

    def __init__(self, source, target, kinds, name):
        self.lie = lambda topic, payload: [(topic, payload)]
        self.seen = []  # (topic, payload) of all that came
        self.lock = threading.Lock()
        self.out = mqtt_client(target, f"relay-{name}-out")
        self.out.max_queued_messages_set(0)
        self.out.connect("localhost", target.port)
        self.out.loop_start()
        self.came = Subscriber(source, [f"tally/1/+/+/+/{kind}" for kind in kinds], client_id=f"relay-{name}-in")
        self.came.client.on_message = self._on_message

    def _on_message(self, _client, _context, message):
        payload = bytes(message.payload)
        with self.lock:
            self.seen.append((message.topic, payload))
            for topic, other in self.lie(message.topic, payload):
                self.put(topic, other, message.properties)

    def put(self, topic, payload, told=None):
        """told: the properties of a message as it came, of which a content type and the place of a chunk go along."""
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties
        properties = Properties(PacketTypes.PUBLISH)
        for name in ("ContentType", "UserProperty"):
            if hasattr(told, name):
                setattr(properties, name, getattr(told, name))
        self.out.publish(topic, payload, qos=1, retain=last_of(topic) in RETAINED, properties=properties)

    def all(self, last):
        with self.lock:
            return [payload for topic, payload in self.seen if last_of(topic) == last]

    def lying(self, lie):
        with self.lock:
            self.lie = lie

    def honest(self):
        self.lying(lambda topic, payload: [(topic, payload)])

    def close(self):
        self.came.close()
        self.out.disconnect()
        self.out.loop_stop()


class Liar(Chain):
    """A gateway and a centre that run, with a relay between their brokers: `up` to the centre, `down` from it."""

    up = down = None

    def topic(self, last):
        return f"tally/1/{self.origin}/{last}"

    def longest_wait(self, seconds):
        """For so long: the longest time without a new receipt, which never goes back."""
        longest, changed, receipted, until = 0, time.monotonic(), self.receipted(), time.monotonic() + seconds
        while time.monotonic() < until:
            now = self.receipted()
            assert now >= receipted, self.said()
            if now > receipted:
                receipted, changed = now, time.monotonic()
            longest = max(longest, time.monotonic() - changed)
            time.sleep(0.1)
        return longest

    def faults(self):
        return {fault["fault"]: fault for fault in self.centre.status()["faults"]}

    def wait_fault(self, name):
        return wait_until(lambda: self.faults().get(name), lambda: f"{name}: {self.faults()}\n{self.said()}", STALL)

    def wait_goes_on(self):
        """What is stored now is receipted within the time."""
        self.wait_receipted(self.size(), STALL)


@pytest.fixture(name="liar")
def make_liar(tmp_path):
    theirs = tmp_path / "far"
    registers = {1: dict(enumerate(float_registers(230.1)))}
    with Broker(tmp_path / "near") as near:
        theirs.mkdir()
        shutil.copytree(near.certificates, theirs / "certificates")
        with Broker(theirs) as far, ModbusServer(tmp_path, registers) as server, Centre(tmp_path, far) as centre:
            liar = Liar(tmp_path, server, near, centre)
            liar.up = Across(near, far, ["block", "file/#", "definitions", "checkpoint", "hello", "status"], "up")
            liar.down = Across(far, near, ["receipt", "resume"], "down")
            try:
                with liar:
                    yield liar
            finally:
                liar.up.close()
                liar.down.close()


def altered(block):
    """The block with another value (of none: another time) in it, and all else as it was."""
    return (block.replace(b"230.1,", b"230.2,") if b"230.1," in block
            else re.sub(rb'("closed_us":\d+)(\d)', lambda m: m[1] + (b"1" if m[2] == b"0" else b"0"), block))


def test_false_blocks_first(liar):
    """Each block comes with an altered one before it; far ones, of nothing, come too."""
    def lie(topic, payload):
        if last_of(topic) != "block":
            return [(topic, payload)]
        n = json.loads(payload)["n"]
        far = payload.replace(b'"n":%d,' % n, b'"n":%d,' % (n + 7))
        return [(topic, altered(payload)), (topic, far), (topic, payload)]
    liar.up.lying(lie)
    longest = liar.longest_wait(15)
    liar.up.honest()
    assert longest < MOVING, liar.said()
    assert liar.wait_fault("altered-block")["count"] > 20
    liar.wait_goes_on()
    liar.check()


def test_false_blocks_alone(liar):
    """For a while only altered blocks come: the signed root disagrees; afterwards the true ones are taken."""
    liar.up.lying(lambda topic, payload: [(topic, altered(payload) if last_of(topic) == "block" else payload)])
    receipted = liar.receipted()
    liar.wait_more(30)
    wait_until(lambda: liar.faults().keys() & {"altered-block", "disagreement"}, liar.said)
    assert liar.receipted() <= receipted + 10
    liar.up.honest()
    liar.wait_goes_on()
    liar.check()


def test_what_a_stranger_signs(liar):
    """Checkpoints, receipts and resumes by another key, in the names of the two: none counts."""
    stranger = ec.generate_private_key(ec.SECP256R1())
    root = "A" * 43 + "="
    for size in (1, 10**6):
        liar.up.put(liar.topic("checkpoint"), sign_note(f"{liar.origin}\n{size}\n{root}\n", liar.origin, stranger))
        liar.down.put(liar.topic("receipt"), sign_note(
            f"tally-receipt/v1\ncentre fuzhou\ntime {int(time.time())}\nnonce -\nfrom 0\n{liar.origin}\n{size}\n{root}\n",
            "fuzhou", stranger))
    liar.down.put(liar.topic("resume"), b"junk")
    liar.down.put(liar.topic("receipt"), os.urandom(40000))
    liar.up.put(liar.topic("checkpoint"), os.urandom(40000))
    liar.wait_fault("unknown-key")
    assert liar.longest_wait(12) < MOVING, liar.said()
    assert liar.receipted() < 10**5
    liar.check()
    assert stored_events(liar.data, "uplink.receipt-ignored"), "the gateway says so too"


def test_everything_again_and_again(liar):
    """Old blocks, checkpoints, hellos, receipts and resumes: nothing changes, no log is suspected."""
    dice = random.Random(3)

    def lie(across):
        return lambda topic, payload: [*dice.choices(across.seen, k=3), (topic, payload)]
    liar.up.lying(lie(liar.up))
    liar.down.lying(lie(liar.down))
    assert liar.longest_wait(15) < MOVING, liar.said()
    liar.up.honest()
    liar.down.honest()
    liar.wait_goes_on()
    status = liar.centre.status()
    assert not status["suspects"] and len(status["logs"]) == 1, status
    assert liar.daemon.status()["signing"]["state"] == "open"
    liar.check()


@pytest.mark.parametrize("kinds", [("block",), ("checkpoint",), ("receipt", "resume")], ids="+".join)
def test_what_is_withheld(liar, kinds):
    """For a while none of these goes across; afterwards all is caught up with."""
    lie = lambda topic, payload: [] if last_of(topic) in kinds else [(topic, payload)]
    liar.up.lying(lie)
    liar.down.lying(lie)
    time.sleep(1)
    receipted = liar.receipted()
    liar.wait_more(40)
    assert liar.receipted() <= receipted + 10, "nothing is receipted of what did not come"
    if kinds == ("block",):
        liar.wait_fault("hole")
    liar.up.honest()
    liar.down.honest()
    liar.wait_goes_on()
    liar.check()


def test_another_order(liar):
    """Each ten messages in an order of chance."""
    def shuffling(dice):
        held = []

        def lie(topic, payload):
            held.append((topic, payload))
            if len(held) < 10:
                return []
            out = dice.sample(held, len(held))
            held.clear()
            return out
        return lie
    liar.up.lying(shuffling(random.Random(4)))
    liar.longest_wait(20)  # some of it goes on, some waits for a resume
    liar.up.honest()
    liar.wait_goes_on()
    liar.check()
