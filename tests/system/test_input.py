"""Hostile peers at the daemon's edges: Modbus, the control socket, MQTT. It lives, stays small, and records nothing false."""

import json
import random
import socket
import struct
import threading
import time

import pytest
from stored import check_chain, ledger_blocks, stored, stored_readings
from support import (Broker, Daemon, ModbusServer, Subscriber, configuration, float_registers, mqtt_client,
                     needs_broker, needs_daemon, wait_until)

pytestmark = [needs_daemon]
VALUE = 230.1
TRUE_RAW = "".join(f"{register:04x}" for register in float_registers(VALUE))
FALSE = b"\xde\xad\xbe\xef"  # what no reading may hold


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def answer(request, data, unit=None, function=None, transaction=None, length=None, protocol=0):
    """A Modbus TCP answer to the request with `data` for its registers; each other part may be made wrong."""
    asked_transaction, _, _, asked_unit, asked_function = struct.unpack(">HHHBB", request[:8])
    body = bytes([asked_unit if unit is None else unit, asked_function if function is None else function, len(data)])
    body += data
    return struct.pack(">HHH", asked_transaction if transaction is None else transaction, protocol,
                       len(body) if length is None else length) + body


def swap(request, **wrong):
    return answer(request, FALSE, **wrong)


def number(request):
    return struct.unpack(">H", request[:2])[0]


# What the peer does with a request: the bytes that it sends, or None to close at once. What is false holds FALSE.
HOSTILE = {
    "junk": lambda r, c: c.randbytes(c.randrange(1, 400)).replace(FALSE, b""),
    "megabyte": lambda r, c: c.randbytes(1 << 20),
    "oversized": lambda r, c: swap(r, length=65535) + FALSE * 20000,
    "half": lambda r, c: swap(r)[:c.randrange(1, 12)],
    "closes": lambda r, c: None,
    "transaction": lambda r, c: swap(r, transaction=number(r) ^ 1),
    "unit": lambda r, c: swap(r, unit=9),
    "function": lambda r, c: swap(r, function=3),
    "protocol": lambda r, c: swap(r, protocol=7),
    "long": lambda r, c: answer(r, FALSE + FALSE),
    "short": lambda r, c: answer(r, FALSE[:2]),
    "empty": lambda r, c: answer(r, b""),
    "count": lambda r, c: swap(r)[:8] + b"\xfa" + FALSE,
    "zero": lambda r, c: swap(r, length=0),
    "echo": lambda r, c: r,
    "twice": lambda r, c: swap(r, transaction=number(r) ^ 1) + swap(r, transaction=number(r) ^ 2),
}


class Peer:
    """A Modbus TCP server that behaves as `behave` says: a function of request and chance that gives what is sent."""

    def __init__(self):
        self.chance = random.Random(7)
        self.behave, self.slow = None, False
        self.asked = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            connection.settimeout(5)
            try:
                while request := connection.recv(260):
                    self.asked += 1
                    behave = self.behave
                    sent = behave(request, self.chance) if behave else answer(request, bytes.fromhex(TRUE_RAW))
                    if sent is None:
                        return
                    if self.slow:
                        for i in range(len(sent)):
                            connection.sendall(sent[i:i + 1])
                            time.sleep(0.002)
                    else:
                        connection.sendall(sent)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


def one_meter(folder, port, uplinks=(), **more):
    return configuration(folder, [{"name": "b", "tcp": f"127.0.0.1:{port}", **more}],
                         [{"name": "meter", "bus": "b", "unit": 1, "driver": "eastron-sdm630", "every": "50ms",
                           "quantities": ["voltage-l1"]}], uplinks)


def test_a_hostile_instrument_makes_no_reading(tmp_path):
    data = tmp_path / "data"
    with Peer() as peer, Daemon(one_meter(tmp_path, peer.port, timeout="100ms")) as daemon:
        wait_until(lambda: len(stored_readings(data)) >= 5, daemon.said)
        before = resident_kib(daemon.pid)
        for name, behave in HOSTILE.items():
            asked = peer.asked
            peer.behave = behave
            wait_until(lambda a=asked: peer.asked > a + 1, lambda n=name: f"{n}: it does not ask\n{daemon.said()}", 60)
            peer.behave = None
            # It gets over it by itself.
            known = len(stored_readings(data))
            wait_until(lambda k=known: len(stored_readings(data)) > k + 2, lambda n=name: f"{n}\n{daemon.said()}", 60)
        grown = resident_kib(daemon.pid) - before
        assert daemon.stop() == 0
    check_chain(ledger_blocks(data))
    assert {reading[3] for reading in stored_readings(data)} == {TRUE_RAW}
    reasons = {miss[2] for block in stored(data) for miss in block["missed"]}
    assert reasons & {"damaged", "timeout", "disconnected"}, reasons
    print(f"{peer.asked} requests, {grown} KiB more")
    assert grown < 4096


def test_an_answer_byte_by_byte_is_taken_whole(tmp_path):
    with Peer() as peer, Daemon(one_meter(tmp_path, peer.port, timeout="1s")) as daemon:
        peer.slow = True
        wait_until(lambda: len(stored_readings(tmp_path / "data")) >= 5, daemon.said)
        assert daemon.stop() == 0
    assert {reading[3] for reading in stored_readings(tmp_path / "data")} == {TRUE_RAW}


@pytest.fixture
def meter(tmp_path):
    with ModbusServer(tmp_path, {1: dict(enumerate(float_registers(VALUE)))}) as server:
        yield server


def test_hostile_clients_of_the_control_socket_hold_nobody_up(tmp_path, meter):
    control = str(tmp_path / "data" / "control")
    with Daemon(one_meter(tmp_path, meter.port)) as daemon:
        wait_until(lambda: (daemon.status() or {}).get("instruments"), daemon.said)
        before = resident_kib(daemon.pid)
        idle = []
        for _ in range(50):
            idle.append(connect(control))
        for payload in (b"x" * (1 << 20), b"\0" * 4096, b"status" * 1000, b"\n" * 4096, random.Random(7).randbytes(4096),
                        b"status\nstatus\n" * 2000):
            with connect(control) as one:
                try:
                    one.sendall(payload)  # and never reads
                except OSError:
                    pass  # it may close on us
        for one in idle:
            one.close()
        lazy = [connect(control) for _ in range(5)]
        for one in lazy:
            try:
                one.sendall(b"status\n")
            except OSError:
                pass
        known = len(stored_readings(tmp_path / "data"))
        wait_until(lambda: (daemon.status() or {}).get("instruments"), "it answers others")
        wait_until(lambda: len(stored_readings(tmp_path / "data")) > known + 10, daemon.said)
        for one in lazy:
            one.close()
        grown = resident_kib(daemon.pid) - before
        print(f"{grown} KiB more")
        assert grown < 4096
        assert daemon.stop() == 0


def connect(path):
    one = socket.socket(socket.AF_UNIX)
    one.settimeout(5)
    try:
        one.connect(path)
    except BlockingIOError:
        pass  # there are too many already: it may be left waiting
    return one


@needs_broker
def test_junk_on_our_topics_changes_nothing(tmp_path, meter):
    data, chance = tmp_path / "data", random.Random(7)
    with Broker(tmp_path / "broker") as broker, Subscriber(broker) as consumer, \
            Daemon(one_meter(tmp_path, meter.port, [broker.uplink()])) as daemon:
        consumer.wait(lambda c: len(c.blocks()) >= 3, daemon.said)
        before = resident_kib(daemon.pid)
        topic = next(m.topic for m in consumer.messages if m.topic.endswith("/block")).rsplit("/", 1)[0]
        hostile = mqtt_client(broker, "hostile")
        hostile.connect("localhost", broker.port)
        hostile.loop_start()
        for last in ("block", "definitions", "status", "receipt", "resume", "hello", "checkpoint"):
            for payload in (b"", b"junk", chance.randbytes(65536), b'{"tally":1,"n":18446744073709551615}\n'):
                hostile.publish(f"{topic}/{last}", payload, qos=1, retain=True).wait_for_publish()
        acknowledged = daemon.uplink()["acknowledged"]
        wait_until(lambda: daemon.uplink().get("acknowledged", 0) > acknowledged + 10, daemon.said)
        hostile.disconnect()
        hostile.loop_stop()
        grown = resident_kib(daemon.pid) - before
        size = len(ledger_blocks(data))
        wait_until(lambda: daemon.uplink().get("acknowledged", 0) >= size, daemon.said)
        assert daemon.stop() == 0
        kept = ledger_blocks(data)
        consumer.wait(lambda c: set(kept.values()) <= set(c.blocks()), "every block")
    check_chain(kept)
    assert {reading[3] for reading in stored_readings(data)} == {TRUE_RAW}
    assert not [m for block in kept.values() for m in json.loads(block)["missed"]]
    print(f"{grown} KiB more")
    assert grown < 4096
