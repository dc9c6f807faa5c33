"""`tally report energy`: corrected by load, with U, against a reckoning from the blocks that shares no code with it."""

import csv
import hashlib
import io
import json
import random
import re
import sqlite3
import subprocess
from datetime import date
from decimal import Decimal, getcontext
from xml.etree import ElementTree

import pytest
import zstandard
from openpyxl import load_workbook

from energy import edges_of, readings_of
from intervals import load, midnight_us, write_ledger
from loads import add_up, curve_of_mpe, curve_of_points, expanded, put_together, shares_of
from support import TALLY
from test_report import DAY, EVERY, HOUR, SECOND, plain, report, report_json, rfc

TOLERANCE = EVERY // 2 + SECOND
ZONE = "Asia/Shanghai"
START = midnight_us(ZONE, date(2026, 11, 1))
STOP = START + 2 * DAY
RESOLUTION = "0.01"
U_READING = Decimal(RESOLUTION) / Decimal(12).sqrt()
getcontext().prec = 50


def calibration(serial, points, laboratory="Hanjiang Institute", **more):
    return {"certificate": f"J-{serial}", "laboratory": laboratory, "instrument": {"serial": serial}, "performed": "2026-03-03",
            "calibration": [{"quantity": "energy", "unit": "kWh", "load_unit": "kW", **more,
                             "points": [{"load": p[0], "error_percent": p[1], "uncertainty_percent": p[2], "k": p[3]} for p in points]}]}


def verification(serial, percent):
    return {"certificate": f"V-{serial}", "laboratory": "Hanjiang Institute", "instrument": {"serial": serial}, "performed": "2026-03-03",
            "verification": [{"quantity": "energy", "unit": "kWh", "class": "B", "mpe_percent": percent}]}


CURVES = {"A": [(2, 0.8, 0.1, 2), (20, 0.3, 0.08, 2), (60, -0.4, 0.12, 2.2)], "B": [(0.5, -0.6, 0.2, 2), (90, 0.2, 0.1, 2)]}


def curve(serial):
    """In parts of 1, each number as the program reads it: a double, divided by 100."""
    return curve_of_points([(p[0], p[1] / 100, p[2] / 100, p[3]) for p in CURVES[serial]], U_READING)


def definition(serial, file=None, **more):
    return {"serial": serial, "every_us": EVERY, "resolution": RESOLUTION, "correction": "interval" if file else "none",
            "ratio": "1", "certificate": file and hashlib.sha256(file).hexdigest(), **more}


def make(data, points, entries, certificates):
    """points: {number: (name, definition)}."""
    blocks = write_ledger(data, ZONE, {n: (name, "kWh") for n, (name, _) in points.items()}, entries,
                          more={n: more for n, (_, more) in points.items()})
    database = sqlite3.connect(data / "ledger.db")
    for file in certificates:
        database.execute("INSERT INTO files VALUES(?,'certificate',0,?,?)",
                         (hashlib.sha256(file).digest(), len(file), zstandard.compress(file)))
    database.commit()
    database.close()
    return blocks


def made(seed, number_at=lambda t: 1, start=START - HOUR, stop=STOP + HOUR):
    """Entries of a meter whose load changes now and then, with gaps; also none and beyond every range."""
    draw = random.Random(seed)
    entries, value, t, kw = [], Decimal(1000), start, 30.0
    while t < stop:
        t += EVERY + draw.randrange(SECOND // 10) - SECOND // 20
        if draw.random() < 0.02:
            kw = draw.choice((0.0, 1.0, draw.uniform(2, 60), draw.uniform(2, 60), draw.uniform(2, 60), 75.0))
        if draw.random() < 0.001:
            t += draw.randrange(90 * EVERY)
        value += Decimal(round(kw * draw.uniform(0.9, 1.1) / 60 * 100)) / 100
        entries.append((number_at(t), t, plain(value), 0))
    return entries


def check(said, right):
    assert said["outside_range"] == right["outside"] and said["uncertified"] == right["unknown"]
    if not right["k"]:
        assert said["energy"] is said["uncertainty"] is said["k"] is None
        return
    tolerance = expanded(right) * Decimal("1e-8")  # nine digits of U are written
    assert abs(Decimal(said["energy"]) - right["corrected"]) < tolerance
    assert abs(Decimal(said["uncertainty"]) - expanded(right)) < tolerance
    assert float(said["k"]) == float(right["k"])


def whole(shares):
    """Of several intervals: what ends one begins the next, if that has a figure too."""
    return [(*share[:2], share[2] or bool(i and j == 0 and shares[i - 1] is not None), *share[3:])
            for i, some in enumerate(shares) if some is not None for j, share in enumerate(some)]


@pytest.mark.parametrize("every", ["15min", "day"])
def test_energy_is_corrected_by_the_load_at_which_it_was_counted(tmp_path, every):
    file, later = (json.dumps(calibration("A", points)).encode() for points in (CURVES["A"], CURVES["A"][:2]))
    points = {1: ("m.energy", definition("A")), 2: ("m.energy", definition("A", file)),
              3: ("m.energy", definition("A", file, every_us=EVERY - 1)), 4: ("m.energy", definition("A", later))}
    number_at = lambda t: 1 if t < START + 5 * HOUR else 2 if t < START + 20 * HOUR else 3 if t < START + 40 * HOUR else 4
    blocks = make(tmp_path / "data", points, made(every, number_at), [file, later])
    readings = readings_of(blocks, set(points))[0]
    curves = {1: None, 2: curve("A"), 4: curve_of_points([(p[0], p[1] / 100, p[2] / 100, p[3]) for p in CURVES["A"][:2]], U_READING)}
    curves[3] = curves[2]  # the same certificate, asked in another way
    words = ["--point", "m.energy", "--every", every, "--from", rfc(START), "--to", rfc(STOP)]
    (meter,) = report_json(tmp_path / "data", *words)["meters"]
    edges, quarters = edges_of(every, ZONE, START, STOP), edges_of("15min", ZONE, START, STOP)
    shares = [shares_of(readings, a, b, quarters, TOLERANCE, curves) for a, b in zip(edges, edges[1:])]
    seen = dict.fromkeys(("corrected", "outside", "unknown"), 0)
    for row, some in zip(meter["intervals"], shares):
        assert ("corrected" in row) == (some is not None)
        if some is None:
            continue
        right = put_together(some)
        check(row["corrected"], right)
        assert row["corrected"]["outside_range_us"] == round(right["outside_hours"] * HOUR)
        assert ("outside-calibrated-range" in row["flags"]) == bool(right["outside_hours"])
        for key in seen:
            seen[key] += right[key] > 0
    assert all(seen.values()), seen
    check(meter["corrected"], put_together(whole(shares)))
    demand = meter["maximum_demand"]
    check(demand["corrected"], put_together(shares_of(readings, demand["from_us"], demand["to_us"], quarters, TOLERANCE, curves)))


def test_sums_of_meters_know_what_their_uncertainties_have_in_common(tmp_path):
    files = {"A": json.dumps(calibration("A", CURVES["A"])).encode(), "B": json.dumps(calibration("B", CURVES["B"])).encode(),
             "C": json.dumps(calibration("C", CURVES["B"], "Another laboratory")).encode(), "D": json.dumps(verification("D", 1)).encode()}
    points = {n: (f"{s.lower()}.energy", definition(s, files.get(s))) for n, s in enumerate("ABCDE", 1)}
    entries = sorted((e for n in points for e in made(f"sum{n}", lambda _, n=n: n)), key=lambda e: e[1])
    blocks = make(tmp_path / "data", points, entries, files.values())
    curves = {1: curve("A"), 2: curve("B"), 3: curve("B"), 4: curve_of_mpe(0, 0.01, U_READING), 5: None}
    laboratory = {1: "Hanjiang Institute", 2: "Hanjiang Institute", 3: "Another laboratory", 4: None, 5: None}
    (tmp_path / "t.yaml").write_text("meters:\n  - {name: site, plus: [a.energy, c.energy, d.energy, e.energy], minus: [b.energy]}\n"
                                     "  - {name: alone, plus: [a.energy, b.energy, d.energy], independent: yes}\n")
    sums = {"site": ({1: 1, 3: 1, 4: 1, 5: 1, 2: -1}, False), "alone": ({1: 1, 2: 1, 4: 1}, True)}
    edges, quarters = edges_of("hour", ZONE, START, STOP), edges_of("15min", ZONE, START, STOP)
    readings = {n: readings_of(blocks, {n})[0] for n in points}
    shares = {n: [shares_of(readings[n], a, b, quarters, TOLERANCE, curves) for a, b in zip(edges, edges[1:])] for n in points}
    said = report_json(tmp_path / "data", "--meter", "site", "--meter", "alone", "--every", "hour", "--from", rfc(START), "--to", rfc(STOP),
                       "--table", tmp_path / "t.yaml")["meters"]
    for meter in said:
        signs, independent = sums[meter["name"]]
        added = lambda put: add_up([(sign, laboratory[n], put(n)) for n, sign in signs.items()], independent)
        complete = [all(shares[n][i] is not None for n in signs) for i in range(len(edges) - 1)]
        assert any(complete) and not all(complete)
        for i, row in enumerate(meter["intervals"]):
            assert ("corrected" in row) == complete[i]
            if complete[i]:
                check(row["corrected"], added(lambda n, i=i: put_together(shares[n][i])))
        check(meter["corrected"], added(lambda n: put_together(whole([s if good else None for s, good in zip(shares[n], complete)]))))
        demand = meter["maximum_demand"]
        check(demand["corrected"], added(lambda n: put_together(shares_of(readings[n], demand["from_us"], demand["to_us"], quarters,
                                                                          TOLERANCE, curves))))


def steady(kw_by_hour, point=1):
    value, entries = Decimal(500), []
    for i, t in enumerate(range(START, START + len(kw_by_hour) * HOUR + EVERY, EVERY)):
        entries.append((point, t, plain(value), 0))
        value += Decimal(kw_by_hour[min(i // 60, len(kw_by_hour) - 1)]) / 60
    return entries


def test_every_form_says_it_and_what_it_leaves_out(tmp_path):
    file = json.dumps(calibration("A", [(6, 1.0, 0.1, 2), (12, 1.0, 0.1, 2)])).encode()
    make(tmp_path / "data", {1: ("m.energy", definition("A", file, ratio="40"))}, steady([6, 12, 0, 30]), [file])
    words = ["--ledger", tmp_path / "data", "--point", "m.energy", "--every", "hour", "--from", rfc(START), "--to", rfc(START + 4 * HOUR)]
    text = report(*words).stdout.decode()
    rows = [line.split() for line in text.splitlines() if re.match(r"20..-..-.. ", line)]
    assert [row[3:7] for row in rows[:2]] == [["6", "kWh", "5.941", "0.010"], ["12", "kWh", "11.881", "0.014"]]
    assert [row[5:8] for row in rows[2:]] == [["—", "—", "0"], ["—", "—", "30"]]
    assert [row[-1] for row in rows] == ["complete", "complete", "outside-calibrated-range", "outside-calibrated-range"]
    assert re.search(r"^corrected +17\.822 kWh, U = 0\.019 kWh \(k = 2\), of 18 kWh; 30 kWh in 2\.0 h at loads outside the calibrated "
                     r"range, as indicated$", text, re.M), text
    assert re.search(r"^ +corrected +none; 7\.5 kWh in 15 min at loads outside", text, re.M), text
    assert "it excludes the current and voltage transformers, which have no certificate here" in text
    (meter,) = load(report(*words, "--json").stdout.decode())["meters"]
    table = list(csv.DictReader(io.StringIO(report(*words, "--csv").stdout.decode(), newline="")))
    figures = [(row, meter["intervals"][i]["corrected"]) for i, row in enumerate(table[:4])]
    figures += [(row, meter["corrected"]) for row in table if row["kind"] == "total"]
    figures += [(row, meter["maximum_demand"]["corrected"]) for row in table if row["kind"] == "maximum-demand"]
    assert len(figures) == 6
    for row, one in figures:
        for column, key in (("corrected", "energy"), ("uncertainty", "uncertainty"), ("k", "k"), ("outside_range", "outside_range"),
                            ("uncertified", "uncertified")):
            assert (row[column] or None) == (None if one[key] is None else str(one[key])), (row, one)
    path = tmp_path / "report.xlsx"
    assert report(*words, "--xlsx", path).returncode == 0
    book = load_workbook(path)
    head, *rows = book["Intervals"].iter_rows(values_only=True)
    for row, right in zip([dict(zip(head, row)) for row in rows], meter["intervals"], strict=True):
        one = right["corrected"]
        for column, key in (("corrected", "energy"), ("U", "uncertainty"), ("k", "k"), ("outside the calibrated range", "outside_range"),
                            ("without a certificate", "uncertified")):
            assert row[column] == (None if one[key] is None else pytest.approx(float(one[key]), rel=1e-8)), (row, one)
    notes = {row[1]: row[6] for row in book["Totals"].iter_rows(values_only=True)}
    assert notes["energy, corrected"].startswith("17.822 kWh, U = 0.019 kWh (k = 2), of 18 kWh; 30 kWh in 2.0 h at loads outside")
    assert notes["maximum demand, corrected"].startswith("none; 7.5 kWh in 15 min at loads outside")
    page = ElementTree.fromstring(report(*words, "--html").stdout.decode())
    cells = ["".join(cell.itertext()) for cell in page.iter("{http://www.w3.org/1999/xhtml}td")]
    assert {"5.941", "0.010", "11.881", "0.014"} <= set(cells) and any("17.822 kWh, U = 0.019 kWh (k = 2)" in cell for cell in cells)


def test_a_certificate_that_cannot_be_used_counts_as_none(tmp_path):
    good = json.dumps(calibration("A", CURVES["A"])).encode()
    other = json.dumps(calibration("Z", CURVES["A"])).encode()
    twice = calibration("A", CURVES["A"])
    twice["calibration"] = [{k: v for k, v in twice["calibration"][0].items() if k != "quantity"}] * 2
    twice = json.dumps(twice).encode()
    points = {1: ("a.energy", definition("A", good)), 2: ("b.energy", definition("B", other)), 3: ("c.energy", definition("A", twice)),
              4: ("d.energy", definition("A", b"not there")), 5: ("e.energy", definition("A", b"no certificate"))}
    entries = sorted((e for n in points for e in steady([30], n)), key=lambda e: e[1])
    make(tmp_path / "data", points, entries, [good, other, twice, b"no certificate"])
    result = report("--ledger", tmp_path / "data", "--json", "--every", "hour", "--from", rfc(START), "--to", rfc(START + HOUR),
                    *[w for n in points for w in ("--point", points[n][0])])
    assert result.returncode == 0
    meters = load(result.stdout.decode())["meters"]
    assert "corrected" in meters[0] and not any("corrected" in meter for meter in meters[1:])
    assert all(meter["energy"] == 30 for meter in meters)
    said = result.stderr.decode()
    for name, why in (("b", "serial number Z"), ("c", "which of its results is meant"), ("d", ""), ("e", "")):
        assert re.search(rf"^tally report: {name}\.energy is not corrected by certificate [0-9a-f]{{16}}: .*{why}", said, re.M), said
    site = report_json(tmp_path / "data", "--plus", "a.energy", "--plus", "b.energy", "--from", rfc(START), "--to", rfc(START + HOUR), "--every", "hour")
    assert site["meters"][0]["corrected"]["uncertified"] == 30


def test_a_meter_that_was_exchanged_is_corrected_by_its_own_certificate(tmp_path):
    """The new serial number is in the configuration two hours later only."""
    files = {s: json.dumps(calibration(s, CURVES[s])).encode() for s in "AB"}
    points = {1: ("m.energy", definition("A", files["A"])), 2: ("m.energy", definition("B", files["B"]))}
    at = START + 4 * HOUR - 20 * SECOND
    entries, old, new = [], Decimal(100), Decimal(5)
    for t in range(START, START + 8 * HOUR + EVERY, EVERY):
        entries.append((1 if t < START + 6 * HOUR else 2, t, plain(old if t < at else new), 0))
        old, new = old + Decimal("0.5"), new + (Decimal("0.5") if t > at - EVERY else 0)
    make(tmp_path / "data", points, entries, files.values())
    (tmp_path / "t.yaml").write_text(f'exchanges:\n  - {{point: m.energy, at: "{rfc(at)}", closing: {plain(Decimal(220))}, opening: 5}}\n')
    (meter,) = report_json(tmp_path / "data", "--point", "m.energy", "--every", "hour", "--from", rfc(START), "--to", rfc(START + 8 * HOUR),
                           "--table", tmp_path / "t.yaml")["meters"]
    assert not meter["unknowns"]
    for i, row in enumerate(meter["intervals"]):
        serial = "A" if i < 4 else "B"
        right = put_together([(row["energy"], Decimal(1), False, curve(serial), None)])
        assert row["corrected"]["uncertified"] == (8 if i == 3 else 0), "the quarter of the exchange is of two meters"
        if i == 3:
            continue
        assert abs(Decimal(row["corrected"]["energy"]) - right["corrected"]) < Decimal("1e-9"), (i, row)


def test_independent_is_yes_or_no(tmp_path):
    (tmp_path / "t.yaml").write_text("meters:\n  - {name: a, plus: [a.b], independent: perhaps}\n")
    result = subprocess.run([TALLY, "report", "energy", "--ledger", tmp_path, "--meter", "a", "--table", tmp_path / "t.yaml"],
                            capture_output=True, timeout=60)
    assert result.returncode == 1 and "independent perhaps: expected yes or no" in result.stderr.decode()
