"""Disks that are full, read-only or damaged under the daemon: said, never silent, nothing stored is lost."""

import fcntl
import hashlib
import json
import os
import random
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import contextmanager

import pytest
import yaml
from stored import check_chain, ledger_blocks, stored, stored_events, stored_readings, unpack
from support import (ROOT, SIM, TALLY, TALLYD, Broker, Daemon, ModbusServer, Process, Subscriber, certificates,
                     configuration, float_registers, free_port, needs_broker, needs_daemon, port_answers, wait_until,
                     without_repeats)

pytestmark = [needs_daemon]
MIB = 1 << 20


@contextmanager
def small_disk(folder, size):
    """A tmpfs of that many bytes at folder/disk."""
    where = folder / "disk"
    where.mkdir()
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small file system")
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tally-test", where], capture_output=True,
                          text=True, check=False)
    if made.returncode:
        pytest.skip("no file system can be mounted here: " + made.stderr.strip())
    try:
        yield where
    finally:
        subprocess.run(["umount", "-l", where], check=True)


def fill(path):
    """Takes what room there is."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(file, bytes(65536))
    except OSError:
        os.close(file)


def polls(daemon):
    return sum(i.get("polls", 0) for i in (daemon.status() or {}).get("instruments", []))


# --- full ---------------------------------------------------------------------------------------

@contextmanager
def lab(folder, count):
    """tally-sim with `count` meters over TCP. Their ports."""
    ports = [free_port() for _ in range(count)]
    lines = [{"tcp": f"127.0.0.1:{port}", "instruments": [{"unit": 1, "driver": "eastron-sdm630"}]} for port in ports]
    settings = {"drivers": str(ROOT / "drivers"), "control": str(folder / "lab.socket"), "seed": 7, "lines": lines}
    (folder / "lab.yaml").write_text(yaml.safe_dump(settings))
    with Process([SIM, folder / "lab.yaml"], folder / "lab.log") as process:
        wait_until(lambda: all(port_answers(port) for port in ports), process.said)
        yield process, ports


def test_a_full_disk_is_said_and_costs_nothing_that_was_stored(tmp_path):
    with small_disk(tmp_path, 60 * MIB) as disk, lab(tmp_path, 12) as (sim, ports):
        data = disk / "data"
        path = configuration(
            tmp_path, [{"name": f"b{i}", "tcp": f"127.0.0.1:{port}"} for i, port in enumerate(ports)],
            [{"name": f"meter-{i}", "bus": f"b{i}", "unit": 1, "driver": "eastron-sdm630", "every": "20ms"}
             for i in range(len(ports))], data=str(data), block_readings=100)
        with Daemon(path) as daemon:
            wait_until(lambda: stored_readings(data), daemon.said)
            # Long before, that it will be.
            event = wait_until(lambda: stored_events(data, "ledger.filling"), daemon.said, 120)[0]
            assert event["text"] == "at this rate the disk is full in 0 hours" and event["text"] in daemon.said()
            assert daemon.status()["ledger"]["filling"]
            shown = subprocess.run([TALLY, "status", "-c", path], capture_output=True, text=True, timeout=60,
                                   check=False)
            assert ": DISK FILLS UP\n" in shown.stdout, shown.stdout
            fill(disk / "filler")
            daemon.wait_said("the disk is full", 60)
            wait_until(lambda: stored_events(data, "ledger.full"), daemon.said)
            assert not (data / "reserve").exists(), "the room held back is what the event was stored in"
            before = ledger_blocks(data)
            # Acquisition stops once nothing more can wait.
            seen = []

            def polls_stopped():
                seen.append(polls(daemon))
                return seen[-1] and seen[-3:] == 3 * [seen[-1]]

            wait_until(lambda: polls_stopped() or time.sleep(0.5), daemon.said, 120)
            assert daemon.status()["ledger"]["full"] and daemon.running()
            shown = subprocess.run([TALLY, "status", "-c", path], capture_output=True, text=True, timeout=60,
                                   check=False)
            assert "full" in shown.stdout, shown.stdout

            (disk / "filler").unlink()
            daemon.wait_said("room on the disk again")
            wait_until(lambda: stored_events(data, "ledger.room"), daemon.said)
            assert (data / "reserve").stat().st_size == MIB
            # It polls again, and what it did not poll is counted.
            wait_until(lambda: any(m[2] == "overrun" for block in stored(data) for m in block["missed"]), daemon.said)
            sim.stop()
            assert daemon.stop() == 0
        after = ledger_blocks(data)
        check_chain(after)
        assert all(after[n] == block for n, block in before.items())
        taken, kept, lost = re.search(r"stopped: (\d+) readings taken, (\d+) stored, (\d+) missed",
                                      daemon.said()).groups()
        assert int(taken) == int(kept) == len(stored_readings(data)) and int(lost) > 0
        assert not list(data.glob("set-aside-*"))
        print(f"{taken} readings taken, {kept} stored, {lost} missed while it was full")


def all_that_was_taken(daemon, data):
    """After its end: every reading taken is stored, in order, and nothing lies beside the ledger."""
    taken, kept = re.search(r"stopped: (\d+) readings taken, (\d+) stored", daemon.said()).groups()
    assert int(taken) == int(kept) == len(stored_readings(data)), daemon.said()
    check_chain(ledger_blocks(data))
    assert not list(data.glob("unsaved*"))


def test_a_reload_while_the_disk_is_full_is_refused(tmp_path, site):
    with small_disk(tmp_path, 8 * MIB) as disk:
        data = disk / "data"
        with Daemon(site.configure(data=str(data))) as daemon:
            wait_until(lambda: stored_readings(data), daemon.said)
            fill(disk / "filler")
            daemon.wait_said("the disk is full")
            wait_until(lambda: not (data / "reserve").exists(), daemon.said)
            fill(disk / "more")  # what was held back too
            wait_until(lambda: daemon.status()["ledger"]["full"], daemon.said)
            site.configure(data=str(data), block_readings=500)
            os.kill(daemon.pid, signal.SIGHUP)
            daemon.wait_said("not taken: the disk is full")
            before = polls(daemon)
            (disk / "more").unlink()
            (disk / "filler").unlink()
            daemon.wait_said("room on the disk again")
            wait_until(lambda: polls(daemon) > before + 10, daemon.said)
            os.kill(daemon.pid, signal.SIGHUP)
            daemon.wait_said("tally.yaml: taken")
            wait_until(lambda: stored_events(data, "configuration.changed"), daemon.said)
            assert daemon.stop() == 0
        assert len(stored_events(data, "configuration.refused")) == 1
        all_that_was_taken(daemon, data)


def test_a_reload_on_a_disk_that_is_full_unnoticed_loses_nothing(tmp_path, site):
    """Nothing was to be stored yet since it is full: the reload begins, and its end finds no room."""
    with small_disk(tmp_path, 8 * MIB) as disk:
        data = disk / "data"
        settings = {"data": str(data), "block_interval": "5s", "prompt": False}
        with Daemon(site.configure(**settings)) as daemon:
            wait_until(lambda: stored_readings(data), daemon.said)
            fill(disk / "filler")
            time.sleep(3)  # the next block is worth some pages
            site.configure(**settings, block_readings=500)
            os.kill(daemon.pid, signal.SIGHUP)
            daemon.wait_said("the disk is full")
            time.sleep(8)  # what cannot be stored is put beside the ledger after 5 s
            (disk / "filler").unlink()
            wait_until(lambda: "tally.yaml: taken" in daemon.said() or "not taken" in daemon.said(), daemon.said)
            before = polls(daemon)
            wait_until(lambda: polls(daemon) > before + 10, daemon.said)
            assert daemon.running() and daemon.stop() == 0
        all_that_was_taken(daemon, data)


def test_a_reload_takes_in_what_its_recorder_could_not_store(site):
    """No file may grow, not even into the room held back; what is put beside the ledger is a new file."""
    data, settings = site.data, {"block_interval": "1s", "prompt": False}
    with Daemon(site.configure(**settings)) as daemon:
        wait_until(lambda: (data / "ledger.db-wal").exists() and (data / "ledger.db-wal").stat().st_size > 60000,
                   daemon.said, 60)
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (30000, resource.RLIM_INFINITY))
        time.sleep(0.5)  # some readings
        site.configure(**settings, block_readings=500)
        os.kill(daemon.pid, signal.SIGHUP)
        wait_until((data / "unsaved").exists, daemon.said)
        time.sleep(2)
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        before = polls(daemon)
        wait_until(lambda: polls(daemon) > before + 10, daemon.said)
        assert daemon.running() and daemon.stop() == 0
    all_that_was_taken(daemon, data)


def test_a_disk_full_from_the_start_is_said(tmp_path):
    with small_disk(tmp_path, 2 * MIB) as disk:
        fill(disk / "filler")
        path = configuration(tmp_path, [{"name": "b", "tcp": "127.0.0.1:1"}],
                             [{"name": "meter", "bus": "b", "unit": 1, "driver": "eastron-sdm630", "every": "1s"}],
                             data=str(disk / "data"))
        result = subprocess.run([TALLYD, "-c", path], capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode == 1
        assert re.search(r"cannot start: .*(full|[Nn]o space)", result.stderr), result.stderr


def test_a_read_only_data_folder_is_said(tmp_path):
    with small_disk(tmp_path, 8 * MIB) as disk:
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        path = configuration(tmp_path, [{"name": "b", "tcp": "127.0.0.1:1"}],
                             [{"name": "meter", "bus": "b", "unit": 1, "driver": "eastron-sdm630", "every": "1s"}],
                             data=str(disk))
        result = subprocess.run([TALLYD, "-c", path], capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode == 1
        assert str(disk) in result.stderr and "Read-only file system" in result.stderr, result.stderr
        assert "cannot start: " in result.stderr


# --- damaged ------------------------------------------------------------------------------------

QUANTITIES = ["voltage-l1", "voltage-l2", "voltage-l3", "active-power"]


class Site:
    """A meter, and a daemon whose uplink (when asked for) has nobody to talk to yet."""

    def __init__(self, folder, meter):
        self.folder, self.meter, self.data = folder, meter, folder / "data"
        self.uplinks = []

    def configure(self, **gateway):
        return configuration(
            self.folder, [{"name": "b", "tcp": f"127.0.0.1:{self.meter.port}"}],
            [{"name": "meter", "bus": "b", "unit": 1, "driver": "eastron-sdm630", "every": "20ms",
              "quantities": QUANTITIES}], self.uplinks, **{"prompt": True, **gateway})

    def collect(self, count, end):
        """Runs until there are that many blocks, and ends it: "kill" or "stop". The blocks."""
        with Daemon(self.configure()) as daemon:
            wait_until(lambda: len(ledger_blocks(self.data)) >= count, daemon.said, 60)
            if end == "kill":
                daemon.kill()
            else:
                assert daemon.stop() == 0
        return copied_blocks(self.data, self.folder / "copy")


def copied_blocks(data, copy):
    """The blocks, read from a copy: nothing of ours touches the original."""
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for path in data.glob("ledger.db*"):
        shutil.copy(path, copy)
    return ledger_blocks(copy)


@pytest.fixture
def site(tmp_path):
    with ModbusServer(tmp_path, {1: dict(enumerate(float_registers(230.1)))}) as meter:
        yield Site(tmp_path, meter)


def uplink_to_nobody(folder):
    where = certificates(folder / "certificates")
    return {"name": "city", "broker": "mqtts://localhost:1", "ca": str(where / "ca.pem"), "receipts": "none",
            "certificate": str(where / "gw-01.pem"), "key": str(where / "gw-01.key"), "required": True}


def recovered_blocks(data):
    """The old log's blocks that log.recovered events name, in order, as bytes."""
    database = sqlite3.connect(f"file:{data}/ledger.db?mode=ro", uri=True, timeout=10)
    lines = []
    for event in stored_events(data, "log.recovered"):
        row = database.execute("SELECT packed FROM files WHERE hash = ?", (bytes.fromhex(event["subject"]),))
        file = unpack(row.fetchone()[0])
        assert hashlib.sha256(file).hexdigest() == event["subject"]
        lines += file.splitlines(keepends=True)
    database.close()
    return lines


def scribble(path, chance, share, first_page=0):
    """Random bytes over that share of the pages of 1 KiB."""
    with open(path, "r+b") as file:
        for page in range(first_page, os.path.getsize(path) // 1024):
            if chance.random() < share:
                file.seek(page * 1024 + chance.randrange(1000))
                file.write(chance.randbytes(24))


def damage_end(data, _chance):
    """The newest block, in the database itself (it was closed in good order)."""
    database = sqlite3.connect(data / "ledger.db")
    packed = database.execute("SELECT packed FROM blocks ORDER BY n DESC LIMIT 1").fetchone()[0]
    database.close()
    overwrite(data, packed)


def overwrite(data, packed):
    """Turns round bytes in the midst of that block alone, in the database and in its write-ahead log.

    Its row is found by the leaf hash, which stands before: two packed blocks may begin alike.
    """
    leaf, found = hashlib.sha256(b"\0" + unpack(packed)).digest(), 0
    for path in data.glob("ledger.db*"):
        bytes_ = bytearray(path.read_bytes())
        row = bytes_.find(leaf)
        while row >= 0:
            at = bytes_.find(packed[:48], row, row + 128)
            if at >= 0:
                found += 1
                bytes_[at + 20:at + 28] = bytes(b ^ 0xFF for b in bytes_[at + 20:at + 28])
            row = bytes_.find(leaf, row + 1)
        with open(path, "r+b") as file:  # in place: the daemon may have it open
            file.write(bytes_)
    assert found, "the block was not found on the disk"


def packed_block(data, n):
    database = sqlite3.connect(f"file:{data}/ledger.db?mode=ro", uri=True, timeout=10)
    packed = database.execute("SELECT packed FROM blocks WHERE n = ?", (n,)).fetchone()[0]
    database.close()
    return packed


def damage_random(data, chance):
    scribble(data / "ledger.db", chance, 0.3)


def damage_name(data, _chance):
    database = sqlite3.connect(data / "ledger.db")
    database.execute("UPDATE log SET origin = substr(origin, 1, 40) || x'ff1b09' || substr(origin, 44)")
    database.commit()
    database.close()


def damage_head(data, _chance):
    with open(data / "ledger.db", "r+b") as file:
        file.write(b"\xff" * 100)


def damage_truncated(data, _chance):
    os.truncate(data / "ledger.db", os.path.getsize(data / "ledger.db") * 6 // 10 // 1024 * 1024)


def damage_empty(data, _chance):
    os.truncate(data / "ledger.db", 0)


def damage_gone(data, _chance):
    (data / "ledger.db").unlink()


# How many of the old blocks must come along: at least this share.
DAMAGE = {damage_end: 0.9, damage_random: 0, damage_name: 0.9, damage_head: 0, damage_truncated: 0.3, damage_empty: 0, damage_gone: 0}


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda f: f.__name__[7:])
def test_a_damaged_database_is_set_aside_and_a_new_log_says_so(site, damage):
    seed = int(os.environ.get("TALLY_SEED", random.randrange(1 << 32)))
    print(f"TALLY_SEED={seed}")
    site.uplinks = [uplink_to_nobody(site.folder)]
    old = site.collect(60, "stop")
    damage(site.data, random.Random(seed))
    damaged = {path.name: path.read_bytes() for path in site.data.glob("ledger.db") if path.stat().st_size}
    check_new_log(site, old, damaged, DAMAGE[damage] * len(old))


def check_new_log(site, old, damaged, at_least, **gateway):
    """Starts it on what is there now, and expects a new log with what can be saved from the old."""
    data, origin = site.data, json.loads(old[0])["log"]
    with Daemon(site.configure(**gateway)) as daemon:
        daemon.wait_said("a new log was begun")
        wait_until(lambda: polls(daemon) and len(ledger_blocks(data)) >= 5, daemon.said)
        assert daemon.stop() == 0
    new = ledger_blocks(data)
    check_chain(new)
    assert min(new) == 0 and json.loads(new[0])["log"] != origin
    assert len({json.loads(block)["log"] for block in new.values()}) == 1
    begun = json.loads(new[0])["events"][0]
    assert begun["kind"] == "log.begun" and origin in begun["text"] and "why: " in begun["text"], begun
    assert len(stored_events(data, "log.begun")) == 1
    aside = list(data.glob("set-aside-*"))
    assert len(aside) == 1 and str(aside[0].name) in daemon.said()
    assert {name: (aside[0] / name).read_bytes() for name in damaged} == damaged, "it was mended in place"
    saved = recovered_blocks(data)
    assert set(saved) <= set(old.values()), "a recovered block differs from what was stored"
    numbers = [json.loads(block)["n"] for block in saved]
    assert numbers == sorted(set(numbers)) and len(saved) >= at_least, (len(saved), at_least)
    print(f"{len(saved)} of {len(old)} blocks went along; {begun['text']}")


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_ledger_of_another_gateway_is_refused_and_left_as_it_is(site, end):
    old = site.collect(30, end)
    before = {path.name: path.read_bytes() for path in site.data.glob("l*") if not path.name.endswith("-shm")}
    result = subprocess.run([TALLYD, "-c", site.configure(name="gw-02")], capture_output=True, text=True, timeout=60,
                            check=False)
    assert result.returncode == 1
    for word in (str(site.data), "/gw-01,", "/gw-02:", "site.code or gateway.name"):
        assert word in result.stderr, result.stderr
    for name, content in before.items():
        assert (site.data / name).read_bytes() == content, name
    with Daemon(site.configure()) as daemon:
        wait_until(lambda: len(ledger_blocks(site.data)) > len(old), daemon.said)
        assert daemon.stop() == 0
    check_chain(ledger_blocks(site.data))


def test_a_write_ahead_log_that_is_gone_is_no_shorter_ledger(site):
    """Without it numbers would be given anew that the centre has seen already, for other blocks."""
    site.uplinks = [uplink_to_nobody(site.folder)]
    older = site.collect(30, "stop")
    old = site.collect(len(older) + 30, "kill")
    assert (site.data / "ledger.db-wal").stat().st_size > 0
    (site.data / "ledger.db-wal").unlink()
    damaged = {"ledger.db": (site.data / "ledger.db").read_bytes()}
    check_new_log(site, old, damaged, len(older))


def test_a_shell_that_looked_into_the_ledger_after_a_crash_did_no_harm(site):
    site.uplinks = [uplink_to_nobody(site.folder)]
    old = site.collect(30, "kill")
    database = sqlite3.connect(site.data / "ledger.db")  # not read-only: its end takes the write-ahead log in
    database.execute("SELECT count(*) FROM blocks").fetchone()
    database.close()
    assert not (site.data / "ledger.db-wal").exists()
    with Daemon(site.configure()) as daemon:
        wait_until(lambda: len(ledger_blocks(site.data)) > len(old) + 5, daemon.said)
        assert daemon.stop() == 0
    new = ledger_blocks(site.data)
    check_chain(new)
    assert all(new[n] == block for n, block in old.items())
    assert not list(site.data.glob("set-aside-*"))


def test_a_recovery_that_is_killed_again_and_again_comes_to_its_end(site):
    seed = int(os.environ.get("TALLY_SEED", random.randrange(1 << 32)))
    print(f"TALLY_SEED={seed}")
    chance = random.Random(seed)
    site.uplinks = [uplink_to_nobody(site.folder)]
    old = site.collect(60, "stop")
    damage_end(site.data, chance)
    damaged = {"ledger.db": (site.data / "ledger.db").read_bytes()}
    for _ in range(25):
        with Daemon(site.configure()) as daemon:
            time.sleep(chance.uniform(0, chance.choice((0.01, 0.03, 0.15))))
            daemon.kill()
    check_new_log(site, old, damaged, 0.9 * len(old))


@needs_broker
@pytest.mark.parametrize("compress", [False, True], ids=["plain", "packed"])
def test_damage_found_while_it_runs_begins_a_new_log(site, compress):
    data, bad = site.data, 20
    broker = Broker(site.folder / "broker")
    site.uplinks = [broker.uplink(required=True, compress=compress)]
    with broker, Subscriber(broker) as consumer:
        broker.stop()
        with Daemon(site.configure()) as daemon:
            wait_until(lambda: len(ledger_blocks(data)) >= 60, daemon.said, 60)
            packed = packed_block(data, bad)
            origin = json.loads(ledger_blocks(data)[bad])["log"]
            old = ledger_blocks(data)
            os.kill(daemon.pid, signal.SIGSTOP)  # so that nothing is written between our read and our write
            overwrite(data, packed)
            os.kill(daemon.pid, signal.SIGCONT)
            broker.start()
            daemon.wait_said("a new log was begun", 60)
            wait_until(lambda: len(stored_events(data, "log.recovered")) and len(ledger_blocks(data)) >= 5,
                       daemon.said)
            size = len(ledger_blocks(data))
            wait_until(lambda: daemon.uplink().get("acknowledged", 0) >= size, daemon.said)
            assert daemon.running() and daemon.stop() == 0
        new = ledger_blocks(data)
        consumer.wait(lambda c: set(new.values()) <= {unpack(block) for block in c.blocks()}, "the new log's blocks")
    check_chain(new)
    begun = json.loads(new[0])["events"][0]
    assert begun["kind"] == "log.begun" and origin in begun["text"] and f"block {bad}" in begun["text"], begun
    arrived = [unpack(block) for block in consumer.blocks()]
    ours = [block for block in arrived if json.loads(block)["log"] == origin]
    without_repeats([block for block in arrived if json.loads(block)["log"] != origin])
    # What was sent of the old log is true, and what was not, but for the damaged block, went along.
    assert {json.loads(block)["n"] for block in ours} == set(range(bad))
    assert all(block == old[json.loads(block)["n"]] for block in ours)
    saved = {json.loads(block)["n"]: block for block in recovered_blocks(data)}
    assert bad not in saved and set(saved) | set(range(bad)) | {bad} >= set(old)
    assert all(block == old[n] for n, block in saved.items() if n in old)
    files = {m.topic.rsplit("/", 1)[1] for m in consumer.messages if "/file/" in m.topic}
    assert {event["subject"] for event in stored_events(data, "log.recovered")} <= files


@contextmanager
def new_log_held_up(site):
    """A daemon that found damage, and cannot begin a new log while `lock` is held: (daemon, lock, old origin)."""
    with Broker(site.folder / "broker") as broker:
        site.uplinks = [broker.uplink(required=True, no_subscribers="accept")]
        broker.stop()
        with Daemon(site.configure()) as daemon:
            wait_until(lambda: len(ledger_blocks(site.data)) >= 60, daemon.said, 60)
            # In place of the file on which it holds its lock one that is locked by us.
            shutil.copy(site.data / "lock", site.data / "lock.ours")
            with open(site.data / "lock.ours", "rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                (site.data / "lock.ours").rename(site.data / "lock")
                packed, origin = packed_block(site.data, 20), stored(site.data)[0]["log"]
                os.kill(daemon.pid, signal.SIGSTOP)  # so that nothing is written between our read and our write
                overwrite(site.data, packed)
                os.kill(daemon.pid, signal.SIGCONT)
                broker.start()
                daemon.wait_said("cannot begin a new log", 60)
                yield daemon, lock, origin


@needs_broker
def test_a_reload_asked_for_while_no_new_log_can_begin_is_not_forgotten(site):
    with new_log_held_up(site) as (daemon, lock, _):
        told = subprocess.run([TALLY, "status", "-c", daemon.path], capture_output=True, text=True, timeout=60, check=True)
        assert re.search(r"^ledger +not open$", told.stdout, re.M), told.stdout
        site.configure(block_interval="300ms")
        daemon.child.send_signal(signal.SIGHUP)
        time.sleep(1.5)
        assert "taken" not in daemon.said()
        fcntl.flock(lock, fcntl.LOCK_UN)
        daemon.wait_said("tally.yaml: taken")
        wait_until(lambda: stored_events(site.data, "configuration.changed"), daemon.said)
        assert daemon.stop() == 0
    new = stored(site.data)
    check_chain(ledger_blocks(site.data))
    assert new[0]["events"][0]["kind"] == "log.begun" and stored_events(site.data, "log.recovered")
    # What was due meanwhile is on record.
    missed = [word for block in new for _, _, word in block["missed"]]
    assert missed.count("stopped") >= 1.5 / 0.02 * len(QUANTITIES), len(missed)


@needs_broker
def test_it_can_be_stopped_while_no_new_log_can_begin(site):
    with new_log_held_up(site) as (daemon, _, origin):
        assert daemon.stop(3) == 0
    site.uplinks = [uplink_to_nobody(site.folder)]
    with Daemon(site.configure()) as daemon:
        daemon.wait_said("a new log was begun")
        wait_until(lambda: stored_events(site.data, "log.recovered"), daemon.said)
        assert daemon.stop() == 0
    begun = stored(site.data)[0]["events"][0]
    assert begun["kind"] == "log.begun" and origin in begun["text"] and "block 20" in begun["text"], begun


def test_random_bytes_over_pages_while_it_runs_do_not_end_it(site):
    seed = int(os.environ.get("TALLY_SEED", random.randrange(1 << 32)))
    print(f"TALLY_SEED={seed}")
    site.uplinks = [uplink_to_nobody(site.folder)]
    with Daemon(site.configure()) as daemon:
        wait_until(lambda: len(ledger_blocks(site.data)) >= 60, daemon.said, 60)
        before = polls(daemon)
        os.kill(daemon.pid, signal.SIGSTOP)
        for path in site.data.glob("ledger.db*"):
            if not path.name.endswith("-shm"):
                scribble(path, random.Random(seed), 0.5)
        os.kill(daemon.pid, signal.SIGCONT)
        # It goes on: in this log while nobody notices, in a new one once somebody does.
        wait_until(lambda: polls(daemon) > before + 50 or "a new log was begun" in daemon.said(), daemon.said)
        assert daemon.running()
        daemon.stop()
    with Daemon(site.configure()) as daemon:
        wait_until(lambda: polls(daemon) > 20, daemon.said)
        assert daemon.stop() == 0
    check_chain(ledger_blocks(site.data))
