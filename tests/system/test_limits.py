"""Limits, with the real daemon and a pymodbus server: values that cross a limit and come back, silence, reload, restart,
acknowledgement. What the ledger says is compared with the values that were set."""

import json
import re
import signal
import socket
import struct
import subprocess
import time

import pytest
from stored import stored, stored_events, stored_readings
from support import (ROOT, TALLY, Broker, Daemon, ModbusServer, Subscriber, configuration, float_registers, needs_broker,
                     needs_daemon, wait_until)

pytestmark = [needs_daemon]
POINT = "meter.voltage-l1"
# Holding registers, which a Modbus client may write.
DRIVER = """maker: Test
model: Meter
source: made for this test
defaults: {function: 3, type: float32}
quantities:
  - {name: voltage-l1, unit: V, address: 0}
  - {name: voltage-l2, unit: V, address: 2}
  - {name: active-power, unit: kW, address: 4}
  - {name: energy, unit: kWh, address: 6}
"""


class Plant:
    """One meter behind pymodbus, whose voltage is set, and the daemon's configuration."""

    def __init__(self, folder, limits, uplinks=(), **more):
        """more: limits of other quantities, which are read then."""
        self.folder, self.data = folder, folder / "data"
        (folder / "drivers").mkdir()
        (folder / "drivers" / "meter.yaml").write_text(DRIVER)
        self.server = ModbusServer(folder, {1: dict(enumerate(float_registers(230.0) + [0, 0] + float_registers(36.0)))})
        self.uplinks, self.more = uplinks, more
        self.path = self.configure(limits)

    def configure(self, limits, **gateway):
        bus = {"name": "b", "tcp": f"127.0.0.1:{self.server.port}", "timeout": "200ms", "late_max": "100ms"}
        instrument = {"name": "meter", "bus": "b", "unit": 1, "driver": "meter", "serial": "S1", "every": "100ms",
                      "quantities": ["voltage-l1", "voltage-l2", *(["active-power", "energy"] if self.more else [])],
                      "limits": {"voltage-l1": limits, **self.more}}
        return configuration(self.folder, [bus], [instrument], self.uplinks, drivers=str(self.folder / "drivers"), **gateway)

    def set(self, volts):
        """Writes the register, by function 16, and waits until a reading of it is stored."""
        body = struct.pack(">BBHHB4s", 1, 16, 0, 2, 4, struct.pack(">HH", *float_registers(volts)))
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=10) as line:
            line.sendall(struct.pack(">HHH", 1, 0, len(body)) + body)
            assert line.recv(64)[7] == 16
        before = time.time_ns() // 1000
        wait_until(lambda: any(r[1] > before and r[4] == volts for r in self.readings()), f"{volts} V is read")

    def readings(self):
        return [r for r in stored_readings(self.data) if r[0] == 1]

    def changes(self):
        """(kind, limit) of each event of the point, in order: ("raised", "max 242 V")."""
        return [(e["kind"].removeprefix("limit."), e["text"].split(":")[0]) for e in stored_events(self.data)
                if e["kind"].startswith("limit.")]

    def wait_changes(self, *expected):
        wait_until(lambda: len(self.changes()) >= len(expected), lambda: f"{expected}, not {self.changes()}")
        assert self.changes() == list(expected)

    def tally(self, *words):
        return subprocess.run([TALLY, *words, "-c", self.path], capture_output=True, text=True, timeout=60, check=False)

    def alarms(self):
        return json.loads(self.tally("alarm", "list", "--json").stdout)["alarms"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.__exit__()


@pytest.fixture
def daemon_of():
    """Starts daemons, and ends them."""
    running = []

    def start(plant):
        running.append(Daemon(plant.path))
        wait_until(lambda: (running[-1].status() or {}).get("online"), running[-1].said)
        return running[-1]

    yield start
    for daemon in running:
        daemon.__exit__()


# error = indication - reference = 1 V everywhere; U = 0.5 V.
CERTIFICATE = """certificate: T-1
laboratory: Test
instrument: {serial: S1}
performed: 2026-01-02
due: 2099-01-01
calibration:
  - {quantity: voltage-l1, unit: V, k: 2, uncertainty: 0.5,
     points: [{indication: 100, error: 1}, {indication: 300, error: 1}]}
"""

BOUNDS = {"min": 198, "warning_max": 235, "max": 242, "hysteresis": 1}


def test_values_cross_limits_and_come_back(tmp_path, daemon_of):
    with Plant(tmp_path, BOUNDS) as plant:
        daemon = daemon_of(plant)
        for volts in (230.0, 242.0, 242.5, 241.5, 241.0, 240.0, 197.9, 198.5, 199.0, 230.0):
            plant.set(volts)
        plant.wait_changes(("raised", "warning_max 235 V"), ("raised", "max 242 V"), ("cleared", "max 242 V"),
                           ("raised", "min 198 V"), ("cleared", "warning_max 235 V"), ("cleared", "min 198 V"))
        assert daemon.stop() == 0
        # Each event is at a reading that says so, and the flag is of the reading, not of the alarm.
        at = {r[1]: r for r in plant.readings()}
        for event in stored_events(plant.data):
            if event["kind"].startswith("limit."):
                assert event["subject"] == POINT
                assert f": {at[event['t']][4]:g} V;" in event["text"]
        assert all(bool(r[7] & 256) == (r[4] > 242 or r[4] < 198) for r in plant.readings())
        assert not any(r[7] & 256 for r in stored_readings(plant.data) if r[0] != 1)


def test_corrected_value_is_guarded_by_its_uncertainty(tmp_path, daemon_of):
    with Plant(tmp_path, {"max": 242, "decision": "guarded"}) as plant:
        plant.data.mkdir()
        (tmp_path / "certificate.yaml").write_text(CERTIFICATE)
        added = plant.tally("certificate", "add", tmp_path / "certificate.yaml")
        assert added.returncode == 0, added.stdout + added.stderr
        daemon = daemon_of(plant)
        for volts in (242.25, 242.75, 242.25):  # corrected 1 V less, and guarded by 0.5 V
            plant.set(volts)
        plant.wait_changes(("raised", "max 242 V"), ("cleared", "max 242 V"))
        assert daemon.stop() == 0
        assert stored_events(plant.data, "limit.raised")[0]["text"] == \
            "max 242 V: 241.75 V corrected; guarded by U 0.5 V"
        assert all(bool(r[7] & 256) == (r[5] + r[6] > 242) for r in plant.readings())
        assert {r[6] for r in plant.readings()} == {0.5}


def test_what_is_raised_is_shown_and_acknowledged(tmp_path, daemon_of):
    with Plant(tmp_path, BOUNDS) as plant:
        daemon = daemon_of(plant)
        assert "no limit is raised" in plant.tally("alarm", "list").stdout
        assert "alarms   none" in plant.tally("status").stdout
        refused = plant.tally("alarm", "acknowledge", POINT, "--reason", "seen")
        assert refused.returncode == 1 and "nothing is raised there" in refused.stderr
        assert "no limits are configured" in plant.tally("alarm", "acknowledge", "meter.voltage-l2", "--reason", "x").stderr
        plant.set(243.5)
        status = daemon.status()
        assert (status["alarms_raised"], status["alarms_unacknowledged"]) == (2, 2)
        raised, = [a for a in status["alarms"] if a["level"] == "alarm"]
        assert raised["point"] == POINT and raised["limit"] == "max 242 V" and raised["acknowledged_us"] == 0
        event, = [e for e in stored_events(plant.data, "limit.raised") if e["text"].startswith("max")]
        assert raised["since_us"] == event["t"]
        said = plant.tally("status").stdout
        assert "alarms   2 raised, 2 not acknowledged" in said and "max 242 V" in said
        line = plant.tally("watch", "-n", "1").stdout.splitlines()[0]
        assert "limit-exceeded" in line and "ALARM max 242 V" in line and "warning warning_max 235 V" in line
        done = plant.tally("alarm", "acknowledge", POINT, "--by", "wang", "--reason", "tap changer; order 2026-77")
        assert done.returncode == 0, done.stderr
        event, = wait_until(lambda: stored_events(plant.data, "limit.acknowledged"), daemon.said)
        assert event["subject"] == POINT
        assert event["text"].startswith("warning_max, max: by wang: tap changer; order 2026-77 (said from the account ")
        assert {a["account"] for a in plant.alarms()} == {"wang"} and all(a["acknowledged_us"] for a in plant.alarms())
        assert "by wang" in plant.tally("alarm", "list").stdout
        assert "acknowledged already" in plant.tally("alarm", "acknowledge", POINT, "--reason", "x").stderr
        plant.set(230.0)
        wait_until(lambda: not plant.alarms(), plant.changes)
        assert daemon.stop() == 0
        assert "no daemon runs" in plant.tally("alarm", "list").stderr


def test_delay_rate_and_frozen(tmp_path, daemon_of):
    limits = {"max": 242, "delay": "1s", "rate": "1000/s", "frozen": "1500ms"}
    with Plant(tmp_path, limits) as plant:
        daemon = daemon_of(plant)
        plant.set(243.0)  # for less than the delay
        plant.set(230.0)
        wait_until(lambda: plant.changes(), daemon.said)
        assert plant.changes() == [("raised", "frozen 1500ms")]
        plant.set(243.0)
        plant.wait_changes(("raised", "frozen 1500ms"), ("cleared", "frozen 1500ms"), ("raised", "max 242 V"),
                           ("raised", "frozen 1500ms"))
        delayed = [e for e in stored_events(plant.data, "limit.raised") if e["text"].startswith("max")][0]
        first = next(r[1] for r in plant.readings() if r[4] == 243.0 and r[1] > plant.readings()[0][1]
                     and r[1] > max(x[1] for x in plant.readings() if x[4] == 230.0))
        assert 1_000_000 <= delayed["t"] - first < 1_400_000
        assert daemon.stop() == 0


def test_silence_is_raised_by_misses_and_cleared_by_a_reading(tmp_path, daemon_of):
    limits = {"silence": "2s", "completeness": {"below": "90%", "over": "2400ms", "hysteresis": "5%"}}
    with Plant(tmp_path, limits) as plant:
        daemon = daemon_of(plant)
        plant.set(231.0)
        wait_until(lambda: len(plant.readings()) > 25, "a whole window")
        plant.server.process.kill()
        plant.wait_changes(("raised", "completeness 90%"), ("raised", "silence 2s"))
        assert [a["kind"] for a in plant.alarms()] == ["silence", "completeness"]
        assert "completeness 90%" in plant.tally("status").stdout
        last = plant.readings()[-1][1]
        incomplete, raised = stored_events(plant.data, "limit.raised")
        assert incomplete["text"].endswith(" readings that were due in 2400ms")
        assert 2_000_000 <= raised["t"] + 1_000_000 and last < raised["t"]
        plant.server = ModbusServer(tmp_path, {1: dict(enumerate(float_registers(230.0)))}, plant.server.port)
        plant.wait_changes(("raised", "completeness 90%"), ("raised", "silence 2s"), ("cleared", "silence 2s"),
                           ("cleared", "completeness 90%"))
        # What it says is what is on record.
        cleared = stored_events(plant.data, "limit.cleared")[1]["text"]
        share, taken, due = re.match(r"completeness 90%: ([0-9.]+)%, (\d+) of (\d+) readings", cleared).groups()
        assert int(taken) / int(due) >= 0.95 and float(share) == round(100 * int(taken) / int(due), 1)
        assert cleared.endswith(", hysteresis 5%")
        assert daemon.stop() == 0


def test_register_that_stands_still_disagrees_with_the_power(tmp_path, daemon_of):
    check = {"check_energy": {"power": "active-power", "within": "5%", "over": "2400ms", "floor": 0.001}}
    with Plant(tmp_path, {"max": 242}, energy=check) as plant:
        assert "meter.energy       kWh   active-power  positive" in plant.tally("check").stdout
        daemon = daemon_of(plant)
        wait_until(plant.changes, daemon.said)
        alarm, = plant.alarms()
        assert (alarm["point"], alarm["kind"], alarm["limit"]) == ("meter.energy", "check_energy", "check_energy 5%")
        line = next(line for line in plant.tally("alarm", "list").stdout.splitlines() if "check_energy 5%" in line)
        assert "meter.energy" in line
        assert "check_energy 5%" in plant.tally("status").stdout
        assert daemon.stop() == 0
        event, = stored_events(plant.data, "limit.raised")
        counted, gives, seconds = re.fullmatch(
            r"check_energy 5%: counted (\S+) kWh, active-power gives (\S+) kWh, 100\.0% apart, in (\S+) s",
            event["text"]).groups()
        assert float(counted) == 0 and abs(float(gives) - 36 * float(seconds) / 3600) < 36 * 0.06 / 3600
        assert 2.4 <= float(seconds) < 3


def test_what_is_raised_outlives_a_reload_and_not_a_restart(tmp_path, daemon_of):
    with Plant(tmp_path, BOUNDS) as plant:
        daemon = daemon_of(plant)

        def reload(limits, **gateway):
            before = daemon.said().count("tally.yaml: taken")
            plant.configure(limits, **gateway)
            daemon.child.send_signal(signal.SIGHUP)
            wait_until(lambda: daemon.said().count("tally.yaml: taken") > before, daemon.said)
            at_us = time.time_ns() // 1000
            wait_until(lambda: plant.readings()[-1][1] > at_us, "a reading")

        plant.set(240.0)
        expected = [("raised", "warning_max 235 V")]
        plant.wait_changes(*expected)
        assert plant.tally("alarm", "acknowledge", POINT, "--by", "li", "--reason", "known").returncode == 0
        expected.append(("acknowledged", "warning_max"))
        since = plant.alarms()[0]["since_us"]
        reload(BOUNDS, block_interval="150ms")
        plant.wait_changes(*expected)
        alarm, = plant.alarms()
        assert (alarm["since_us"], alarm["account"]) == (since, "li")
        reload({**BOUNDS, "warning_max": 236})  # another limit: cleared, and raised by the next reading
        expected += [("cleared", "warning_max 235 V"), ("raised", "warning_max 236 V")]
        plant.wait_changes(*expected)
        assert plant.alarms()[0]["account"] == ""
        reload({"frozen": "1h"})
        expected.append(("cleared", "warning_max 236 V"))
        plant.wait_changes(*expected)
        reload(BOUNDS)
        expected.append(("raised", "warning_max 235 V"))
        plant.wait_changes(*expected)
        assert daemon.stop() == 0
        daemon_of(plant)
        expected.append(("raised", "warning_max 235 V"))  # behind gateway.started, which ends what was raised
        plant.wait_changes(*expected)
        kinds = [e["kind"] for block in stored(plant.data) for e in block["events"]]
        assert kinds.index("gateway.started", kinds.index("gateway.stopped")) < len(kinds) - 1 - kinds[::-1].index("limit.raised")


@needs_broker
def test_events_are_published_to_whoever_watches(tmp_path, daemon_of):
    acl = (ROOT / "config" / "mosquitto" / "tally.acl").read_text()
    broker = Broker(tmp_path / "broker", acl=acl).start()
    with broker, Subscriber(broker, ["tally/1/+/+/+/event"]) as phone, \
            Plant(tmp_path, BOUNDS, [broker.uplink(reconnect_min="2s", reconnect_max="3s",
                                                   no_subscribers="accept")]) as plant:
        daemon = daemon_of(plant)
        wait_until(lambda: daemon.uplink().get("connected"), daemon.said)

        def told():
            return [json.loads(m.payload) for m in phone.on("event")]

        def wait_told(count):
            wait_until(lambda: len(told()) >= count, lambda: f"{count} events, not {told()}")

        plant.set(243.0)
        plant.tally("alarm", "acknowledge", POINT, "--by", "li", "--reason", "seen")
        wait_told(3)
        broker.stop()  # what happens while it is away for less than a minute is told when it is back
        plant.set(230.0)
        plant.wait_changes(*[(e["kind"].removeprefix("limit."), e["text"].split(":")[0]) for e in told()],
                           ("cleared", "warning_max 235 V"), ("cleared", "max 242 V"))
        broker.start()  # the phone is there before the gateway
        wait_told(5)
        plant.configure({"frozen": "1h"})  # the reload tells nothing again
        daemon.child.send_signal(signal.SIGHUP)
        daemon.wait_said("tally.yaml: taken")
        wait_until(lambda: daemon.uplink().get("connected"), daemon.said)
        wait_until(lambda: daemon.uplink()["acknowledged"] >= daemon.uplink()["size"] - 2, daemon.said)
        assert daemon.stop() == 0
        # Each is in the block that it names, word for word, and none came twice.
        blocks = {block["n"]: block for block in stored(plant.data)}
        for event in told():
            assert list(event) == ["tally-event", "log", "n", "t", "kind", "subject", "text"] and event["tally-event"] == 1
            block = blocks[event["n"]]
            assert block["log"] == event["log"]
            assert {k: event[k] for k in ("t", "kind", "subject", "text")} in block["events"]
        assert [e["kind"] for e in told()] == ["limit.raised"] * 2 + ["limit.acknowledged"] + ["limit.cleared"] * 2
        message = phone.on("event")[0]
        assert message.topic == f"tally/1/{told()[0]['log']}/event"
        assert message.qos == 1 and not message.retain and message.properties.ContentType == "application/json"


HOOK = """#!/bin/sh
# Writes what it gets; the first time it fails, and the argument "slow" makes it last.
cat >> "$1"
echo "$TALLY_KIND $TALLY_SUBJECT $TALLY_BLOCK" >> "$1.kinds"
[ -e "$1.failed" ] || { touch "$1.failed"; echo "no network"; exit 9; }
[ "$2" != slow ] || sleep 60
"""


def test_a_program_is_run_for_each_event(tmp_path, daemon_of):
    hook, got = tmp_path / "hook.sh", tmp_path / "got"
    hook.write_text(HOOK)
    hook.chmod(0o755)
    with Plant(tmp_path, BOUNDS) as plant:

        def configure(*hook_words):
            plant.configure(BOUNDS)
            document = json.loads(plant.path.read_text())
            document["alarms"] = {"hook": [*map(str, hook_words)], "timeout": "1s"}
            plant.path.write_text(json.dumps(document))

        def given():
            return [json.loads(line) for line in got.read_text().splitlines()] if got.exists() else []

        def wait_given(count):
            wait_until(lambda: len(given()) >= count, lambda: f"{count} events, not {given()}")

        configure("hook.sh", got)  # beside the configuration
        daemon = daemon_of(plant)
        plant.set(240.0)  # the first run fails
        wait_given(1)
        wait_until(lambda: "1 runs, 1 failed; FAILED: it ended with status 9" in plant.tally("status").stdout,
                   lambda: plant.tally("status").stdout)
        plant.tally("alarm", "acknowledge", POINT, "--by", "li", "--reason", "seen")
        wait_given(2)
        plant.set(230.0)
        wait_given(3)
        daemon.wait_said("works again")
        assert daemon.status()["hook"] == {"program": str(hook), "runs": 3, "failed": 1, "dropped": 0, "fault": ""}
        assert "hook: it wrote: no network" in daemon.said()
        configure("hook.sh", got, "slow")
        daemon.child.send_signal(signal.SIGHUP)
        daemon.wait_said("tally.yaml: taken")
        plant.set(240.0)
        wait_given(4)
        before = len(plant.readings())
        daemon.wait_said("did not end within 1 s, and was killed")
        assert len(plant.readings()) > before  # it holds nobody up
        plant.set(230.0)
        wait_given(5)
        begun = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - begun < 6
        blocks = {block["n"]: block for block in stored(plant.data)}
        assert [event["kind"].removeprefix("limit.") for event in given()] == \
            ["raised", "acknowledged", "cleared", "raised", "cleared"]
        for event, line in zip(given(), (tmp_path / "got.kinds").read_text().splitlines()):
            assert {k: event[k] for k in ("t", "kind", "subject", "text")} in blocks[event["n"]]["events"]
            assert line == f"{event['kind']} {POINT} {event['n']}"
        assert [(e["kind"], e["text"]) for e in stored_events(plant.data) if e["kind"].startswith("hook.")] == [
            ("hook.failed", f"ended with status 9 (limit.raised of {POINT})"), ("hook.back", "ended with status 0"),
            ("hook.failed", f"did not end within 1 s, and was killed (limit.raised of {POINT})")]
