"""Reloads under load: every scheduled poll is a reading or a miss, whatever is going on, and none is both."""

import signal
import socket
import time

import pytest
from stored import check_chain, ledger_blocks, stored, stored_events
from support import Daemon, ModbusServer, configuration, float_registers, needs_daemon, wait_until

pytestmark = [needs_daemon]
EVERY_US = 200_000
CALM_S = 3  # by then what is silent has been asked three times, and is held
PAUSES_S = [CALM_S, 0.1, 0.5, CALM_S, 0.7]  # before each reload
METERS = 24
BUSES = 4
RUNS = 2
POINTS = ["voltage-l1", "active-power", "active-energy-import"]  # in requests of their own


@pytest.fixture
def ports(tmp_path):
    """Those of BUSES servers, and of one that takes connections and never answers."""
    registers = {unit: dict(enumerate(float_registers(230.1))) for unit in range(1, 1 + METERS // BUSES)}
    running = [ModbusServer(tmp_path, registers) for _ in range(BUSES)]
    with socket.create_server(("127.0.0.1", 0), backlog=100) as mute:
        yield [server.port for server in running] + [mute.getsockname()[1]]
    for server in running:
        server.__exit__()


def plant(ports):
    """METERS aligned instruments on BUSES buses, and one that is silent."""
    buses = [{"name": f"b{i}", "tcp": f"127.0.0.1:{port}", "timeout": "350ms"} for i, port in enumerate(ports)]
    common = {"driver": "eastron-sdm630", "every": f"{EVERY_US // 1000}ms", "align": True, "quantities": POINTS}
    meters = [{"name": f"m{i}", "bus": f"b{i % BUSES}", "unit": 1 + i // BUSES, **common} for i in range(METERS)]
    return buses, meters + [{"name": "silent", "bus": f"b{BUSES}", "unit": 1, **common}]


def entries(blocks):
    """{point: [time of each reading and miss, in order]}. A reading's time is after its slot began."""
    found = {}
    for block in blocks:
        for point, t_us, *_ in block["readings"] + block["missed"]:
            found.setdefault(point, []).append(t_us)
    return {point: sorted(times) for point, times in found.items()}


def behind(times):
    """By how many slots each entry is later than were every slot one entry from the first on. 0 or a few for what was
    polled late; less than 0 ever after a slot that was counted twice, more than 0 ever after one that was not."""
    first = times[0] // EVERY_US
    return [t_us // EVERY_US - first - i for i, t_us in enumerate(times)]


def check_every_slot_once(blocks, calm_us):
    """calm_us: times by which all that was late had been caught up with."""
    for point, times in entries(blocks).items():
        late = behind(times)
        assert min(late) == 0, f"point {point}: a slot twice, at {times[late.index(min(late))]}"
        for calm in calm_us:
            around = [late[i] for i, t_us in enumerate(times) if calm - 5 * EVERY_US <= t_us < calm]
            assert 0 in around, f"point {point}: a slot neither read nor missed before {calm}: {around}"


def test_every_poll_is_read_or_missed_through_reloads_and_stops(tmp_path, ports):
    data, calm = tmp_path / "data", []
    buses, instruments = plant(ports)
    for run in range(RUNS):
        path = configuration(tmp_path, buses, instruments)
        with Daemon(path) as daemon:
            wait_until(lambda: stored(data) and stored(data)[-1]["readings"], daemon.said)
            for i in range(len(PAUSES_S)):
                time.sleep(PAUSES_S[i])
                if PAUSES_S[i] >= CALM_S:
                    calm.append(time.time_ns() // 1000)
                configuration(tmp_path, buses, instruments, block_interval=f"{300 + i}ms")
                daemon.child.send_signal(signal.SIGHUP)
                wait_until(lambda n=i: daemon.said().count("tally.yaml: taken") == len(PAUSES_S) * run + n + 1, daemon.said)
            time.sleep(CALM_S)
            calm.append(time.time_ns() // 1000)
            assert daemon.stop() == 0
        if run == 0:
            of_first = len(stored(data))
            check_every_slot_once(stored(data), calm)
            calm.clear()
    check_every_slot_once(stored(data)[of_first:], calm)
    check_chain(ledger_blocks(data))
    missed = [word for block in stored(data) for _, _, word in block["missed"]]
    taken = sum(len(block["readings"]) for block in stored(data))
    reloads = len(stored_events(data, "configuration.changed"))
    print(f"{taken} readings, {len(missed)} missed, {reloads} reloads: {({word: missed.count(word) for word in missed})}")
    assert reloads == RUNS * len(PAUSES_S)
    assert "stopped" in missed and "timeout" in missed and "quarantined" in missed
    # A reload costs each instrument less than a poll.
    assert missed.count("stopped") < (reloads + RUNS) * len(POINTS) * METERS
