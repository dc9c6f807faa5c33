"""What `tally history --every` should say, computed from the blocks without any code of ours; and a ledger of any readings at
any time, written by this file alone (docs/FORMAT.md)."""

import hashlib
import json
import sqlite3
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import zstandard

QUARTER_US = 900 * 10 ** 6
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
FLAGS = {1: "clock-unsynchronised", 2: "leap-second", 4: "no-certificate", 8: "calibration-overdue", 16: "outside-calibrated-range",
         32: "outside-instrument-range", 64: "instrument-fault", 128: "identity-mismatch", 256: "limit-exceeded", 512: "inexact"}


def moment(t_us):
    return EPOCH + timedelta(microseconds=t_us)


def us(time):
    return (time - EPOCH) // timedelta(microseconds=1)


def midnight_us(zone, date):
    """The first moment of the date: midnight, or what clocks that skip it show first."""
    naive = us(datetime(date.year, date.month, date.day, tzinfo=timezone.utc))
    candidates = range(naive - 16 * 4 * QUARTER_US, naive + 16 * 4 * QUARTER_US, QUARTER_US)
    return next(t for t in candidates if moment(t).astimezone(ZoneInfo(zone)).date() >= date)


def bounds(every, zone, t_us):
    """[start, end) of the interval in which t_us is."""
    if every == "month":
        date = moment(t_us).astimezone(ZoneInfo(zone)).date().replace(day=1)
        return midnight_us(zone, date), midnight_us(zone, (date + timedelta(days=31)).replace(day=1))
    if every != "day":
        span = QUARTER_US * (4 if every == "hour" else 1)
        return t_us // span * span, t_us // span * span + span
    date = moment(t_us).astimezone(ZoneInfo(zone)).date()
    return midnight_us(zone, date), midnight_us(zone, date + timedelta(days=1))


def number(indication):
    """A number, or None: for null and for the text of a string register."""
    if isinstance(indication, str):
        digits = indication.lstrip("-").replace(".", "", 1)
        return Decimal(indication) if digits.isdigit() and len(digits.lstrip("0")) > 15 else None
    return None if indication is None else Decimal(indication)


def rounded(us):
    """To four binary digits, upwards: as a roll-up keeps how far a time may be wrong."""
    step = 1 << max(0, us.bit_length() - 4)
    return -(-us // step) * step


def roll_up(readings, missed):
    """Of [(t_us, indication, flags, how far the time may be wrong)] in the order of the blocks, and a number of misses."""
    numbers = [(t, number(indication), wrong) for t, indication, _, wrong in readings if number(indication) is not None]
    flags = 0
    for _, _, bits, _ in readings:
        flags |= bits
    row = {"count": len(numbers), "none": len(readings) - len(numbers), "missed": missed,
           "flags": [word for bit, word in FLAGS.items() if flags & bit]}
    if not numbers:
        return {**row, **dict.fromkeys(["minimum", "maximum", "mean", "first_us", "first", "last_us", "last", "time_uncertainty_us"])}
    first = min(numbers, key=lambda n: n[0])
    last = max(reversed(numbers), key=lambda n: n[0])
    values = [n for _, n, _ in numbers]
    return {**row, "minimum": min(values), "maximum": max(values), "mean": sum(map(Fraction, values)) / len(values),
            "first_us": first[0], "first": first[1], "last_us": last[0], "last": last[1],
            "time_uncertainty_us": rounded(max(wrong for _, _, wrong in numbers))}


def expected(blocks, numbers, every, zone, from_us, to_us):
    """The rows for the points' numbers: blocks as objects (floats as Decimal)."""
    found = {}
    for block in blocks:
        for point, t, window, _, indication, _, _, flags in block["readings"]:
            if point in numbers:
                reading = (t, indication, flags, block["clock"]["error_us"] + window)
                found.setdefault((bounds(every, zone, t)[0], point), ([], []))[0].append(reading)
        for point, t, _ in block["missed"]:
            if point in numbers:
                found.setdefault((bounds(every, zone, t)[0], point), ([], []))[1].append(t)
    rows, at = [], bounds(every, zone, from_us)[0]
    while at < to_us:
        end = bounds(every, zone, at)[1]
        here = [(point, found[at, point]) for point in sorted(numbers) if (at, point) in found]
        for point, (readings, missed) in here or [(None, ([], []))]:
            rows.append({"from_us": at, "to_us": end, "point": point, **roll_up(readings, len(missed))})
        at = end
    return rows


def load(text):
    return json.loads(text, parse_float=Decimal, parse_int=lambda digits: int(digits))


def block_objects(blocks):
    return [load(block) for block in blocks.values()]


# --- a ledger

SCHEMA = """CREATE TABLE log(one INTEGER PRIMARY KEY CHECK(one=1),origin TEXT NOT NULL,begun_us INTEGER NOT NULL);
CREATE TABLE blocks(n INTEGER PRIMARY KEY,leaf BLOB,t_lo INTEGER,t_hi INTEGER,readings INTEGER,length INTEGER,packed BLOB);
CREATE TABLE tiles(id INTEGER PRIMARY KEY,root BLOB,t_lo INTEGER,t_hi INTEGER,hashes BLOB);
CREATE TABLE files(hash BLOB PRIMARY KEY,kind TEXT,since INTEGER,length INTEGER,packed BLOB);
CREATE TABLE definitions(from_n INTEGER PRIMARY KEY,hash BLOB,files BLOB);
CREATE TABLE points(number INTEGER PRIMARY KEY,key BLOB UNIQUE,name TEXT,definition TEXT);
CREATE TABLE cursors(uplink TEXT PRIMARY KEY,acknowledged INTEGER,required INTEGER,acknowledged_us INTEGER)WITHOUT ROWID;
CREATE TABLE marks(uplink TEXT,at_us INTEGER,acknowledged INTEGER,PRIMARY KEY(uplink,at_us))WITHOUT ROWID;
PRAGMA application_id=0x54414c59; PRAGMA user_version=1;"""
ORIGIN = "91350100M000100Y43/gw-01/5f0c2a9d4be84f31a7c06d1e93b25f70"


def dumps(thing):
    return json.dumps(thing, separators=(",", ":"), ensure_ascii=False)


def write_ledger(data, zone, points, entries, first_n=0, each=900, more=None, origin=ORIGIN, window_us=400, clock=None, events=None):
    """`points`: {number: (name, unit)}; the last of each name is in force at the end. `entries` in the order of recording:
    (point, t_us, indication as JSON text, flags), with None for a miss. At most 255 blocks, so that there is no tile.
    `more`: {number: what else its definition says}. `window_us`: half of it, of all; `clock`: (synchronised, error) of the block
    whose first entry is the ith. `events`: {block: [[t_us, kind, subject, text]]}, entries all."""
    data.mkdir(parents=True)
    definitions = {n: {"instrument": name.split(".")[0], "quantity": name.split(".")[1], "unit": unit, **(more or {}).get(n, {})}
                   for n, (name, unit) in points.items()}
    inforce = {name: n for n, (name, _) in points.items()}
    file = (dumps({"tally-definitions": 1, "software": "0" * 64, "config": "0" * 64, "time_zone": zone,
                   "points": {str(n): definitions[n] for n in sorted(inforce.values())}}) + "\n").encode()
    hash = hashlib.sha256(file).digest()
    database = sqlite3.connect(data / "ledger.db")
    database.executescript("PRAGMA journal_mode=WAL;" + SCHEMA)
    database.execute("INSERT INTO log VALUES(1,?,0)", (origin,))
    database.execute("INSERT INTO files VALUES(?,'definitions',0,?,?)", (hash, len(file), zstandard.compress(file)))
    database.execute("INSERT INTO definitions VALUES(0,?,?)", (hash, hash))
    for n, (name, _) in points.items():
        database.execute("INSERT INTO points VALUES(?,?,?,?)", (n, bytes([n]) * 32, name, dumps(definitions[n])))
    if events:
        database.execute("CREATE TABLE entries(n INTEGER PRIMARY KEY)")
        database.executemany("INSERT INTO entries VALUES(?)", [(n,) for n in events])
    told = lambda n: [dict(zip(("t", "kind", "subject", "text"), event)) for event in (events or {}).get(n, [])]
    previous, blocks = b"\1" * 32, {}
    for i in range(0, len(entries), each):
        synchronised, error_us = clock(i) if clock else (True, 1)
        n, some = first_n + i // each, entries[i:i + each]
        readings = ",".join(f'[{p},{t},{window_us},"08fd",{value},null,null,{flags}]' for p, t, value, flags in some if value is not None)
        missed = ",".join(f'[{p},{t},"timeout"]' for p, t, value, _ in some if value is None)
        text = (f'{{"tally":1,"log":"{origin}","n":{n},"prev":"{previous.hex() if n else ""}","run":"{"0" * 32}",'
                f'"mono_us":[{i},{i}],"closed_us":{some[-1][1]},"clock":{{"state":"{"" if synchronised else "un"}synchronised","error_us":{error_us},"leap":0}},'
                f'"defs":"{hash.hex()}","readings":[{readings}],"missed":[{missed}],"events":{dumps(told(n))}}}\n').encode()
        assert len(text) <= 131072
        previous = hashlib.sha256(b"\0" + text).digest()
        times = [t for _, t, _, _ in some]
        database.execute("INSERT INTO blocks VALUES(?,?,?,?,?,?,?)", (n, previous, min(times), max(times), readings.count("["), len(text),
                                                                      zstandard.compress(text)))
        blocks[n] = text
    assert len(blocks) < 256
    database.commit()
    database.close()
    return block_objects(blocks)


def amend(data, blocks, outcomes):
    """Adds a block of amendments to the ledger and returns all blocks. `outcomes`: [(block, place in readings, what holds instead)],
    "amended to 5 V", "void" or "as recorded"."""
    database = sqlite3.connect(data / "ledger.db")
    names = dict(database.execute("SELECT number, name FROM points"))
    units = {n: json.loads(text)["unit"] for n, text in database.execute("SELECT number, definition FROM points")}
    n, previous = database.execute("SELECT n + 1, leaf FROM blocks ORDER BY n DESC LIMIT 1").fetchone()
    by_number = {block["n"]: block for block in blocks}
    last, events = by_number[n - 1], []
    for block, place, outcome in outcomes:
        point, t, _, _, indication, *_ = by_number[block]["readings"][place]
        recorded = "no number" if indication is None else f"{indication} {units[point]}"
        events.append({"t": last["closed_us"], "kind": "reading.amended", "subject": names[point],
                       "text": f"by zhang (user 7): block {block}, readings[{place}], point {point}, "
                               f"{moment(t):%Y-%m-%dT%H:%M:%S.%fZ}: {recorded}, {outcome}: because, {place}"})
    text = (dumps({"tally": 1, "log": ORIGIN, "n": n, "prev": previous.hex(), "run": "0" * 32, "mono_us": [10 ** 9, 10 ** 9],
                   "closed_us": last["closed_us"], "clock": {"state": "synchronised", "error_us": 1, "leap": 0}, "defs": last["defs"],
                   "readings": [], "missed": [], "events": events}) + "\n").encode()
    assert n < 256 and len(text) <= 131072
    database.execute("CREATE TABLE entries(n INTEGER PRIMARY KEY)")
    database.execute("INSERT INTO entries VALUES(?)", (n,))
    database.execute("INSERT INTO blocks VALUES(?,?,?,?,0,?,?)", (n, hashlib.sha256(b"\0" + text).digest(), last["closed_us"],
                                                                 last["closed_us"], len(text), zstandard.compress(text)))
    database.commit()
    database.close()
    return blocks + [load(text)]
