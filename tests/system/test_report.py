"""`tally report energy`: against a reckoning from the blocks that shares no code with it; and on a real gateway's ledger."""

import csv
import hashlib
import io
import json
import random
import re
import shutil
import sqlite3
import subprocess
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from energy import edges_of, readings_of, reckon, with_exchanges
from independent import as_amended, root_of, sign_note, verifier_line, write_checkpoint
from intervals import ORIGIN, QUARTER_US, amend, load, midnight_us, moment, us, write_ledger
from stored import ledger_blocks, stored_events, stored_readings
from support import ROOT, TALLY, Daemon, ModbusServer, configuration, float_registers, needs_daemon, wait_until

SECOND = 10 ** 6
HOUR = 3600 * SECOND
DAY = 24 * HOUR
EVERY = 60 * SECOND


def report(*arguments):
    return subprocess.run([TALLY, "report", "energy", *map(str, arguments)], capture_output=True, timeout=60)


def report_json(data, *arguments):
    result = report("--ledger", data, "--json", *arguments)
    assert result.returncode == 0, result.stderr.decode()
    return load(result.stdout.decode())


def rfc(t_us):
    return moment(t_us).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def plain(number):
    """A number as a block writes it."""
    digits = f"{number:f}"
    digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return f'"{digits}"' if len(digits.replace(".", "").lstrip("0")) > 15 else digits


def as_decimal(number):
    return Decimal(number)


# --- random histories

MODULUS, RATE = Decimal(10000), Decimal(3600)  # kWh, kW
# Numbers 1 and 2 are one register, asked another way; 3 and 4 are other meters.
MORE = {n: {"serial": serial, "every_us": every} for n, serial, every in
        [(1, "A", EVERY), (2, "A", EVERY), (3, "B", EVERY), (4, "C", EVERY)]}
POINTS = {n: ("main-meter.active-energy-import", "kWh") for n in MORE}
NAME = POINTS[1][0]


def made_history(start, days, seed):
    """A register's entries, and the exchanges that are declared."""
    draw = random.Random(seed)
    entries, exchanges = [], []
    value, point, t = Decimal(draw.randrange(100000)) / 100, 1, start - 3 * HOUR
    odd = 0
    while t < start + days * DAY + 2 * HOUR:
        t += EVERY + draw.randrange(SECOND)
        value += Decimal(draw.randrange(900)) / 100
        value -= MODULUS if value >= MODULUS else 0
        dice = draw.randrange(1500)
        if dice == 0:
            t += draw.randrange(6 * HOUR)  # an outage
        elif dice == 1:
            value = Decimal(draw.randrange(100)) / 10  # a reset
        elif dice == 2 and point < 4:  # the next definition
            point += 1
            if point == 4:
                exchanges.append((t - 20 * SECOND, value, Decimal(50)))
                value = Decimal("50.25")
            elif point == 3:
                value = Decimal(draw.randrange(1000))
        elif dice == 3:
            t -= draw.randrange(40 * 60 * SECOND)  # the clock is set back
        elif dice == 4:
            odd = 20
        elif dice < 40:
            entries.append((point, t, None, 0))
            continue
        odd -= odd > 0
        entry = (point, t, plain(value + (5000 if odd else 0)), 128 if odd else draw.choice([0, 0, 0, 1]))
        entries += [entry, entry] if dice == 40 else [entry]
    return entries, exchanges


def table_file(path, exchanges):
    lines = ["registers:", f"  - {{point: {NAME}, modulus: {MODULUS}, max_per_hour: {RATE}}}"]
    if exchanges:
        lines.append("exchanges:")
    for at, closing, opening in exchanges:
        lines.append(f'  - {{point: {NAME}, at: "{rfc(at)}", closing: {closing}, opening: {opening}}}')
    path.write_text("\n".join(lines) + "\n")
    return path


def check(meter, want, edges):
    assert [(row["from_us"], row["to_us"]) for row in meter["intervals"]] == list(zip(edges, edges[1:]))
    for row, right in zip(meter["intervals"], want["rows"]):
        got = None if row["energy"] is None else as_decimal(row["energy"])
        assert got == (right if isinstance(right, Decimal) else None), rfc(row["from_us"])
        assert (row["state"] == "unknown") == (right == "unknown"), rfc(row["from_us"])
    for key in ("energy", "unallocated", "registered"):
        assert as_decimal(meter[key]) == want[key], key
    assert meter["complete"] == want["complete"] and meter["of"] == len(edges) - 1
    assert [(u["from_us"], u["to_us"], u["kind"]) for u in meter["unknowns"]] == want["unknowns"]
    # What is promised, of the report alone.
    rows = sum(as_decimal(row["energy"]) for row in meter["intervals"] if row["energy"] is not None)
    spans = sum(as_decimal(span["energy"]) for span in meter["spans"])
    segments = sum(as_decimal(s["last"]) - as_decimal(s["first"]) + s["rollovers"] * MODULUS for s in meter["segments"])
    assert rows + spans == segments and rows == as_decimal(meter["energy"]) and spans == as_decimal(meter["unallocated"])


# Days on which clocks change, that are over.
ZONES = [("Europe/Berlin", date(2024, 3, 29)), ("Europe/Berlin", date(2024, 10, 25)), ("Australia/Lord_Howe", date(2024, 4, 5)),
         ("Africa/Cairo", date(2024, 4, 24)), ("America/Havana", date(2024, 11, 1)), ("Asia/Shanghai", date(2026, 10, 30))]


@pytest.mark.parametrize("zone,day", ZONES, ids=[f"{z}-{d}" for z, d in ZONES])
def test_energy_is_what_the_blocks_say(tmp_path, zone, day):
    days = 4
    start, stop = midnight_us(zone, day), midnight_us(zone, day + timedelta(days=days))
    seen = dict.fromkeys(["complete", "unknown", "rollovers", "unused", "spans"], 0)
    for seed in range(4):
        data = tmp_path / str(seed)
        entries, exchanges = made_history(start, days, f"{zone}{day}{seed}")
        blocks = write_ledger(data, zone, POINTS, entries, more=MORE)
        readings, spoilt = readings_of(blocks, set(POINTS))
        readings = with_exchanges(readings, exchanges, {1: "A", 2: "A", 3: "B", 4: "C"})
        table = table_file(tmp_path / "energy.yaml", exchanges)
        answers = []
        for built in (False, True):
            for every in ("15min", "hour", "day"):
                edges = edges_of(every, zone, start, stop)
                said = report_json(data, "--point", NAME, "--every", every, "--from", rfc(start), "--to", rfc(stop), "--table", table)
                (meter,) = said["meters"]
                check(meter, reckon(readings, edges, EVERY, MODULUS, RATE), edges)
                seen["complete"] += meter["complete"]
                seen["unknown"] += len(meter["unknowns"])
                seen["unused"] += meter["quarters_unused"]
                seen["spans"] += len(meter["spans"])
                seen["rollovers"] += sum(s["rollovers"] for s in meter["segments"])
                assert meter["quarters_unused"] <= spoilt
                inside = [e for e in entries if edges[0] <= e[1] < edges[-1]]
                assert meter["missed"] == sum(e[2] is None for e in inside)
                assert meter["readings"] == len(inside) - meter["missed"]
                assert meter["mismatched"] == sum(e[3] == 128 for e in inside if e[2] is not None)
                answers.append(said)
            quarters = edges_of("15min", zone, start, stop)
            most = max((row for row in reckon(readings, quarters, EVERY, MODULUS, RATE)["rows"] if isinstance(row, Decimal)), default=None)
            demand = meter["maximum_demand"]
            assert (demand and as_decimal(demand["energy"])) == most
            assert not demand or (as_decimal(demand["mean"]), demand["unit"]) == (4 * most, "kW")
            if not built:
                assert subprocess.run([TALLY, "rebuild", "--ledger", data], capture_output=True, timeout=60).returncode == 0
        assert answers[:3] == answers[3:]
    assert all(seen.values()), seen


def made_amendments(blocks, seed):
    """Of random readings: another value, void, and as recorded again."""
    draw = random.Random(seed)
    numbers = [(block["n"], place) for block in blocks for place in range(len(block["readings"]))]
    outcomes = []
    for block, place in draw.sample(numbers, 12):
        value = blocks[block]["readings"][place][4]
        for _ in range(draw.choice([1, 1, 2])):
            amended = plain(max(Decimal(value) + Decimal(draw.randrange(-3000, 3000)) / 1000, Decimal(0))).strip('"')
            outcomes.append((block, place, draw.choice([f"amended to {amended} kWh"] * 3 + ["void", "as recorded"])))
    draw.shuffle(outcomes)
    return outcomes


def test_energy_as_amended_stands_beside_that_as_recorded(tmp_path):
    zone, day = ZONES[0]
    start, stop = midnight_us(zone, day), midnight_us(zone, day + timedelta(days=2))
    differences = 0
    for seed in range(3):
        data = tmp_path / str(seed)
        entries, exchanges = made_history(start, 2, f"amended {seed}")
        blocks = write_ledger(data, zone, POINTS, entries, more=MORE)
        blocks = amend(data, blocks, made_amendments(blocks, seed))
        table = table_file(tmp_path / "energy.yaml", exchanges)
        want = []
        for every in ("15min", "day"):
            edges = edges_of(every, zone, start, stop)
            said = report_json(data, "--point", NAME, "--plus", NAME, "--every", every, "--from", rfc(start), "--to", rfc(stop),
                               "--table", table)
            names = [meter["name"] for meter in said["meters"]]
            assert names == [NAME, f"{NAME} (as amended)", "sum", "sum (as amended)"]
            for meter, of in zip(said["meters"], (blocks, as_amended(blocks))):
                readings, _ = readings_of(of, set(POINTS))
                want.append(reckon(with_exchanges(readings, exchanges, {1: "A", 2: "A", 3: "B", 4: "C"}), edges, EVERY, MODULUS, RATE))
                check(meter, want[-1], edges)
            for single, total in zip(said["meters"][:2], said["meters"][2:]):
                assert [row["energy"] for row in single["intervals"]] == [row["energy"] for row in total["intervals"]]
            assert "as_amended" not in said["meters"][0] and said["meters"][1]["as_amended"]["of"] == NAME
        differences += want[0] != want[1]
    assert differences == 3
    for form, sign in (("--csv", b"(as amended)"), ("--html", b"(as amended)"), ("--every=day", b"tally amend list")):
        result = report("--ledger", data, "--point", NAME, form)
        assert result.returncode == 0 and sign in result.stdout


def steady(start, stop, every_us, step, point=1, value=Decimal(1000)):
    """A reading at each time, without a fault."""
    return [(point, t, plain(value + step * i), 0) for i, t in enumerate(range(start, stop, every_us))]


def test_months_are_the_sites_and_add_up(tmp_path):
    zone = "Europe/Berlin"
    start, stop = midnight_us(zone, date(2024, 2, 20)), midnight_us(zone, date(2024, 5, 10))
    entries = steady(start, stop, 900 * SECOND, Decimal("0.1"))
    write_ledger(tmp_path / "data", zone, {1: (NAME, "kWh")}, entries, more={1: {"every_us": 900 * SECOND}})
    (meter,) = report_json(tmp_path / "data", "--point", NAME, "--every", "month")["meters"]
    months = [midnight_us(zone, date(2024, m, 1)) for m in (2, 3, 4, 5, 6)]
    assert [(row["from_us"], row["to_us"]) for row in meter["intervals"]] == list(zip(months, months[1:]))
    assert [row["state"] for row in meter["intervals"]] == ["incomplete", "complete", "complete", "open"]
    hours = [None, 31 * 24 - 1, 30 * 24, None]  # an hour is lost at the end of March
    assert [row["energy"] and Decimal(row["energy"]) for row in meter["intervals"]] == [h and Decimal("0.4") * h for h in hours]


def test_sum_and_difference_of_meters(tmp_path):
    zone, start = "Asia/Shanghai", midnight_us("Asia/Shanghai", date(2026, 11, 1))
    points = {1: ("a.energy", "kWh"), 2: ("b.energy", "kWh"), 3: ("c.energy", "Wh")}
    entries = [e for e in steady(start, start + 6 * HOUR, EVERY, Decimal("0.5"))]
    hole = range(start + 2 * HOUR + EVERY, start + 3 * HOUR - EVERY)
    entries += [e for e in steady(start, start + 6 * HOUR, EVERY, Decimal("0.2"), 2) if e[1] not in hole]
    entries += steady(start, start + HOUR, EVERY, Decimal(1), 3)
    entries.sort(key=lambda e: e[1])
    write_ledger(tmp_path / "data", zone, points, entries, more={n: {"every_us": EVERY} for n in points})
    span = ["--every", "15min", "--from", rfc(start), "--to", rfc(start + 5 * HOUR)]
    said = report_json(tmp_path / "data", "--point", "b.energy", "--plus", "a.energy", "--minus", "b.energy", *span)
    b, total = said["meters"]
    assert b["name"] == "b.energy" and total["name"] == "sum"
    assert total["parts"] == [{"name": "a.energy", "sign": 1}, {"name": "b.energy", "sign": -1}]
    for i, (row, part) in enumerate(zip(total["intervals"], b["intervals"])):
        assert (row["energy"], part["energy"]) == ((None, None) if 8 <= i < 12 else (Decimal("4.5"), 3))
    assert (total["complete"], total["of"]) == (16, 20)
    assert Decimal(total["registered"]) == 5 * 60 * Decimal("0.3")
    assert Decimal(total["energy"]) + Decimal(total["unallocated"]) == Decimal(total["registered"])
    assert Decimal(total["maximum_demand"]["mean"]) == 18
    (tmp_path / "t.yaml").write_text("meters:\n  - {name: rest, plus: [a.energy], minus: [b.energy]}\n  - {name: both, plus: [a.energy, b.energy]}\n")
    named = report_json(tmp_path / "data", "--meter", "rest", "--meter", "both", *span, "--table", tmp_path / "t.yaml")["meters"]
    assert [meter["name"] for meter in named] == ["rest", "both"]
    assert {**named[0], "name": "sum"} == total
    assert Decimal(named[1]["registered"]) == 5 * 60 * Decimal("0.7") and Decimal(named[1]["maximum_demand"]["mean"]) == 42
    text = report("--ledger", tmp_path / "data", "--meter", "rest", "--table", tmp_path / "t.yaml").stdout.decode()
    assert "\nrest = a.energy − b.energy\n" in text
    unknown = report("--ledger", tmp_path / "data", "--meter", "none", "--table", tmp_path / "t.yaml")
    assert unknown.returncode == 1 and b"there is no meter 'none' in" in unknown.stderr
    refused = report("--ledger", tmp_path / "data", "--plus", "a.energy", "--plus", "c.energy")
    assert refused.returncode == 1 and b"nothing adds them up" in refused.stderr and not refused.stdout


CENTRES = {"city": "city-centre", "nation": "national-centre"}
KEYS = {uplink: ec.generate_private_key(ec.SECP256R1()) for uplink in CENTRES}


def put_receipt(data, blocks, size, uplink="city", time_s=1800000000, root=None, since=0, key=None, origin=ORIGIN):
    lines = [blocks[n] for n in sorted(blocks)][:size]
    head = write_checkpoint(origin, size, root or root_of(lines))
    text = f"tally-receipt/v1\ncentre {CENTRES[uplink]}\ntime {time_s}\nnonce -\nfrom {since}\n{head}"
    database = sqlite3.connect(data / "ledger.db")
    database.execute("CREATE TABLE IF NOT EXISTS notes(kind TEXT,name TEXT,size INTEGER,note BLOB,PRIMARY KEY(kind,name))WITHOUT ROWID")
    database.execute("INSERT OR REPLACE INTO notes VALUES('receipt',?,?,?)",
                     (uplink, size, sign_note(text, CENTRES[uplink], key or KEYS[uplink])))
    database.commit()
    database.close()


@pytest.fixture(scope="module")
def receipted(tmp_path_factory):
    """A ledger of a day and more, its blocks, and the configuration's parts that have nothing to do with receipts."""
    folder = tmp_path_factory.mktemp("receipted")
    start = midnight_us("Asia/Shanghai", date(2026, 11, 1))
    write_ledger(folder / "data", "Asia/Shanghai", {1: (NAME, "kWh")}, steady(start - HOUR, start + DAY + 2 * HOUR, EVERY, Decimal("0.5")),
                 each=30, more={1: {"every_us": EVERY}})
    for uplink, key in KEYS.items():
        (folder / f"{uplink}.pub").write_text(verifier_line(CENTRES[uplink], key.public_key()) + "\n")
    blocks = ledger_blocks(folder / "data")
    over = next(n for n in sorted(blocks) if json.loads(blocks[n])["closed_us"] >= start + DAY + EVERY)

    def ask(*words, required=(), uplinks=CENTRES):
        instrument = {"name": "main-meter", "bus": "b", "unit": 1, "driver": "eastron-sdm630", "every": "60s"}
        links = [{"name": u, "broker": "mqtts://localhost", "ca": "ca", "certificate": "c", "key": "k", "receipts": f"{u}.pub",
                  "required": u in required} for u in uplinks]
        path = configuration(folder, [{"name": "b", "tcp": "192.0.2.1:502"}], [instrument], links)
        return report("-c", path, "--point", NAME, "--from", "2026-11-01", "--to", "2026-11-02", *words)

    return folder, blocks, over, ask


def test_report_is_final_once_all_of_it_is_receipted(receipted):
    folder, blocks, over, _ = receipted
    data, known = folder / "data", ["--centre-key", folder / "city.pub"]
    day = ["--point", NAME, "--from", "2026-11-01", "--to", "2026-11-02"]
    assert report_json(data, *day, *known)["receipt"] is None
    for size, state in ((over, "preliminary"), (over + 1, "final"), (len(blocks), "final")):
        put_receipt(data, blocks, size)
        said = report_json(data, *day, *known)
        assert said["state"] == state and said["over"] is True
        assert said["receipt"] == {"centre": "city-centre", "uplink": "city", "time_s": 1800000000, "size": size}
    text = report("--ledger", data, *day, *known).stdout.decode()
    assert re.search(rf"^final: the receipt of city-centre at 2027-01-15T08:00:00Z for blocks up to {len(blocks) - 1} covers it$", text, re.M)
    rows = list(csv.DictReader(io.StringIO(report("--ledger", data, "--csv", *day, *known).stdout.decode(), newline="")))
    assert {(row["report"], row["receipt"]) for row in rows} == {("final", f"city-centre {len(blocks)}")}
    said = report_json(data, "--point", NAME, "--from", "2026-11-02", "--to", "2026-11-03", *known)
    assert said["state"] == "preliminary" and said["over"] is False
    said = report_json(data, *day)
    assert said["state"] == "preliminary" and "key is not known here" in said["receipts"][0]["why"]


def test_report_with_amendments_is_final_once_those_are_receipted(receipted, tmp_path):
    folder, blocks, over, _ = receipted
    data = tmp_path / "data"
    shutil.copytree(folder / "data", data)
    amend(data, [load(block) for block in blocks.values()], [(2, 3, "void")])
    day = ["--point", NAME, "--from", "2026-11-01", "--to", "2026-11-02", "--centre-key", folder / "city.pub"]
    for size, state in ((len(blocks), "preliminary"), (len(blocks) + 1, "final")):
        put_receipt(data, ledger_blocks(data), size)
        said = report_json(data, *day)
        assert (said["state"], len(said["meters"])) == (state, 2)
    put_receipt(data, ledger_blocks(data), len(blocks))
    assert f"it does not cover the last amendment, in block {len(blocks)}" in report("--ledger", data, *day).stdout.decode()


@pytest.mark.parametrize("fault,why", [({"root": b"\1" * 32}, "its root is not this ledger's"), ({"key": KEYS["nation"]}, "not signed by city-centre"),
                                       ({"origin": ORIGIN[:-1] + "1"}, "it is of another log"), ({"size": 1000}, "more blocks than there are"),
                                       ({"since": 5}, "it leaves out the first blocks of it"), ("flip", "does not verify")])
def test_a_receipt_that_proves_nothing_makes_no_report_final(receipted, fault, why):
    folder, blocks, _, ask = receipted
    put_receipt(folder / "data", blocks, **({"size": len(blocks)} | (fault if fault != "flip" else {})))
    if fault == "flip":
        with sqlite3.connect(folder / "data" / "ledger.db") as database:
            ((note,),) = database.execute("SELECT note FROM notes WHERE name='city'").fetchall()
            database.execute("UPDATE notes SET note=? WHERE name='city'", (note.replace("1800000000", "1800000001"),))
    said = load(ask("--json", required=["city"], uplinks=["city"]).stdout.decode())
    assert said["state"] == "preliminary" and said["over"] is True
    ((entry,), standing) = said["receipts"], ask(required=["city"], uplinks=["city"]).stdout.decode()
    assert why in entry["why"] and re.search(rf"^preliminary: .*city-centre.*{why}", standing, re.M)
    assert (said["receipt"] is None) == (entry["state"] == "unverified")


def test_each_required_centre_must_have_receipted_it(receipted):
    folder, blocks, over, ask = receipted
    put_receipt(folder / "data", blocks, len(blocks))
    said = load(ask("--json", required=["city"]).stdout.decode())
    assert [(r["uplink"], r["required"], r["state"]) for r in said["receipts"]] == [("city", True, "whole"), ("nation", False, "absent")]
    assert said["state"] == "final" and load(ask("--json").stdout.decode())["state"] == "final", "none is required: one of them is enough"
    text = ask(required=CENTRES).stdout.decode()
    assert re.search(r"^preliminary: no receipt of the centre of uplink nation: there is none$", text, re.M)
    put_receipt(folder / "data", blocks, over, "nation")
    text = ask(required=CENTRES).stdout.decode()
    assert re.search(rf"^preliminary: the receipt of national-centre at \S+ for blocks up to {over - 1}: it does not cover all of it$", text, re.M)
    put_receipt(folder / "data", blocks, over + 1, "nation")
    text = ask(required=CENTRES).stdout.decode()
    assert re.search(rf"^final: the receipts of city-centre at \S+ for blocks up to {len(blocks) - 1} and of national-centre at \S+ for blocks up "
                     rf"to {over} cover it$", text, re.M)
    rows = list(csv.DictReader(io.StringIO(ask("--csv", required=CENTRES).stdout.decode(), newline="")))
    assert {row["receipt"] for row in rows} == {f"city-centre {len(blocks)}; national-centre {over + 1}"}


def test_csv_says_what_json_says(tmp_path):
    zone, start = "Europe/Berlin", midnight_us("Europe/Berlin", date(2024, 10, 25))
    entries, exchanges = made_history(start, 4, "csv")
    write_ledger(tmp_path / "data", zone, POINTS, entries, more=MORE)
    words = ["--ledger", tmp_path / "data", "--point", NAME, "--every", "hour", "--table", table_file(tmp_path / "t.yaml", exchanges)]
    text = report(*words, "--csv").stdout.decode()
    assert text.endswith("\r\n") and text.count("\n") == text.count("\r\n")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    (meter,) = load(report(*words, "--json").stdout.decode())["meters"]
    kinds = {"interval": meter["intervals"], "unallocated": meter["spans"], "unknown": meter["unknowns"]}
    for kind, elements in kinds.items():
        mine = [row for row in rows if row["kind"] == kind]
        assert elements and len(mine) == len(elements)
        for row, element in zip(mine, elements):
            assert (row["from_utc"], row["to_utc"], row["unit"], row["name"]) == (element["from"], element["to"], "kWh", NAME)
            energy = element.get("energy")
            assert row["energy"] == ("" if energy is None else str(energy))


def test_page_says_what_json_says_and_needs_nothing_else(tmp_path):
    zone, start = "Europe/Berlin", midnight_us("Europe/Berlin", date(2024, 10, 25))
    entries, exchanges = made_history(start, 4, "html")
    write_ledger(tmp_path / "data", zone, POINTS, entries, more=MORE)
    table = table_file(tmp_path / "t.yaml", exchanges)
    table.write_text(table.read_text() + tariff(WHOLE).replace("name: t", 'name: "<b>&"'))
    words = ["--ledger", tmp_path / "data", "--point", NAME, "--minus", NAME, "--every", "hour", "--table", table]
    page = report(*words, "--html").stdout.decode()
    meters = load(report(*words, "--json").stdout.decode())["meters"]
    assert not re.search(r"<script|<link|<img|src=|href=|url\(|@import", page)
    ns = {"h": "http://www.w3.org/1999/xhtml", "s": "http://www.w3.org/2000/svg"}
    body = ElementTree.fromstring(page).find("h:body", ns)
    assert [h.text for h in body.findall("h:h2", ns)] == [NAME, "sum"]
    assert "preliminary" in body.find("h:p[@id='standing']", ns).text
    for meter, picture, rows in zip(meters, body.findall("s:svg", ns), body.findall("h:table[@class='rows']/h:tbody", ns)):
        bars = picture.findall("s:rect", ns)
        energies = [row["energy"] for row in meter["intervals"]]
        assert [bar.get("class") for bar in bars] == ["g" if e is None else "e" for e in energies]
        numbers = [Decimal(e) for e in energies if e is not None] + [Decimal(0)]
        scale = 160 / float(max(numbers) - min(numbers))
        for bar, energy in zip(bars, energies):
            top, height = (0, 160) if energy is None else (float(max(numbers) - max(Decimal(energy), 0)) * scale, abs(float(energy)) * scale)
            assert float(bar.get("y")) == pytest.approx(top, abs=0.01) and float(bar.get("height")) == pytest.approx(height, abs=0.01)
        got = [[cell.text or "" for cell in row.findall("h:td", ns)] for row in rows]
        assert [row[2] for row in got[:len(energies)]] == ["—" if e is None else str(e) for e in energies]
        assert [row[4] for row in got[:len(energies)]] == [row["state"] for row in meter["intervals"]]
        lists = [("unallocated", str(s["energy"])) for s in meter.get("spans", [])] + [("unknown", "—") for _ in meter.get("unknowns", [])]
        assert [(row[4], row[2]) for row in got[len(energies):]] == lists
    assert any(cell.text == "<b>&" for cell in body.iter("{http://www.w3.org/1999/xhtml}td"))


def test_table_says_what_is_missing(tmp_path):
    zone, start = "Asia/Shanghai", midnight_us("Asia/Shanghai", date(2026, 11, 1))
    entries = [e for e in steady(start, start + 4 * HOUR, EVERY, Decimal("0.5")) if not start + HOUR < e[1] < start + 2 * HOUR + 5 * EVERY]
    write_ledger(tmp_path / "data", zone, {1: (NAME, "kWh")}, entries, more={1: {"every_us": EVERY}})
    text = report("--ledger", tmp_path / "data", "--point", NAME, "--every", "hour").stdout.decode()
    for line in (r"2026-11-01 00:00:00\.000 \+08:00 +30 +kWh +±416 µs +complete", r"2026-11-01 01:00:00\.000 \+08:00 +— +incomplete",
                 r"2026-11-01 03:00:00\.000 \+08:00 +— +open",
                 r"  2026-11-01 01:00:00\.000 \+08:00 to 2026-11-01 03:00:00\.000 \+08:00  unallocated 60 kWh",
                 r"energy +30 kWh in 1 of 4 intervals \(25\.0% complete\)", r"unallocated +89\.5 kWh",
                 r"registers +119\.5 kWh = energy \+ unallocated", r"most demand +30 kW in the 15 min from 2026-11-01 00:00:00.000 \+08:00",
                 r"preliminary: the time asked for is not over in this ledger"):
        assert re.search(rf"^{line}$", text, re.M), (line, text)


def test_energy_over_the_edges_of_the_time_asked_for_is_marked(tmp_path):
    zone, start = "Asia/Shanghai", midnight_us("Asia/Shanghai", date(2026, 11, 1))
    entries = steady(start, start + HOUR, EVERY, Decimal(1))
    entries += steady(start + 3 * DAY, start + 3 * DAY + HOUR, EVERY, Decimal(1), value=Decimal(5000))
    write_ledger(tmp_path / "data", zone, {1: (NAME, "kWh")}, entries, more={1: {"every_us": EVERY}})
    (meter,) = report_json(tmp_path / "data", "--point", NAME, "--from", "2026-11-02", "--to", "2026-11-03")["meters"]
    (span,) = meter["spans"]
    assert span["crosses"] and (span["from_us"], span["to_us"]) == (start + 59 * EVERY, start + 3 * DAY)
    assert meter["crossing"] == meter["unallocated"] == span["energy"] == 5000 - 1059 and meter["intervals"][0]["energy"] is None


def test_digits_beyond_doubles_are_kept(tmp_path):
    start = us(datetime(2026, 11, 1, tzinfo=timezone.utc))
    for unit, value, step in (("Wh", Decimal("12345678901234567890"), Decimal(3)), ("kWh", Decimal("1234567.123456789"), Decimal("1e-9"))):
        data = tmp_path / unit
        write_ledger(data, "UTC", {1: (NAME, unit)}, steady(start, start + 2 * HOUR, EVERY, step, value=value), more={1: {"every_us": EVERY}})
        (meter,) = report_json(data, "--point", NAME, "--every", "15min", "--from", rfc(start), "--to", rfc(start + HOUR))["meters"]
        assert [Decimal(row["energy"]) for row in meter["intervals"]] == [15 * step] * 4
        assert Decimal(meter["segments"][0]["first"]) == value


@needs_daemon
def test_a_real_gateway_with_a_reset_and_an_exchange(tmp_path):
    data = tmp_path / "data"

    def shown(serial, energy, then=lambda: None):
        high, low = divmod(serial, 65536)
        registers = {0xFC00: high, 0xFC01: low, **{72 + i: r for i, r in enumerate(float_registers(energy))}}
        instrument = {"name": "main-meter", "bus": "b", "unit": 1, "driver": "eastron-sdm630", "every": "200ms", "serial": str(serial),
                      "quantities": ["active-energy-import"]}
        with ModbusServer(tmp_path, {1: registers}) as server:
            bus = {"name": "b", "tcp": f"127.0.0.1:{server.port}"}
            with Daemon(configuration(tmp_path, [bus], [instrument])) as daemon:
                wait_until(lambda: [r[4] for r in stored_readings(data)[-3:]] == [energy] * 3, daemon.said)
                then()
                assert daemon.stop() == 0

    for energy in (100.25, 107.75, 3.5):
        shown(20114532, energy)
    exchanged = stored_readings(data)[-1][1] + 1
    page = tmp_path / "issued.xlsx"
    issue = ["-c", tmp_path / "tally.yaml", "--point", NAME, "--plus", NAME, "--xlsx", page, "--issue", "--by", "wang.fang"]
    issued = []
    shown(20114533, 4.125)
    shown(20114533, 4.5, lambda: issued.append(report(*issue)))
    hash = hashlib.sha256(page.read_bytes()).hexdigest()
    (event,) = stored_events(data, "report.issued")
    assert issued[0].returncode == 0 and f"issued {page}, SHA-256 {hash} (block ".encode() in issued[0].stdout
    assert event["subject"] == f"energy of {NAME}" and event["text"].startswith("by wang.fang (user ")
    assert re.search(rf": xlsx of {page.stat().st_size} bytes, SHA-256 {hash}, from \S+ to \S+, of a log of \d+ blocks, preliminary", event["text"])
    alone = report(*issue)
    assert alone.returncode == 1 and b"is written, and not on record as issued: no daemon runs" in alone.stderr

    def said(*words):
        result = report("-c", tmp_path / "tally.yaml", "--point", NAME, "--every", "15min", "--json", *words)
        assert result.returncode == 0, result.stderr.decode()
        (meter,) = load(result.stdout.decode())["meters"]
        unknowns = [(u["kind"], Decimal(u["closing"]), Decimal(u["opening"])) for u in meter["unknowns"]]
        assert Decimal(meter["energy"]) + Decimal(meter["unallocated"]) == Decimal(meter["registered"])
        return Decimal(meter["registered"]), unknowns, meter

    reset = ("reset", Decimal("107.75"), Decimal("3.5"))
    registered, unknowns, meter = said()
    assert registered == Decimal("7.5") + Decimal("0.375") and unknowns == [reset, ("exchange", Decimal("3.5"), Decimal("4.125"))]
    assert meter["unit"] == "kWh" and len(meter["segments"]) == 3
    table = table_file(tmp_path / "energy.yaml", [(exchanged, Decimal("3.75"), Decimal(4))])
    registered, unknowns, meter = said("--table", table)
    assert registered == Decimal("7.5") + Decimal("0.25") + Decimal("0.5") and unknowns == [reset]


@pytest.mark.parametrize("words,status,what", [
    (["energy", "--point", "x.y"], 1, "there is no point 'x.y'"),
    (["energy", "--point", NAME, "--every", "week"], 2, "not 15min, hour, day or month"),
    (["energy", "--point", NAME, "--csv", "--json"], 2, "exclude each other"),
    (["energy", "--point", NAME, "--html", "--csv"], 2, "exclude each other"),
    (["energy", "--point", NAME, "--issue"], 2, "which file is issued"), (["energy", "--point", NAME, "--by", "me"], 2, "--by is for --issue"),
    (["energy", "--point", NAME, "-o", "x", "--issue", "--by", "a b"], 2, "expected an account"), (["energy"], 2, "of which meter"), (["energy", "--meter", "site"], 2, "give --table FILE"), (["heat", "--point", NAME], 2, "a report of what"), (["--point", NAME], 2, "a report of what"),
    (["energy", "--point", NAME, "--from", "2026-11-02", "--to", "2026-11-01"], 2, "--from is not before --to"),
    (["energy", "--point", NAME, "--from", "1900-01-01"], 2, "more than 400000 quarters"),
    (["energy", "--point", NAME, "--from", "2027-11-02"], 1, "holds nothing of that time")])
def test_what_cannot_be_asked_is_refused(tmp_path, words, status, what):
    start = us(datetime(2026, 11, 1, tzinfo=timezone.utc))
    write_ledger(tmp_path / "data", "UTC", {1: (NAME, "kWh")}, steady(start, start + HOUR, EVERY, Decimal(1)))
    result = subprocess.run([TALLY, "report", *words, "--ledger", tmp_path / "data"], capture_output=True, timeout=60)
    assert result.returncode == status and what in result.stderr.decode() and not result.stdout


SAMPLE = ROOT / "config" / "energy.yaml"
SHARP, PEAK, FLAT = ({"11", "17"}, {"10", "15", "16", "18", "19"}, {"08", "09", "12", "13", "14", "20", "21", "22", "23"})


def period_of(t_us, zone):
    """Of the sample's table, which is entered here a second time."""
    local = moment(t_us).astimezone(ZoneInfo(zone))
    hour = local.strftime("%H")
    if local.month in (7, 8) and hour in SHARP:
        return "sharp"
    return "peak" if hour in PEAK | SHARP else "flat" if hour in FLAT else "valley"


@pytest.mark.parametrize("zone,day", [("Asia/Shanghai", date(2026, 8, 30)), ("Europe/Berlin", date(2026, 3, 28)),
                                      ("Europe/Berlin", date(2026, 10, 24))])
def test_tariff_periods_and_coal_equivalent_come_from_the_table(tmp_path, zone, day):
    start, stop = midnight_us(zone, day), midnight_us(zone, day + timedelta(days=4))
    draw = random.Random(str(day))
    value, entries = Decimal(100), []
    for t in range(start, stop + EVERY, EVERY):
        value += Decimal(draw.randrange(100)) / 1000
        if not start + 30 * HOUR < t < start + 31 * HOUR:
            entries.append((1, t, plain(value), 0))
    blocks = write_ledger(tmp_path / "data", zone, {1: (NAME, "kWh")}, entries, more={1: {"every_us": EVERY}})
    readings = with_exchanges(readings_of(blocks, {1})[0], [], {1: "A"})
    words = ["--point", NAME, "--from", rfc(start), "--to", rfc(stop), "--table", SAMPLE]
    edges = edges_of("15min", zone, start, stop)
    want = {}
    for t, row in zip(edges, reckon(readings, edges, EVERY)["rows"]):
        if row is not None:
            want[period_of(t, zone)] = want.get(period_of(t, zone), 0) + row
    for every in ("15min", "day"):
        said = report_json(tmp_path / "data", *words, "--every", every)
        (meter,) = said["meters"]
        assert said["table"] == hashlib.sha256(SAMPLE.read_bytes()).hexdigest()
        periods = {name: Decimal(energy) for name, energy in meter["tariff"]["periods"].items()}
        assert {name: energy for name, energy in periods.items() if energy} == want and set(periods) >= {"sharp", "peak", "flat", "valley"}
        assert sum(periods.values()) + Decimal(meter["tariff"]["unassigned"]) == Decimal(meter["registered"])
        coal = meter["coal_equivalent"]
        assert Decimal(coal["energy"]) == Decimal(meter["energy"]) * Decimal("0.1229") and Decimal(coal["unconverted"]) == 0
        assert coal["coefficients"] == [{"name": "electricity", "version": "GB/T 2589-2020", "kgce": Decimal("0.1229"), "per": "kWh"}]
    text = report("--ledger", tmp_path / "data", *words).stdout.decode()
    assert re.search(rf"^coal +{Decimal(coal['energy'])} kgce \(electricity, 0\.1229 kgce/kWh, GB/T 2589-2020\)$", text, re.M)
    assert re.search(r"^tariff +example: sharp [\d.]+ kWh, peak [\d.]+ kWh, flat [\d.]+ kWh, valley [\d.]+ kWh, in none [\d.]+ kWh$", text, re.M)
    rows = list(csv.DictReader(io.StringIO(report("--ledger", tmp_path / "data", *words, "--csv").stdout.decode(), newline="")))
    assert {row["state"]: Decimal(row["energy"]) for row in rows if row["kind"] == "tariff" and row["state"]} == periods
    (row,) = [row for row in rows if row["kind"] == "coal-equivalent"]
    assert (Decimal(row["energy"]), row["unit"], row["state"]) == (Decimal(coal["energy"]), "kgce", "GB/T 2589-2020")


def test_each_interval_has_the_coefficient_of_its_day(tmp_path):
    zone, start = "Asia/Shanghai", midnight_us("Asia/Shanghai", date(2026, 11, 1))
    points = {1: ("a.gas", "m³"), 2: ("b.gas", "m³"), 3: ("c.water", "m³")}
    entries = sorted((e for n in points for e in steady(start, start + 3 * DAY + HOUR, EVERY, Decimal("0.01") * n, n)), key=lambda e: e[1])
    write_ledger(tmp_path / "data", zone, points, entries, more={n: {"every_us": EVERY} for n in points})
    entry = "{{name: gas, version: {}, from: {}, quantities: [gas], unit: m³, kgce: {}}}"
    (tmp_path / "t.yaml").write_text("coefficients:\n  - " + entry.format("old", "2026-11-02", "1.1") + "\n  - " +
                                     entry.format("new", "2026-11-03", "1.33") + "\n")
    said = report_json(tmp_path / "data", "--point", "a.gas", "--point", "c.water", "--plus", "b.gas", "--minus", "a.gas", "--from", "2026-11-01",
                       "--to", "2026-11-04", "--table", tmp_path / "t.yaml")
    a, c, total = said["meters"]
    for meter, day in ((a, Decimal("14.4")), (total, Decimal("14.4"))):
        coal = meter["coal_equivalent"]
        assert Decimal(coal["energy"]) == day * (Decimal("1.1") + Decimal("1.33")) and Decimal(coal["unconverted"]) == day
        assert [one["version"] for one in coal["coefficients"]] == ["old", "new"]
    assert "coal_equivalent" not in c and "tariff" not in c
    mixed = report_json(tmp_path / "data", "--plus", "a.gas", "--plus", "c.water", "--table", tmp_path / "t.yaml")["meters"][0]
    assert "coal_equivalent" not in mixed, "gas and water have no coefficient in common"


def tariff(periods, months="", more=""):
    return f"tariff:\n  name: t\n  versions:\n    - from: 2026-01-01\n      seasons:\n        - {months}periods: {periods}\n{more}"


WHOLE = '[{name: a, hours: ["00:00-24:00"]}]'
BAD_TABLES = {
    tariff('[{name: a, hours: ["00:00-12:00", "12:15-24:00"]}]'): ["no period has 12:00"],
    tariff('[{name: a, hours: ["00:00-12:00"]}, {name: b, hours: ["11:45-24:00"]}]'): ["hours 11:45-24:00: 11:45 is in another period already"],
    tariff('[{name: a, hours: ["00:00-24:05", "5-6", "12:00-11:00", "00:07-01:00", [1]]}]'): ["24:05", "'5-6'", "'12:00-11:00'", "'00:07-01:00'"],
    tariff(WHOLE, "months: [1, 2, 13]\n          "): ["13"],
    tariff(WHOLE, "months: [1, 2]\n          "): ["no season has month 3"],
    tariff(WHOLE, more=f"        - periods: {WHOLE}\n"): ["a month of it is in another season already"],
    tariff(WHOLE, more=f"    - from: 2025-01-01\n      seasons:\n        - periods: {WHOLE}\n"): ["not later than the one before"],
    tariff("[" + ", ".join(f'{{name: p{i}, hours: ["{i:02d}:00-{i + 1:02d}:00"]}}' for i in range(24)) + "]"): ["at most 16 are possible"],
    "tariff: {name: t, versions: [{from: 1 May, seasons: []}]}\n": ["expected a date such as 2026-01-01", "no season has month 1"],
    "coefficients:\n  - {name: e, version: v, from: 2026-01-01, quantities: [x], unit: kWh, kgce: -1}\n": ["kgce -1: expected more than 0"],
    "coefficients:\n" + 2 * "  - {name: e, version: v, from: 2026-01-01, quantities: [x], unit: kWh, kgce: 1}\n": [":3:", "x in kWh has another coefficient"],
    "meters:\n  - {name: A, plus: [a.b]}\n  - {name: b, plus: []}\n  - {name: c, minus: [a.b]}\n": [":2:", ":3:", "plus"],
    "meters:\n" + 2 * "  - {name: a, plus: [a.b]}\n": ["meter a: stated twice"],
    "coefficients:\n  - {name: e}\n": ["version", "from", "quantities", "unit", "kgce"],
    "registers:\n  - {point: a.b, modulus: 0, max_per_hour: 1}\n": ["2:27: modulus 0: expected more than 0 and less than 1e30"],
    "registers:\n  - {point: a.b, modulus: 10}\n": ["max_per_hour"],
    "registers:\n  - {point: a.b, modulus: 1e31, max_per_hour: x}\n": ["modulus 1e31", "max_per_hour"],
    "registers:\n  - {point: a.b, modulus: 1, max_per_hour: 1}\n  - {point: a.b, modulus: 1, max_per_hour: 1}\n": ["stated twice"],
    "exchanges:\n  - {point: a.b, at: 2026-11-01, closing: 1, opening: 0}\n": ["at 2026-11-01: expected a time such as"],
    "exchanges:\n  - {point: a.b, closing: one, opening: 0, until: 5}\n": ["until", "closing", "at"],
    "exchange: []\n": ["did you mean 'exchanges'?"], "": ["t.yaml"], "registers: 5\n": ["t.yaml:1"]}


@pytest.mark.parametrize("text", BAD_TABLES, ids=range(len(BAD_TABLES)))
def test_faults_of_a_table_are_told_with_their_place(tmp_path, text):
    (tmp_path / "t.yaml").write_text(text)
    result = report("--ledger", tmp_path, "--point", NAME, "--table", tmp_path / "t.yaml")
    assert result.returncode == 1 and not result.stdout
    for word in BAD_TABLES[text]:
        assert word in result.stderr.decode()
