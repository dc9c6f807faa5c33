"""tally-centre with a real broker, against gateways that share no code with it (gateway.py), good ones and bad ones."""

import hashlib
import json
import os
import random
import re
import secrets
import sqlite3
import subprocess
import threading
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from gateway import CONFIG, DRIVER, Gateway, definitions
from independent import leaf_hash, open_note, sign_note
from intervals import moment
from stored import check_chain, ledger_blocks, ledger_files
from support import (BUILD, ROOT, TALLY, Broker, Daemon, ModbusServer, Process, configuration, float_registers,
                     needs_broker, needs_daemon, wait_until)
from test_cli import options_of_help, options_of_man, section
from test_disk import fill, small_disk

CENTRE = BUILD / "tally-centre"
MIB = 1 << 20
ACL = (ROOT / "config/mosquitto/tally.acl").read_text()
pytestmark = [needs_broker, pytest.mark.skipif(not CENTRE.exists(), reason="tally-centre is not built")]


class Centre:
    """A centre's folder, its key, its commands, and the daemon on request."""

    def __init__(self, folder, broker, data=None, **limits):
        self.folder, self.data = folder, data or folder / "centre"
        where = broker.certificates
        self.path = folder / "centre.yaml"
        self.path.write_text(json.dumps({
            "centre": {"name": "fuzhou", "data": str(self.data)},
            "broker": {"url": f"mqtts://localhost:{broker.port}", "ca": str(where / "ca.pem"),
                       "certificate": str(where / "centre.pem"), "key": str(where / "centre.key")},
            "limits": limits}))
        made = self.command("key", "init")
        assert made.returncode == 0, made.stderr
        self.public = load_pem_public_key(made.stdout[:made.stdout.index("-----END PUBLIC KEY-----") + 25].encode())
        self.process = None

    def command(self, *words):
        return subprocess.run([CENTRE, *words, "-c", self.path], capture_output=True, text=True, timeout=60, check=False)

    def accept(self, gateway):
        wait_until(lambda: self.log(gateway) or not self.process.running(), "the log is known")
        done = self.command("accept", gateway.origin, "--by", "Lin", "--fingerprint", gateway.fingerprint())
        assert done.returncode == 0, done.stderr
        return done

    def status(self):
        said = self.command("status", "--json")
        return json.loads(said.stdout) if said.returncode == 0 else {"connected": False, "logs": [], "faults": []}

    def log(self, gateway):
        return next((log for log in self.status()["logs"] if log["log"] == gateway.origin), None)

    def faults(self, gateway=None):
        """{name: fault}, of one gateway, or of those that are not known."""
        name = gateway.origin.rpartition("/")[0] if gateway else ""
        return {fault["fault"]: fault for fault in self.status()["faults"] if fault["gateway"] == name}

    def wait_fault(self, gateway, name):
        return wait_until(lambda: self.faults(gateway).get(name), lambda: f"{name}: {self.faults(gateway)}\n{self.said()}")

    def ledger(self, gateway):
        return self.data / "logs" / gateway.origin

    def wait_held(self, gateway, count, seconds=30):
        wait_until(lambda: (self.log(gateway) or {}).get("held") == count,
                   lambda: f"{count} held: {self.log(gateway)} {self.faults(gateway)}\n{self.said()}", seconds)

    def check_holds(self, gateway):
        """The ledger of that log has the gateway's blocks, byte for byte."""
        held = ledger_blocks(self.ledger(gateway))
        check_chain(held)
        assert held == dict(enumerate(gateway.blocks[:len(held)]))
        return len(held)

    def said(self):
        return self.process.said()

    def spawn(self):
        self.process = Process([CENTRE, "-c", self.path], self.folder / "centre.log")

    def start(self):
        self.spawn()
        wait_until(lambda: self.status()["connected"] or not self.process.running(), self.said)
        assert self.process.running(), self.said()
        return self

    def stop(self):
        assert self.process.stop() == 0, self.said()

    def kill(self):
        self.process.kill()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.process.__exit__()


@pytest.fixture(name="broker")
def make_broker(tmp_path):
    with Broker(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture(name="centre")
def make_centre(tmp_path, broker):
    with Centre(tmp_path, broker) as centre:
        yield centre


@pytest.fixture(name="pair")
def make_pair(broker, centre):
    """A centre, and a gateway with 5 blocks that are accepted and receipted."""
    with Gateway(broker) as gateway:
        gateway.make(5)
        nonce = gateway.hello()
        gateway.wait_receipt(centre.public, 0, nonce)
        gateway.send_all()
        centre.wait_held(gateway, 5)
        centre.accept(gateway)
        gateway.wait_receipt(centre.public, 5)
        yield centre, gateway


# --- good gateways ------------------------------------------------------------------------------

def test_nothing_is_receipted_before_a_person_has_compared_the_fingerprint(broker, centre):
    with Gateway(broker) as gateway:
        gateway.make(7, readings=3, missed=1)
        nonce = gateway.hello()
        assert gateway.wait_receipt(centre.public, 0, nonce)[1] == 0
        gateway.send_all()
        centre.wait_held(gateway, 7)
        log = centre.log(gateway)
        assert log["state"] == "waiting" and log["receipted"] == 0
        assert [claim["fingerprint"].replace(" ", "") for claim in log["claims"]] == [gateway.fingerprint()]
        assert "waiting for somebody to compare" in centre.command("status").stdout

        wrong = centre.command("accept", gateway.origin, "--by", "Lin", "--fingerprint", "00" * 32)
        assert wrong.returncode == 1 and "NOT accepted" in wrong.stderr
        part = centre.command("accept", gateway.origin, "--by", "Lin", "--fingerprint", gateway.fingerprint()[:32])
        assert part.returncode == 1
        assert centre.command("accept", gateway.origin, "--by", "Lin").returncode == 2
        assert centre.command("accept", gateway.origin, "--fingerprint", gateway.fingerprint()).returncode == 2
        time.sleep(1.5)
        assert {head[2] for head in gateway.heads(centre.public)} == {0}

        begun = int(time.time())
        centre.accept(gateway)
        head = gateway.wait_receipt(centre.public, 7)
        assert head[0] == "-" and begun <= head[4] <= time.time()
        wait_until(lambda: centre.log(gateway)["receipted"] == 7, "the status says so")
        log = centre.log(gateway)
        assert (log["state"], log["by"], log["readings"], log["missed"]) == ("accepted", "Lin", 21, 7)
        assert centre.check_holds(gateway) == 7
        assert sorted(ledger_files(centre.ledger(gateway), "file")) == sorted([DRIVER, CONFIG])
        assert not centre.faults(gateway)
    # The receipt is retained, and kept with the ledger.
    with Gateway(broker, key=gateway.key, log=gateway.origin[-32:]) as again:
        wait_until(lambda: again.receipts, "the retained receipt")
        with sqlite3.connect(f"file:{centre.ledger(gateway)}/ledger.db?mode=ro", uri=True) as database:
            kept = dict(database.execute("SELECT kind, note FROM notes WHERE kind IN ('receipt', 'checkpoint')"))
        assert kept["receipt"].decode() == again.receipts[-1][1]
        assert kept["checkpoint"].decode() == gateway.checkpoint_note() or open_note(
            kept["checkpoint"].decode(), gateway.key.public_key())


def test_a_key_that_was_handed_over_is_accepted_before_anything_came(tmp_path, broker, centre):
    gateway = Gateway(broker)
    (tmp_path / "key").write_text(gateway.verifier_line() + "\n")
    (tmp_path / "other").write_text(Gateway(broker).verifier_line() + "\n")
    assert "is the key of" in centre.command("accept", gateway.origin, "--by", "Lin", "--key", str(tmp_path / "other")).stderr
    assert centre.command("accept", gateway.origin, "--by", "Lin", "--key", str(tmp_path / "key")).returncode == 0
    time.sleep(1.2)
    with gateway:
        gateway.make(3)
        gateway.hello()
        gateway.send_all()
        gateway.wait_receipt(centre.public, 3)


def check_amendments_are_listed(centre, gateway):
    """Of the centre's half, as of the gateway's."""
    n = len(gateway.blocks)
    document = json.loads(gateway.definitions)
    document["points"]["1"].update(quantity="voltage-l1", unit="V")
    gateway.definitions = json.dumps(document, separators=(",", ":")).encode() + b"\n"
    gateway.make(1)
    reading = json.loads(gateway.blocks[n])["readings"][0]
    text = f"block {n}, readings[0], point 1, {moment(reading[1]):%Y-%m-%dT%H:%M:%S.%fZ}: 230.1 V, "
    gateway.make(1, events=[{"t": reading[1], "kind": "reading.amended", "subject": "meter.voltage-l1",
                             "text": f"by zhang (user 7): {text}{outcome}: why"} for outcome in ("void", "amended to 5 V")])
    gateway.send_all(n)
    gateway.wait_receipt(centre.public, n + 2)
    ledger = centre.ledger(gateway)
    said = subprocess.run([TALLY, "amend", "list", "--ledger", ledger, "--json"], capture_output=True, check=True).stdout
    assert [(a["name"], a["block"], a["value"], a["state"], a["by"]) for a in json.loads(said)] == [
        ("meter.voltage-l1", n, None, "superseded", "zhang"), ("meter.voltage-l1", n, 5, "holds", "zhang")]


def test_receipts_follow_checkpoints_and_hello_is_answered_with_the_head(pair):
    centre, gateway = pair
    for _ in range(10):
        gateway.make(30)
        gateway.send_blocks(len(gateway.blocks) - 30, packed=True)
        gateway.send_checkpoint()
        gateway.wait_receipt(centre.public, len(gateway.blocks))
    nonce = gateway.hello()
    assert gateway.wait_receipt(centre.public, 305, nonce)[1] == 0
    assert centre.check_holds(gateway) == 305
    assert not gateway.resumes
    check_amendments_are_listed(centre, gateway)


def test_new_definitions_and_their_files_are_kept_before_the_receipt(pair):
    centre, gateway = pair
    driver = b"maker: New\n" + b"# more\n" * 30000  # several chunks
    gateway.definitions = definitions(driver)
    gateway.make(2)
    gateway.obeys = False
    gateway.send_file(gateway.definitions, kind="definitions")
    gateway.send_blocks(5)
    gateway.send_checkpoint()
    wait_until(lambda: gateway.resumes, "the files that are missing are asked for")
    assert max(head[2] for head in gateway.heads(centre.public)) == 5
    gateway.send_file(driver)
    gateway.wait_receipt(centre.public, 7)
    assert driver in ledger_files(centre.ledger(gateway), "file")


def test_files_named_by_events_are_needed_too(pair):
    centre, gateway = pair
    saved = b"blocks of the log before\n"
    gateway.obeys = False
    gateway.make(1, events=[{"t": 1, "kind": "log.recovered", "subject": hashlib.sha256(saved).hexdigest(), "text": "x"}])
    gateway.send_blocks(5)
    gateway.send_checkpoint()
    wait_until(lambda: gateway.resumes, "the file is asked for")
    assert max(head[2] for head in gateway.heads(centre.public)) == 5
    gateway.send_file(saved)
    gateway.wait_receipt(centre.public, 6)


def test_fifty_gateways_at_once(broker, centre):
    gateways = [Gateway(broker, name=f"gw-{i:02}") for i in range(50)]

    def live(gateway):
        with gateway:
            gateway.hello()
            gateway.send_files()
            for _ in range(10):
                made = len(gateway.blocks)
                gateway.make(20, readings=20)
                gateway.send_blocks(made)
                gateway.send_checkpoint()
            gateway.wait_receipt(centre.public, 200, seconds=60)
    for gateway in gateways:
        path = centre.folder / "key"
        path.write_text(gateway.verifier_line())
        assert centre.command("accept", gateway.origin, "--by", "Lin", "--key", str(path)).returncode == 0
    threads = [threading.Thread(target=live, args=(gateway,)) for gateway in gateways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    for gateway in gateways:
        centre.wait_held(gateway, 200)
        assert centre.check_holds(gateway) == 200
        assert not centre.faults(gateway)
    assert all(log["state"] == "accepted" and log["receipted"] == 200 for log in centre.status()["logs"])


# --- bad ones -----------------------------------------------------------------------------------

def test_an_altered_block_is_refused_and_the_held_one_stays(pair):
    centre, gateway = pair
    altered = gateway.blocks[2].replace(b"230.1", b"230.2")
    gateway.publish("block", altered)
    fault = centre.wait_fault(gateway, "altered-block")
    assert "another block 2 than the one held" in fault["text"]
    assert centre.check_holds(gateway) == 5
    gateway.make(1)
    gateway.send_all(5)
    gateway.wait_receipt(centre.public, 6)


def test_repeats_are_dropped_silently(pair):
    centre, gateway = pair
    for _ in range(3):
        gateway.send_all()
    gateway.make(1)
    for _ in range(3):
        gateway.send_blocks(3)
    gateway.send_checkpoint()
    gateway.wait_receipt(centre.public, 6)
    assert not centre.faults(gateway) and not gateway.resumes


def test_old_checkpoints_again_and_blocks_in_another_order_change_nothing(pair):
    centre, gateway = pair
    old = [gateway.checkpoint_note(size) for size in (1, 3, 5)]
    gateway.make(20)
    gateway.send_checkpoint()
    for n in random.Random(1).sample(range(5, 25), 20):
        gateway.send_blocks(n, n + 1)
    gateway.wait_receipt(centre.public, 25)
    answered = len(gateway.receipts)
    for note in old * 5:
        gateway.publish("checkpoint", note, retain=True)
    gateway.make(1)
    gateway.send_blocks(25)
    gateway.send_checkpoint()
    gateway.wait_receipt(centre.public, 26)
    assert len(gateway.receipts) == answered + 1
    assert set(centre.faults(gateway)) <= {"hole"}


def test_a_false_block_first_costs_nothing(pair):
    """Who can write to the broker sends a false block before the true one, and a chain that goes on from it."""
    centre, gateway = pair
    gateway.make(3)
    false = Gateway(gateway.broker, key=gateway.key, log=gateway.origin[-32:])
    false.blocks = gateway.blocks[:5]
    false.make(3, readings=2)
    for block in false.blocks[5:]:
        gateway.publish("block", block)
    gateway.send_all(5)
    gateway.wait_receipt(centre.public, 8)
    assert centre.check_holds(gateway) == 8
    centre.wait_fault(gateway, "altered-block")
    assert not gateway.resumes


def test_a_hole_is_asked_for(pair):
    centre, gateway = pair
    gateway.make(6)
    gateway.send_blocks(5, 6)
    gateway.send_blocks(8)
    gateway.send_checkpoint()
    gateway.wait_receipt(centre.public, 11)
    assert len(gateway.resumes) == 1
    text, _ = open_note(gateway.resumes[0][1], centre.public)
    assert text.splitlines()[3:] == [f"nonce {gateway.nonce}", "from 5", gateway.origin]
    centre.wait_fault(gateway, "hole")


def test_asking_backs_off(pair):
    centre, gateway = pair
    gateway.obeys = False
    gateway.make(6)
    gateway.send_blocks(8)
    wait_until(lambda: len(gateway.resumes) >= 4, lambda: str(gateway.resumes), 40)
    gaps = [b[0] - a[0] for a, b in zip(gateway.resumes, gateway.resumes[1:])]
    assert gaps[0] > 1.5 and gaps[1] > 1.5 * gaps[0] and gaps[2] > 1.5 * gaps[1], gaps
    gateway.send_all(5)
    gateway.wait_receipt(centre.public, 11)


def test_a_root_that_disagrees_discards_the_blocks_and_asks_again(pair):
    centre, gateway = pair
    true = gateway.make(2)
    false = [block.replace(b"230.1", b"230.9") for block in true]
    false[1] = false[1].replace(leaf_hash(true[0]).hex().encode(), leaf_hash(false[0]).hex().encode())
    for block in false:
        gateway.publish("block", block)
    gateway.send_checkpoint()
    gateway.wait_receipt(centre.public, 7)
    centre.wait_fault(gateway, "disagreement")
    assert centre.check_holds(gateway) == 7
    assert len(gateway.resumes) == 1


@pytest.mark.parametrize("size", [3, 5])
def test_a_fork_within_what_is_held_is_recorded_with_both_notes(pair, size):
    centre, gateway = pair
    forged = gateway.send_checkpoint(size, root=secrets.token_bytes(32))
    wait_until(lambda: centre.log(gateway)["state"] == "suspect", centre.said)
    (suspect,) = centre.status()["suspects"]
    assert suspect["log"] == gateway.origin
    held, other = suspect["notes"]
    assert other == forged
    assert open_note(held, gateway.key.public_key())[0].splitlines()[1] == "5"
    centre.wait_fault(gateway, "fork")
    gateway.make(3)
    gateway.send_all(5)
    nonce = gateway.hello()
    assert gateway.wait_receipt(centre.public, 5, nonce), "the head, for a clone to see that it is not its own"
    time.sleep(2.5)
    assert max(head[2] for head in gateway.heads(centre.public)) == 5
    assert "NOT accepted" in centre.command("accept", gateway.origin, "--by", "Lin", "--fingerprint",
                                            gateway.fingerprint()).stderr
    centre.stop()
    centre.start()
    gateway.make(1)
    gateway.send_all(5)
    nonce = gateway.hello()
    assert gateway.wait_receipt(centre.public, 5, nonce)
    assert centre.log(gateway)["state"] == "suspect" and "SUSPECT" in centre.command("status").stdout


def test_two_signed_checkpoints_of_one_size_are_a_fork_whatever_is_held(pair):
    centre, gateway = pair
    gateway.make(4)
    one = gateway.send_checkpoint()
    other = gateway.send_checkpoint(root=secrets.token_bytes(32))
    wait_until(lambda: centre.log(gateway)["state"] == "suspect", centre.said)
    (suspect,) = centre.status()["suspects"]
    assert suspect["notes"] == [one, other]


def clone_of(gateway):
    """Another board with the same key, log and first 5 blocks, which then went its own way for 4 more."""
    clone = Gateway(gateway.broker, key=gateway.key, log=gateway.origin[-32:])
    clone.blocks = gateway.blocks[:5]
    clone.make(4, readings=2)
    clone.obeys = False
    return clone


def test_a_clone_that_runs_beside_is_found(pair):
    """Two boards with one key: what the second signs beyond what is held is a fork once the first gets there."""
    centre, gateway = pair
    with clone_of(gateway) as clone:
        clone.hello()
        clone.send_all(5)
        clone.wait_receipt(centre.public, 9)
        gateway.make(2)
        gateway.send_all(5)
        wait_until(lambda: centre.log(gateway)["state"] == "suspect", centre.said)
    assert ledger_blocks(centre.ledger(gateway)) == dict(enumerate(clone.blocks))


def test_the_slower_clone_ahead_of_the_other_is_found_too(pair):
    centre, gateway = pair
    with clone_of(gateway) as clone:
        clone.send_checkpoint()  # of 9 blocks that never come
    gateway.make(20)
    gateway.send_all(5)
    wait_until(lambda: centre.log(gateway)["state"] == "suspect", lambda: f"{centre.log(gateway)} {centre.said()}")
    assert len(centre.status()["suspects"]) == 1


def test_an_unknown_key_is_refused(pair):
    centre, gateway = pair
    other = ec.generate_private_key(ec.SECP256R1())
    gateway.make(1)
    gateway.send_blocks(5)
    gateway.send_checkpoint(key=other)
    fault = centre.wait_fault(gateway, "unknown-key")
    assert "not signed by" in fault["text"]
    answered = len(gateway.receipts)
    gateway.hello(key=other)
    wait_until(lambda: centre.faults(gateway)["unknown-key"]["count"] == 2, "the hello is refused too")
    assert len(gateway.receipts) == answered
    gateway.send_checkpoint()
    gateway.wait_receipt(centre.public, 6)


def test_a_false_key_claimed_first_is_set_aside_on_acceptance(broker, centre):
    with Gateway(broker) as gateway:
        false = Gateway(broker, log=gateway.origin[-32:])
        false.make(4, readings=2)
        gateway.publish("hello", "")
        gateway.hello(key=false.key)
        gateway.send_files()
        for block in false.blocks:
            gateway.publish("block", block)
        gateway.publish("checkpoint", false.checkpoint_note())
        centre.wait_held(gateway, 4)
        gateway.make(6)
        gateway.hello()
        gateway.send_all()
        wait_until(lambda: len(centre.log(gateway)["claims"]) == 2, "both keys are claimed")
        centre.accept(gateway)
        gateway.wait_receipt(centre.public, 6)
        assert centre.check_holds(gateway) == 6
        assert len(list(centre.ledger(gateway).parent.glob("*set-aside*"))) == 1


def test_a_block_under_another_gateways_topic_is_refused_and_named(tmp_path):
    """Where the broker lets it through; the ACL does not."""
    with Broker(tmp_path / "broker") as broker, Centre(tmp_path, broker) as centre, Gateway(broker, "gw-01") as one, \
            Gateway(broker, "gw-02") as two:
        for gateway in (one, two):
            gateway.make(3)
            gateway.hello()
            gateway.send_all()
            centre.accept(gateway)
            gateway.wait_receipt(centre.public, 3)
        one.make(1)
        two.make(1)
        one.publish("block", one.blocks[3], origin=two.origin)
        one.publish("checkpoint", one.checkpoint_note(), origin=two.origin)
        fault = centre.wait_fault(two, "wrong-log")
        assert one.origin in fault["text"] or "unknown-key" in centre.faults(two)
        two.send_all(3)
        two.wait_receipt(centre.public, 4)
        assert not centre.faults(one)


def junk(gateway):
    """Payloads of no good form, by the topic's end."""
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties
    import zstandard
    bomb = zstandard.ZstdCompressor(level=19).compress(bytes(100 * MIB))
    good = gateway.blocks[0]
    note = gateway.checkpoint_note()
    nested = b'{"a":' * 20000 + b"1" + b"}" * 20000
    packed = Properties(PacketTypes.PUBLISH)
    packed.ContentType = "application/vnd.tally.block+zstd"
    bad_chunk = Properties(PacketTypes.PUBLISH)
    bad_chunk.UserProperty = [("offset", "-1"), ("total", "99999999999999999999")]
    yield "block", b"", None
    yield "block", b"\xff\xfe" + good, None
    yield "block", good[:-1], None
    yield "block", good.replace(b'"n":0', b'"n":00'), None
    yield "block", good.replace(b'"tally":1,', b'"tally":1, '), None
    yield "block", good + good, None
    yield "block", bytes(200000), None
    yield "block", nested, None
    yield "block", bomb, packed
    yield "block", bomb[:100], packed
    yield "block", good, packed
    yield "checkpoint", b"", None
    yield "checkpoint", bytes(100000), None
    yield "checkpoint", note.replace("\n5\n", "\n05\n"), None
    yield "checkpoint", note + note.splitlines()[-1] + "\n", None
    yield "checkpoint", note.encode("utf-16"), None
    yield "hello", b"tally-hello/v1\n", None
    yield "hello", bytes(300000), None
    yield "hello", "tally-hello/v1\nnonce x\nkey y\nfirst 0\nz\n0\n", None
    yield "status", nested, None
    yield "status", b"\xff\xff\xff", None
    yield "definitions", nested, None
    yield "definitions", bytes(1000), None
    yield "file/" + "0" * 64, b"x", None
    yield "file/" + "0" * 64, b"x", bad_chunk
    yield "file/" + "Z" * 64, b"x", None
    yield "other", b"x", None


def test_junk_is_counted_and_costs_the_others_nothing(tmp_path, broker, centre):
    with Gateway(broker, "good") as good, Gateway(broker, "bad") as bad:
        for gateway in (good, bad):
            gateway.make(5)
            gateway.hello()
            gateway.send_all()
            centre.accept(gateway)
            gateway.wait_receipt(centre.public, 5)
        size = resident(centre)
        for last, payload, properties in list(junk(bad)) * 3:
            bad.publish(last, payload, properties=properties)
        # Names that only look like topics of ours.
        for topic in ("tally/1/a/b/c/block", "tally/1//x//block", "tally/1/\u4e2d\u6587/gw/1/block",
                      "tally/1/" + "9" * 500 + "/gw/1/block", "tally/1/../../../block", "tally/1/%s%n/gw/x/hello"):
            bad.client.publish(topic, b"x", qos=1).wait_for_publish(20)
        good.make(5)
        begun = time.monotonic()
        good.send_all(5)
        good.wait_receipt(centre.public, 10)
        assert time.monotonic() - begun < 5
        wait_until(lambda: centre.faults(bad).get("junk", {}).get("count", 0) >= 40, lambda: str(centre.faults(bad)))
        faults = centre.faults(bad)
        assert {"junk", "too-large"} <= set(faults), faults
        assert not centre.faults(good)
        assert centre.faults()["junk"]["count"] == 6
        assert resident(centre) - size < 40 * MIB
        bad.make(1)
        bad.send_all(5)
        bad.wait_receipt(centre.public, 6)


def resident(centre):
    text = open(f"/proc/{centre.process.pid}/status", encoding="ascii").read()
    return int(re.search(r"VmRSS:\s+(\d+)", text).group(1)) * 1024


def test_a_hundred_megabytes_go_no_further_than_the_broker(pair):
    centre, gateway = pair
    gateway.publish("block", bytes(100 * MIB))
    gateway.publish("definitions", bytes(20 * MIB))
    gateway.make(1)
    gateway.send_all(5)
    gateway.wait_receipt(centre.public, 6)
    assert resident(centre) < 120 * MIB


def test_memory_is_bounded_and_one_gateway_does_not_take_that_of_others(tmp_path, broker):
    with Centre(tmp_path, broker, log_memory="4MiB", all_memory="16MiB") as centre, Gateway(broker, "good") as good, \
            Gateway(broker, "bad") as bad:
        for gateway in (good, bad):
            gateway.make(1)
            gateway.hello()
            gateway.send_all()
            centre.accept(gateway)
            gateway.wait_receipt(centre.public, 1)
        bad.obeys = False
        for _ in range(150):  # hard to pack, never covered by a checkpoint
            bad.make(1, events=[{"t": 1, "kind": "other", "subject": "x", "text": secrets.token_hex(500)}
                                for _ in range(55)])
        bad.send_blocks(1)
        centre.wait_fault(bad, "dropped")
        wait_until(lambda: bad.resumes, "what was dropped is asked for")
        good.make(40, readings=20)
        good.send_all(1)
        good.wait_receipt(centre.public, 41)
        assert not centre.faults(good)
        bad.send_checkpoint(40)
        bad.wait_receipt(centre.public, 40)
        for size in (80, 120, 151):
            bad.send_blocks(size - 40 if size < 151 else 120, size)
            bad.send_checkpoint(size)
            bad.wait_receipt(centre.public, size)
        assert centre.check_holds(bad) == 151


def test_logs_that_nobody_accepted_are_limited(tmp_path, broker):
    with Centre(tmp_path, broker, waiting_logs=3) as centre, Gateway(broker, "bad") as bad, Gateway(broker, "good") as good:
        for _ in range(20):
            bad.publish("hello", b"x", origin=bad.origin[:-32] + secrets.token_hex(16))
        centre.wait_fault(bad, "over-limit")
        assert len(centre.status()["logs"]) == 3
        good.make(1)
        good.hello()
        good.send_all()
        centre.wait_held(good, 1)


def test_a_rolled_back_gateway_and_one_that_pruned_too_much_are_named(pair):
    centre, gateway = pair
    nonce = gateway.hello(size=3)
    centre.wait_fault(gateway, "rolled-back")
    gateway.wait_receipt(centre.public, 5, nonce)
    gateway.hello(first=300, size=400)
    centre.wait_fault(gateway, "gone")
    wait_until(lambda: centre.log(gateway)["missing"] == 395, "the status says how much is missing")


def test_a_revoked_log_is_taken_no_more(pair):
    centre, gateway = pair
    assert centre.command("revoke", gateway.origin, "--by", "Lin", "--reason", "key lost").returncode == 0
    wait_until(lambda: "revoked" in centre.said(), centre.said)
    answered = len(gateway.receipts)
    gateway.make(1)
    gateway.hello()
    gateway.send_all(5)
    time.sleep(1.5)
    assert len(gateway.receipts) == answered
    assert centre.log(gateway)["state"] == "revoked"
    assert centre.command("accept", gateway.origin, "--by", "Lin", "--fingerprint", gateway.fingerprint()).returncode == 1
    keys = centre.command("keys").stdout
    text, name = open_note(keys, centre.public)
    assert name == "fuzhou"
    word, origin, key, first, size, revoked = text.splitlines()[3].split(" ")
    assert (word, origin, first, size) == ("key", gateway.origin, "0", "5") and int(revoked) <= time.time()
    assert key in gateway.verifier_line() or len(key) == 124


# --- faults of our own side ---------------------------------------------------------------------

def test_a_restart_in_between_loses_nothing(pair):
    centre, gateway = pair
    gateway.make(4)
    gateway.send_blocks(5)
    centre.stop()
    gateway.make(4)
    gateway.send_blocks(9)
    gateway.send_checkpoint()
    centre.start()
    # The blocks that waited in memory are gone: asked for, by the nonce of the hello before.
    gateway.wait_receipt(centre.public, 13)
    assert centre.check_holds(gateway) == 13
    assert f"nonce {gateway.nonce}" in gateway.resumes[-1][1]


def test_what_came_while_it_was_away_is_kept_by_its_session(pair):
    centre, gateway = pair
    centre.stop()
    gateway.make(10)
    gateway.send_all(5)
    centre.start()
    gateway.wait_receipt(centre.public, 15)
    assert not gateway.resumes


def test_the_broker_away_and_back(pair):
    centre, gateway = pair
    gateway.broker.stop()
    wait_until(lambda: not centre.status()["connected"], "it is said")
    time.sleep(1)
    gateway.broker.start()
    wait_until(lambda: centre.status()["connected"], centre.said)
    wait_until(gateway.client.is_connected, "the gateway is back")
    gateway.make(3)
    gateway.send_all(5)
    gateway.wait_receipt(centre.public, 8)


def test_kill_at_random_moments_ten_times(pair):
    """What was receipted is held; in the end both halves are the same."""
    centre, gateway = pair
    random.seed(3)
    stop = threading.Event()

    def live():
        while not stop.is_set():
            made = len(gateway.blocks)
            gateway.make(3)
            gateway.send_blocks(made)
            gateway.send_checkpoint()
            time.sleep(0.02)
    thread = threading.Thread(target=live)
    thread.start()
    try:
        for _ in range(10):
            time.sleep(random.uniform(0.3, 1.5))
            centre.kill()
            receipted = max(head[2] for head in gateway.heads(centre.public))
            held = ledger_blocks(centre.ledger(gateway))
            assert len(held) >= receipted
            centre.start()
    finally:
        stop.set()
        thread.join()
    gateway.hello()
    gateway.send_checkpoint()
    gateway.wait_receipt(centre.public, len(gateway.blocks), seconds=60)
    assert centre.check_holds(gateway) == len(gateway.blocks)
    for _nonce, _from, size, root, _time in gateway.heads(centre.public):
        assert root == gateway.root(size)
    assert "altered-block" not in centre.faults(gateway) and not centre.status()["suspects"]


def test_a_full_disk_gives_no_receipt_and_goes_on_by_itself(tmp_path, broker):
    with small_disk(tmp_path, 8 * MIB) as disk:
        with Centre(tmp_path, broker, data=disk / "centre") as centre, Gateway(broker) as gateway:
            gateway.make(5)
            gateway.hello()
            gateway.send_all()
            centre.accept(gateway)
            gateway.wait_receipt(centre.public, 5)
            fill(disk / "filler")
            gateway.make(200, events=[{"t": 1, "kind": "other", "subject": "x", "text": secrets.token_hex(400)}])
            gateway.send_blocks(5)
            gateway.send_checkpoint()
            time.sleep(7)
            assert max(head[2] for head in gateway.heads(centre.public)) == 5
            assert len(ledger_blocks(centre.ledger(gateway))) == 5
            os.unlink(disk / "filler")
            gateway.wait_receipt(centre.public, 205)
            assert centre.check_holds(gateway) == 205
            assert not gateway.resumes, "what waited in memory was kept"


def test_a_centre_restored_from_a_copy_catches_up(tmp_path, pair):
    centre, gateway = pair
    centre.stop()
    subprocess.run(["cp", "-a", centre.data, tmp_path / "copy"], check=True)
    centre.start()
    gateway.make(20)
    gateway.send_all(5)
    gateway.wait_receipt(centre.public, 25)
    centre.stop()
    subprocess.run(["rm", "-r", centre.data], check=True)
    subprocess.run(["cp", "-a", tmp_path / "copy", centre.data], check=True)
    centre.start()
    nonce = gateway.hello()
    gateway.wait_receipt(centre.public, 5, nonce)
    gateway.make(1)
    gateway.send_all(5)
    gateway.wait_receipt(centre.public, 26)


def test_a_damaged_log_costs_that_log_only(pair):
    centre, gateway = pair
    centre.stop()
    ledger = centre.ledger(gateway) / "ledger.db"
    with open(ledger, "r+b") as file:
        for page in range(1, ledger.stat().st_size // 1024):
            file.seek(page * 1024 + 300)
            file.write(secrets.token_bytes(400))
    centre.start()
    with Gateway(gateway.broker, "gw-02") as other:
        gateway.make(1)
        gateway.hello()
        gateway.send_all(5)
        other.make(2)
        other.hello()
        other.send_all()
        centre.accept(other)
        other.wait_receipt(centre.public, 2)
        for size in range(3, 9):
            gateway.hello()
            other.make(1)
            begun = time.monotonic()
            other.send_all(size - 1)
            other.wait_receipt(centre.public, size)
            assert time.monotonic() - begun < 3
    wait_until(lambda: "ledger" in centre.log(gateway)["fault"], lambda: str(centre.log(gateway)))
    assert max(head[2] for head in gateway.heads(centre.public)) == 5


def test_under_the_rules_of_the_broker(tmp_path):
    with Broker(tmp_path / "broker", acl=ACL) as broker, Centre(tmp_path, broker) as centre, Gateway(broker) as gateway:
        gateway.make(3)
        gateway.hello()
        gateway.send_all()
        centre.accept(gateway)
        gateway.wait_receipt(centre.public, 3)


# --- the real gateway ---------------------------------------------------------------------------

class Stick:
    """A tallyd with a meter, its log accepted by the centre, checkpoints each second."""

    def __init__(self, folder, server, broker, centre):
        self.folder, self.centre = folder, centre
        (folder / "fuzhou.pub").write_text(
            re.search(r"^fuzhou\+.*$", centre.command("key", "show").stdout, re.M).group(0) + "\n")
        (folder / "data").mkdir()
        self.path = configuration(
            folder, [{"name": "b", "tcp": f"127.0.0.1:{server.port}"}],
            [{"name": "meter", "bus": "b", "unit": 1, "driver": "eastron-sdm630", "every": "50ms",
              "quantities": ["voltage-l1"]}],
            [broker.uplink(receipts=str(folder / "fuzhou.pub"), required=True)], prompt=True, checkpoint_interval="1s")
        self.key = subprocess.run([TALLY, "key", "init", "-c", self.path], check=True, capture_output=True, text=True).stdout

    def accept(self, origin=None):
        """Accepts that log, or waits for the only one, with the fingerprint that `tally key` printed."""
        if origin is None:
            (log,) = wait_until(lambda: self.centre.status()["logs"], "the log is known")
            origin = log["log"]
        fingerprint = re.search(r"fingerprint +((?:[0-9a-f]{4}\s+)+)", self.key).group(1)
        done = self.centre.command("accept", origin, "--by", "Lin", "--fingerprint", fingerprint)
        assert done.returncode == 0, done.stderr
        return origin

    def check_halves_match(self, origin, daemon):
        """Stops the gateway; in the end the centre holds, receipted, all that it stored, byte for byte."""
        wait_until(lambda: daemon.uplink().get("acknowledged", 0) > 0, daemon.said)
        assert daemon.stop() == 0
        blocks = ledger_blocks(self.folder / "data")
        wait_until(lambda: self.centre.status()["logs"][0]["receipted"] >= len(blocks) - 1, lambda: (
            f"{len(blocks)} blocks: {self.centre.status()}\n{daemon.said()}\n{self.centre.said()}"), 70)
        held = ledger_blocks(self.centre.data / "logs" / origin)
        assert held == {n: blocks[n] for n in held} and len(held) >= len(blocks) - 1
        assert not self.centre.status()["suspects"]


@pytest.fixture(name="stick")
def make_stick(tmp_path, broker, centre):
    with ModbusServer(tmp_path, {1: dict(enumerate(float_registers(230.1)))}) as server:
        yield Stick(tmp_path, server, broker, centre)


@needs_daemon
def test_both_halves_match_with_the_real_gateway(stick):
    with Daemon(stick.path) as daemon:
        origin = stick.accept()
        wait_until(lambda: daemon.uplink().get("acknowledged", 0) > 40, daemon.said)
        assert daemon.status()["signing"]["state"] == "open"
        stick.check_halves_match(origin, daemon)
    assert not stick.centre.status()["faults"]
    log = stick.centre.status()["logs"][0]
    assert log["readings"] > 30 and log["state"] == "accepted"
    # What reads a gateway's ledger reads this half.
    said = subprocess.run([TALLY, "history", "--ledger", stick.centre.data / "logs" / origin, "--point",
                           "meter.voltage-l1", "--from", "-1h", "--csv"], capture_output=True, text=True, check=False)
    assert said.stdout.count("230.1") > 30, said


@needs_daemon
def test_gateway_centre_and_broker_killed_at_random_moments(stick, broker):
    random.seed(5)
    daemon = Daemon(stick.path)
    try:
        origin = stick.accept()
        for _ in range(4):
            for victim in ("gateway", "centre", "broker"):
                time.sleep(random.uniform(0.5, 2.5))
                if victim == "gateway":
                    daemon.kill()
                    daemon = Daemon(stick.path)
                elif victim == "centre":
                    stick.centre.kill()
                    stick.centre.start()
                else:
                    broker.kill()
                    broker.start()
        wait_until(lambda: stick.centre.status()["connected"], stick.centre.said)
        size = wait_until(lambda: daemon.uplink().get("size"), daemon.said)
        wait_until(lambda: daemon.uplink().get("acknowledged", 0) > size,
                   lambda: f"{daemon.uplink()}\n{stick.centre.status()}\n{daemon.said()}\n{stick.centre.said()}", 90)
        stick.check_halves_match(origin, daemon)
        assert len(stick.centre.status()["logs"]) == 1, "no new log was begun"
    finally:
        daemon.__exit__()


# --- the command line ---------------------------------------------------------------------------

def test_every_fault_of_the_configuration_has_its_place(tmp_path):
    path = tmp_path / "centre.yaml"
    path.write_text("centre: {nam: x, data: d}\nbroker: {url: 'mqtt://x', ca: a, certificate: b, key: c}\n"
                    "limits: {rate: 5, log_memroy: 1GiB}\nmore: 1\n")
    said = subprocess.run([CENTRE, "check", "-c", path], capture_output=True, text=True, check=False)
    assert said.returncode == 1
    for line in (f"{path}:1:10: unknown key 'nam'; did you mean 'name'?", f"{path}:2:15: broker mqtt://x: TLS is required",
                 f"{path}:3:16: rate 5: has no unit", f"{path}:3:19: unknown key 'log_memroy'; did you mean 'log_memory'?",
                 f"{path}:4:1: unknown key 'more'", "5 faults"):
        assert line in said.stderr, said.stderr


def test_the_sample_is_good(tmp_path):
    sample = (ROOT / "config/centre.yaml").read_text()
    (tmp_path / "centre.yaml").write_text(sample)
    said = subprocess.run([CENTRE, "check", "-c", tmp_path / "centre.yaml"], capture_output=True, text=True, check=False)
    assert "fault" not in said.stderr and "ca.pem" in said.stderr


def test_somebody_may_look_at_the_database_while_the_daemon_makes_it(tmp_path, broker):
    centre = Centre(tmp_path, broker)
    with sqlite3.connect(centre.data / "centre.db", isolation_level=None) as looking:
        looking.execute("CREATE TABLE other(x)")
        looking.execute("BEGIN IMMEDIATE")  # as one that is making it, too
        process = Process([CENTRE, "-c", centre.path], tmp_path / "centre.log")
        time.sleep(1)
        assert process.running(), process.said()
        looking.execute("COMMIT")
    looking.close()
    with process:
        wait_until(lambda: centre.status()["connected"], process.said)


def test_a_key_is_never_overwritten(tmp_path, broker):
    centre = Centre(tmp_path, broker)
    before = (centre.data / "centre.key").read_bytes()
    assert centre.command("key", "init").returncode == 1
    assert (centre.data / "centre.key").read_bytes() == before
    assert (centre.data / "centre.key").stat().st_mode & 0o777 == 0o600
    assert "BEGIN PUBLIC KEY" in centre.command("key", "show").stdout


def test_misuse_is_2():
    for words in ([], ["nonsense"], ["--what"], ["key"], ["key", "it"], ["status", "x"], ["keys", "--json"],
                  ["accept", "x", "--by", "L"], ["accept", "x", "--by", "L", "--key", "k", "--fingerprint", "f"],
                  ["accept", "x", "--by", "", "--key", "k"], ["revoke", "x", "--by", "L"], ["check", "--by", "L"]):
        said = subprocess.run([CENTRE, *words], capture_output=True, check=False)
        assert said.returncode == 2 and b"centre.yaml" not in said.stderr.replace(b"otherwise centre.yaml", b"") or not words
    said = subprocess.run([CENTRE, "statsu"], capture_output=True, text=True, check=False)
    assert "did you mean 'status'?" in said.stderr


def test_man_page_has_the_options_of_help():
    text = subprocess.run([CENTRE, "--help"], capture_output=True, text=True, check=True).stdout
    assert options_of_man(section("tally-centre.8", ".Sh DESCRIPTION")) == options_of_help(text)
    page = (ROOT / "docs/man/tally-centre.8").read_text()
    for key in re.findall(r"\{\"(\w+)\", (?:true|false), ", (ROOT / "tools/tally-centre/settings.c").read_text()):
        assert re.search(rf"\b{key}\b", page), key
    for name in re.findall(r"\{\"([a-z-]+)\", \"", (ROOT / "tools/tally-centre/fault.c").read_text())[1:]:
        assert name in page, name
