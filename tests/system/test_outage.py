"""The broker goes away, comes back, and is taken for another's: nothing is lost, and nothing goes to the wrong one."""

import os
import socket
import time

import pytest
from stored import check_chain, ledger_blocks, stored, stored_events
from support import (Broker, Daemon, ModbusServer, Subscriber, certificates, configuration, float_registers,
                     needs_broker, needs_daemon, wait_until, without_repeats)

pytestmark = [needs_daemon, needs_broker]
OUTAGE_S = 60 if os.environ.get("TALLY_LONG") else 5
# What is wrong with the broker that stands in the right one's place; what the refusal must say of it.
WRONG = {
    "authority": (["--authority", "Another CA"], "signed by an unknown authority"),
    "expired": (["--expired"], "has expired"),
    "name": (["--host", "elsewhere.invalid"], "host name does not match"),
}


@pytest.fixture
def site(tmp_path):
    """A daemon, its broker and a consumer: (daemon, broker, consumer)."""
    # The broker keeps what is queued for the consumer over its stops.
    keep = f"persistence true\npersistence_location {tmp_path}/broker/\nlog_type all\n"
    registers = {1: dict(enumerate(float_registers(230.1)))}
    with ModbusServer(tmp_path, registers) as server, Broker(tmp_path / "broker", more=keep) as broker, \
            Subscriber(broker) as consumer:
        path = configuration(
            tmp_path, [{"name": "b", "tcp": f"127.0.0.1:{server.port}"}],
            [{"name": "meter", "bus": "b", "unit": 1, "driver": "eastron-sdm630", "every": "50ms",
              "quantities": ["voltage-l1", "voltage-l2"]}], [broker.uplink()], prompt=True)
        with Daemon(path) as daemon:
            consumer.wait(lambda c: len(c.blocks()) >= 10, daemon.said)
            yield daemon, broker, consumer


def check_nothing_lost(folder, daemon, consumer):
    """Every block that is stored arrives, in order and unchanged."""
    size = len(ledger_blocks(folder / "data"))
    wait_until(lambda: daemon.uplink().get("acknowledged", 0) >= size, daemon.said)
    assert daemon.stop() == 0
    kept = ledger_blocks(folder / "data")
    check_chain(kept)
    consumer.wait(lambda c: len(set(c.blocks())) == len(kept), lambda: f"{len(consumer.blocks())} of {len(kept)}")
    once = without_repeats(consumer.blocks())
    assert [block["n"] for block in once] == list(range(len(kept)))
    assert set(consumer.blocks()) == set(kept.values())
    missed = [m for block in stored(folder / "data") for m in block["missed"]]
    assert len(missed) < 20, missed[:20]  # a broker's absence is no reason not to poll
    return len(kept)


def test_a_broker_away_for_a_while_costs_nothing(tmp_path, site):
    daemon, broker, consumer = site
    broker.stop()
    daemon.wait_said("uplink city")
    before = len(ledger_blocks(tmp_path / "data"))
    time.sleep(OUTAGE_S)
    grown = len(ledger_blocks(tmp_path / "data")) - before
    assert grown > 2 * OUTAGE_S, "it stores while there is no broker"
    status = daemon.uplink()
    assert not status["connected"] and status["fault"] and status["size"] - status["acknowledged"] >= grown
    acknowledged = status["acknowledged"]
    broker.start()
    wait_until(lambda: daemon.uplink().get("acknowledged", 0) > acknowledged + grown, daemon.said)
    assert daemon.uplink()["connected"] and not daemon.uplink()["fault"]
    print(f"{grown} blocks in {OUTAGE_S} s; {check_nothing_lost(tmp_path, daemon, consumer)} blocks in all")
    kinds = [event["kind"] for event in stored_events(tmp_path / "data") if event["kind"] in ("uplink.up", "uplink.down")]
    assert kinds[:3] == ["uplink.up", "uplink.down", "uplink.up"]


def stop_in_time(daemon, what):
    """Promptly: polling ends within 0.3 s, and an uplink that is not connected has nothing to wait for."""
    began = time.monotonic()
    assert daemon.stop() == 0
    took = time.monotonic() - began
    print(f"stopped in {took:.2f} s, {what}")
    assert took < 1, f"{took:.2f} s, {what}:\n{daemon.said()}"


def test_it_stops_at_once_while_the_broker_is_away_and_loses_nothing(tmp_path, site):
    daemon, broker, consumer = site
    path = daemon.path
    broker.stop()
    wait_until(lambda: daemon.uplink().get("connected") is False, daemon.said)
    wait_until(lambda: daemon.uplink()["size"] > daemon.uplink()["acknowledged"] + 5, daemon.said)
    stop_in_time(daemon, "the broker gone")
    stopped = len(ledger_blocks(tmp_path / "data"))
    # In its place something that takes connections and says nothing: the stop falls into a handshake.
    with socket.create_server(("127.0.0.1", broker.port)) as mute, Daemon(path) as second:
        mute.settimeout(20)
        with mute.accept()[0]:
            wait_until(lambda: len(ledger_blocks(tmp_path / "data")) > stopped + 5, second.said)
            stop_in_time(second, "the broker mute")
    broker.start()
    with Daemon(path) as third:
        wait_until(lambda: third.uplink().get("connected"), third.said)
        check_nothing_lost(tmp_path, third, consumer)
    assert len(stored_events(tmp_path / "data", "gateway.stopped")) == 3
    taken = [line for line in daemon.said().splitlines() if "stopped:" in line]
    assert len(taken) == 3 and sum(int(line.split("stopped: ")[1].split()[0]) for line in taken) == \
        sum(len(block["readings"]) for block in stored(tmp_path / "data")), taken


def stand_in(folder, broker, options):
    """Another broker at the place of ours, which would take our client's certificate."""
    folder.mkdir()
    own = certificates(folder / "own", "--only", "broker", *options) if options[0] == "--authority" else \
        certificates(folder / "own", "--ca", broker.certificates, "--only", "broker", *options)
    (folder / "certificates").symlink_to(broker.certificates)
    return Broker(folder, more="log_type all\n", port=broker.port).start(own)


def test_nothing_goes_to_a_broker_that_is_not_ours(tmp_path, site):
    daemon, broker, consumer = site
    data, logs = tmp_path / "data", []
    for name, (options, words) in WRONG.items():
        broker.stop()
        said = len(daemon.said())
        wrong = stand_in(tmp_path / name, broker, options)
        with wrong:
            wait_until(lambda w=words: w in daemon.uplink().get("fault", ""), lambda: f"{words}:\n{daemon.said()}")
            acknowledged = daemon.uplink()["acknowledged"]
            wait_until(lambda w=words: any(w in event["text"] for event in stored_events(data, "uplink.refused")),
                       lambda: f"{words}: no event in\n{stored_events(data)}")
            assert words in daemon.said()[said:]
            tries = wrong.process.said().count("New connection")
            # It is refused again and again, not once and for all.
            wait_until(lambda w=wrong, t=tries: w.process.said().count("New connection") > t, wrong.process.said)
            status = daemon.uplink()
            assert not status["connected"] and status["acknowledged"] == acknowledged
            logs.append(wrong.process)
        broker.start()
        wait_until(lambda: daemon.uplink().get("connected"), daemon.said)
    check_nothing_lost(tmp_path, daemon, consumer)
    for log in logs:
        assert "New connection" in log.said()
        assert not [line for line in log.said().splitlines() if "PUBLISH" in line or "CONNECT" in line
                    or "New client connected" in line]
    assert "New client connected" in (tmp_path / "broker" / "broker.log").read_text()
    # Said once a fault, not once a try.
    refused = [event["text"] for event in stored_events(data, "uplink.refused")]
    assert len(refused) < 3 * len(WRONG), refused
