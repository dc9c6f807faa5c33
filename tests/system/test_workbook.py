"""`tally report energy --xlsx`: read back by openpyxl, against the JSON of the same report."""

import hashlib
import resource
import subprocess
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook

from intervals import ORIGIN, load, midnight_us, moment, us, write_ledger
from support import TALLY
from test_report import EVERY, HOUR, MORE, NAME, POINTS, WHOLE, made_history, report, report_json, rfc, steady, table_file, tariff

TEXT = "text: more digits than a number in a cell holds"


def rows_of(sheet):
    head, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(head, row)) for row in rows]


def local(zone, t_us):
    return moment(t_us).astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def same_moment(cell, zone, t_us):
    assert isinstance(cell, datetime) and abs(cell - local(zone, t_us)) <= timedelta(milliseconds=1)


def same_number(row, key, number):
    """Digit by digit; a text only where a cell of numbers would lose digits."""
    if isinstance(number, str):
        assert row[key] == number and TEXT in row["note"]
    else:
        assert type(row[key]) in (int, float) and Decimal(repr(row[key])) == number and TEXT not in (row["note"] or "")


def test_workbook_says_what_json_says(tmp_path):
    zone, start = "Europe/Berlin", midnight_us("Europe/Berlin", date(2024, 10, 25))
    histories = (made_history(start, 4, f"workbook {i}") for i in range(100))
    entries, exchanges = next((entries, exchanges) for entries, exchanges in histories if exchanges)
    write_ledger(tmp_path / "data", zone, POINTS, entries, more=MORE)
    table = table_file(tmp_path / "t.yaml", exchanges)
    table.write_text(table.read_text() + tariff(WHOLE) + "coefficients:\n  - {name: electricity, version: V, from: 2020-01-01, "
                     "quantities: [active-energy-import], unit: kWh, kgce: 0.1229}\n")
    words = ["--point", NAME, "--minus", NAME, "--every", "hour", "--table", table]
    path = tmp_path / "report.xlsx"
    result = report("--ledger", tmp_path / "data", *words, "--xlsx", path)
    assert result.returncode == 0 and not result.stdout and not result.stderr
    said = report_json(tmp_path / "data", *words)
    book = load_workbook(path)
    assert book.sheetnames == ["Totals", "Intervals", "Charts", "Source"]
    intervals, totals = rows_of(book["Intervals"]), rows_of(book["Totals"])
    assert len(intervals) == sum(len(meter["intervals"]) for meter in said["meters"])
    at = iter(intervals)
    for meter in said["meters"]:
        for right in meter["intervals"]:
            row = next(at)
            assert (row["meter"], row["unit"], row["state"]) == (meter["name"], "kWh", right["state"])
            same_moment(row["from"], zone, right["from_us"])
            same_moment(row["to"], zone, right["to_us"])
            there = datetime.fromisoformat(row["from, with the offset from UTC"].replace(" +", "+"))
            assert us(there) == right["from_us"], "also in the hour that clocks show twice"
            assert (row["note"] or "").split() == ["ambiguous"] * right.get("ambiguous", False) + right["flags"]
            if right["energy"] is None:
                assert row["energy"] is None
            else:
                same_number(row, "energy", right["energy"])
        mine = [row for row in totals if row["meter"] == meter["name"]]
        one = {row["what"]: row for row in mine}
        for what, number in (("energy", meter["energy"]), ("unallocated", meter["unallocated"]), ("registers", meter["registered"]),
                             ("maximum demand", meter["maximum_demand"]["mean"]), ("readings", meter["readings"]),
                             ("coal equivalent", meter["coal_equivalent"]["energy"]), ("polls missed", meter["missed"]),
                             *meter["tariff"]["periods"].items()):
            same_number(one[what], "amount", number)
        same_moment(one["maximum demand"]["from"], zone, meter["maximum_demand"]["from_us"])
        assert "electricity, 0.1229 kgce/kWh, V" in one["coal equivalent"]["note"]
        for what, key in (("unallocated span", "spans"), ("unknown", "unknowns"), ("register", "segments")):
            rows = [row for row in mine if row["what"] == what]
            assert len(rows) == len(meter.get(key, []))
            for row, right in zip(rows, meter.get(key, [])):
                same_moment(row["from"], zone, right["from_us"])
                same_moment(row["to"], zone, right["to_us"])
                if key == "spans":
                    same_number(row, "amount", right["energy"])
                else:
                    first, last = (right["first"], right["last"]) if key == "segments" else (right["closing"], right["opening"])
                    assert f"from {first} to {last}" in row["note"]
    assert len([row for row in totals if row["what"] == "exchange"]) == len(exchanges)
    assert {row["what"] for row in totals} >= {"unallocated span", "unknown", "register"}
    charts = book["Charts"]._charts
    ranges = [(c.ser[0].cat.strRef or c.ser[0].cat.numRef).f + "|" + c.ser[0].val.numRef.f for c in charts]
    count = len(said["meters"][0]["intervals"])
    assert ranges == [f"Intervals!$D${a}:$D${a + count - 1}|Intervals!$E${a}:$E${a + count - 1}" for a in (2, 2 + count)]
    source = dict(book["Source"].iter_rows(values_only=True))
    assert (source["log"], source["state"], source["blocks"]) == (ORIGIN, "preliminary", f"0 to {(len(entries) - 1) // 900}")
    assert source["energy table, SHA-256"] == hashlib.sha256(table.read_bytes()).hexdigest() == said["table"]
    same_moment(source["from"], zone, said["from_us"])
    again = tmp_path / "again.xlsx"
    assert report("--ledger", tmp_path / "data", *words, "--xlsx", again).returncode == 0
    assert again.read_bytes() == path.read_bytes(), "the same report has the same SHA-256"


def test_digits_that_no_cell_holds_are_text(tmp_path):
    start = us(datetime(2026, 11, 1, tzinfo=timezone.utc))
    entries = steady(start, start + HOUR, EVERY, Decimal("1234567.123456789"), value=Decimal(0))
    write_ledger(tmp_path / "data", "UTC", {1: (NAME, "kWh")}, entries, more={1: {"every_us": EVERY}})
    words = ["--ledger", tmp_path / "data", "--point", NAME, "--every", "15min", "--to", rfc(start + HOUR // 2)]
    assert report(*words, "--xlsx", tmp_path / "r.xlsx").returncode == 0
    (meter,) = load(report(*words, "--json").stdout.decode())["meters"]
    book = load_workbook(tmp_path / "r.xlsx")
    rows = rows_of(book["Intervals"])
    assert [row["energy"] for row in rows] == ["18518506.851851835"] * 2 == [row["energy"] for row in meter["intervals"]]
    for row in rows:
        same_number(row, "energy", "18518506.851851835")
    same_number(next(row for row in rows_of(book["Totals"]) if row["what"] == "energy"), "amount", meter["energy"])


@pytest.mark.parametrize("form", [["--xlsx"], ["--json", "-o"]])
def test_a_file_is_written_whole_or_not_at_all(tmp_path, form):
    start = us(datetime(2026, 11, 1, tzinfo=timezone.utc))
    write_ledger(tmp_path / "data", "UTC", {1: (NAME, "kWh")}, steady(start, start + HOUR, EVERY, Decimal(1)), more={1: {"every_us": EVERY}})
    words = ["--ledger", tmp_path / "data", "--point", NAME, "--every", "15min", "--from", "2026-10-01"]
    missing = report(*words, *form, tmp_path / "none" / "r")
    assert missing.returncode == 1 and b"cannot write" in missing.stderr and not missing.stdout
    out = tmp_path / "out"
    out.mkdir()
    (out / "r").write_bytes(b"before")
    small = subprocess.run([TALLY, "report", "energy", *map(str, words), *form, out / "r"], capture_output=True, timeout=60,
                           restore_signals=False, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (40000, 40000)))
    assert small.returncode == 1 and b"cannot write" in small.stderr
    assert [(f.name, f.read_bytes()) for f in out.iterdir()] == [("r", b"before")]
    full = report(*words, *form, out / "r")
    assert full.returncode == 0 and not full.stdout and (out / "r").stat().st_size > 40000
