"""Uplinks that are configured no more: one that was required goes on holding back retention, which is said; one that
was not makes room for another."""

import os
import signal
import sqlite3
import subprocess

from stored import stored_events, stored_readings
from support import (TALLY, TALLYD, Daemon, ModbusServer, certificates, configuration, float_registers, needs_daemon,
                     wait_until)

pytestmark = [needs_daemon]


def test_a_required_uplink_that_is_configured_no_more_is_said(tmp_path):
    where, data = certificates(tmp_path / "certificates"), tmp_path / "data"
    uplink = {"name": "old-centre", "broker": "mqtts://127.0.0.1:1", "ca": str(where / "ca.pem"),
              "certificate": str(where / "gw-01.pem"), "key": str(where / "gw-01.key"), "receipts": "none"}
    with ModbusServer(tmp_path, {1: dict(enumerate(float_registers(230.0)))}) as meter:
        bus = {"name": "b", "tcp": f"127.0.0.1:{meter.port}"}
        instrument = {"name": "meter", "bus": "b", "unit": 1, "driver": "eastron-sdm630", "every": "200ms",
                      "quantities": ["voltage-l1"]}
        for uplinks, said in (([{**uplink, "required": True}], 0), ([], 1), ([{**uplink, "required": False}], 1),
                              ([], 1)):
            before = len(stored_readings(data))
            with Daemon(configuration(tmp_path, [bus], [instrument], uplinks)) as daemon:
                wait_until(lambda before=before: len(stored_readings(data)) > before, daemon.said)
                assert daemon.stop() == 0
            assert len(stored_events(data, "uplink.orphaned")) == said
    assert "old-centre is configured no more" in daemon.said()


def release(path, *words):
    return subprocess.run([TALLY, "uplink", "release", *words, "-c", path], capture_output=True, text=True, timeout=60,
                          check=False)


def test_a_person_lets_go_of_an_uplink_that_is_no_more(tmp_path):
    where, data = certificates(tmp_path / "certificates"), tmp_path / "data"
    uplink = {"name": "old-centre", "broker": "mqtts://127.0.0.1:1", "ca": str(where / "ca.pem"), "required": True,
              "certificate": str(where / "gw-01.pem"), "key": str(where / "gw-01.key"), "receipts": "none"}
    with ModbusServer(tmp_path, {1: dict(enumerate(float_registers(230.0)))}) as meter:
        bus = {"name": "b", "tcp": f"127.0.0.1:{meter.port}"}
        instrument = {"name": "meter", "bus": "b", "unit": 1, "driver": "eastron-sdm630", "every": "200ms",
                      "quantities": ["voltage-l1"]}
        path = configuration(tmp_path, [bus], [instrument], [uplink])
        why = ("--reason", "the district closed it; letter 2026-114")
        assert "no daemon runs" in release(path, "old-centre", *why).stderr
        with Daemon(path) as daemon:
            wait_until(lambda: stored_readings(data), daemon.said)
            refused = release(path, "old-centre", *why)
            assert refused.returncode == 1 and "configured with `required: yes`" in refused.stderr
            assert "knows none" in release(path, "new-centre", *why).stderr
            assert release(path, "old-centre").returncode == 2
            configuration(tmp_path, [bus], [instrument])
            os.kill(daemon.pid, signal.SIGHUP)
            wait_until(lambda: stored_events(data, "uplink.orphaned"), daemon.said)
            done = release(path, "old-centre", *why)
            assert done.returncode == 0, done.stderr
            event, = wait_until(lambda: stored_events(data, "uplink.released"), daemon.said)
            assert event["subject"] == "old-centre" and "letter 2026-114" in event["text"]
            assert "holds back nothing" in release(path, "old-centre", *why).stderr
            assert daemon.stop() == 0
        with Daemon(path) as daemon:
            before = len(stored_readings(data))
            wait_until(lambda: len(stored_readings(data)) > before, daemon.said)
            assert daemon.stop() == 0
        assert len(stored_events(data, "uplink.orphaned")) == 1  # no more after the release


def leave_cursors(data, required):
    """32 cursors, as uplinks that were configured one after the other leave them."""
    database = sqlite3.connect(data / "ledger.db")
    with database:
        database.execute("DELETE FROM cursors")
        database.executemany("INSERT INTO cursors VALUES(?, 1, ?, ?)",
                             [(f"old-{i:02}", required, 100 - i) for i in range(32)])
    database.close()


def test_the_33rd_uplink_takes_the_place_of_one_that_is_no_more(tmp_path):
    where, data = certificates(tmp_path / "certificates"), tmp_path / "data"
    uplink = {"name": "city", "broker": "mqtts://127.0.0.1:1", "ca": str(where / "ca.pem"), "receipts": "none",
              "certificate": str(where / "gw-01.pem"), "key": str(where / "gw-01.key")}
    with ModbusServer(tmp_path, {1: dict(enumerate(float_registers(230.0)))}) as meter:
        bus = {"name": "b", "tcp": f"127.0.0.1:{meter.port}"}
        instrument = {"name": "meter", "bus": "b", "unit": 1, "driver": "eastron-sdm630", "every": "200ms",
                      "quantities": ["voltage-l1"]}

        def configure(*uplinks):
            return configuration(tmp_path, [bus], [instrument], list(uplinks))

        with Daemon(configure()) as daemon:
            wait_until(lambda: len(stored_readings(data)) > 2, daemon.said)
            assert daemon.stop() == 0
        leave_cursors(data, required=True)
        checked = subprocess.run([TALLY, "check", "-c", configure(uplink)], capture_output=True, text=True, timeout=60,
                                 check=False)
        assert checked.returncode == 0 and "`required: no`" in checked.stderr, checked.stderr
        started = subprocess.run([TALLYD, "-c", configure(uplink)], capture_output=True, text=True, timeout=60,
                                 check=False)
        assert started.returncode == 1 and "`required: no`" in started.stderr, started.stderr
        with Daemon(configure()) as daemon:  # nor is it taken at a reload
            wait_until(daemon.status, daemon.said)
            configure(uplink)
            os.kill(daemon.pid, signal.SIGHUP)
            wait_until(lambda: "not taken: the ledger keeps the cursors of 32 uplinks" in daemon.said(), daemon.said)
            assert daemon.stop() == 0
        leave_cursors(data, required=False)
        with Daemon(configure(uplink)) as daemon:
            dropped, = wait_until(lambda: stored_events(data, "uplink.dropped"), daemon.said)
            assert dropped["subject"] == "old-31" and "cursor at block 1" in dropped["text"]
            assert daemon.stop() == 0
