"""`tally impact`: what an error found before an adjustment touches, against a reckoning from the blocks alone."""

import csv
import hashlib
import io
import json
import subprocess
from decimal import Decimal

import pytest
import yaml

from intervals import ORIGIN, load, moment, write_ledger
from support import TALLY, needs_daemon

pytestmark = needs_daemon
SERIAL = "91K225903"
ZONE = "Asia/Shanghai"
SECOND = 10 ** 6
DAY = 86400 * SECOND
FOUND_US = 1788364800 * SECOND  # 2026-09-03T00:00+08:00, the end of the day on which it was found
POINTS = {1: ("oven.temperature", "°C"), 2: ("oven.temperature", "°C"), 3: ("other.temperature", "°C"), 4: ("main.energy", "kWh"),
          5: ("oven.pressure", "mbar")}
MORE = {1: {"serial": SERIAL}, 2: {"serial": SERIAL}, 3: {"serial": "another"}, 4: {"serial": SERIAL}, 5: {"serial": SERIAL}}
ADJUSTED = {"certificate": "N-2", "laboratory": "Lab", "instrument": {"serial": SERIAL}, "performed": "2026-09-02", "calibration": [
    {"quantity": "temperature", "unit": "°C", "k": 2, "uncertainty": 0.05, "tolerance": 0.2,
     "points": [{"indication": 0, "error": 0}, {"indication": 100, "error": 0}]}], "as_found": [
    {"quantity": "temperature", "unit": "°C", "k": 2, "uncertainty": 0.06,
     "points": [{"indication": 10, "error": 0.1}, {"indication": 30, "error": -0.3}, {"indication": 60, "error": 0.15}]}]}
BEFORE = {"certificate": "N-1", "laboratory": "Lab", "instrument": {"serial": SERIAL}, "performed": "2026-08-31", "calibration": [
    {"quantity": "temperature", "unit": "°C", "k": 2, "uncertainty": 0.05, "points": [{"indication": 20, "error": 0}]}]}
METER = {"certificate": "E-2", "laboratory": "Lab", "instrument": {"serial": SERIAL}, "performed": "2026-09-02", "verification": [
    {"quantity": "energy", "unit": "kWh", "class": "B", "mpe_percent": 1}], "as_found": [
    {"quantity": "energy", "unit": "kWh", "load_unit": "kW", "k": 2, "uncertainty_percent": 0.1,
     "points": [{"load": 1, "error_percent": 2}, {"load": 10, "error_percent": 0.5}]}]}


def add(data, *certificates):
    """As `tally certificate add` leaves them: the file, and what was read of it."""
    (data / "certificates").mkdir(exist_ok=True)
    for certificate in certificates:
        text = yaml.safe_dump(certificate, allow_unicode=True)
        path = data / "certificates" / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.yaml"
        path.write_text(text)
        path.with_name(path.name + ".read").write_text(text)
    return path


def impact(data, *words):
    return subprocess.run([TALLY, "impact", "--ledger", data, *words], capture_output=True, text=True, timeout=60, check=False)


def line(points, x):
    """The error at x, or None outside."""
    for (a, low), (b, high) in zip(points, points[1:]):
        if a <= x <= b:
            return low + (x - a) / (b - a) * (high - low)
    return None


@pytest.fixture(scope="module", name="data")
def make_data(tmp_path_factory):
    """Two days before it was found, and one behind: a reading each 10 min, 0 to 72 °C and back; a register at 0.6 to 14.4 kW."""
    data = tmp_path_factory.mktemp("impact") / "data"
    entries, energy = [], 0
    for i in range(-6 * 72, 6 * 24):
        t = FOUND_US + i * 600 * SECOND
        value = "null" if i % 50 == 7 else f"{abs(i * 7 % 1440 - 720) / 10:g}"
        entries.append((1 if i < -200 else 2, t, value, 4))
        entries += [(3, t, "25", 4), (5, t, "1013", 4), (4, t, f"{energy / 10:g}", 4)]
        energy += i % 24 + 1
    write_ledger(data, ZONE, POINTS, entries, more=MORE, events=statements(entries))
    add(data, BEFORE, METER)
    data.joinpath("entries").write_text(json.dumps(entries))
    return data


def rfc(t_us):
    return moment(t_us).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# When jobs of the oven start and stop, of another instrument, and before all of it.
JOBS = {"J1": ("oven", FOUND_US - DAY, FOUND_US - DAY // 2), "J2": ("oven", FOUND_US - DAY // 4, None), "J3": ("other", FOUND_US - DAY, FOUND_US),
        "J4": ("oven", FOUND_US - 5 * DAY, FOUND_US - 4 * DAY)}
REPORTS = {"job J1": ("html", JOBS["J1"][1:]), "energy oven.temperature": ("csv", (FOUND_US - 2 * DAY, FOUND_US + DAY)),
           "energy main.energy": ("csv", (FOUND_US - 2 * DAY, FOUND_US)), "the works": ("xlsx", (FOUND_US - DAY, FOUND_US - DAY // 2)),
           "job J4": ("html", JOBS["J4"][1:]), "old": ("csv", (FOUND_US - 6 * DAY, FOUND_US - 5 * DAY))}


def statements(entries):
    """{block: its events}: jobs when they start and stop, reports in the last block."""
    block_of = lambda t: next((i for i, entry in enumerate(entries) if entry[1] >= t), len(entries) - 1) // 900
    last, events = (len(entries) - 1) // 900, {}
    put = lambda n, t, kind, subject, text: events.setdefault(n, []).append([t, kind, subject, f"by li.wei (user 1000): {text}"])
    for code, (instrument, start, stop) in JOBS.items():
        said = f'item "S-{code}", on {instrument}'
        put(block_of(start), start, "job.started", code, said)
        if stop:
            put(block_of(stop), stop, "job.stopped", code, f'{said}; started {rfc(start)} in block {block_of(start)}, result "passed"')
    for subject, (form, (start, stop)) in REPORTS.items():
        put(last, FOUND_US + DAY, "report.issued", subject, f"{form} of 5120 bytes, SHA-256 {'ab' * 32}, from {rfc(start)} to {rfc(stop)}, of a log of {last} blocks, final")
    return events


def in_span(data, point, first_us):
    return [(t, value) for n, t, value, _ in json.loads(data.joinpath("entries").read_text())
            if POINTS[n][0] == point and first_us <= t < FOUND_US]


def test_the_readings_between_two_certificates_are_touched(data):
    path = add(data, ADJUSTED)
    points = [(Decimal(10), Decimal("0.1")), (Decimal(30), Decimal("-0.3")), (Decimal(60), Decimal("0.15"))]
    wanted = in_span(data, "oven.temperature", FOUND_US - 3 * DAY)
    done = impact(data, "N-2", "--json")
    assert done.returncode == 1, done.stderr
    said = load(done.stdout)
    (found,) = said["as_found"]
    assert [p["verdict"] for p in found["points"]] == ["within", "beyond", "within"] and found["beyond"] == 1
    assert found["tolerance"]["source"] == "tolerance, this certificate, N-2" and found["previous"]["number"] == "N-1"
    assert (found["from"][:19], found["to"][:19]) == ("2026-08-30T16:00:00", "2026-09-02T16:00:00"), "days of the site"
    assert said["certificate"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [(r["t_us"], r["indication"]) for r in said["readings"]] == \
        [(t, None if v == "null" else Decimal(v)) for t, v in wanted]
    counts, greatest = dict.fromkeys(["within", "beyond", "not known"], 0), Decimal(0)
    for row in said["readings"]:
        error = None if row["indication"] is None else line(points, Decimal(row["indication"]))
        verdict = "not known" if error is None else "beyond" if abs(error) > Decimal("0.2") else "within"
        assert row["verdict"] == verdict, row
        counts[verdict] += 1
        assert ("off" in row) == (error is not None)
        if error is not None:
            assert abs(row["error"] - error) < Decimal("1e-12") and abs(row["off"] - error) < Decimal("1e-12")
            greatest = error if abs(error) > abs(greatest) else greatest
    assert all(counts.values()), counts
    (point,) = said["points"]
    assert (point["name"], point["readings"], point["beyond"], point["not_known"]) == \
        ("oven.temperature", len(wanted), counts["beyond"], counts["not known"])
    assert abs(point["greatest_error"] - greatest) < Decimal("1e-12")
    in_time = lambda start, stop: sum(start <= row["t_us"] < stop for row in said["readings"])
    assert [(job["code"], job["item"], job["readings"]) for job in said["jobs"]] == \
        [("J1", "S-J1", in_time(*JOBS["J1"][1:])), ("J2", "S-J2", in_time(JOBS["J2"][1], FOUND_US))]
    assert said["jobs"][0]["beyond"] == sum(row["verdict"] == "beyond" and JOBS["J1"][1] <= row["t_us"] < JOBS["J1"][2] for row in said["readings"]) > 0
    assert said["jobs"][1]["stopped"] is None and said["jobs"][1]["not_known"] > 0
    # Made from all blocks but the last, which holds the readings from then on.
    known = [(r["subject"], r["form"], r["certain"], r["readings"]) for r in said["reports"]]
    last = max(row["block"] for row in said["readings"])
    assert known == [("job J1", "html", True, in_time(*JOBS["J1"][1:])),
                     ("energy oven.temperature", "csv", True, sum(row["t_us"] >= FOUND_US - 2 * DAY for row in said["readings"])),
                     ("the works", "xlsx", False, in_time(*JOBS["J1"][1:]))], last
    assert all(r["sha256"] == "ab" * 32 and r["by"] == "li.wei" and r["final"] for r in said["reports"])
    shown = impact(data, path).stdout
    assert "may hold" in shown and shown.count("job J1") == 1 and "S-J2" in shown and "job J4" not in shown
    assert f"{len(wanted)} readings are touched" in shown and "0.2 °C (tolerance, this certificate, N-2)" in shown
    rows = list(csv.DictReader(io.StringIO(impact(data, said["certificate"]["sha256"][:8], "--csv").stdout, newline="")))
    assert [(int(r["t_us"]), r["verdict"]) for r in rows] == [(r["t_us"], r["verdict"]) for r in said["readings"]]


def test_logs_that_were_set_aside_are_read_too(tmp_path):
    """A log of its own before the present one: its readings, its jobs, and reports that go back to it."""
    points, more = {1: POINTS[1]}, {1: MORE[1]}
    entries = [(1, FOUND_US - (144 - i) * 600 * SECOND, "30", 4) for i in range(144)]
    start, stop = entries[6][1], entries[12][1]
    said = 'item "S-1", on oven'
    old = {0: [[start, "job.started", "J1", f"by li.wei (user 1): {said}"],
               [stop, "job.stopped", "J1", f'by li.wei (user 1): {said}; started {rfc(start)} in block 0']]}
    new = {0: [[FOUND_US, "report.issued", subject, f"by li.wei (user 1): csv of 1 bytes, SHA-256 {'cd' * 32}, from {rfc(FOUND_US - DAY)} to "
                f"{rfc(FOUND_US)}, of a log of 1 blocks, final"] for subject in ("energy of oven.temperature", "job J1")]}
    data = tmp_path / "data"
    write_ledger(data, ZONE, points, entries[72:], more=more, events=new)
    write_ledger(data / "set-aside-20260902T040000Z", ZONE, points, entries[:72], more=more, events=old, origin=ORIGIN[:-1] + "1")
    add(data, BEFORE, ADJUSTED)
    done = impact(data, "N-2", "--json")
    found = load(done.stdout)
    assert [row["t_us"] for row in found["readings"]] == [t for _, t, _, _ in entries], done.stderr
    assert [row.get("log", "") for row in found["readings"]] == ["set-aside-20260902T040000Z"] * 72 + [""] * 72
    assert found["points"][0]["beyond"] == 144
    assert [(job["code"], job["readings"]) for job in found["jobs"]] == [("J1", 6)]
    # Of a job of that name in another log nothing is known here.
    assert [(r["subject"], r["readings"]) for r in found["reports"]] == [("energy of oven.temperature", 144)] + \
        [(r["subject"], 72) for r in found["reports"] if r["subject"] == "job J1"]


def test_the_rule_and_the_span_may_be_given(data):
    add(data, ADJUSTED)
    done = impact(data, "N-2", "--tolerance", "0.5")
    assert done.returncode == 0 and "nothing is beyond tolerance" in done.stdout, done.stderr
    # 0.15 and U = 0.06 within 0.2; 0.1 and U within it too.
    guarded = load(impact(data, "N-2", "--guarded", "--json", "--tolerance", "temperature=0.2").stdout)
    assert [p["verdict"] for p in guarded["as_found"][0]["points"]] == ["within", "beyond", "beyond"]
    assert guarded["as_found"][0]["tolerance"]["source"] == "given with --tolerance"
    day = load(impact(data, "N-2", "--json", "--from", "2026-09-02", "--to", "2026-09-02T12:00").stdout)
    assert len(day["readings"]) == 72
    assert load(impact(data, "N-2", "--json", "--tolerance", "0.5").stdout)["readings"] == []
    for words, said in [(("N-1",), "--unadjusted"), (("N-1", "--unadjusted"), "no certificate says which error of temperature"),
                        (("N-9",), "neither a file"), (("N-2", "--tolerance", "x"), "--tolerance x"), (("N-2", "--tolerance", "0"), "above 0"),
                        (("N-2", "--tolerance", "humidity=1"), "no such quantity"), (("N-2", "--unadjusted"), "states what was found"),
                        (("E-2", "--tolerance", "1"), "expected a percentage")]:
        done = impact(data, *words)
        assert done.returncode == 2 and said in done.stderr, (words, done.stderr)
    unadjusted = load(impact(data, "N-1", "--unadjusted", "--tolerance", "1%", "--json").stdout)
    assert unadjusted["as_found"][0]["points"][0]["tolerance"] == Decimal("0.2") and not unadjusted["as_found"][0]["beyond"]


def test_a_register_is_off_by_what_it_counted_at_each_load(data):
    """A stretch of a quarter of an hour or more, here 20 min, at its mean load."""
    done = impact(data, "E-2", "--json")
    assert done.returncode == 1, done.stderr
    said = load(done.stdout)
    assert said["as_found"][0]["tolerance"] == {"source": "maximum permissible error of class B, this certificate, E-2",
                                                "absolute": 0, "percent": 1}
    assert "from" in said["as_found"][0] and said["as_found"][0]["from"] is None, "no certificate before: from the first reading"
    register = [(t, Decimal(v)) for t, v in in_span(data, "main.energy", 0)]
    points = [(Decimal(1), Decimal("0.02")), (Decimal(10), Decimal("0.005"))]
    off = counted = beyond = unknown = Decimal(0)
    for (_, a), (_, b) in zip(register[::2], register[2::2]):
        error = line(points, (b - a) * 3)
        counted += b - a
        if error is None:
            unknown += b - a
        else:
            off += (b - a) - (b - a) / (1 + error)
            beyond += b - a if error > Decimal("0.01") else 0
    (meter,) = said["points"]
    assert meter["readings"] == len(register) == len(said["readings"])
    for key, value in (("counted", counted), ("counted_beyond", beyond), ("counted_not_known", unknown), ("off", off)):
        assert value and abs(meter[key] - value) < Decimal("1e-9"), key
    assert abs(sum(row.get("off", 0) for row in said["readings"]) - off) < Decimal("1e-9")
    assert {row["t_us"] for row in said["readings"] if "load" in row} == {t for t, _ in register[2::2]}
    assert moment(register[0][0]).isoformat()[:10] == "2026-08-30"
    assert "kWh" in impact(data, "E-2").stdout


def test_coverage_of_several_sites_by_their_ledgers(tmp_path):
    """Each site's latest log says what is so now; of a period all of them count."""
    hash, due = "a" * 64, {"due": "2000-01-01"}
    sites = {"one": (ORIGIN, 0), "old": (ORIGIN, -DAY), "two": (ORIGIN.replace("M000100Y43", "M000200Y44"), 0)}
    for name, (origin, shift) in sites.items():
        more = {1: {"serial": "A", "driver": "", "certificate": hash}, 2: {"serial": "B", "driver": "", "certificate": None},
                3: {"serial": "C", "driver": "", "certificate": hash, **due}, 4: {"serial": "D", "driver": "", "type": "string"}}
        points = {n: (f"i{n}.q", "V") for n in more}
        entries = [(n, FOUND_US + shift + n, "1" if n < 4 else '"x"', 4 if n == 2 else 8 if n == 3 else 0) for n in more]
        write_ledger(tmp_path / name, ZONE, points, entries, more=more, origin=origin)
    found = json.loads(subprocess.run([TALLY, "coverage", "--json", "--from", "2026-01-01", *(tmp_path / name for name in sites)],
                                      capture_output=True, text=True, check=True).stdout)
    assert [(s["site"], s["points"], s["covered"], s["readings"], s["readings_covered"]) for s in found["sites"]] == \
        [("91350100M000100Y43", 3, 1, 6, 2), ("91350100M000200Y44", 3, 1, 3, 1)]
    assert found["all"] == {"points": 6, "covered": 2} and found["kinds"] == {"other": found["all"]}
    assert [(d["site"][-3:], d["serial"], d["within"]) for d in found["due"]] == [("Y43", "C", "overdue"), ("Y44", "C", "overdue")]
    shown = subprocess.run([TALLY, "coverage", *(tmp_path / name for name in sites)], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-4 - 1].split()[:4] == ["all", "all", "6", "2"], shown
