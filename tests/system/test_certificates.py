"""Certificates: taken in, in force, and readings corrected by them; what is wrong is refused and changes nothing."""

import json
import re
import struct
import subprocess
import tarfile
import xml.etree.ElementTree as ElementTree
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, getcontext

import pytest
import yaml
from stored import ledger_files, stored, stored_events
from test_signature import Signers
from support import BUILD, ROOT, TALLY, Daemon, ModbusServer, configuration, float_registers, needs_daemon, wait_until

pytestmark = needs_daemon
SERIAL = "20114532"
NO_CERTIFICATE, OVERDUE, OUTSIDE = 4, 8, 16
CERTIFICATE = {
    "certificate": "DC-2026-0417", "laboratory": "Fujian Institute of Metrology",
    "instrument": {"maker": "Eastron", "model": "SDM630", "serial": SERIAL}, "performed": "2026-03-02",
    "calibration": [{"quantity": "voltage-l1", "unit": "V", "k": 2, "points": [
        {"indication": 220, "error": 0.2, "uncertainty": 0.1}, {"indication": 240, "error": 0.4, "uncertainty": 0.2}]}]}


DECLARED = {"voltage-l1": {"drift": "0.4/y", "slope": "0.6/min", "refresh": "2s", "influences": [
    {"name": "ambient temperature", "half_width": 0.05, "source": "data sheet, 4.2"},
    {"name": "supply", "standard_uncertainty": 0.02, "source": "type test"}]}}


class Works:
    def __init__(self, folder, server, instrument=None, **more):
        self.folder = folder
        meter = {"name": "meter", "bus": "b", "unit": 1, "driver": "eastron-sdm630", "every": "100ms", "serial": SERIAL,
                 "quantities": ["voltage-l1", "voltage-l2"], **more}
        self.path = configuration(folder, [{"name": "b", "tcp": f"127.0.0.1:{server.port}"}], [instrument or meter])
        (folder / "data").mkdir()

    def daemon(self):
        daemon = Daemon(self.path)
        wait_until(lambda: daemon.status() or not daemon.running(), daemon.said)
        return daemon

    def certificate(self, name="paper.yaml", **changes):
        path = self.folder / name
        path.write_text(json.dumps({**CERTIFICATE, **changes}))
        return path

    def tally(self, *words, good=True):
        done = subprocess.run([TALLY, *words, "-c", self.path], capture_output=True, text=True, timeout=60, check=False,
                              stdin=subprocess.DEVNULL)
        assert (done.returncode == 0) == good, done.stdout + done.stderr
        return done

    def shelf(self):
        folder = self.folder / "data" / "certificates"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []

    def readings(self, daemon, quantity, corrected):
        """The readings of the point numbers of that quantity that have (or have not) a corrected value, once there are."""
        def found():
            numbers = self.numbers(quantity)
            return [r for block in stored(self.folder / "data") for r in block["readings"]
                    if r[0] in numbers and (r[5] is not None) == corrected]
        return wait_until(found, daemon.said)

    def definitions(self):
        return [json.loads(file) for file in ledger_files(self.folder / "data", "definitions")]

    def numbers(self, quantity):
        return {int(n) for file in self.definitions() for n, point in file["points"].items()
                if point["quantity"] == quantity}


@pytest.fixture
def works(tmp_path, request):
    registers = {1: {**dict(enumerate(float_registers(230.1) + float_registers(229.9))),
                     0xFC00: int(SERIAL) >> 16, 0xFC01: int(SERIAL) & 0xFFFF}}
    with ModbusServer(tmp_path, registers) as server:
        yield Works(tmp_path, server, **getattr(request, "param", {}))


def test_a_certificate_that_is_added_corrects_from_then_on(works):
    with works.daemon() as daemon:
        before = works.readings(daemon, "voltage-l1", corrected=False)
        assert all(r[7] & NO_CERTIFICATE for r in before)
        added = works.tally("certificate", "add", works.certificate(), "--due", "2027-03-01")
        assert "DC-2026-0417" in added.stdout and "puts it on record" in added.stdout
        picture = added.stdout[added.stdout.index("error, V"):]
        cells = "".join(line.split("|")[1] for line in picture.splitlines() if "|" in line)
        assert cells.count("o") == 2 and cells.count("*") == 59 and ":::" in cells
        after = works.readings(daemon, "voltage-l1", corrected=True)[0]
        others = works.readings(daemon, "voltage-l2", corrected=False)
        assert daemon.stop() == 0
    assert after[7] & (NO_CERTIFICATE | OVERDUE | OUTSIDE) == 0
    assert all(r[7] & NO_CERTIFICATE for r in others), "the certificate does not speak of it"
    (event,) = stored_events(works.folder / "data", "certificate.added")
    assert event["subject"] == SERIAL and "DC-2026-0417" in event["text"]
    (point,) = [p for p in works.definitions()[-1]["points"].values() if p["quantity"] == "voltage-l1"]
    assert (point["correction"], point["k"], point["due"]) == ("pointwise", "2", "2027-03-01")
    assert point["certificate"] in event["text"]
    listed = works.tally("certificate", "list").stdout
    assert SERIAL in listed and "2027-03-01" in listed
    old = [r for r in before if r[1] < after[1]]
    assert old and all(r[5] is None for r in old), "what was written stays as it is"


def recompute(folder, point, reading):
    """Indication, corrected value and U of one reading, from what an export holds and nothing else."""
    getcontext().prec = 40
    driver = yaml.safe_load((folder / "files" / point["driver"]).read_bytes())
    quantity = next(q for q in driver["quantities"] if q["name"] == point["quantity"])
    assert (quantity["address"], point["type"], point["order"]) == (point["address"], "float32", "ABCD")
    (indication,) = struct.unpack(">f", bytes.fromhex(reading[3]))
    certificate = yaml.safe_load((folder / "files" / point["certificate"]).read_bytes())
    (calibration,) = [c for c in certificate["calibration"] if c["quantity"] == point["quantity"]]
    low, high = [{name: Decimal(str(value)) for name, value in p.items()} for p in calibration["points"]]
    x = Decimal(indication)
    share = (x - low["indication"]) / (high["indication"] - low["indication"])
    line = lambda name: low[name] + share * (high[name] - low[name])
    resolution = Decimal(point["resolution"] or 0) / Decimal(12).sqrt()
    square = (line("uncertainty") / Decimal(str(calibration["k"]))) ** 2 + resolution ** 2 + declared(point, reading)
    return indication, x - line("error"), Decimal(point["k"]) * square.sqrt()


def declared(point, reading):
    """u squared of what the definition declares beside the certificate, at the time of the reading."""
    square = Decimal(0)
    for influence in point.get("influences", []):
        square += Decimal(influence.get("standard_uncertainty", 0)) ** 2 + Decimal(influence.get("half_width", 0)) ** 2 / 3
    if "drift" in point:
        since = datetime.fromisoformat(point["drift"]["since"]).replace(tzinfo=timezone.utc)
        age = reading[1] - int(since.timestamp()) * 10**6
        square += (Decimal(point["drift"]["half_width"]) * age / point["drift"]["per_us"]) ** 2 / 3
    if "slope" in point:
        slope = Decimal(point["slope"]["half_width"]) / point["slope"]["per_us"]
        square += slope ** 2 * (reading[2] ** 2 + point.get("refresh_us", 0) ** 2) / 3
    return square


@pytest.mark.parametrize("works", [{"uncertainty": DECLARED}], indirect=True)
def test_a_reading_exported_alone_is_recomputed_without_us(works, tmp_path):
    works.tally("key", "init")
    with works.daemon() as daemon:
        works.tally("certificate", "add", works.certificate(), "--no-due")
        works.readings(daemon, "voltage-l1", corrected=True)
        assert daemon.stop() == 0
    works.tally("export", "--from", "-1h", "--to", "now", "-o", tmp_path / "e.tally")
    top = tmp_path / "out"
    with tarfile.open(tmp_path / "e.tally") as archive:
        archive.extractall(top)
    blocks = [json.loads(line) for path in sorted((top / "blocks").iterdir()) for line in path.read_text().splitlines()]
    count = 0
    for block in blocks:
        points = json.loads((top / "definitions" / block["defs"]).read_text())["points"]
        for reading in block["readings"]:
            if reading[5] is not None:
                indication, corrected, uncertainty = recompute(top, points[str(reading[0])], reading)
                assert reading[4] == pytest.approx(indication, abs=1e-4)  # its shortest digits as float32
                assert abs(Decimal(reading[5]) - corrected) < Decimal("2e-11"), "1e-12 of the span of 20 V"
                assert abs(Decimal(reading[6]) - uncertainty) < Decimal("2e-11")
                count += {"drift", "influences", "slope", "refresh_us"} <= set(points[str(reading[0])])
    assert count


def test_outside_the_range_and_overdue_and_verified(works):
    narrow = [{"quantity": "voltage-l1", "unit": "V", "k": 2, "points": [
        {"indication": 100, "error": 0, "uncertainty": 0.1}, {"indication": 230, "error": 0, "uncertainty": 0.1}]}]
    works.tally("certificate", "add", works.certificate(calibration=narrow, due="2026-04-01"))
    verified = {key: value for key, value in CERTIFICATE.items() if key != "calibration"}
    path = works.folder / "verified.yaml"
    path.write_text(json.dumps({**verified, "certificate": "V-1", "valid_until": "2030-01-01", "verification": [
        {"quantity": "voltage-l2", "unit": "V", "class": "0.5", "mpe_percent": 0.5}]}))
    works.tally("certificate", "add", path)
    with works.daemon() as daemon:
        one = works.readings(daemon, "voltage-l1", corrected=False)[-1]
        other = works.readings(daemon, "voltage-l2", corrected=True)[-1]
        assert daemon.stop() == 0
    assert one[7] & OUTSIDE and one[7] & OVERDUE and one[6] is None
    assert other[5] == pytest.approx(229.9, abs=1e-4)
    assert other[6] == pytest.approx(2 * 0.005 * 229.9 / 3 ** 0.5, rel=1e-6)


def test_the_last_performed_is_in_force(works):
    newer = [{**CERTIFICATE["calibration"][0], "points": [
        {"indication": 200, "error": 1, "uncertainty": 0.1}, {"indication": 250, "error": 1, "uncertainty": 0.1}]}]
    works.tally("certificate", "add", works.certificate("b.yaml", calibration=newer, performed="2026-05-01"), "--no-due")
    works.tally("certificate", "add", works.certificate(), "--no-due")
    with works.daemon() as daemon:
        reading = works.readings(daemon, "voltage-l1", corrected=True)[-1]
        assert daemon.stop() == 0
    assert reading[5] == pytest.approx(229.1, abs=1e-4)


@pytest.mark.parametrize("changes, said", [
    ({"instrument": {"serial": "999"}}, "no instrument with the serial number 999"),
    ({"performed": "2099-01-01"}, "2099-01-01"),
    ({"calibration": [{**CERTIFICATE["calibration"][0], "unit": "A"}]}, "voltage-l1 in 'A': cannot be given in V"),
    ({"calibration": [{**CERTIFICATE["calibration"][0], "points": [
        {"indication": 220, "error": 0.2, "uncertainty": -0.1}]}]}, "expanded uncertainty -0.1: expected more than 0"),
    ({"kalibration": []}, "unknown key 'kalibration'"),
], ids=["serial", "future", "unit", "negative-U", "key"])
def test_what_is_wrong_is_refused_and_changes_nothing(works, changes, said):
    done = works.tally("certificate", "add", works.certificate(**changes), "--no-due", good=False)
    assert done.returncode == 1 and said in done.stderr, done.stderr
    assert works.shelf() == []


def test_a_due_date_is_asked_for(works):
    done = works.tally("certificate", "add", works.certificate(), good=False)
    assert done.returncode == 2 and "--no-due" in done.stderr
    assert works.shelf() == []
    assert works.tally("certificate", "add", works.certificate(), "--due", "tomorrow", good=False).returncode == 2


def test_what_is_no_certificate_in_the_folder_stands_in_nobodys_way(works):
    works.tally("certificate", "add", works.certificate(), "--no-due")
    shelf = works.folder / "data" / "certificates"
    (shelf / "unread.xml").write_text('<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>')
    (shelf / "broken.yaml").write_text("")
    (shelf / "broken.yaml.read").write_text("certificate: [")
    (shelf / "folder").mkdir()
    with works.daemon() as daemon:
        works.readings(daemon, "voltage-l1", corrected=True)
        assert daemon.stop() == 0
    said = [event["text"] for event in stored_events(works.folder / "data", "certificate.refused")]
    assert len(said) == 3 and all(any(name in text for text in said) for name in ("broken.yaml", "unread.xml", "folder"))
    assert works.tally("certificate", "list", good=False).returncode == 1


def test_show_draws(works):
    path = works.certificate()
    done = subprocess.run([TALLY, "certificate", "show", path, "--svg", works.folder / "error.svg"], capture_output=True,
                          text=True, check=True)
    assert "voltage-l1" in done.stdout
    drawing = ElementTree.parse(works.folder / "error.svg").getroot()
    assert drawing.tag.endswith("svg") and len(drawing.findall("{*}circle")) == 2
    path.write_text(json.dumps({**{k: v for k, v in CERTIFICATE.items() if k != "calibration"}, "verification": [
        {"quantity": "voltage-l1", "unit": "V", "class": "1", "mpe": 1}]}))
    (works.folder / "error.svg").unlink()
    done = subprocess.run([TALLY, "certificate", "show", path, "--svg", works.folder / "error.svg"], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 1 and "no curve" in done.stderr and not (works.folder / "error.svg").exists()


def test_budget_names_what_is_there_and_what_nobody_declared(works):
    works.tally("certificate", "add", works.certificate(), "--no-due")
    budget = json.loads(works.tally("budget", "meter.voltage-l1", "--at", "230", "--json").stdout)
    assert budget["error"] == pytest.approx(0.3) and budget["corrected"] == pytest.approx(229.7)
    assert budget["parts"]["calibration"] == pytest.approx(0.075) and budget["uncertainty"] == pytest.approx(0.15)
    assert budget["parts"]["drift"] is None and budget["parts"]["resolution"] is None
    shown = works.tally("budget", "meter.voltage-l1", "--at", "230").stdout
    assert "corrected     229.70 V" in shown and "U             0.15 V" in shown and shown.count("not declared") == 4
    assert "undeclared    resolution, drift, influences, refresh; calibration only" in shown
    assert "no certificate is in force" in works.tally("budget", "meter.voltage-l2", "--at", "1", good=False).stdout
    assert "outside" in works.tally("budget", "meter.voltage-l1", "--at", "300", good=False).stdout
    with works.daemon() as daemon:
        works.readings(daemon, "voltage-l1", corrected=True)
        assert "229.80" in works.tally("budget", "meter.voltage-l1").stdout
        assert daemon.stop() == 0
    rows = works.tally("history", "--point", "meter.voltage-l1", "--limit", "1").stdout
    assert "229.80" in rows and "0.15" in rows, "shown rounded by U"


@pytest.mark.parametrize("works", [{"uncertainty": DECLARED}], indirect=True)
def test_budget_of_what_is_declared_and_of_few_degrees_of_freedom(works):
    few = [{**CERTIFICATE["calibration"][0], "k": 2.284}]  # 10 degrees of freedom (EA-4/02, table E.1: 2.28)
    works.tally("certificate", "add", works.certificate(calibration=few), "--no-due")
    budget = json.loads(works.tally("budget", "meter.voltage-l1", "--at", "230", "--json").stdout)
    parts = {part["name"]: part for part in budget["budget"]}
    root = 3 ** 0.5
    age = (datetime.now(timezone.utc) - datetime(2026, 3, 2, tzinfo=timezone.utc)).total_seconds() / 31557600
    right = {"calibration": 0.15 / 2.284, "ambient temperature": 0.05 / root, "supply": 0.02, "drift": 0.4 * age / root,
             "refresh": 2 * 0.01 / root}
    for name, u in right.items():
        assert parts[name]["u"] == pytest.approx(u, rel=1e-4), name
        assert parts[name]["u"] == pytest.approx(parts[name]["value"] / parts[name]["divisor"] * parts[name]["sensitivity"])
    square = sum(u * u for u in right.values())
    assert budget["in_readings"] ** 2 == pytest.approx(square, rel=1e-4) == budget["combined"] ** 2
    assert budget["uncertainty"] == pytest.approx(2.284 * square ** 0.5, rel=1e-4)
    assert sum(part.get("share", 0) for part in parts.values()) == pytest.approx(1)
    assert parts["supply"]["distribution"] == "normal" and "type test" in parts["supply"]["source"]
    assert parts["resolution"]["source"] == "not declared" and "resolution" in works.tally(
        "budget", "meter.voltage-l1", "--at", "230").stdout.splitlines()[-1]
    assert budget["freedom"] == pytest.approx(10, abs=0.2)
    assert budget["effective_freedom"] == pytest.approx(budget["freedom"] * square ** 2 / right["calibration"] ** 4, rel=1e-3)
    assert 2 < budget["k_by_freedom"] < 2.284


@pytest.mark.parametrize("works", [{"quantities": ["active-energy-import"]}], indirect=True)
def test_budget_of_a_register_that_counts_up(works):
    by_load = [{"quantity": "active-energy-import", "unit": "kWh", "load_unit": "kW", "k": 2, "uncertainty_percent": 0.1,
                "points": [{"load": 0.23, "error_percent": 0.42}, {"load": 23, "error_percent": -0.08}]}]
    works.tally("certificate", "add", works.certificate(calibration=by_load), "--no-due")
    shown = works.tally("budget", "meter.active-energy-import").stdout
    assert re.search(r"^0\.23 kWh/h +0\.42% +0\.1% +2 +0\.05%$", shown, re.M), shown
    loads = json.loads(works.tally("budget", "meter.active-energy-import", "--json").stdout)["loads"]
    assert [(p["load"], p["u"]) for p in loads] == [(0.23, pytest.approx(5e-4)), (23, pytest.approx(5e-4))]
    verified = {key: value for key, value in CERTIFICATE.items() if key != "calibration"}
    path = works.folder / "verified.yaml"
    path.write_text(json.dumps({**verified, "certificate": "V-1", "performed": "2026-05-01", "verification": [
        {"quantity": "active-energy-import", "unit": "kWh", "class": "B", "mpe_percent": 1}]}))
    works.tally("certificate", "add", path, "--no-due")
    assert "0.577% of the energy: MPE 1% / √3" in works.tally("budget", "meter.active-energy-import").stdout


def test_coverage_now_and_over_a_period_and_what_falls_due(works):
    soon = (date.today() + timedelta(days=45)).isoformat()
    with works.daemon() as daemon:
        works.readings(daemon, "voltage-l1", corrected=False)
        works.tally("certificate", "add", works.certificate(), "--due", soon)
        works.readings(daemon, "voltage-l1", corrected=True)
        assert daemon.stop() == 0
    found = json.loads(works.tally("coverage", "--from", "-1h", "--json").stdout)
    assert found["all"] == {"points": 2, "covered": 1} == found["kinds"]["voltage"]
    readings = [r for block in stored(works.folder / "data") for r in block["readings"]]
    assert (found["readings"], found["readings_covered"]) == (len(readings), sum(not r[7] & 12 for r in readings))
    assert [due["last_day"] for due in found["due"]] == [soon]
    covered = found["readings_covered"]
    (site,) = found["sites"]
    counts = {"points": 2, "covered": 1, "readings": len(readings), "readings_covered": covered}
    assert site == {"site": "91350100M000100Y43", **counts, "kinds": {"voltage": counts}}
    assert [due["within"] for due in found["due"]] == ["60 days"] and found["ended"] == []
    shown = works.tally("coverage").stdout
    assert "50.0%" in shown and "60 days" in shown
    # The ledger alone says the same, and names the certificate by its hash.
    alone = subprocess.run([TALLY, "coverage", "--from", "-1h", "--json", works.folder / "data"], capture_output=True, text=True, check=True)
    alone = json.loads(alone.stdout)
    (due,) = alone.pop("due")
    assert due["number"] in stored_events(works.folder / "data", "certificate.added")[0]["text"] and due["last_day"] == soon
    assert alone == {key: value for key, value in found.items() if key != "due"}


def test_falling_due_is_an_event(works):
    works.tally("certificate", "add", works.certificate(due="2026-04-01"))
    with works.daemon() as daemon:
        wait_until(lambda: stored_events(works.folder / "data", "certificate.overdue"), daemon.said)
        assert daemon.stop() == 0
    (event,) = stored_events(works.folder / "data", "certificate.overdue")
    assert event["subject"] == SERIAL and "2026-04-01" in event["text"]
    assert "overdue" in works.tally("coverage").stdout


def test_an_adjustment_ends_a_certificate(works):
    path = works.certificate()
    works.tally("certificate", "add", path, "--no-due")
    end = ("certificate", "end", "DC-2026-0417", "--reason", "zero adjusted")
    assert "no daemon runs" in works.tally(*end, "--at", "now", good=False).stderr
    assert len(works.shelf()) == 2, "nothing was changed"
    with works.daemon() as daemon:
        works.readings(daemon, "voltage-l1", corrected=True)
        for at, said in (("2099-01-01", "in the future"), ("2020-01-01", "before the certificate's measurements"), ("x", "not a time")):
            done = works.tally(*end, "--at", at, good=False)
            assert done.returncode == 2 and said in done.stderr
        done = works.tally(*end, "--at", "now", "--by", "li.wei")
        assert "meter.voltage-l1: no certificate is in force from now on" in done.stdout, done.stdout
        assert "ended already" in works.tally("certificate", "end", path, "--at", "now", "--reason", "x", good=False).stderr
        after = wait_until(lambda: [r for r in works.readings(daemon, "voltage-l1", corrected=False) if r[7] & NO_CERTIFICATE], daemon.said)
        (event,) = stored_events(works.folder / "data", "certificate.ended")
        listed, coverage = works.tally("certificate", "list").stdout, json.loads(works.tally("coverage", "--json").stdout)
        works.tally("certificate", "add", works.certificate("new.yaml", performed=date.today().isoformat()), "--no-due")
        wait_until(lambda: [r for r in works.readings(daemon, "voltage-l1", corrected=True) if r[1] > after[-1][1]], daemon.said)
        assert daemon.stop() == 0
    assert event["subject"] == SERIAL and "DC-2026-0417, sha256 " in event["text"] and ": zero adjusted (said from the account " in event["text"]
    assert event["text"].startswith("by li.wei (user ")
    assert date.today().isoformat()[:7] in listed.splitlines()[1].split("  ")[-1]
    assert coverage["all"]["covered"] == 0
    assert [(e["point"], e["number"]) for e in coverage["ended"]] == [("meter.voltage-l1", "DC-2026-0417")]
    shown = works.tally("certificate", "show", works.folder / "data" / "certificates" / works.shelf()[0])
    assert "DC-2026-0417" in shown.stdout


def test_a_certificate_that_names_no_quantity_is_told_which(works):
    nameless = [{key: value for key, value in CERTIFICATE["calibration"][0].items() if key != "quantity"}]
    path = works.certificate(calibration=nameless)
    done = works.tally("certificate", "add", path, "--no-due", good=False)
    assert done.returncode == 1 and "voltage-l1" in done.stderr, done.stderr
    assert works.tally("certificate", "add", path, "--no-due", "--quantity", "a b", good=False).returncode == 2
    works.tally("certificate", "add", path, "--no-due", "--quantity", "voltage-l2")
    with works.daemon() as daemon:
        works.readings(daemon, "voltage-l2", corrected=True)
        works.readings(daemon, "voltage-l1", corrected=False)
        assert daemon.stop() == 0


def test_a_digital_certificate(tmp_path):
    """Of a thermometer, in kelvin; the daemon itself reads no XML."""
    dcc = ROOT / "tests" / "golden" / "certificates" / "dcc-3.1.2-temperature.xml"
    low_first = list(reversed(float_registers(20.0)))
    with ModbusServer(tmp_path, {1: {2: low_first[0], 3: low_first[1], 512: 1}}) as server:
        works = Works(tmp_path, server, {"name": "oven", "bus": "b", "unit": 1, "driver": "vaisala-hmt330", "every": "100ms",
                                         "serial": "K1250012", "quantities": ["temperature"]})
        assert "which of" in works.tally("certificate", "add", dcc, "--no-due", good=False).stderr
        done = works.tally("certificate", "add", dcc, "--quantity", "temperature", "--signed", good=False)
        assert done.returncode == 1 and "not there (--signed)" in done.stderr and works.shelf() == []
        signers = Signers(tmp_path)
        signed = tmp_path / "dcc.xml"
        signed.write_text(signers.sign())
        altered = tmp_path / "altered.xml"
        altered.write_text(signed.read_text().replace("K1250012", "K1250012 "))
        done = works.tally("certificate", "add", altered, "--quantity", "temperature", good=False)
        assert "signature is wrong" in done.stderr and works.shelf() == []
        configured = json.loads(works.path.read_text())
        configured["gateway"]["trusted_signers"] = "authority.pem"
        works.path.write_text(json.dumps(configured))
        works.tally("certificate", "add", signed, "--quantity", "temperature", "--signed")
        with works.daemon() as daemon:
            reading = works.readings(daemon, "temperature", corrected=True)[0]
            assert daemon.stop() == 0
        assert ledger_files(tmp_path / "data", "certificate") == [signed.read_bytes()], "the laboratory's own bytes"
        (event,) = stored_events(tmp_path / "data", "certificate.added")
        assert "; signature verified: signed by CN=lab, certificate sha256 " in event["text"]
    assert 19 < reading[5] < 21 and 0 < reading[6] < 1
    if BUILD.parent == ROOT:  # builds with sanitizers link all that is named
        linked = subprocess.run(["ldd", BUILD / "tallyd"], capture_output=True, text=True, check=True).stdout
        assert "libxml2" not in linked and "xmlsec" not in linked
