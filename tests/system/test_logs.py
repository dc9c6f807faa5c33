"""`tally report energy` over a time that spans logs: what set-aside folders hold is read with the current log."""

import hashlib
import sqlite3
from datetime import date
from decimal import Decimal

import pytest

from independent import verifier_line
from intervals import ORIGIN, load, midnight_us, write_ledger
from stored import ledger_blocks
from test_report import (CENTRES, DAY, EVERY, HOUR, KEYS, MORE, NAME, POINTS, made_history, put_receipt, report, report_json, rfc, steady,
                         table_file)

ZONE = "Asia/Shanghai"
START = midnight_us(ZONE, date(2026, 10, 28))
BEFORE = ORIGIN[:-4] + "0001"
ASIDE = "set-aside-20261030T000000Z"


def write_both(data, entries, split, points=POINTS, more=MORE):
    write_ledger(data, ZONE, points, entries[split:], more=more)
    write_ledger(data / ASIDE, ZONE, points, entries[:split], more=more, origin=BEFORE)


def hashes(folder):
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.iterdir() if not f.name.endswith("-shm")}


def test_two_logs_say_what_one_would(tmp_path):
    for seed in range(3):
        entries, exchanges = made_history(START, 4, f"logs {seed}")
        table = table_file(tmp_path / "t.yaml", exchanges)
        write_ledger(tmp_path / f"one-{seed}", ZONE, POINTS, entries, more=MORE)
        # Where nothing of a quarter of an hour before or after was recorded out of order.
        times = [e[1] for e in entries]
        split = next(i for i in range(len(entries) // 2, len(entries)) if max(times[:i]) < min(times[i:]) - 1000 and
                     times[i - 60:i + 60] == sorted(times[i - 60:i + 60]))
        data = tmp_path / f"two-{seed}"
        write_both(data, entries, split)
        kept = hashes(data / ASIDE)
        for every in ("15min", "day"):
            words = ["--point", NAME, "--every", every, "--table", table]
            one, two = report_json(tmp_path / f"one-{seed}", *words), report_json(data, *words)
            assert [(log["log"], log["folder"]) for log in two["logs_before"]] == [(BEFORE, ASIDE)] and one["logs_before"] == []
            for (meter,) in (one["meters"], two["meters"]):
                # By the block each reading has its own flags, by the roll-up those of its quarter of an hour.
                for row in (meter, meter["maximum_demand"], *meter["intervals"]):
                    for key in ("flags", "ambiguous"):
                        row.pop(key, None)
            assert two["meters"] == one["meters"]
        assert hashes(data / ASIDE) == kept
        text = report("--ledger", data, "--point", NAME).stdout.decode()
        assert f"\nlog {BEFORE}, blocks 0 to {(split - 1) // 900}, in {ASIDE}\nlog {ORIGIN}\n" in text


def test_a_clock_set_back_between_logs_counts_nothing_twice(tmp_path):
    entries = steady(START, START + 4 * HOUR, EVERY, Decimal("0.5"))
    again = steady(START + 2 * HOUR, START + 6 * HOUR, EVERY, Decimal("0.5"), value=Decimal(1120))
    write_both(tmp_path / "data", entries + again, len(entries), {1: (NAME, "kWh")}, {1: {"every_us": EVERY}})
    (meter,) = report_json(tmp_path / "data", "--point", NAME, "--every", "15min", "--from", rfc(START), "--to", rfc(START + 6 * HOUR))["meters"]
    states = [row["state"] for row in meter["intervals"]]
    assert meter["quarters_unused"] == 8 and states[:7] == ["complete"] * 7 and states[8:16] == ["incomplete"] * 8 and states[-7:-1] == ["complete"] * 6
    assert Decimal(meter["energy"]) + Decimal(meter["unallocated"]) == Decimal(meter["registered"])
    assert not meter["unknowns"], "the register of the later log goes on where that of the one before was"


@pytest.mark.parametrize("what", [b"no database", None])
def test_a_log_that_cannot_be_read_is_told(tmp_path, what):
    data = tmp_path / "data"
    write_ledger(data, ZONE, {1: (NAME, "kWh")}, steady(START + 2 * DAY, START + 3 * DAY, EVERY, Decimal("0.5")), more={1: {"every_us": EVERY}})
    (data / ASIDE).mkdir()
    if what:
        (data / ASIDE / "ledger.db").write_bytes(what)
    text = report("--ledger", data, "--point", NAME, "--from", "2026-10-29").stdout.decode()
    assert f"\nthe log in {ASIDE} cannot be read: " in text
    assert f" {ASIDE} cannot be read" not in report("--ledger", data, "--point", NAME, "--from", "2026-12-10", "--to", "2026-12-11").stdout.decode()


def test_a_report_over_two_logs_is_final_when_both_are_receipted(tmp_path):
    data = tmp_path / "data"
    entries = steady(START, START + 2 * DAY, EVERY, Decimal("0.5"))
    write_both(data, entries, DAY // 2 // EVERY, {1: (NAME, "kWh")}, {1: {"every_us": EVERY}})
    key = tmp_path / "city.pub"
    key.write_text(verifier_line(CENTRES["city"], KEYS["city"].public_key()) + "\n")
    words = ["--point", NAME, "--from", "2026-10-28", "--to", "2026-10-29", "--centre-key", key]
    put_receipt(data, ledger_blocks(data), len(ledger_blocks(data)))
    said = report_json(data, *words)
    assert said["state"] == "preliminary" and said["receipts"][0]["state"] == "whole" and not said["logs_before"][0]["final"]
    assert f"\npreliminary: no receipts that count cover what the log in {ASIDE} holds of it\n" in report("--ledger", data, *words).stdout.decode()
    old = ledger_blocks(data / ASIDE)
    put_receipt(data / ASIDE, old, len(old), origin=BEFORE)
    said = report_json(data, *words)
    assert said["state"] == "final" and said["logs_before"][0]["final"] and said["meters"][0]["complete"] == 1


def test_a_damaged_block_of_a_log_before_is_left_out_alone(tmp_path):
    data = tmp_path / "data"
    write_both(data, steady(START, START + 3 * DAY, EVERY, Decimal("0.5")), 2 * DAY // EVERY, {1: (NAME, "kWh")}, {1: {"every_us": EVERY}})
    with sqlite3.connect(data / ASIDE / "ledger.db") as database:
        database.execute("UPDATE blocks SET packed=zeroblob(100) WHERE n=1")
    result = report("--ledger", data, "--point", NAME, "--every", "hour", "--json", "--to", rfc(START + 2 * DAY))
    assert result.returncode == 1 and result.stderr.decode().count("block 1 is left out") == 1
    (meter,) = load(result.stdout.decode())["meters"]
    assert [row["state"] for row in meter["intervals"]] == ["complete"] * 14 + ["incomplete"] * 16 + ["complete"] * 18
    assert meter["readings"] == 2 * DAY // EVERY - 900 and Decimal(meter["registered"]) == Decimal("0.5") * (2 * DAY // EVERY)
