"""`tally history --every`: against a computation from the blocks that shares no code with it, over days on which clocks change,
late and repeated readings, clock steps, gaps, and points that give no numbers."""

import csv
import io
import json
import random
import re
import subprocess
import time
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from independent import as_amended
from intervals import QUARTER_US, amend, bounds, expected, load, midnight_us, moment, us, write_ledger
from support import TALLY

SECOND = 10 ** 6


def tally(*arguments):
    return subprocess.run([TALLY, *map(str, arguments)], capture_output=True, timeout=60)


def history(data, *arguments):
    result = tally("history", "--ledger", data, *arguments)
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout.decode()


def rows_of(data, point, every, *arguments):
    return load(history(data, "--point", point, "--every", every, "--json", *arguments))


def rfc(t_us):
    return moment(t_us).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def check(rows, want):
    """Fails where a row is not what was computed: exactly, but for a mean that no decimal arithmetic gives."""
    assert len(rows) == len(want)
    for row, right in zip(rows, want):
        where = f"{moment(right['from_us'])} point {right['point']}"
        for key in ("from_us", "to_us", "point", "count", "none", "missed", "flags", "first_us", "last_us", "time_uncertainty_us"):
            assert row[key] == right[key], (where, key)
        for key in ("minimum", "maximum", "first", "last"):
            got = None if row[key] is None else Decimal(row[key])
            assert got == right[key], (where, key)
        if right["mean"] is None:
            assert row["mean"] is None, where
        else:
            assert float(row["mean"]) == float(right["mean"]), where
        assert (row["from"], row["to"]) == (rfc(row["from_us"]), rfc(row["to_us"]))


def made_history(zone, start_us, days, seed):
    """Points 1 (float32 as decimals), 2 (a counter of 17 digits), 3 (numbers, nulls, words, none at all for hours), every 5 minutes
    or so; late, repeated and out of order, with a clock that steps."""
    draw = random.Random(seed)
    entries, late, t = [], [], start_us
    while t < start_us + days * 86400 * SECOND:
        t += 300 * SECOND + draw.randrange(5 * SECOND)
        if draw.random() < 0.004:
            t += draw.randrange(6 * 3600) * SECOND
        if draw.random() < 0.002:
            t -= draw.randrange(2 * 3600) * SECOND
        flags = 256 if draw.random() < 0.1 else 0
        one = (1, t, f"{Decimal(draw.randrange(2 * 10 ** 6)).scaleb(-4).normalize():f}", flags)
        two = (2, t, f'"{12345678901234567 + (t - start_us) // SECOND}"', 0)
        three = (3, t, draw.choice(["null", '"open"', "-0.5", "1e-30", "17", '"42"', None]), 4)
        for entry in (one, two, three):
            if draw.random() < 0.03:
                entries.append((entry[0], t, None, 0))
            elif draw.random() < 0.02:
                late.append(entry)
            elif entry[0] < 3 or t // (6 * 3600 * SECOND) % 2:
                entries.append(entry)
            if draw.random() < 0.01:
                entries.append(entry)  # twice
        if late and draw.random() < 0.1:
            entries += late
            late = []
    return entries


POINTS = {1: ("meter.voltage", "V"), 2: ("meter.energy", "Wh"), 3: ("meter.state", "")}
# Days that are over: what governments do to those to come is in no version of the time zones.
ZONES = [("Europe/Berlin", date(2024, 3, 29), 4, {92, 96}),      # 23 hours
         ("Europe/Berlin", date(2024, 10, 25), 4, {96, 100}),    # 25
         ("Australia/Lord_Howe", date(2024, 4, 5), 4, {96, 98}),  # half an hour
         ("Africa/Cairo", date(2024, 4, 24), 4, {92, 96}),       # midnight is skipped
         ("America/Havana", date(2024, 11, 1), 4, {96, 100}),   # one o'clock becomes midnight
         ("Asia/Kathmandu", date(2026, 5, 1), 3, {96}),          # + 5:45
         ("Asia/Shanghai", date(2026, 11, 20), 3, {96})]


@pytest.mark.parametrize("zone,day,days,lengths", ZONES, ids=[f"{z}-{d}" for z, d, _, _ in ZONES])
def test_intervals_are_what_the_blocks_say(tmp_path, zone, day, days, lengths):
    data = tmp_path / "data"
    start = midnight_us(zone, day)
    entries = made_history(zone, start, days, seed=str(day))
    blocks = write_ledger(data, zone, POINTS, entries, clock=lambda i: (True, i * 997 % 1234567))
    span = ["--from", rfc(start), "--to", rfc(midnight_us(zone, day + timedelta(days=days)))]
    to = midnight_us(zone, day + timedelta(days=days))
    answers = []
    for built in (False, True):
        for point, (name, unit) in POINTS.items():
            for every in ("15min", "hour", "day"):
                want = expected(blocks, {point}, every, zone, start, to)
                rows = rows_of(data, name, every, *span)
                check(rows, want)
                answers.append(rows)
                assert all(row["unit"] == (unit if row["point"] else None) for row in rows)
                if every == "day" and point == 1:
                    assert {(row["to_us"] - row["from_us"]) // QUARTER_US for row in rows} == lengths
                    assert len(rows) == days
        if not built:
            assert tally("rebuild", "--ledger", data).returncode == 0
            assert (data / "series.db").exists()
    assert answers[:9] == answers[9:]


@pytest.fixture(scope="module")
def month(tmp_path_factory):
    """60 days of a point each minute, with holes."""
    data = tmp_path_factory.mktemp("month") / "data"
    start = us(datetime(2026, 9, 24, tzinfo=timezone.utc))
    draw = random.Random(7)
    entries = [(1, start + i * 60 * SECOND + draw.randrange(SECOND), f"{230 + draw.randrange(1000) / 1000:.3f}".rstrip("0").rstrip("."), 0)
               for i in range(60 * 1440) if i // 1440 % 7 != 2 or i % 1440 < 600]
    blocks = write_ledger(data, "Europe/Berlin", {1: ("meter.voltage", "V")}, entries)
    return data, blocks, start, start + 60 * 86400 * SECOND


def test_a_rebuild_that_is_killed_leaves_the_answers_right(month):
    data, blocks, start, end = month
    want = expected(blocks, {1}, "15min", "Europe/Berlin", start, end)
    draw = random.Random(3)
    interrupted = 0
    for _ in range(12):
        process = subprocess.Popen([TALLY, "rebuild", "--ledger", data], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(draw.uniform(0.001, 0.12))
        process.kill()
        interrupted += process.wait() < 0
        check(rows_of(data, "meter.voltage", "15min", "--from", rfc(start), "--to", rfc(end)), want)
    assert interrupted, "none was killed"
    assert tally("rebuild", "--ledger", data).returncode == 0
    check(rows_of(data, "meter.voltage", "15min", "--from", rfc(start), "--to", rfc(end)), want)


def test_whole_intervals_are_written_for_any_time_asked_for(month):
    data, blocks, start, end = month
    from_us, to_us = start + 5 * 86400 * SECOND + 1234567, start + 8 * 86400 * SECOND + 1
    for every in ("15min", "hour", "day"):
        want = expected(blocks, {1}, every, "Europe/Berlin", from_us, to_us)
        check(rows_of(data, "meter.voltage", every, "--from", rfc(from_us), "--to", rfc(to_us)), want)
    rows = rows_of(data, "meter.voltage", "hour", "--from", rfc(start), "--to", rfc(start + 3600 * SECOND))
    assert len(rows) == 1, "the end is not in it"
    assert rows_of(data, "meter.voltage", "hour", "--from", rfc(end + 86400 * SECOND)) == [], "after all that there is"
    every_day = rows_of(data, "meter.voltage", "day")
    assert every_day[0]["from_us"] == bounds("day", "Europe/Berlin", start)[0] and len(every_day) == 61
    assert sum(row["count"] for row in every_day) == sum(len(block["readings"]) for block in blocks)


def test_a_gap_is_a_row_and_the_open_interval_is_marked(month):
    data, _, start, end = month
    gap = start + 2 * 86400 * SECOND + 700 * 60 * SECOND
    table = history(data, "--point", "meter.voltage", "--every", "15min", "--from", rfc(gap), "--to", rfc(gap + 2 * QUARTER_US))
    assert len(re.findall(r"^2026-09-26 .*  gap: no reading, 0 missed$", table, re.M)) == 3
    rows = rows_of(data, "meter.voltage", "hour", "--from", rfc(end - 7200 * SECOND), "--to", rfc(end + 3600 * SECOND))
    assert [(row["count"], row["state"]) for row in rows] == [(60, "complete"), (60, "open"), (0, "open")]
    table = history(data, "--point", "meter.voltage", "--every", "hour", "--from", rfc(end - 7200 * SECOND))
    assert [line.endswith("(open)") for line in table.splitlines()[1:]] == [False, True]
    assert re.search(r"^2026-11-22 23:00:00\.000 \+01:00 +60 +0 +0 +230\.\d+ +23[01][\d.]* +230[.\d]+ +23[\d.]+ +23[\d.]+  V$", table, re.M)


def test_csv_is_the_same_as_json(month):
    data, _, start, _ = month
    span = ["--from", rfc(start + 2 * 86400 * SECOND), "--to", rfc(start + 3 * 86400 * SECOND)]
    text = history(data, "--point", "meter.voltage", "--every", "hour", "--csv", *span)
    assert text.endswith("\r\n") and text.count("\n") == text.count("\r\n")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    elements = rows_of(data, "meter.voltage", "hour", *span)
    assert len(rows) == len(elements) == 24
    for row, element in zip(rows, elements):
        assert row["from_utc"] == element["from"] and row["to_utc"] == element["to"] and row["name"] == "meter.voltage"
        for key in ("point", "unit", "count", "none", "missed", "minimum", "maximum", "mean", "first", "last", "state", "time_uncertainty_us"):
            assert row[key] == ("" if element[key] is None else str(element[key])), key
        assert row["first_utc"] == ("" if element["first_us"] is None else rfc(element["first_us"]))
        assert row["last_utc"] == ("" if element["last_us"] is None else rfc(element["last_us"]))
        assert row["flags"] == " ".join(element["flags"])


def test_what_the_ledger_has_pruned_is_marked(tmp_path):
    data = tmp_path / "data"
    start = us(datetime(2026, 11, 1, 10, 7, tzinfo=timezone.utc))
    write_ledger(data, "Asia/Shanghai", POINTS, [(1, start + i * 60 * SECOND, "1", 0) for i in range(60)], first_n=9)
    rows = rows_of(data, "meter.voltage", "15min")
    assert [(row["count"], row["state"]) for row in rows] == [(8, "pruned"), (15, "complete"), (15, "complete"), (15, "complete"), (7, "open")]
    whole = tmp_path / "whole"
    write_ledger(whole, "Asia/Shanghai", POINTS, [(1, start + i * 60 * SECOND, "1", 0) for i in range(60)])
    assert rows_of(whole, "meter.voltage", "15min")[0]["state"] == "complete", "nothing was before"


def test_numbers_of_a_point_are_not_mixed(tmp_path):
    data = tmp_path / "data"
    start = us(datetime(2026, 11, 1, 10, tzinfo=timezone.utc))
    points = {1: ("meter.voltage", "V"), 2: ("meter.voltage", "kV")}
    entries = [(1, start + i * 60 * SECOND, "230", 0) for i in range(20)] + [(2, start + i * 60 * SECOND, "0.23", 0) for i in range(20, 40)]
    blocks = write_ledger(data, "Asia/Shanghai", points, entries)
    rows = rows_of(data, "meter.voltage", "15min")
    check(rows, expected(blocks, {1, 2}, "15min", "Asia/Shanghai", start, start + 40 * 60 * SECOND - 1))
    assert [(row["point"], row["unit"], row["count"], row["mean"]) for row in rows] == [
        (1, "V", 15, 230), (1, "V", 5, 230), (2, "kV", 10, Decimal("0.23")), (2, "kV", 10, Decimal("0.23"))]


@pytest.mark.parametrize("arguments", [["--every", "week"], ["--every", "15min", "--from", "1990-01-01"]])
def test_what_cannot_be_asked_is_refused(month, arguments):
    result = tally("history", "--ledger", month[0], "--point", "meter.voltage", *arguments)
    assert result.returncode == 2 and not result.stdout and re.search(rb"not 15min, hour or day|more than 100000", result.stderr)


# Figures as amended beside those as recorded, in intervals and bins.
def test_amended_readings_have_figures_of_their_own(tmp_path):
    start = midnight_us("Asia/Shanghai", date(2026, 10, 30))
    draw = random.Random("amended")
    entries = [(1 + i // 400, start + i * 60 * SECOND, "null" if i % 9 == 0 else f"{draw.randrange(2000, 2500) / 10:g}", 0)
               for i in range(700)]
    blocks = write_ledger(tmp_path / "data", "Asia/Shanghai", {1: ("m.v", "V"), 2: ("m.v", "V")}, entries, each=100)
    outcomes = [(draw.randrange(6), draw.randrange(100), draw.choice(["amended to 300.5 V", "amended to 0 V", "void", "as recorded"]))
                for _ in range(15)]
    blocks = amend(tmp_path / "data", blocks, outcomes)
    after = as_amended(blocks)
    for every in ("15min", "hour", "day"):
        rows = load(history(tmp_path / "data", "--point", "m.v", "--every", every, "--json"))
        end = rows[-1]["to_us"]
        told = 0
        for row, before, now in zip(rows, *(expected(of, {1, 2}, every, "Asia/Shanghai", start, end) for of in (blocks, after)), strict=True):
            changed = [r for a, b in zip(blocks, after) for r, s in zip(a["readings"], b["readings"])
                             if r != s and row["from_us"] <= r[1] < row["to_us"] and r[0] == row["point"]]
            assert (row["count"], row["none"], row["maximum"]) == (before["count"], before["none"], before["maximum"])
            if row["amended"] is None:
                assert not changed
                continue
            told += 1
            amended = row["amended"]
            assert amended["readings"] >= len(changed)
            for key in ("count", "none", "minimum", "maximum", "first", "last"):
                assert amended[key] == now[key], (every, key)
            assert now["mean"] is None or abs(float(amended["mean"]) - float(now["mean"])) < 1e-9
        assert told
    bins = load(history(tmp_path / "data", "--point", "m.v", "--bins", "7", "--json"))
    for this, end in zip(bins, [b["from_us"] for b in bins[1:]] + [entries[-1][1] + 1]):
        here = [[r[4] for b in of for r in b["readings"] if this["from_us"] <= r[1] < end and r[4] is not None] for of in (blocks, after)]
        assert (this["count"], this["minimum"], this["maximum"]) == (len(here[0]), min(here[0]), max(here[0]))
        assert (this["amended"] is None) <= (here[0] == here[1])
        if this["amended"]:
            assert [this["amended"][key] for key in ("count", "minimum", "maximum")] == [len(here[1]), min(here[1]), max(here[1])]
    plain = list(csv.DictReader(io.StringIO(history(tmp_path / "data", "--point", "m.v", "--every", "day", "--csv"))))
    assert plain[0]["amended"] == str(rows[0]["amended"]["readings"]) and plain[0]["amended_count"] == str(rows[0]["amended"]["count"])
    assert "as amended" in history(tmp_path / "data", "--point", "m.v", "--every", "hour")
    assert "as amended" in history(tmp_path / "data", "--point", "m.v", "--bins", "3")
