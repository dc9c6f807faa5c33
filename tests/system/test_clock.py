"""The wall clock is set by an hour, back and forth (libfaketime, in the daemon alone), while it polls and publishes."""

import glob
import json
import os
import statistics
import subprocess
import time

import pytest
from stored import check_chain, ledger_blocks, stored, stored_events
from support import (TALLYD, Broker, Daemon, ModbusServer, Subscriber, configuration, float_registers, needs_broker,
                     needs_daemon, wait_until, without_repeats)

pytestmark = [needs_daemon, needs_broker]
# No multiple of the interval of the aligned polls, so that they must move to keep their places.
STEPS_S = (3600.4, -3600.6, -3600.3, 3600.7)


def preload(folder):
    """The environment in which the daemon's wall clock is ahead by what the file `clock` in folder says."""
    libraries = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    if not libraries:
        pytest.skip("libfaketime is not installed (package faketime)")
    environment = {**os.environ, "LD_PRELOAD": libraries[0], "FAKETIME_TIMESTAMP_FILE": str(folder / "clock"),
                   "FAKETIME_NO_CACHE": "1", "DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}
    (folder / "clock").write_text("+0\n")
    if subprocess.run([TALLYD, "--version"], env=environment, capture_output=True, timeout=60, check=False).returncode:
        pytest.skip("this build does not start with libfaketime preloaded (a sanitizer's runtime must come first)")
    if b"libtsan" in subprocess.run(["ldd", TALLYD], capture_output=True, timeout=60, check=False).stdout:
        pytest.skip("libfaketime's pthread_cond_timedwait hides from ThreadSanitizer that a waiter lets go of its mutex")
    return environment


def set_clock(folder, ahead_s):
    (folder / "clock.new").write_text(f"{ahead_s:+.1f}\n")
    (folder / "clock.new").rename(folder / "clock")


def times(data, blocks, name):
    """The readings' times, in order of the ledger, of the instrument of that name."""
    wanted = {}
    for block in blocks:
        for n, point in definitions(data, block["defs"], wanted).items():
            wanted.setdefault("names", {})[int(n)] = point["instrument"]
    return [r[1] for block in blocks for r in block["readings"] if wanted["names"][r[0]] == name]


def definitions(data, name, known):
    if name not in known:
        import sqlite3
        from stored import unpack
        database = sqlite3.connect(f"file:{data}/ledger.db?mode=ro", uri=True, timeout=10)
        packed = database.execute("SELECT packed FROM files WHERE hash = ?", (bytes.fromhex(name),)).fetchone()[0]
        known[name] = json.loads(unpack(packed))["points"]
        database.close()
    return known[name]


def test_a_clock_that_is_set_harms_neither_order_nor_cursor(tmp_path):
    environment, data = preload(tmp_path), tmp_path / "data"
    registers = {1: dict(enumerate(float_registers(230.1)))}
    with ModbusServer(tmp_path, registers) as server, Broker(tmp_path / "broker") as broker, \
            Subscriber(broker) as consumer:
        where = f"127.0.0.1:{server.port}"
        instrument = {"unit": 1, "driver": "eastron-sdm630", "quantities": ["voltage-l1"]}
        path = configuration(
            tmp_path, [{"name": "a", "tcp": where}, {"name": "b", "tcp": where}],
            [{**instrument, "name": "aligned", "bus": "a", "every": "1s", "align": True},
             {**instrument, "name": "steady", "bus": "b", "every": "250ms"}], [broker.uplink()])
        with Daemon(path, env=environment) as daemon:
            wait_until(lambda: len(stored(data)) >= 5, daemon.said)
            ahead_s, marks, began = 0, [], time.monotonic()
            for number, step_s in enumerate(STEPS_S, 1):
                before = len(stored(data))
                ahead_s = round(ahead_s + step_s, 1)
                set_clock(tmp_path, ahead_s)
                wait_until(lambda n=number: len(stored_events(data, "clock.stepped")) >= n, daemon.said)
                known = len(stored(data))
                marks.append((before, known, ahead_s))
                # Both go on at once: an aligned poll that waited for the old time would come in an hour.
                for name in ("aligned", "steady"):
                    wait_until(lambda n=name, k=known: len(times(data, stored(data)[k:], n)) >= 4, daemon.said)
            marks.append((len(stored(data)), None, None))
            took_s = time.monotonic() - began
            size = len(ledger_blocks(data))
            wait_until(lambda: daemon.uplink().get("acknowledged", 0) >= size, daemon.said)
            assert daemon.stop() == 0
        kept = ledger_blocks(data)
        consumer.wait(lambda c: len(set(c.blocks())) == len(kept), "every block")
        without_repeats(consumer.blocks())
        assert set(consumer.blocks()) == set(kept.values())

    check_chain(kept)
    blocks = stored(data)
    for one, next_one in zip(blocks, blocks[1:]):
        assert next_one["mono_us"][0] >= one["mono_us"][1] - 1_000_000 and next_one["mono_us"][1] > one["mono_us"][1]
    check_events(data)
    for (_, known, ahead_s), (end, _, _) in zip(marks, marks[1:]):
        check_times(data, blocks[known:end], ahead_s)
    # A set clock is no reason for polls to be missed, or to be made in a burst.
    missed = [m for block in blocks for m in block["missed"]]
    assert len(missed) < 10, missed[:10]
    assert len(times(data, blocks, "steady")) < 4 * (took_s + 20)


def check_events(data):
    events = stored_events(data, "clock.stepped")
    assert len(events) == len(STEPS_S), events
    for event, step_s in zip(events, STEPS_S):
        assert event["subject"] == "clock"
        way, size = ("forward", step_s) if step_s > 0 else ("back", -step_s)
        assert f"{way} by {size:.1f}" in event["text"], event


def check_times(data, blocks, ahead_s):
    """Times are of the new clock, and aligned ones at its whole seconds."""
    aligned = times(data, blocks, "aligned")
    assert aligned
    offset_s = statistics.median(t / 1e6 for t in aligned) - time.time()
    assert abs(offset_s - ahead_s) < 200, (offset_s, ahead_s)
    phases = [t % 1_000_000 / 1e6 for t in aligned]
    assert statistics.median(phases) < 0.2, phases
