"""The narrowest real way: pymodbus → tallyd → Mosquitto over TLS → paho, byte for byte."""

import hashlib
import json
import re
import signal
import sqlite3
import subprocess

import pytest
from stored import check_chain, ledger_blocks, stored, stored_events, stored_readings, unpack
from support import (TALLYD, Broker, Daemon, ModbusServer, Subscriber, certificates, configuration, float_registers,
                     needs_broker, needs_daemon, wait_until, without_repeats)

pytestmark = [needs_daemon]
QUANTITIES = ["voltage-l1", "active-power", "active-energy-import"]


def at(address, value):
    return {address + i: register for i, register in enumerate(float_registers(value))}


@pytest.fixture
def meter(tmp_path):
    with ModbusServer(tmp_path, {1: {**at(0, 230.1), **at(52, 1500.5), **at(72, 123.45)}}) as server:
        yield server


def bus(server):
    return {"name": "b", "tcp": f"127.0.0.1:{server.port}"}


def instrument(**more):
    return {"name": "main-meter", "bus": "b", "unit": 1, "driver": "eastron-sdm630", "every": "200ms",
            "quantities": QUANTITIES, **more}


def start(folder, *arguments, **more):
    return Daemon(configuration(folder, *arguments, **more))


@needs_broker
def test_a_reading_goes_from_the_register_to_the_subscriber(tmp_path, meter):
    data = tmp_path / "data"
    with Broker(tmp_path / "broker") as broker, Subscriber(broker) as consumer:
        with start(tmp_path, [bus(meter)], [instrument()], [broker.uplink()], prompt=True) as daemon:
            consumer.wait(lambda c: len(c.blocks()) >= 10, "ten blocks")
            assert daemon.stop() == 0
        kept = ledger_blocks(data)
        consumer.wait(lambda c: len(set(c.blocks())) == len(kept), "every block")
        assert set(consumer.blocks()) == set(kept.values())
        without_repeats(consumer.blocks())
        check_chain(kept)
        definitions = json.loads(consumer.on("definitions")[-1].payload)
        for name in {json.loads(block)["defs"] for block in kept.values()}:
            # The files that the blocks need came with them: each is what its name says.
            chunks = list(dict.fromkeys(bytes(m.payload) for m in consumer.on("file/" + name)))
            assert hashlib.sha256(unpack(b"".join(chunks))).hexdigest() == name

    names = {n: (p["instrument"], p["quantity"], p["unit"]) for n, p in definitions["points"].items()}
    readings = stored_readings(data)
    assert len(readings) >= 30
    assert {names[str(r[0])]: (r[3], r[4]) for r in readings} == {
        ("main-meter", "voltage-l1", "V"): ("4366199a", 230.1),
        ("main-meter", "active-power", "W"): ("44bb9000", 1500.5),
        ("main-meter", "active-energy-import", "kWh"): ("42f6e666", 123.45)}


def test_it_polls_and_stores_with_no_network_and_no_broker(tmp_path, meter):
    where = certificates(tmp_path / "certificates")
    uplinks = [{"name": name, "broker": f"mqtts://{host}", "ca": str(where / "ca.pem"),
                "certificate": str(where / "gw-01.pem"), "key": str(where / "gw-01.key"), "receipts": "none"}
               for name, host in (("nobody", "127.0.0.1:1"), ("nowhere", "nowhere.invalid"))]
    with start(tmp_path, [bus(meter)], [instrument()], uplinks) as daemon:
        wait_until(lambda: len(stored_readings(tmp_path / "data")) >= 15, daemon.said)
        assert daemon.stop() == 0
    check_chain(ledger_blocks(tmp_path / "data"))


def test_a_reload_takes_a_good_file_and_a_faulty_one_changes_nothing(tmp_path, meter):
    data = tmp_path / "data"
    with start(tmp_path, [bus(meter)], [instrument()]) as daemon:
        wait_until(lambda: stored_readings(data), daemon.said)
        daemon.path.write_text(daemon.path.read_text().replace('"200ms"', '"200 years"'))
        daemon.child.send_signal(signal.SIGHUP)
        wait_until(lambda: stored_events(data, "configuration.refused"), daemon.said)
        assert re.search(r"tally\.yaml:\d+:\d+: ", daemon.said())
        before = len(stored_readings(data))
        wait_until(lambda: len(stored_readings(data)) > before + 6, daemon.said)
        assert {r[0] for r in stored_readings(data)} == {1, 2, 3}

        configuration(tmp_path, [bus(meter)], [instrument(quantities=["voltage-l2", *QUANTITIES])])
        daemon.child.send_signal(signal.SIGHUP)
        wait_until(lambda: stored_events(data, "configuration.changed"), daemon.said)
        # The same definitions keep their numbers; the new quantity gets the next.
        wait_until(lambda: {r[0] for r in stored(data)[-1]["readings"]} == {1, 2, 3, 4}, daemon.said)
        assert daemon.stop() == 0
    check_chain(ledger_blocks(data))


def test_a_reload_waits_until_the_ledger_can_be_written(tmp_path, meter):
    data = tmp_path / "data"
    with start(tmp_path, [bus(meter)], [instrument()]) as daemon:
        wait_until(lambda: stored_readings(data), daemon.said)
        hold = sqlite3.connect(data / "ledger.db", isolation_level=None)
        hold.execute("BEGIN IMMEDIATE")
        daemon.wait_said("locked")
        configuration(tmp_path, [bus(meter)], [instrument(every="300ms")])
        daemon.child.send_signal(signal.SIGHUP)
        daemon.wait_said("not taken: the ledger cannot be written now")
        hold.execute("ROLLBACK")
        hold.close()
        wait_until(lambda: stored_events(data, "configuration.refused"), daemon.said)
        # Now it is taken; a second signal at once finds nothing new.
        daemon.child.send_signal(signal.SIGHUP)
        daemon.wait_said("tally.yaml: taken")
        daemon.child.send_signal(signal.SIGHUP)
        daemon.wait_said("tally.yaml: unchanged")
        wait_until(lambda: {r[0] for r in stored(data)[-1]["readings"]} == {4, 5, 6}, daemon.said)
        assert daemon.stop() == 0
        taken, kept = re.search(r"stopped: (\d+) readings taken, (\d+) stored", daemon.said()).groups()
        assert taken == kept == str(len(stored_readings(data)))
    check_chain(ledger_blocks(data))
    assert not list(data.glob("unsaved*"))


@needs_broker
def test_a_reload_may_change_buses_and_uplinks(tmp_path, meter):
    with Broker(tmp_path / "broker") as broker, Subscriber(broker) as consumer:
        with start(tmp_path, [bus(meter)], [instrument()]) as daemon:
            wait_until(lambda: stored_readings(tmp_path / "data"), daemon.said)
            configuration(tmp_path, [{**bus(meter), "name": "c"}], [instrument(bus="c")], [broker.uplink()])
            daemon.child.send_signal(signal.SIGHUP)
            # The new uplink has all from the first block on.
            consumer.wait(lambda c: len(c.blocks()) >= 5, "five blocks")
            configuration(tmp_path, [bus(meter)], [instrument()])
            daemon.child.send_signal(signal.SIGHUP)
            wait_until(lambda: daemon.said().count("tally.yaml: taken") == 2, daemon.said)
            assert daemon.stop() == 0
    assert without_repeats(consumer.blocks())[0]["n"] == 0


def test_a_changed_definition_gets_a_number_of_its_own_for_ever(tmp_path, meter):
    data, numbers = tmp_path / "data", []
    for every in ("200ms", "300ms", "200ms"):
        with start(tmp_path, [bus(meter)], [instrument(every=every)]) as daemon:
            known = len(stored_readings(data))
            wait_until(lambda known=known: len(stored_readings(data)) > known, daemon.said)
            numbers.append({r[0] for r in stored_readings(data)[known:]})
            assert daemon.stop() == 0
    assert numbers == [{1, 2, 3}, {4, 5, 6}, {1, 2, 3}]


def test_a_second_daemon_on_the_same_ledger_is_refused(tmp_path, meter):
    with start(tmp_path, [bus(meter)], [instrument()]) as daemon:
        daemon.wait_said("uplinks, log ")
        result = subprocess.run([TALLYD, "-c", daemon.path], capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode == 1 and "cannot start: " in result.stderr
        assert daemon.stop() == 0


def test_no_modbus_write_call_is_linked():
    symbols = subprocess.run(["nm", "-D", "--undefined-only", TALLYD], check=True, capture_output=True, text=True)
    assert "modbus_send_raw_request" in symbols.stdout
    assert not re.search(r"modbus_(write|mask_write|reply)", symbols.stdout)


def test_the_program_says_which_it_is():
    said = subprocess.run([TALLYD, "--version"], check=True, capture_output=True, text=True).stdout.split()
    assert said[0] == "tallyd" and said[3] == hashlib.sha256(TALLYD.read_bytes()).hexdigest()
