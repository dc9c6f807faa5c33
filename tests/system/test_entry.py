"""What a person puts on record by the control socket: taken in one form, refused in any other, and found in the ledger."""

import json
import os
import socket
import sqlite3

from stored import stored, stored_events
from support import Daemon, ModbusServer, configuration, float_registers, needs_daemon, wait_until

pytestmark = [needs_daemon]
REFUSED = {
    "nothing": "",
    "no tab": "job.started zhang S-1 item",
    "no subject": "job.started zhang \titem",
    "nothing stated": "job.started zhang S-1\t",
    "other kind": "limit.cleared zhang main-meter.voltage-l1\tmax",
    "no kind": "reading zhang S-1\titem",
    "second tab": "job.started zhang S-1\titem\tmore",
    "escape": "job.started zhang S-1\t\x1b[2J",
    "delete": "job.started zhang S-1\t\x7f",
    "long account": f"job.started {'z' * 33} S-1\titem",
    "long subject": f"job.started zhang {'S' * 201}\titem",
    "long statement": f"job.started zhang S-1\t{'i' * 901}",
    "no UTF-8": b"job.started zhang S-1\t\xff",
    "surrogate": b"job.started zhang S-1\t\xed\xa0\x80",
}


def ask(path, words):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall((words if isinstance(words, bytes) else words.encode()) + b"\n")
        with connection.makefile("rb") as lines:
            return json.loads(lines.readline())


def test_an_entry_is_on_record_and_nothing_else_is(tmp_path):
    with ModbusServer(tmp_path, {1: dict(enumerate(float_registers(230.1)))}) as server:
        path = configuration(
            tmp_path, [{"name": "b", "tcp": f"127.0.0.1:{server.port}"}],
            [{"name": "m", "bus": "b", "unit": 1, "driver": "eastron-sdm630", "every": "1s", "quantities": ["voltage-l1"]}])
        data = tmp_path / "data"
        with Daemon(path) as daemon:
            wait_until(daemon.status, "the daemon")
            for what, words in REFUSED.items():
                answer = ask(data / "control", b"enter " + words if isinstance(words, bytes) else f"enter {words}")
                assert "error" in answer and "entered" not in answer, what
            subject, body = "样品 7/北", "i" * 900
            answer = ask(data / "control", f"enter job.started zhang {subject}\t{body}")
            assert answer["entered"] == "job.started"
            wait_until(lambda: stored_events(data, "job.started"), "the entry")
            (event,) = [e for e in stored_events(data) if e["kind"] in ("job.started", "limit.cleared", "reading")]
            assert (event["subject"], event["text"]) == (subject, f"by zhang (user {os.getuid()}): {body}")
    where = [n for n, b in enumerate(stored(data)) if any(e["kind"] == "job.started" for e in b["events"])]
    with sqlite3.connect(data / "ledger.db") as db:
        assert [n for (n,) in db.execute("SELECT n FROM entries")] == where and where[0] >= answer["from"]
