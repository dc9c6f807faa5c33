"""The split stick end to end, real gateway, centre and broker: each killed beside each other, wiped, or put back from an
older copy. In the end both halves are the same, and each verifies.

TALLY_LONG=1: 50 kills a pairing instead of 4. TALLY_SEED=n: the moments of an earlier run.
"""

import json
import os
import random
import shutil
import subprocess
import time

import pytest
from stored import check_chain, ledger_blocks, ledger_files, stored_events
from support import (TALLY, Broker, Daemon, ModbusServer, Subscriber, float_registers, needs_broker, needs_daemon,
                     wait_until)
from test_centre import CENTRE, Centre, Stick

pytestmark = [needs_daemon, needs_broker, pytest.mark.skipif(not CENTRE.exists(), reason="tally-centre is not built")]
KILLS = 50 if os.environ.get("TALLY_LONG") else 4


class Chain(Stick):
    """A gateway whose log is accepted, its broker, which keeps what is queued, and its centre; all three run."""

    def __init__(self, folder, server, broker, centre):
        super().__init__(folder, server, broker, centre)
        self.broker = broker
        self.data = folder / "data"
        shown = subprocess.run([TALLY, "key", "show", "-c", self.path], check=True, capture_output=True,
                               text=True).stdout
        (folder / "gateway.pem").write_text(shown[shown.index("-----BEGIN"):shown.index("END PUBLIC KEY-----") + 20])
        self.keys = ["--gateway-key", folder / "gateway.pem", "--centre-key", folder / "fuzhou.pub"]
        self.daemon = self.origin = None

    def __enter__(self):
        self.start("gateway")
        try:
            self.origin = self.accept()
            self.wait_receipted(10)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.daemon.__exit__()

    def half(self, origin=None):
        """The folder of the centre's half."""
        return self.centre.data / "logs" / (origin or self.origin)

    def said(self):
        status = self.daemon.status() or {}
        return (f"gateway: {status.get('uplinks')} {status.get('signing')}\ncentre: {self.centre.status()}\n"
                f"{self.daemon.said()[-6000:]}\n{self.centre.said()[-6000:]}")

    def kill(self, victim):
        {"gateway": self.daemon, "broker": self.broker, "centre": self.centre}[victim].kill()

    def start(self, victim):
        """Without waiting for others: the one beside it may be down."""
        if victim == "gateway":
            self.daemon = Daemon(self.path)
        elif victim == "broker":
            self.broker.start()
        else:
            self.centre.spawn()

    def size(self, data=None):
        return max(ledger_blocks(data or self.data), default=-1) + 1

    def receipted(self):
        """What the gateway has a receipt of."""
        return self.daemon.uplink().get("acknowledged") or 0

    def wait_receipted(self, size, seconds=90):
        wait_until(lambda: self.receipted() >= size, lambda: f"{size} receipted:\n{self.said()}", seconds)

    def wait_more(self, count):
        """Until `count` blocks more are stored; those made so far, in all."""
        until = self.size() + count
        return wait_until(lambda: self.size() >= until and self.size(), self.said)

    def check(self, logs=1):
        """After a last receipt and a clean stop: both halves block for block, each verified, each exported."""
        self.wait_receipted(self.size())
        assert self.daemon.stop() == 0, self.daemon.said()
        kept = ledger_blocks(self.data)
        check_chain(kept)
        origin = json.loads(kept[0])["log"]
        wait_until(lambda: self.size(self.half(origin)) == len(kept), self.said, 90)
        assert ledger_blocks(self.half(origin)) == kept
        status = self.centre.status()
        assert not status["suspects"] and len(status["logs"]) == logs, status
        for data in (self.data, self.half(origin)):
            self.check_ledger(data, len(kept))
        self.check_exports(origin, len(kept))

    def verify(self, *what):
        done = subprocess.run([TALLY, "verify", *what, *self.keys, "--json"], capture_output=True, text=True,
                              timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        found = json.loads(done.stdout)
        assert found["good"], found
        return found

    def check_ledger(self, data, size):
        found = self.verify("--ledger", data)
        assert (found["first"], found["end"], found["more"]) == (0, size, 0), found
        assert found["faults"] == 0 and found["outside"] == 0, found

    def check_exports(self, origin, size):
        """An export from either half verifies with both keys, and they are of the same blocks."""
        files = []
        for name, data in (("gateway", self.data), ("centre", self.half(origin))):
            files.append(self.folder / f"{name}.tally")
            subprocess.run([TALLY, "export", "--ledger", data, "--from", "-1d", "--to", "now", "-o", files[-1]],
                           check=True, capture_output=True)
            found = self.verify(files[-1])
            assert found["first"] == 0 and found["end"] > size - 20 and found["readings"] > 10, found
            assert found["not_later_than"]["centre"] == found["later_than"]["centre"] == "fuzhou", found
            assert found["faults"] == 0 and found["outside"] == 0 and not found["unknown_centres"], found
        found = self.verify(*files)
        assert found["first_difference"] is None and found["common"][1] > size - 20, found

    def times(self):
        """Of all readings of the current log and of what it took along of the one before, in order, µs."""
        taken = b"".join(ledger_files(self.data, "recovered")).splitlines()
        blocks = [json.loads(block) for block in [*taken, *ledger_blocks(self.data).values()]]
        return sorted(reading[1] for block in blocks for reading in block["readings"])


@pytest.fixture(name="chain")
def make_chain(tmp_path):
    keep = f"persistence true\npersistence_location {tmp_path}/broker/\nautosave_interval 1"
    registers = {1: dict(enumerate(float_registers(230.1)))}
    with ModbusServer(tmp_path, registers) as server, Broker(tmp_path / "broker", more=keep) as broker, \
            Centre(tmp_path, broker) as centre, Chain(tmp_path, server, broker, centre) as chain:
        yield chain


@pytest.mark.timeout(1200 if KILLS > 10 else 300)
@pytest.mark.parametrize("pair", [("gateway", "broker"), ("gateway", "centre"), ("broker", "centre")], ids="-".join)
def test_two_of_three_killed_at_random_moments(chain, pair):
    """Each the first to go and to be back at times, and up or down beside the other."""
    seed = int(os.environ.get("TALLY_SEED") or time.time_ns() % 1000000)
    print(f"TALLY_SEED={seed}")  # pytest shows it when the test fails
    moments = random.Random(seed)
    for _ in range(KILLS):
        time.sleep(moments.uniform(0, 2))
        receipted = chain.receipted()
        for victim in moments.sample(pair, 2):
            chain.kill(victim)
            time.sleep(moments.choice((0, moments.uniform(0, 1))))
        for victim in moments.sample(pair, 2):
            chain.start(victim)
            time.sleep(moments.choice((0, moments.uniform(0, 1))))
        assert chain.size(chain.half()) >= receipted, chain.said()
    wait_until(lambda: chain.daemon.status(), chain.said)
    chain.wait_more(5)
    chain.check()


def test_a_broker_wiped_while_the_centre_is_away(chain):
    """What it had acknowledged and queued is gone with it: sent again, from the ledger."""
    chain.centre.stop()
    held = chain.size(chain.half())
    with Subscriber(chain.broker, [f"tally/1/{chain.origin}/block"]) as consumer:
        size = chain.wait_more(20)
        consumer.wait(lambda _: any(json.loads(block)["n"] == size - 1 for block in consumer.blocks()), chain.said)
    chain.broker.stop()
    queued = chain.broker.folder / "mosquitto.db"
    assert queued.stat().st_size > 1000
    queued.unlink()
    chain.wait_more(5)
    chain.broker.start()
    chain.wait_more(5)
    assert chain.size(chain.half()) == held and chain.receipted() <= held
    chain.centre.start()
    chain.wait_receipted(size + 5)
    chain.check()


def test_a_centre_put_back_from_an_older_copy(chain):
    """Receipted before, and lost by the centre: it comes again from what the gateway keeps."""
    chain.centre.stop()
    copy = chain.folder / "copy"
    shutil.copytree(chain.centre.data, copy)
    older = chain.size(chain.half())
    chain.centre.start()
    chain.wait_receipted(older + 60)
    chain.centre.stop()
    receipted = chain.receipted()
    shutil.rmtree(chain.centre.data)
    copy.rename(chain.centre.data)
    assert chain.size(chain.half()) == older < receipted - 50
    chain.centre.start()
    chain.wait_receipted(receipted + 20)
    assert chain.size(chain.half()) >= receipted
    chain.check()


def test_a_gateway_put_back_from_an_older_copy(chain):
    """The old log is never signed again; a new one names it, and waits for a person."""
    assert chain.daemon.stop() == 0
    copy = chain.folder / "copy"
    shutil.copytree(chain.data, copy)
    chain.daemon = Daemon(chain.path)
    chain.wait_receipted(chain.size() + 40)
    assert chain.daemon.stop() == 0
    wait_until(lambda: chain.size(chain.half()) == chain.size(), chain.said)
    old = ledger_blocks(chain.data)
    shutil.rmtree(chain.data)
    copy.rename(chain.data)
    with Subscriber(chain.broker, [f"tally/1/{chain.origin}/{kind}" for kind in ("block", "checkpoint")]) as consumer:
        signed = wait_until(lambda: consumer.on("checkpoint"), "the old log's last checkpoint, which the broker keeps")
        started = time.time()
        chain.daemon = Daemon(chain.path)
        others = lambda: [log for log in chain.centre.status()["logs"] if log["log"] != chain.origin]
        new = wait_until(others, chain.said)[0]["log"]
        wait_until(lambda: chain.size(chain.half(new)) > 20, chain.said)
        (log,) = others()
        assert log["state"] == "waiting" and log["receipted"] == 0, log
        assert chain.receipted() == 0
        assert chain.daemon.status()["signing"]["state"] == "open"
        chain.accept(new)
        chain.wait_receipted(chain.size())
        assert [bytes(message.payload) for message in consumer.on("checkpoint")] == [bytes(signed[0].payload)]
        assert not consumer.on("block"), "nothing of the old log was sent again"
    (begun,) = stored_events(chain.data, "log.begun")
    assert chain.origin in begun["text"] and "earlier state" in begun["text"], begun
    times = [int(started * 1e6)] + [at for at in chain.times() if at > started * 1e6]
    assert len(times) > 30 and max(b - a for a, b in zip(times, times[1:])) < 5_000_000, "acquisition went on"
    assert ledger_blocks(chain.half()) == old, "the old half stays as it was"
    chain.check_ledger(chain.half(), len(old))
    chain.check(logs=2)
