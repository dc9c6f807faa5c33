"""What the system tests share: ports, certificates, a broker, a subscriber, a Modbus server, the daemon.

Everything binds to 127.0.0.1, on ports chosen at run time, keeps its files below the folder it is given, and ends only
the processes that it started. Written for pymodbus 3.0 to 3.8 and paho-mqtt 1.6 and 2.1.
"""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = (ROOT / os.environ.get("TALLY_BUILD", "build")).resolve()
TALLYD = BUILD / "tallyd"
TALLY = BUILD / "tally"
SIM = BUILD / "tally-sim"
MOSQUITTO = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
SITE = "91350100M000100Y43"

needs_daemon = pytest.mark.skipif(not TALLYD.exists(), reason="tallyd is not built")
needs_broker = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(condition, what, seconds=30):
    """The first true value of condition(); fails with `what` (a string, or a function of none) when it never comes."""
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            pytest.fail(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(0.02)


def port_answers(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def certificates(folder, *options):
    """tools/make-certificates into folder (a Path), which is returned."""
    subprocess.run([ROOT / "tools" / "make-certificates", *map(str, options), str(folder)], check=True)
    return Path(folder)


class Process:
    """A child with its output in a file. A context manager: ends it."""

    def __init__(self, command, log, **options):
        self.log = Path(log)
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen(  # pylint: disable=consider-using-with
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                **options)

    @property
    def pid(self):
        return self.child.pid

    def running(self):
        return self.child.poll() is None

    def said(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def wait_said(self, text, seconds=30):
        return wait_until(lambda: text in self.said(), lambda: f'"{text}" in:\n{self.said()}', seconds)

    def kill(self):
        """SIGKILL: as when the power goes."""
        self.child.kill()
        self.child.wait()

    def stop(self, seconds=20):
        """SIGTERM; the exit status."""
        if self.running():
            self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"did not stop within {seconds} s:\n{self.said()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.running():
            self.child.terminate()
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


class Broker:
    """Mosquitto with TLS and client certificates, which may be started and stopped again and again.

    folder: its files and (folder/certificates) the certificates, made when absent. `acl`: lines of an ACL file, or
    None for no rules. `more`: further lines of its configuration.
    """

    def __init__(self, folder, acl=None, more="", port=None):
        self.folder = Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.port = port or free_port()
        self.acl, self.more = acl, more
        self.process = None
        self.certificates = self.folder / "certificates"
        if not self.certificates.exists():
            certificates(self.certificates)

    def start(self, own=None):
        """own: a folder with another broker.pem and broker.key."""
        own = own or self.certificates
        lines = [f"listener {self.port} 127.0.0.1", f"cafile {self.certificates}/ca.pem", f"certfile {own}/broker.pem",
                 f"keyfile {own}/broker.key", "require_certificate true", "use_identity_as_username true",
                 "allow_anonymous false", "set_tcp_nodelay true", "max_queued_messages 1000000", self.more]
        if self.acl is not None:
            (self.folder / "acl").write_text(self.acl)
            (self.folder / "acl").chmod(0o600)
            lines.append(f"acl_file {self.folder}/acl")
        if os.geteuid() == 0:
            lines.append("user root")  # it would otherwise become a user who may not read the key
        (self.folder / "broker.conf").write_text("\n".join(lines) + "\n")
        self.process = Process([MOSQUITTO, "-c", self.folder / "broker.conf"], self.folder / "broker.log")
        wait_until(lambda: port_answers(self.port) or not self.process.running(), "the broker listens")
        assert self.process.running(), self.process.said()
        return self

    def stop(self):
        if self.process:
            self.process.stop()
            self.process = None

    def kill(self):
        self.process.kill()
        self.process = None

    def uplink(self, name="city", client="gw-01", host="localhost", **more):
        """The entry of tally.yaml's `uplinks`."""
        where = self.certificates
        return {"name": name, "broker": f"mqtts://{host}:{self.port}", "ca": str(where / "ca.pem"),
                "certificate": str(where / f"{client}.pem"), "key": str(where / f"{client}.key"), "receipts": "none",
                "reconnect_min": "100ms", "reconnect_max": "1s", **more}

    def __enter__(self):
        return self if self.process else self.start()

    def __exit__(self, *_):
        if self.process:
            self.process.__exit__()


def mqtt_client(broker, client_id, user="centre", **options):
    """A paho client (MQTT 5) with the TLS of the broker, not connected yet."""
    from paho.mqtt import client as mqtt
    version = getattr(mqtt, "CallbackAPIVersion", None)
    first = [version.VERSION2] if version else []  # since paho 2.0
    client = mqtt.Client(*first, client_id=client_id, protocol=mqtt.MQTTv5, **options)
    where = broker.certificates
    client.tls_set(ca_certs=str(where / "ca.pem"), certfile=str(where / f"{user}.pem"),
                   keyfile=str(where / f"{user}.key"), cert_reqs=ssl.CERT_REQUIRED)
    client.reconnect_delay_set(min_delay=1, max_delay=1)
    return client


class Subscriber:
    """An independent consumer (paho), with a session that outlives its connections: keeps every message it gets."""

    def __init__(self, broker, topics=("tally/1/#",), client_id="consumer", user="centre"):
        from paho.mqtt import client as mqtt
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties
        self.messages = []  # of paho, in order
        self.lock = threading.Lock()
        self.ready = threading.Event()
        self.client = mqtt_client(broker, client_id, user)
        self.client.on_message = self._on_message
        self.client.on_connect = lambda client, *_: client.subscribe([(topic, 1) for topic in topics])
        self.client.on_subscribe = lambda *_: self.ready.set()
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3600
        self.client.connect("localhost", broker.port, keepalive=30, clean_start=mqtt.MQTT_CLEAN_START_FIRST_ONLY,
                            properties=properties)
        self.closing = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        assert self.ready.wait(20), "the subscriber could not subscribe"

    def _run(self):
        while not self.closing:
            try:
                self.client.loop_forever(retry_first_connection=True)
            except (OSError, ValueError):  # paho 1.6 lets TLS's word on a broken connection through, and ends
                time.sleep(0.2)
                try:
                    self.client.reconnect()
                except (OSError, ValueError):
                    pass

    def _on_message(self, _client, _context, message):
        with self.lock:
            self.messages.append(message)

    def on(self, last):
        """The messages so far on topics that end so."""
        with self.lock:
            return [m for m in self.messages if m.topic.endswith("/" + last)]

    def blocks(self):
        """The blocks so far, as bytes, in the order of arrival."""
        return [bytes(m.payload) for m in self.on("block")]

    def wait(self, condition, what="message", seconds=30):
        return wait_until(lambda: condition(self), what, seconds)

    def close(self):
        self.closing = True
        self.client.disconnect()
        self.thread.join(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def without_repeats(blocks):
    """Checks that blocks came in order and whole (at least once each, from the first number on without a gap, repeats
    byte for byte the same) and returns them as objects, each once."""
    seen = {}
    for block in blocks:
        assert block.endswith(b"\n") and block.count(b"\n") == 1
        parsed = json.loads(block)
        n = parsed["n"]
        if n in seen:
            assert seen[n][0] == block, f"block {n} came again and differs"
        else:
            assert not seen or n == max(seen) + 1, f"block {n} after {max(seen)}"
            seen[n] = (block, parsed)
    return [parsed for _, parsed in seen.values()]


def readings(blocks):
    return sum(len(block["readings"]) for block in blocks)


# Run as a process of its own, so that it can be killed, and is no part of pytest's: registers of each unit come as JSON,
# {"unit": {"address": value}}; holding and input registers are the same; others are 0.
MODBUS_SERVER = r'''
import json, sys, types
try:
    import serial_asyncio
except ImportError:  # Debian 12's pymodbus imports it, though only recommended
    stand_in = types.ModuleType("serial_asyncio")
    stand_in.create_serial_connection = None
    sys.modules["serial_asyncio"] = stand_in
from pymodbus import datastore
from pymodbus.server import StartTcpServer
Device = getattr(datastore, "ModbusDeviceContext", None) or datastore.ModbusSlaveContext
def device(registers):
    def make(shift):
        values = [0] * 65537
        for address, value in registers.items():
            values[int(address) + shift] = value
        block = lambda: datastore.ModbusSequentialDataBlock(0, list(values))
        return Device(hr=block(), ir=block())
    probe = Device(hr=datastore.ModbusSequentialDataBlock(0, list(range(100))))
    return make(probe.getValues(3, 10, 1)[0] - 10)  # some versions count from 1 on their own
units = {int(unit): device(registers) for unit, registers in json.loads(sys.argv[2]).items()}
try:
    context = datastore.ModbusServerContext(slaves=units, single=False)
except TypeError:
    context = datastore.ModbusServerContext(devices=units, single=False)
StartTcpServer(context=context, address=("127.0.0.1", int(sys.argv[1])))
'''


class ModbusServer:
    """A pymodbus TCP server. registers: {unit: {address: value}}."""

    def __init__(self, folder, registers, port=None):
        self.port = port or free_port()
        self.process = Process([sys.executable, "-c", MODBUS_SERVER, self.port, json.dumps(registers)],
                               Path(folder) / f"modbus-{self.port}.log")
        wait_until(lambda: port_answers(self.port) or not self.process.running(), "the Modbus server listens")
        assert self.process.running(), self.process.said()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.__exit__()


def float_registers(value):
    """A float32 as two registers, high word first."""
    import struct
    return list(struct.unpack(">HH", struct.pack(">f", value)))


def configuration(folder, buses, instruments, uplinks=(), **gateway):
    """Writes folder/tally.yaml (JSON, which is YAML) and returns its path."""
    settings = {"name": "gw-01", "data": str(Path(folder) / "data"), "block_interval": "200ms",
                "drivers": str(ROOT / "drivers"), **gateway}
    document = {"site": {"name": "Test works", "code": SITE, "time_zone": "Asia/Shanghai"}, "gateway": settings,
                "buses": list(buses), "instruments": list(instruments)}
    if uplinks:
        document["uplinks"] = list(uplinks)
    path = Path(folder) / "tally.yaml"
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return path


class Daemon(Process):
    """tallyd on a configuration, its output in <folder>/tallyd.log (appended to by the next one)."""

    def __init__(self, path, *options, **more):
        self.path = Path(path)
        super().__init__([TALLYD, "-c", path, *options], self.path.parent / "tallyd.log", **more)

    def status(self):
        """What `tally status --json` says of the daemon, or None while it does not answer."""
        answer = subprocess.run([TALLY, "status", "-c", self.path, "--json"], capture_output=True, timeout=30,
                                check=False)
        try:
            status = json.loads(answer.stdout)
        except ValueError:
            return None
        return status if status["online"] else None  # else it is what the ledger says

    def uplink(self, name="city"):
        """The uplink's part of the status, or {}."""
        status = self.status() or {}
        return next((u for u in status.get("uplinks", []) if u.get("name") == name), {})
