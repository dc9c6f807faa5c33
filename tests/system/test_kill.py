"""kill -9 at random moments under load, with the broker up and down: nothing that was stored is lost, doubled or changed."""

import json
import os
import random
import shutil
import sqlite3
import time

from stored import check_chain, ledger_blocks, stored_events, unpack
from support import (Broker, Daemon, ModbusServer, Subscriber, configuration, float_registers, needs_broker,
                     needs_daemon, wait_until, without_repeats)

pytestmark = [needs_daemon, needs_broker]
KILLS = 50
QUANTITIES = {"voltage-l1": (0, 230.1), "active-power": (52, 1500.5), "active-energy-import": (72, 123.45)}
UNITS = (1, 2, 3)


def registers(unit):
    """Each quantity of each unit has a value of its own, so that one taken for another is seen."""
    return {address + i: register for address, value in QUANTITIES.values()
            for i, register in enumerate(float_registers(value + unit))}


def bound_to_hold(data, scratch, held):
    """What a machine would find on its disk after this: adds the stored blocks to `held`, and fails when one that was
    stored before is gone or has changed. Reads a copy, so that no look of ours mends anything."""
    if not (data / "ledger.db").exists():
        return
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    for name in ("ledger.db", "ledger.db-wal"):
        if (data / name).exists():
            shutil.copy(data / name, scratch / name)
    database = sqlite3.connect(scratch / "ledger.db")
    try:
        if not database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'blocks'").fetchone()[0]:
            assert not held, "the blocks are gone"
            return
        found = {n: unpack(packed) for n, packed in database.execute("SELECT n, packed FROM blocks")}
    finally:
        database.close()
    for n, block in held.items():
        assert found.get(n) == block, f"block {n} was stored, and is {'changed' if n in found else 'gone'}"
    held.update(found)


def test_killed_at_fifty_moments_it_loses_doubles_and_changes_nothing(tmp_path):
    seed = int(os.environ.get("TALLY_SEED", random.randrange(1 << 32)))
    print(f"TALLY_SEED={seed}")
    chance = random.Random(seed)
    data, held = tmp_path / "data", {}
    # The broker keeps its own state over a stop: what a broker forgets is not what is tested here.
    keep = f"persistence true\npersistence_location {tmp_path}/broker/\n"
    outages = 0
    with ModbusServer(tmp_path, {unit: registers(unit) for unit in UNITS}) as server, \
            Broker(tmp_path / "broker", more=keep) as broker, Subscriber(broker) as consumer:
        path = configuration(
            tmp_path, [{"name": f"b{unit}", "tcp": f"127.0.0.1:{server.port}"} for unit in UNITS],
            [{"name": f"meter-{unit}", "bus": f"b{unit}", "unit": unit, "driver": "eastron-sdm630", "every": "20ms",
              "quantities": list(QUANTITIES)} for unit in UNITS],
            [broker.uplink()], prompt=True)
        for _ in range(KILLS):
            if chance.random() < 0.25:
                outages += broker.process is not None
                broker.stop()
            elif broker.process is None:
                broker.start()
            with Daemon(path) as daemon:
                time.sleep(chance.uniform(0, 1.0))
                assert daemon.running(), daemon.said()
                daemon.kill()
            bound_to_hold(data, tmp_path / "copy", held)
        if broker.process is None:
            broker.start()
        with Daemon(path) as daemon:
            size = len(held)
            wait_until(lambda: daemon.uplink().get("acknowledged", 0) > size, daemon.said)
            assert daemon.stop() == 0
        kept = ledger_blocks(data)
        consumer.wait(lambda c: len(set(c.blocks())) >= len(kept),
                      lambda: f"{len(kept)} blocks; {len(set(consumer.blocks()))} came")

    for n, block in held.items():
        assert kept[n] == block
    check_chain(kept)
    arrived = consumer.blocks()
    once = without_repeats(arrived)  # in order, no gap in n, repeats the same to the byte
    assert [block["n"] for block in once] == list(range(len(kept)))
    assert set(arrived) == set(kept.values())
    check_values(consumer, once)
    starts = stored_events(data, "gateway.started")
    assert not stored_events(data, "log.recovered") and len(stored_events(data, "log.begun")) == 1
    print(f"{KILLS} kills ({len(starts)} runs left a block), {outages} outages of the broker; {len(kept)} blocks, "
          f"{sum(len(b['readings']) for b in once)} readings; {len(arrived) - len(once)} blocks came again")
    # The test would show nothing if it killed an idle daemon.
    assert len(starts) > KILLS / 4 and len(kept) > 2 * KILLS and outages > 0


def check_values(consumer, blocks):
    """No reading has another register's value, and none is there twice."""
    points = json.loads(consumer.on("definitions")[-1].payload)["points"]
    expected = {int(n): float_registers(QUANTITIES[p["quantity"]][1] + p["unit_address"]) for n, p in points.items()}
    seen = set()
    for block in blocks:
        for point, t_us, _, raw, *_ in block["readings"]:
            assert raw == "".join(f"{register:04x}" for register in expected[point])
            assert (point, t_us) not in seen
            seen.add((point, t_us))
