"""The gateway's half of the stick, against a centre that shares no code with it (centre.py)."""

import base64
import hashlib
import json
import shutil
import subprocess
import time

import pytest
from centre import Centre
from independent import open_note
from stored import check_chain, ledger_blocks, stored_events
from support import (Broker, Daemon, ModbusServer, TALLY, configuration, float_registers, needs_broker, needs_daemon,
                     wait_until)

pytestmark = [needs_daemon, needs_broker]


class Site:
    """A gateway's folder with a key, its broker, a centre."""

    def __init__(self, folder, server, broker, centre, **uplink):
        self.folder, self.broker, self.centre = folder, broker, centre
        self.path = configuration(
            folder, [{"name": "b", "tcp": f"127.0.0.1:{server.port}"}],
            [{"name": "meter", "bus": "b", "unit": 1, "driver": "eastron-sdm630", "every": "50ms",
              "quantities": ["voltage-l1"]}],
            [broker.uplink(**{"receipts": str(centre.trusted), "required": True, **uplink})], prompt=True,
            checkpoint_interval="1s")
        subprocess.run([TALLY, "key", "init", "-c", self.path], check=True, capture_output=True)

    def daemon(self):
        return Daemon(self.path)

    def blocks(self):
        return ledger_blocks(self.folder / "data")

    def check_halves_match(self, holes=False):
        """After a clean stop: the centre has every block, byte for byte, verified; with `holes`, after it missed some."""
        kept = self.blocks()
        check_chain(kept)
        log = self.centre.wait_head(len(kept))
        assert {n: log.blocks[n] for n in kept} == kept
        assert any("hole" in fault for fault in log.faults) == holes, log.faults
        assert all("hole" in fault for fault in log.faults), log.faults
        return log


@pytest.fixture
def site(tmp_path):
    registers = {1: dict(enumerate(float_registers(230.1)))}
    with ModbusServer(tmp_path, registers) as server, Broker(tmp_path / "broker") as broker, \
            Centre(broker, tmp_path) as centre:
        (tmp_path / "data").mkdir()
        yield Site(tmp_path, server, broker, centre)


def test_receipts_move_the_cursor_and_are_on_record(tmp_path, site):
    with site.daemon() as daemon:
        wait_until(lambda: daemon.uplink().get("acknowledged", 0) > 20, daemon.said)
        status = daemon.status()
        assert status["signing"]["state"] == "open"
        assert daemon.stop() == 0
    log = site.check_halves_match()
    events = stored_events(tmp_path / "data", "receipt")
    assert len(events) > 1
    sizes = []
    for event in events:
        assert event["subject"] == "fuzhou"
        assert event["text"] in site.centre.receipts
        text, _ = open_note(event["text"], site.centre.private.public_key())
        sizes.append(int(text.splitlines()[6]))
    assert sizes == sorted(set(sizes)) and sizes[-1] <= len(log.blocks)
    fingerprint = hashlib.sha256(base64.b64decode("".join(
        subprocess.run([TALLY, "key", "show", "-c", site.path], check=True, capture_output=True, text=True)
        .stdout.split("-----")[2].split()))).hexdigest()
    assert status["signing"]["key"].replace(" ", "") == fingerprint


def test_nothing_is_sent_or_signed_before_the_centre_has_answered(tmp_path, site):
    site.centre.answering = False
    with site.daemon() as daemon:
        wait_until(lambda: len(site.blocks()) > 20, daemon.said)
        wait_until(lambda: site.centre.log() and site.centre.log().hellos, "a hello")
        log = site.centre.log()
        assert not log.blocks and not log.checkpoints
        assert daemon.status()["signing"]["state"] == "held"
        with site.centre.lock:
            site.centre.receipt(log, "f" * 32)  # of another nonce: no answer
        time.sleep(1)
        assert not log.blocks
        site.centre.answering = True
        with site.centre.lock:
            site.centre.receipt(log, log.nonce)
        site.centre.wait_head(20)
        assert daemon.stop() == 0
    site.check_halves_match()


def test_a_log_put_back_to_an_earlier_state_is_never_signed_again(tmp_path, site):
    data, copy = tmp_path / "data", tmp_path / "copy"
    with site.daemon() as daemon:
        wait_until(lambda: daemon.uplink().get("acknowledged", 0) > 10, daemon.said)
        assert daemon.stop() == 0
    shutil.copytree(data, copy)
    with site.daemon() as daemon:
        site.centre.wait_head(len(site.blocks()) + 20)
        assert daemon.stop() == 0
    old = site.check_halves_match()
    shutil.rmtree(data)
    copy.rename(data)
    with site.daemon() as daemon:
        wait_until(lambda: site.centre.log().origin != old.origin, daemon.said)
        new = site.centre.wait_head(10)
        assert daemon.stop() == 0
    site.check_halves_match()
    assert not old.faults, old.faults  # nothing of the old log was signed or sent in another way
    (begun,) = [e for e in stored_events(data, "log.begun")]
    assert old.origin in begun["text"] and "earlier state" in begun["text"]
    assert json.loads(new.blocks[0])["events"], "block 0 says where the log comes from"
    (receipt,) = [e for e in stored_events(data, "log.receipt")]
    text, _ = open_note(receipt["text"], site.centre.private.public_key())
    assert text.splitlines()[5] == old.origin


def test_two_boards_with_one_log(tmp_path, site):
    """A board is cloned, and both run: one goes on, the other begins a log of its own, and nothing is signed twice."""
    with site.daemon() as daemon:
        wait_until(lambda: daemon.uplink().get("acknowledged", 0) > 10, daemon.said)
        assert daemon.stop() == 0
    old = site.check_halves_match()
    clone = tmp_path / "clone"
    clone.mkdir()
    shutil.copytree(tmp_path / "data", clone / "data")
    settings = json.loads(site.path.read_text())
    settings["gateway"]["data"] = str(clone / "data")
    (clone / "tally.yaml").write_text(json.dumps(settings))
    # Two that ask at the same moment, before either has sent anything, both go on: then only the centre can tell.
    size = len(site.blocks())
    with site.daemon() as one:
        wait_until(lambda: old.head > size, one.said)
        with Daemon(clone / "tally.yaml") as other:
            wait_until(lambda: len(site.centre.logs) > 1, lambda: one.said() + other.said(), 60)
            new = site.centre.wait_head(20, 60)
            wait_until(lambda: old.head > len(old.checkpoints) + 30, lambda: f"{old.head}", 60)
            assert one.stop() == 0 and other.stop() == 0
    assert len(site.centre.logs) == 2
    assert not old.faults and not new.faults, (old.faults, new.faults)
    logs = {json.loads(block)["log"] for data in (tmp_path / "data", clone / "data")
            for block in ledger_blocks(data).values()}
    assert logs == {old.origin, new.origin}
    assert old.origin in json.loads(new.blocks[0])["events"][0]["text"]


def test_what_a_broker_forgot_is_sent_again(tmp_path, site):
    """Acknowledged by the broker, never seen by the centre."""
    site.path.write_text(site.path.read_text().replace('"required": true', '"required": true, "resend_after": "2s"'))
    with site.daemon() as daemon:
        log = site.centre.wait_head(10)
        site.centre.asks, site.centre.deaf = False, True
        time.sleep(1)
        site.centre.deaf = False
        site.centre.wait_head(log.head + 20, 60)
        assert daemon.stop() == 0
    site.check_halves_match(holes=True)


def test_resume_is_obeyed(tmp_path, site):
    with site.daemon() as daemon:
        log = site.centre.wait_head(10)
        site.centre.deaf = True
        time.sleep(0.5)
        site.centre.deaf = False  # the next block comes after a hole, and the centre asks
        site.centre.wait_head(log.head + 5, 20)
        assert daemon.stop() == 0
    site.check_halves_match(holes=True)


def test_a_false_receipt_moves_nothing(tmp_path, site):
    with site.daemon() as daemon:
        log = site.centre.wait_head(10)
        stranger = Centre(site.broker, tmp_path, name="stranger")
        stranger.client = site.centre.client
        with site.centre.lock:
            stranger.receipt(log, size=log.head + 5, root=bytes(32))
            site.centre.publish(log, "receipt", "junk", True)
            site.centre.publish(log, "receipt", b"\xff" * 100000, False)
        wait_until(lambda: stored_events(tmp_path / "data", "uplink.receipt-ignored"), daemon.said)
        site.centre.wait_head(log.head + 20)
        assert daemon.stop() == 0
    site.check_halves_match()


def test_a_backlog_is_signed_on_the_way(tmp_path, site):
    site.broker.stop()
    with site.daemon() as daemon:
        wait_until(lambda: len(site.blocks()) > 700, daemon.said, 120)
        site.broker.start()
        log = site.centre.wait_head(700, 60)
        assert daemon.stop() == 0
    site.check_halves_match()
    sizes = [size for size, _ in log.checkpoints]
    assert max(b - a for a, b in zip([0] + sizes, sizes)) <= 300, sizes


def test_a_centre_needs_a_key(tmp_path, site):
    key = tmp_path / "data" / "log.key"
    key.unlink()
    with site.daemon() as daemon:
        assert daemon.child.wait(20) == 1
        assert "tally key init" in daemon.said()


def test_kill_at_any_moment(tmp_path, site):
    size = 0
    for _ in range(8):
        with site.daemon() as daemon:
            wait_until(lambda: len(site.blocks()) > size + 10, daemon.said)
            size = len(site.blocks())
            daemon.kill()
    with site.daemon() as daemon:
        site.centre.wait_head(size)
        assert daemon.stop() == 0
    assert len(site.centre.logs) == 1
    site.check_halves_match()
