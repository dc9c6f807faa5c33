"""Retention in a running daemon: a ledger beyond its size is pruned, but for what a required uplink still needs."""

import sqlite3
import time

from stored import check_chain, ledger_blocks, stored_events
from support import Broker, Daemon, ModbusServer, configuration, float_registers, needs_broker, needs_daemon, wait_until

pytestmark = [needs_daemon, needs_broker]
TILE = 256
DAY_US = 86400 * 1000000
LOOK_S = 8  # the daemon looks 5 s after its start


def first_kept(data):
    return min(ledger_blocks(data))


def thirty_days_pass(data):
    """What the daemon would have written in 30 days of running: that the cursor stood there so long ago."""
    database = sqlite3.connect(data / "ledger.db")
    with database:
        done, = database.execute("SELECT acknowledged FROM cursors WHERE uplink = 'city'").fetchone()
        database.execute("DELETE FROM marks WHERE uplink = 'city'")
        database.execute("INSERT INTO marks VALUES('city', ?, ?)", (-31 * DAY_US, done))
    database.close()
    return done


def test_size_prunes_what_a_required_uplink_has_had_for_30_days(tmp_path):
    data = tmp_path / "data"
    with ModbusServer(tmp_path, {1: dict(enumerate(float_registers(230.1)))}) as meter, \
            Broker(tmp_path / "broker") as broker:
        def configure(keep_size):
            return configuration(
                tmp_path, [{"name": "b", "tcp": f"127.0.0.1:{meter.port}"}],
                [{"name": "meter", "bus": "b", "unit": 1, "driver": "eastron-sdm630", "every": "20ms",
                  "quantities": ["voltage-l1"]}],
                [broker.uplink(required=True, no_subscribers="accept")], prompt=True, keep_size=keep_size)

        broker.stop()
        with Daemon(configure("64KiB")) as daemon:
            wait_until(lambda: len(ledger_blocks(data)) > 2 * TILE + 10, daemon.said, 120)
            assert daemon.stop() == 0
        with Daemon(configure("64KiB")) as daemon:
            time.sleep(LOOK_S)  # beyond its size, and nobody has acknowledged anything
            assert first_kept(data) == 0
            broker.start()
            size = len(ledger_blocks(data))
            wait_until(lambda: daemon.uplink().get("acknowledged", 0) >= size, daemon.said, 60)
            assert daemon.stop() == 0
        with Daemon(configure("64KiB")) as daemon:
            time.sleep(LOOK_S)  # acknowledged, but only just
            assert first_kept(data) == 0
            assert daemon.stop() == 0
        before, acknowledged = ledger_blocks(data), thirty_days_pass(data)
        with Daemon(configure("64KiB")) as daemon:
            kept = acknowledged // TILE * TILE
            wait_until(lambda: first_kept(data) == kept, lambda: f"first: {first_kept(data)}, not {kept}")
            wait_until(lambda: stored_events(data, "retention.pruned"), daemon.said, 30)
            assert daemon.stop() == 0
        after = ledger_blocks(data)
        check_chain(after)
        assert all(after[n] == block for n, block in before.items() if n >= kept)
        assert stored_events(data, "retention.pruned")[0]["text"] == f"blocks 0 to {kept - 1}"
        with Daemon(configure("1GiB")) as daemon:  # it goes on from where it was
            wait_until(lambda: len(ledger_blocks(data)) > len(after) + 10, daemon.said)
            assert daemon.stop() == 0
        check_chain(ledger_blocks(data))
