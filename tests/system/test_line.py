"""An RTU line with the real daemon: an independent instrument (pymodbus), and five units that misbehave in every way."""

import json
import random
import shutil
import struct
import subprocess
import sys

import pytest
from stored import check_chain, ledger_blocks, ledger_files, stored, stored_events, stored_readings
from support import ROOT, SIM, Daemon, Process, configuration, float_registers, needs_daemon, wait_until

pytestmark = [pytest.mark.alone, needs_daemon, pytest.mark.skipif(not SIM.exists(), reason="tally-sim is not built")]
DRIVER = "eastron-sdm630"
QUANTITIES = ["voltage-l1", "voltage-l2", "active-power", "active-energy-import"]

# pymodbus 3.0 (Debian 12) and 3.8 (Debian 13).
SERIAL_SERVER = r'''
import sys
from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server import StartSerialServer
try:
    from pymodbus.framer import FramerType
    framer = FramerType.RTU
except ImportError:
    from pymodbus.transaction import ModbusRtuFramer as framer
registers = [0] * 1000
registers[1:3] = [int(sys.argv[2]), int(sys.argv[3])]
slave = ModbusSlaveContext(ir=ModbusSequentialDataBlock(0, registers), hr=ModbusSequentialDataBlock(0, [0] * 1000))
StartSerialServer(context=ModbusServerContext(slaves={1: slave}, single=False), framer=framer, port=sys.argv[1],
                  baudrate=115200, parity="N", timeout=0.01)
'''


@pytest.mark.skipif(shutil.which("socat") is None, reason="socat is not installed")
def test_pymodbus_is_read_over_a_serial_line(tmp_path):
    near, far = tmp_path / "near", tmp_path / "far"
    with Process(["socat", f"pty,raw,echo=0,link={near}", f"pty,raw,echo=0,link={far}"], tmp_path / "socat.log"):
        wait_until(lambda: near.exists() and far.exists(), "the pair of ptys")
        high, low = float_registers(231.5)
        with Process([sys.executable, "-c", SERIAL_SERVER, far, high, low], tmp_path / "pymodbus.log") as server:
            # 921600 baud: a pty keeps no wire time, and an answer before the request's own is dropped.
            bus = {"name": "b", "rtu": str(near), "baud": 921600, "parity": "none", "late_max": "100ms"}
            meter = {"name": "meter", "bus": "b", "unit": 1, "driver": DRIVER, "every": "100ms",
                     "quantities": ["voltage-l1"]}
            with Daemon(configuration(tmp_path, [bus], [meter])) as daemon:
                wait_until(lambda: len(stored_readings(tmp_path / "data")) >= 20,
                           lambda: daemon.said() + server.said())
                assert daemon.stop() == 0
    readings = stored_readings(tmp_path / "data")
    assert {(r[3], r[4]) for r in readings} == {("43678000", 231.5)}


@pytest.fixture
def line(tmp_path):
    """Five units on one pty whose registers tell unit and address."""
    lab = tmp_path / "lab.yaml"
    units = [{"unit": unit, "driver": DRIVER, "name": f"unit-{unit}"} for unit in range(1, 6)]
    lab.write_text(json.dumps({"pattern": True, "control": str(tmp_path / "lab.socket"), "lines": [
        {"pty": str(tmp_path / "rs485"), "baud": 38400, "parity": "even", "instruments": units}]}))
    with Process([SIM, "--drivers", ROOT / "drivers", lab], tmp_path / "sim.log") as sim:
        sim.wait_said("ready")
        yield tmp_path


def order(folder, *words):
    result = subprocess.run([SIM, "--tell", folder / "lab.socket", *map(str, words)], capture_output=True, text=True,
                            timeout=30, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def definitions(folder):
    """{point number: (unit address, register address, count)} of every definitions file in the ledger."""
    points = {}
    for text in ledger_files(folder / "data", "definitions"):
        points.update(json.loads(text)["points"])
    return {int(n): (p["unit_address"], p["address"], p["count"]) for n, p in points.items()}


def check_no_value_is_anothers(folder):
    where = definitions(folder)
    readings = stored_readings(folder / "data")
    for point, _, _, raw, *_ in readings:
        unit, address, count = where[point]
        expected = struct.pack(f">{count}H", *((unit * 4951 + address + i) % 65536 for i in range(count)))
        assert raw == expected.hex(), f"unit {unit}, register {address}: {raw}"
    return readings, where


def five_units(folder):
    bus = {"name": "line", "rtu": str(folder / "rs485"), "baud": 38400, "parity": "even", "timeout": "60ms",
           "late_max": "200ms"}
    units = [{"name": f"unit-{unit}", "bus": "line", "unit": unit, "driver": DRIVER, "every": "250ms",
              "quantities": QUANTITIES} for unit in range(1, 6)]
    return Daemon(configuration(folder, [bus], units))


def test_no_reading_ever_carries_another_registers_value(line):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    choose = random.Random(seed)
    faults = [("late", 90), ("late", 130), ("late", 190), ("noise", 7), ("noise", 40), ("wrong-unit",),
              ("wrong-length",), ("bad-crc",), ("exception", 6), ("half-frame",), ("silent",), ("slow", 40)]
    data = line / "data"
    with five_units(line) as daemon:
        wait_until(lambda: stored_readings(data), daemon.said)
        for fault in faults * 2:
            order(line, "fault", choose.randint(1, 5), *fault, "count", choose.randint(1, 3))
            before = len(stored(data))
            wait_until(lambda before=before: len(stored(data)) > before + 1, daemon.said)
        order(line, "fault", "all", "clear")
        assert daemon.stop() == 0
    readings, where = check_no_value_is_anothers(line)
    assert {where[r[0]][0] for r in readings} == {1, 2, 3, 4, 5}
    words = {m[2] for block in stored(data) for m in block["missed"]}
    assert {"timeout", "damaged", "exception-6"} <= words, words
    check_chain(ledger_blocks(data))


def test_a_silent_unit_costs_the_others_little_and_comes_back(line):
    data = line / "data"
    with five_units(line) as daemon:
        wait_until(lambda: stored_readings(data), daemon.said)
        order(line, "fault", 3, "silent")
        wait_until(lambda: stored_events(data, "instrument.silent"), daemon.said)
        start = len(stored_readings(data))
        wait_until(lambda: len(stored_readings(data)) > start + 600, daemon.said)
        order(line, "fault", 3, "clear")
        wait_until(lambda: stored_events(data, "instrument.back"), daemon.said)
        assert daemon.stop() == 0
    readings, where = check_no_value_is_anothers(line)
    events = stored_events(data)
    assert [e["subject"] for e in events if e["kind"] == "instrument.silent"] == ["unit-3"]
    quiet = [e["t"] for e in events if e["kind"] == "instrument.silent"][0]
    back = [e["t"] for e in events if e["kind"] == "instrument.back"][0]
    between = [where[r[0]][0] for r in readings if quiet < r[1] < back]
    # Never a stale value: the silent one has none between (the probe that it answers is just before the event).
    assert between.count(3) <= len(QUANTITIES)
    missed = [(where[m[0]][0], m[2]) for block in stored(data) for m in block["missed"] if quiet < m[1] < back]
    assert (3, "quarantined") in missed
    assert len([m for m in missed if m[0] != 3]) <= 0.05 * len(between)


def test_a_line_that_is_pulled_comes_back_by_itself(line):
    data = line / "data"
    with five_units(line) as daemon:
        wait_until(lambda: stored_readings(data), daemon.said)
        order(line, "fault", 1, "vanish", 1)
        wait_until(lambda: stored_events(data, "bus.lost"), daemon.said)
        wait_until(lambda: stored_events(data, "bus.back"), daemon.said)
        back = stored_events(data, "bus.back")[0]["t"]
        wait_until(lambda: [r for r in stored_readings(data) if r[1] > back + 500000], daemon.said)
        assert daemon.stop() == 0
    assert len(stored_events(data, "bus.lost")) == 1
    check_no_value_is_anothers(line)
