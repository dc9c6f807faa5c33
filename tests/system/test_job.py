"""`tally job`: what is started, stopped and reported on a real gateway, against a reckoning from its blocks."""

import csv
import hashlib
import io
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from centre import Centre
from independent import Export, load_key, verifier_line
from intervals import FLAGS, load, moment
from stored import ledger_blocks, stored, stored_events, stored_readings
from support import TALLY, Broker, Daemon, needs_broker, needs_daemon, wait_until
from test_limits import CERTIFICATE, Plant

pytestmark = [needs_daemon, needs_broker, pytest.mark.xdist_group("job")]
ITEM = '样品 "7"\\北'
POINT = "meter.voltage-l1"


def entries(data):
    return [(n, e) for n, block in ((b["n"], b) for b in stored(data)) for e in block["events"] if e["kind"].startswith("job.")]


def of_job(data, code):
    """[(block, reading or miss)] of the job, by the blocks alone: between its entries in time, as no clock was set."""
    (_, start), (_, stop) = [(n, e) for n, e in entries(data) if e["subject"] == code]
    blocks = [load(block) for block in ledger_blocks(data).values()]
    return [(b["n"], r) for b in blocks for r in b["readings"] + b["missed"] if start["t"] <= r[1] < stop["t"]]


def check_points(report, data, code):
    """The report's points against the blocks' readings."""
    rows = of_job(data, code)
    assert sorted({r[0] for _, r in rows}) == sorted(p["number"] for p in report["points"])
    for point in report["points"]:
        readings = [r for _, r in rows if r[0] == point["number"] and len(r) == 8]
        missed = [r for _, r in rows if r[0] == point["number"] and len(r) == 3]
        assert point["readings"] == len(readings) > 0 and point["missed"] == len(missed)
        for name, place in (("indication", 4), ("corrected", 5)):
            numbers = [r[place] for r in readings if r[place] is not None]
            said = point[name]
            assert said["count"] == len(numbers)
            if numbers:
                assert (said["minimum"], said["maximum"]) == (min(numbers), max(numbers))
                assert (said["first"], said["last"]) == (numbers[0], numbers[-1])
                assert abs(said["mean"] - sum(numbers, Decimal(0)) / len(numbers)) < Decimal("1e-10")
        assert point["flags"] == {word: count for bit, word in FLAGS.items() if (count := sum(bool(r[7] & bit) for r in readings))}
        assert (point["from_us"], point["to_us"]) == (readings[0][1], readings[-1][1])
    return rows


class Works(Plant):
    """A plant with a centre, whose daemon signs each second."""

    def configure(self, limits, location="bench 3", **gateway):
        path = super().configure(limits, prompt=True, checkpoint_interval="1s", **gateway)
        document = json.loads(path.read_text())
        document["instruments"][0]["location"] = location
        path.write_text(json.dumps(document, ensure_ascii=False))
        return path

    def readings(self):
        return stored_readings(self.data)  # of all points: a reload gives them other numbers

    def start(self, *words):
        done = self.tally("job", "start", "--instrument", "meter", *words)
        assert done.returncode == 0, done.stderr
        return re.fullmatch(r"started (\S+) \(block \d+\)\n", done.stdout)[1], done.stderr

    def report(self, code, *words):
        done = self.tally("job", "report", code, "--json", *words)
        assert done.returncode == 0, done.stderr
        return load(done.stdout)

    def refused(self, *words, status=1):
        before = len(entries(self.data))
        done = self.tally("job", *words)
        assert done.returncode == status and done.stdout == "" and len(entries(self.data)) == before, done
        return done.stderr


@pytest.fixture(scope="module")
def works(tmp_path_factory):
    """A gateway on which a job ran, and another over a limit, a reload that changed the points, and a restart."""
    folder = tmp_path_factory.mktemp("works")
    with Broker(folder) as broker, Centre(broker, folder) as centre:
        uplink = broker.uplink(receipts=str(centre.trusted), required=True)
        with Works(folder, {"max": 242, "hysteresis": "0.5"}, [uplink]) as plant:
            plant.centre, plant.said = centre, {}
            plant.data.mkdir()
            (folder / "certificate.yaml").write_text(CERTIFICATE)
            assert plant.tally("certificate", "add", folder / "certificate.yaml").returncode == 0
            subprocess.run([TALLY, "key", "init", "-c", plant.path], check=True, capture_output=True)
            with Daemon(plant.path) as daemon:
                live(plant, daemon)
            with Daemon(plant.path) as daemon:
                wait_until(daemon.status, "the daemon")
                plant.set(231.0)
                plant.said["stop B/2"] = plant.tally("job", "stop", "B/2", "--note", "cooled", "--by", "li")
                plant.said["issue"] = plant.tally("job", "report", plant.first, "--html", "-o", folder / "issued.html", "--issue")
                size = len(ledger_blocks(plant.data))
                centre.wait_head(size)
                wait_until(lambda: plant.report(plant.first)["final"], lambda: plant.report(plant.first)["standing"])
            yield plant


def live(plant, daemon):
    wait_until(lambda: plant.readings(), daemon.said)
    said = plant.said
    said["unknown"] = plant.refused("start", "--item", "S", "--instrument", "metre")
    said["hidden"] = plant.refused("start", "--item", "a\u202eb", "--instrument", "meter", status=2)
    said["stop of none"] = plant.refused("stop", "J7")
    plant.first, said["first"] = plant.start("--item", ITEM, "--order", "WO 118; on", "--operator", "Li Na", "--by", "zhang")
    _, said["second"] = plant.start("--order", "O-2", "--job", "B/2")
    said["again"] = plant.refused("start", "--item", "S", "--instrument", "meter", "--job", "B/2")
    said["runs"] = plant.report("B/2")
    plant.set(243.5)
    plant.set(230.0)
    plant.wait_changes(("raised", "max 242 V"), ("cleared", "max 242 V"))
    said["stop"] = plant.tally("job", "stop", plant.first, "--result", "passed")
    said["ended"] = plant.refused("stop", plant.first)
    said["list"] = json.loads(plant.tally("job", "list", "--json").stdout)
    # Another resolution is another definition, so another number.
    driver = plant.folder / "drivers" / "meter.yaml"
    driver.write_text(driver.read_text().replace("address: 0}", "address: 0, resolution: 0.5}"))
    plant.configure({"max": 250}, location="楼 2")
    amended = next(r for r in plant.readings() if r[0] == 1 and r[4] == 243.5)
    at = moment(amended[1]).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    said["amend"] = plant.tally("amend", POINT, "--at", at, "--value", "230.5", "--reason", "the test voltage", "--by", "wu")
    os.kill(daemon.pid, signal.SIGHUP)
    wait_until(lambda: any(r[0] not in (1, 2) for b in stored(plant.data) for r in b["readings"]), daemon.said)


def test_faults_are_said_and_nothing_is_recorded(works):
    said = works.said
    assert "no instrument 'metre'; did you mean 'meter'?" in said["unknown"]
    assert "--item" in said["hidden"]
    assert "there is no job 'J7'" in said["stop of none"]
    assert said["first"] == "" and f"job {works.first} runs on meter too" in said["second"]
    assert "B/2 was used before" in said["again"]
    assert "was stopped on" in said["ended"]


def test_entries_are_as_documented(works):
    (n, start), *_, (_, stop) = [(n, e) for n, e in entries(works.data) if e["subject"] == works.first]
    assert re.fullmatch(r"J20\d{6}-1", works.first)
    beginning = 'item "样品 \\"7\\"\\\\北", order "WO 118; on", operator "Li Na", on meter'
    assert re.fullmatch(rf"by zhang \(user \d+\): {re.escape(beginning)} \(said from the account \w+\)", start["text"])
    assert re.fullmatch(rf"by \w+ \(user \d+\): {re.escape(beginning)}; started \S+Z in block {n}, result \"passed\"", stop["text"])


def test_list(works):
    said = {job["job"]: job for job in works.said["list"]}
    assert said[works.first]["item"] == ITEM and said[works.first]["stopped"] and said["B/2"]["stopped"] is None
    for words, codes in (((), {works.first, "B/2"}), (("--order", "O-2"), {"B/2"}), (("--item", ITEM), {works.first}),
                         (("--to", "2020-01-01"), set()), (("--instrument", "oven"), set())):
        listed = json.loads(works.tally("job", "list", "--json", *words).stdout)
        assert {job["job"] for job in listed} == codes, words
    assert ITEM in works.tally("job", "list").stdout


def test_report_says_what_the_blocks_hold(works):
    report = works.report(works.first)
    rows = check_points(report, works.data, works.first)
    assert report["item"] == ITEM and report["operator"] == "Li Na" and report["started"]["account"] == "zhang"
    assert [e["kind"] for e in report["alarms"]] == ["limit.raised", "limit.cleared"]
    assert [(s["point"], s["limits"]) for s in report["limits"]] == [(POINT, "max 242, hysteresis 0.5")]
    certificate, = report["certificates"]
    assert certificate["sha256"] == hashlib.sha256(CERTIFICATE.encode()).hexdigest()
    assert certificate["number"] == "T-1" and certificate["points"] == POINT
    voltage = report["points"][0]
    assert (voltage["serial"], voltage["certificate"], voltage["corrected"]["uncertainty_most"]) == ("S1", certificate["sha256"], Decimal("0.5"))
    proof = report["proof"]
    assert report["final"] and "signature verified" in report["standing"]
    assert proof["receipts"][0]["signature"] == "good" and proof["first"] <= min(n for n, _ in rows) <= max(n for n, _ in rows) < proof["end"]
    alone = subprocess.run([TALLY, "job", "report", works.first, "--ledger", works.data], capture_output=True, text=True, check=True)
    assert "preliminary: no receipt whose signature is verified" in alone.stdout and "key was not given" in alone.stdout
    everything = csv.DictReader(io.StringIO(works.tally("job", "report", works.first, "--csv").stdout, newline=""))
    assert sorted((int(r["block"]), int(r["point"]), int(r["t_us"]), bool(r["missed"])) for r in everything) == \
        sorted((n, r[0], r[1], len(r) == 3) for n, r in rows)


def test_report_shows_what_was_recorded_and_what_it_is_amended_to(works):
    assert works.said["amend"].returncode == 0, works.said["amend"].stderr
    report = works.report(works.first, "--readings")
    amendment, = report["amendments"]
    assert (amendment["point"], amendment["recorded"], amendment["amended"]) == (POINT, Decimal("243.5"), Decimal("230.5"))
    assert amendment["account"] == "wu" and amendment["reason"].startswith("the test voltage (said from") and amendment["holds"]
    voltage = report["points"][0]
    assert voltage["indication"]["maximum"] == Decimal("243.5") and voltage["amended"]["readings"] == 1
    assert voltage["amended"]["indication"]["maximum"] == Decimal("230.5")
    assert voltage["amended"]["corrected"]["maximum"] == Decimal("229.5")
    assert [r["amended"]["value"] for r in report["readings"] if r.get("amended")] == [Decimal("230.5")]
    table = works.tally("job", "report", works.first, "--readings").stdout
    assert "243.5 V" in table and "230.5 V" in table and "amended: 230.5 V" in table and "the test voltage" in table
    assert f"Amendments in later blocks, up to {amendment['entry_block']}, which" in table


def test_report_over_a_reload_and_a_restart(works):
    assert not works.said["runs"]["final"] and "preliminary: it runs" in works.said["runs"]["standing"]
    assert works.said["stop B/2"].returncode == 0
    report = works.report("B/2", "--readings")
    assert not report["final"] and "readings of it may still come" in report["standing"]
    rows = check_points(report, works.data, "B/2")
    assert len({p["number"] for p in report["points"] if p["point"] == POINT}) == 2
    assert [s["limits"] for s in report["limits"]] == ["max 242, hysteresis 0.5", "max 250"]
    assert [place["location"] for place in report["locations"]] == ["bench 3", "楼 2"]
    assert report["clock"]["begun_anew"] == 2 and "gateway.started" in [e["kind"] for e in report["events"]]
    assert len(report["readings"]) == len(rows)


def test_page_to_print_and_table(works):
    done = works.tally("job", "report", works.first, "--html", "--readings")
    assert done.returncode == 0, done.stderr
    page = ElementTree.fromstring(done.stdout.split("\n", 1)[1])
    cells = ["".join(e.itertext()) for e in page.iter("{http://www.w3.org/1999/xhtml}td")]
    assert ITEM in cells and "passed" in cells and "T-1" in cells and "242.50 ± 0.50" in cells
    table = works.tally("job", "report", works.first).stdout
    assert ITEM in table and "final: fuzhou held all of it by" in table and "max 242, hysteresis 0.5" in table


def test_issued_report_is_on_record(works):
    said = works.said["issue"]
    page = (works.folder / "issued.html").read_bytes()
    assert said.returncode == 0, said.stderr
    event, = stored_events(works.data, "report.issued")
    assert event["subject"] == f"job {works.first}"
    assert f"html of {len(page)} bytes, SHA-256 {hashlib.sha256(page).hexdigest()}, from " in event["text"]


def test_export_of_a_report_is_checked_without_the_gateway(works):
    path = works.folder / "job.tally"
    report = works.report(works.first, "--export", path)
    exported = report["proof"]["export"]
    assert exported["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    key = works.folder / "log.pub"
    key.write_text(works.tally("key", "show").stdout)
    export = Export(path.read_bytes(), load_key(key.read_bytes()), [load_key(works.centre.trusted.read_bytes())])
    assert export.index + 1 == exported["end"] and export.not_later_than[0] == exported["end"] - 1
    verified = subprocess.run([TALLY, "verify", path, "--gateway-key", key, "--centre-key", works.centre.trusted],
                              capture_output=True, text=True, timeout=30, check=False)
    assert verified.returncode == 0 and "not later than" in verified.stdout, verified.stdout + verified.stderr


def test_pruned_and_damaged_blocks_and_another_key_are_said(works, tmp_path):
    copy = tmp_path / "data"
    shutil.copytree(works.data, copy, ignore=shutil.ignore_patterns("control"))
    start, stop = [n for n, e in entries(works.data) if e["subject"] == works.first]
    bad = next(b["n"] for b in stored(works.data) if b["n"] > start and not any(e["kind"].startswith("job.") for e in b["events"]))
    with sqlite3.connect(copy / "ledger.db") as database:
        for table in ("blocks", "entries"):
            database.execute(f"DELETE FROM {table} WHERE n <= ?", (start,))
        database.execute("UPDATE blocks SET packed = x'00' WHERE n = ?", (bad,))
    other = tmp_path / "other.pub"
    other.write_text(verifier_line("fuzhou", ec.generate_private_key(ec.SECP256R1()).public_key()) + "\n")
    report = subprocess.run([TALLY, "job", "report", works.first, "--ledger", copy, "--centre-key", other], capture_output=True,
                            text=True, timeout=30, check=False)
    assert report.returncode == 1 and f"blocks {start} to {start} of it are pruned" in report.stdout, report.stderr
    assert f"1 blocks of it cannot be read, block {bad} first" in report.stdout and start < bad < stop
    assert f"block {start}, pruned" in report.stdout and ITEM in report.stdout
    assert "FALSE" in report.stdout and "preliminary: no receipt whose signature is verified" in report.stdout
