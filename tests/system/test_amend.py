"""`tally amend`: a reading stays as it was recorded, and what it is amended to is on record, with who, when and why."""

import csv
import getpass
import io
import json
import os
import re
import socket
import sqlite3
import subprocess

import pytest
from independent import Export, load_key, read_archive
from intervals import amend, moment, write_ledger
from stored import ledger_blocks, stored, stored_events
from support import ROOT, TALLY, Daemon, ModbusServer, configuration, needs_daemon, wait_until

pytestmark = [needs_daemon]

# A text, a voltage, and one that the instrument says is not available.
DRIVER = """maker: M
model: M1
source: a test
defaults: {function: 3, type: uint16}
quantities:
  - {name: voltage-l1, unit: V, address: 0, scale: 0.1, sentinels: [0xFFFF]}
  - {name: voltage-l2, unit: V, address: 1, scale: 0.1, sentinels: [0xFFFF]}
  - {name: label, unit: "1", address: 8, type: string, registers: 4}
"""
CERTIFICATE = """certificate: J1
laboratory: L
instrument: {serial: S1}
performed: 2025-03-03
due: 2999-03-02
calibration:
  - {quantity: voltage-l1, unit: V, k: 2, uncertainty: 0.4, points: [{indication: 220, error: 1}, {indication: 240, error: 2}]}
"""
REGISTERS = {0: 2301, 1: 0xFFFF, 8: 0x3132, 9: 0x3334, 10: 0x3536, 11: 0x3738}
OWN = getpass.getuser()


class Works:
    """A daemon whose readings are there, and the command on it."""

    def __init__(self, folder, server):
        (folder / "drivers").mkdir()
        (folder / "drivers" / "one.yaml").write_text(DRIVER)
        self.data = folder / "data"
        self.path = configuration(
            folder, [{"name": "b", "tcp": f"127.0.0.1:{server.port}"}],
            [{"name": "m", "bus": "b", "unit": 1, "driver": "one", "serial": "S1", "every": "100ms"}], drivers=str(folder / "drivers"))
        self.data.mkdir()
        (folder / "certificate.yaml").write_text(CERTIFICATE)
        for words in (["certificate", "add", folder / "certificate.yaml"], ["key", "init"]):
            subprocess.run([TALLY, *words, "-c", self.path], check=True, capture_output=True)

    def readings(self, name):
        """[(block, index, reading)] of a point."""
        number = json.loads(self.history(name, "--json", "--limit", "1"))[0]["point"]
        return [(block["n"], i, reading) for block in stored(self.data) for i, reading in enumerate(block["readings"])
                if reading[0] == number]

    def history(self, name, *words):
        return subprocess.run([TALLY, "history", "--ledger", self.data, "--point", name, *words], check=True, capture_output=True,
                              text=True).stdout

    def amend(self, *words, where=None):
        return subprocess.run([TALLY, "amend", *map(str, words), *(where or ("-c", self.path))], capture_output=True, text=True,
                              timeout=30, check=False)

    def listed(self, *words, where=None, status=0):
        result = self.amend("list", "--json", *words, where=where)
        assert result.returncode == status, result.stderr
        return json.loads(result.stdout)

    def enter(self, words):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.data / "control"))
            connection.sendall(f"enter reading.amended zhang {words}\n".encode())
            with connection.makefile("rb") as lines:
                assert "entered" in json.loads(lines.readline())


def utc(t_us):
    return moment(t_us).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def an_amendment_is_on_record_and_the_reading_stays(works):
    block, index, reading = works.readings("m.voltage-l1")[0]
    before = ledger_blocks(works.data)[block]
    result = works.amend("m.voltage-l1", "--at", utc(reading[1]), "--value", "228.40", "--reason", "digits, transposed: sheet 12",
                         "--by", "zhang")
    assert result.returncode == 0 and "228.4 V" in result.stdout, result.stderr
    (event,) = stored_events(works.data, "reading.amended")
    assert event["subject"] == "m.voltage-l1"
    assert event["text"] == (
        f"by zhang (user {os.getuid()}): block {block}, readings[{index}], point {reading[0]}, {utc(reading[1])}: 230.1 V, "
        f"amended to 228.4 V: digits, transposed: sheet 12 (said from the account {OWN})")
    assert ledger_blocks(works.data)[block] == before
    (one,) = works.listed("m.voltage-l1")
    assert (one["block"], one["index"], one["t_us"], one["recorded"], one["value"]) == (block, index, reading[1], 230.1, 228.4)
    assert (one["outcome"], one["state"], one["by"], one["user"]) == ("amended", "holds", "zhang", os.getuid())
    assert one["on_record_us"] == event["t"] and one["reason"].startswith("digits, transposed")


def the_last_of_several_holds_and_all_are_listed(works):
    _, _, reading = works.readings("m.voltage-l1")[1]
    at = ("m.voltage-l1", "--at", utc(reading[1]), "--reason", "again")
    for outcome in (["--value", "229"], ["--void"], ["--undo"], ["--value", "227.5"], ["--value", "230.1"]):
        result = works.amend(*at, *outcome)
        assert result.returncode == 0, result.stderr
    mine = [a for a in works.listed("m.voltage-l1") if a["t_us"] == reading[1]]
    assert [(a["outcome"], a["value"], a["state"]) for a in mine] == [
        ("amended", 229, "superseded"), ("void", None, "superseded"), ("as recorded", 230.1, "superseded"),
        ("amended", 227.5, "superseded"), ("as recorded", 230.1, "holds")]
    assert all(a["by"] == OWN for a in mine)
    table = works.amend("list", "m.voltage-l1").stdout
    assert "superseded" in table and "as recorded" in table


def a_reading_without_a_number_may_be_given_one(works):
    _, _, reading = works.readings("m.voltage-l2")[0]
    at = ("m.voltage-l2", "--at", utc(reading[1]), "--reason", "read by hand")
    assert works.amend(*at, "--value", "-1.5").returncode == 0
    assert works.amend(*at, "--undo").returncode == 0
    assert [(a["recorded"], a["outcome"], a["value"]) for a in works.listed("m.voltage-l2")] == [
        (None, "amended", -1.5), (None, "as recorded", None)]


def what_cannot_be_amended_is_refused_and_nothing_is_recorded(works):
    count = len(stored_events(works.data, "reading.amended"))
    (block, _, reading), other = works.readings("m.voltage-l1")[2], works.readings("m.voltage-l2")[2][2]
    at, value, why = ("--at", utc(reading[1])), ("--value", "1"), ("--reason", "x")
    label = works.readings("m.label")[0][2]
    for status, said, words in [
            (1, "did you mean 'm.voltage-l1'", ("m.voltage-l9", *at, *value, *why)),
            (1, "has no reading", ("m.voltage-l1", "--at", "2020-01-01T00:00:00Z", *value, *why)),
            (1, "has no reading", ("m.voltage-l1", *at, *value, *why, "--block", block + 1)),
            (1, "readings are meant", ("m.voltage-l1", "--at", utc(reading[1])[:19] + "Z", *value, *why)),
            (1, "reads 230.1 V already", ("m.voltage-l1", *at, "--value", "230.10", *why)),
            (1, "reads no number already", ("m.voltage-l2", "--at", utc(other[1]), "--void", *why)),
            (1, "nothing to undo", ("m.voltage-l1", *at, "--undo", *why)),
            (1, "only numbers", ("m.label", "--at", utc(label[1]), *value, *why)),
            (2, "--at", ("m.voltage-l1", "--at", "yesterday", *value, *why)),
            (2, "--at", ("m.voltage-l1", "--at", "2026-11-24", *value, *why)),
            (2, "of which time", ("m.voltage-l1", *value, *why)),
            (2, "--value", ("m.voltage-l1", *at, "--value", "1,5", *why)),
            (2, "one of --value", ("m.voltage-l1", *at, *value, "--void", *why)),
            (2, "one of --value", ("m.voltage-l1", *at, *why)),
            (2, "--reason", ("m.voltage-l1", *at, *value)),
            (2, "--reason", ("m.voltage-l1", *at, *value, "--reason", "a\nb")),
            (2, "--by", ("m.voltage-l1", *at, *value, *why, "--by", "zhang san")),
            (2, "list takes", ("list", *why))]:
        result = works.amend(*words)
        assert result.returncode == status and said in result.stderr, (words, result.stderr)
    assert len(stored_events(works.data, "reading.amended")) == count


def a_time_is_as_history_prints_it(works):
    block, _, reading = works.readings("m.voltage-l1")[3]
    local = works.history("m.voltage-l1", "--from", utc(reading[1]), "--limit", "1").splitlines()[1][:30]
    result = works.amend("m.voltage-l1", "--at", local, "--block", block, "--value", "231", "--reason", "by local time")
    assert result.returncode == 0, result.stderr
    assert works.listed("m.voltage-l1")[-1]["t_us"] == reading[1]


def entries_that_amend_nothing_are_told(works):
    block, index, reading = works.readings("m.voltage-l1")[4]
    before = works.listed()
    head = f"m.voltage-l1\tblock {block}, readings[{index}], point {reading[0]}"
    works.enter(f"{head}, {utc(reading[1])}: 239.9 V, void: another value")
    works.enter(f"{head}, {utc(reading[1] + 1)}: 230.1 V, void: another time")
    works.enter(f"{head.replace('m.', 'n.')}, {utc(reading[1])}: 230.1 V, void: another point")
    works.enter(f"m.voltage-l1\tblock 4000000, readings[0], point {reading[0]}, {utc(reading[1])}: 230.1 V, void: not yet")
    works.enter(f"{head}, {utc(reading[1])}: 230.1 V to 5 V: as one likes")
    wait_until(lambda: any("as one likes" in e["text"] for e in stored_events(works.data, "reading.amended")), "the entries")
    result = works.amend("list")
    assert result.returncode == 1 and "not of the form required" in result.stderr and "of no reading" in result.stderr
    found = works.listed(status=1)
    assert [a["state"] for a in found if a not in before] == ["no such reading"] * 4


def without_a_daemon_nothing_is_amended_and_all_is_listed(works):
    _, _, reading = works.readings("m.voltage-l1")[5]
    assert works.daemon.stop() == 0
    where = ("--ledger", works.data)
    result = works.amend("m.voltage-l1", "--at", utc(reading[1]), "--void", "--reason", "late", where=where)
    assert result.returncode == 1 and "no daemon runs" in result.stderr
    assert len(works.listed(where=where, status=1)) == 13


def history_shows_both(works):
    rows = {row["t_us"]: row for row in json.loads(works.history("m.voltage-l1", "--json"))}
    for i, value, count in ((0, 228.4, 1), (1, None, 5), (3, 231, 1), (6, None, 0)):
        _, _, reading = works.readings("m.voltage-l1")[i]
        row = rows[reading[1]]
        assert (row["indication"], row["corrected"], row["uncertainty"]) == (230.1, reading[5], reading[6])
        assert len(row.get("amendments", [])) == count
        if value is None:
            assert row.get("amended") is None
        else:  # error 1 V at 220 V, 2 V at 240 V; U of the points alone, since no resolution is declared
            assert row["amended"]["value"] == value and row["amended"]["uncertainty"] == pytest.approx(0.4, abs=1e-12)
            assert row["amended"]["corrected"] == pytest.approx(value - 1 - (value - 220) / 20, abs=1e-12)
    plain = list(csv.DictReader(io.StringIO(works.history("m.voltage-l1", "--csv"))))
    assert [row["amended"] for row in plain[:5]] == ["228.4", "as recorded", "", "231", ""]
    assert (plain[0]["amended_by"], plain[0]["indication"]) == ("zhang", "230.1")
    assert float(plain[0]["amended_corrected"]) == pytest.approx(226.98, abs=1e-9)
    exported = subprocess.run([TALLY, "export", "--ledger", works.data, "--format", "csv", "--point", "m.voltage-l1"], check=True,
                              capture_output=True, text=True).stdout
    assert [row["amended"] for row in csv.DictReader(io.StringIO(exported))][:4] == ["228.4", "as recorded", "", "231"]
    table = works.history("m.voltage-l1", "--amendments", "--limit", "3")
    assert "amended to 228.4 V (corrected 226.98, U 0.40) by zhang" in table and "void by" in table
    assert "amended" not in works.history("m.label", "--amendments")


def an_export_says_where_amendments_are(works):
    """After the daemon's end, when all is signed."""
    block, index, reading = works.readings("m.voltage-l1")[0]
    file, key = works.data / "e.tally", works.data / "key.pem"
    stretch = ("--from", utc(reading[1]), "--to", utc(reading[1] + 1), "-o", file)
    said = subprocess.run([TALLY, "key", "show", "-c", works.path], check=True, capture_output=True).stdout
    public = re.search(rb"-----BEGIN.*END PUBLIC KEY-----\n", said, re.S)[0]
    key.write_bytes(public)

    def export(*words):
        return subprocess.run([TALLY, "export", "--ledger", works.data, *stretch, *words], check=True, capture_output=True, text=True).stdout

    assert "in later blocks" in export() and not Export(file.read_bytes(), load_key(public)).amendments
    assert "in later blocks" not in export("--amendments")
    archive = file.read_bytes()
    found = Export(archive, load_key(public)).amendments
    assert found[block, index] == [("228.4", "zhang", f"digits, transposed: sheet 12 (said from the account {OWN})")]
    # docs/AUDIT.md, 9
    blocks = [contents for name, contents in read_archive(archive) if name.startswith("blocks/")]
    (works.data / "all.jsonl").write_bytes(b"".join(blocks))
    commands = re.search(r"^## 9\..*?^```sh\n(.*?)^```$", (ROOT / "docs" / "AUDIT.md").read_text(), re.M | re.S)[1]
    said = subprocess.run(["sh", "-euc", commands], cwd=works.data, capture_output=True, text=True, check=True).stdout.splitlines()
    first = next(i for i, line in enumerate(said) if "amended to 228.4 V" in line)
    assert said[first + 1] == f'"reading: {reading[0]} {utc(reading[1])[:19]}Z 230.1"'
    altered = archive.replace(b"amended to 228.4 V", b"amended to 229.4 V")
    assert altered != archive
    for data, status in ((archive, 0), (altered, 1)):
        file.write_bytes(data)
        assert subprocess.run([TALLY, "verify", file, "--gateway-key", key], capture_output=True, check=False).returncode == status


def test_amending(tmp_path):
    """One daemon, each step on readings of its own."""
    with ModbusServer(tmp_path, {1: REGISTERS}) as server:
        works = Works(tmp_path, server)
        with Daemon(works.path) as works.daemon:
            wait_until(lambda: (works.data / "control").exists() and sum(len(b["readings"]) for b in stored(works.data)) > 20,
                       works.daemon.said)
            an_amendment_is_on_record_and_the_reading_stays(works)
            the_last_of_several_holds_and_all_are_listed(works)
            a_reading_without_a_number_may_be_given_one(works)
            what_cannot_be_amended_is_refused_and_nothing_is_recorded(works)
            a_time_is_as_history_prints_it(works)
            history_shows_both(works)
            entries_that_amend_nothing_are_told(works)
            without_a_daemon_nothing_is_amended_and_all_is_listed(works)
            an_export_says_where_amendments_are(works)


def test_what_is_pruned_cannot_be_amended_and_is_listed(tmp_path):
    entries = [(1, 1795498776000000 + i * 10 ** 6, f"{230 + i / 8:g}", 0) for i in range(30)]
    blocks = write_ledger(tmp_path / "data", "Asia/Shanghai", {1: ("m.voltage-l1", "V")}, entries, each=10)
    amend(tmp_path / "data", blocks, [(0, 3, "void"), (1, 3, "amended to 5 V")])
    with sqlite3.connect(tmp_path / "data" / "ledger.db") as database:
        database.execute("DELETE FROM blocks WHERE n = 0")
    said = subprocess.run([TALLY, "amend", "list", "--json", "--ledger", tmp_path / "data"], check=True, capture_output=True).stdout
    assert [(a["block"], a["state"]) for a in json.loads(said)] == [(0, "pruned"), (1, "holds")]
    refused = subprocess.run([TALLY, "amend", "m.voltage-l1", "--at", utc(entries[3][1]), "--void", "--reason", "x", "--ledger",
                              tmp_path / "data"], capture_output=True, text=True, check=False)
    assert refused.returncode == 1 and "blocks before 1 are kept no more" in refused.stderr
