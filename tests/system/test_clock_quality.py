"""An interval of energy is right within the time uncertainty that is stated, or it is flagged as ambiguous: histories with a true
time, a clock that is wrong within its bounds or, where it says that it is not synchronised, in any way, and steps."""

import random
import subprocess
from bisect import bisect_right
from datetime import date
from decimal import Decimal
from itertools import accumulate

import pytest

from intervals import midnight_us, rounded, write_ledger
from support import TALLY
from test_report import DAY, HOUR, SECOND, plain, report, report_json, rfc

ZONE = "Asia/Shanghai"
START = midnight_us(ZONE, date(2026, 11, 1))
UNSYNCHRONISED = 1
NAME = "m.energy"
TRUTH_STEP = 10 * SECOND


class Meter:
    """What it counted, in thousandths, at any true time: straight between multiples of ten seconds."""

    def __init__(self, draw, start, stop):
        power, steps = 0, []
        for _ in range((stop - start) // TRUTH_STEP):
            power = draw.choice([power] * 60 + [0, draw.randrange(400)])
            steps.append(power)
        self.start, self.sums, self.steps = start, [0, *accumulate(steps)], steps

    def at(self, t):
        """Exactly."""
        i, rest = divmod(t - self.start, TRUTH_STEP)
        return self.sums[i] + Decimal(self.steps[i] * rest) / TRUTH_STEP


def clock_of(draw, start, stop):
    """[(true time from which it holds, synchronised, greatest error, offset)]: the offset of a clock that is synchronised is
    within its error."""
    phases, t = [], start
    while t < stop:
        synchronised = draw.random() < 0.6
        error = draw.choice((1000, 200_000, SECOND, 6 * SECOND, 20 * SECOND))
        offset = draw.randint(-error, error) if synchronised else draw.choice((-HOUR, HOUR, draw.randint(-HOUR, HOUR), 0))
        phases.append((t, synchronised, error if synchronised else 16 * SECOND, offset))
        t += draw.choice((20 * 60 * SECOND, HOUR, 5 * HOUR)) + draw.randrange(HOUR)
    return phases


def history(seed, every, window):
    """(meter, entries as they were recorded, the phase of each)."""
    draw = random.Random(seed)
    begin, end = START - 3 * HOUR, START + DAY + 3 * HOUR
    meter, phases = Meter(draw, begin - 2 * HOUR, end + 2 * HOUR), clock_of(draw, begin, end)
    entries, at, t = [], [], begin + draw.randrange(every)
    while t < end:
        phase = phases[bisect_right(phases, (t, True, 10 ** 18, 0)) - 1]
        taken = meter.at(t + draw.randint(-window, window)) // 1  # within the window; the register's least digit
        entries.append((1, t + phase[3], plain(Decimal(taken) / 1000), 0 if phase[1] else UNSYNCHRONISED))
        at.append(phase)
        t += every if draw.random() > 0.002 else draw.randrange(HOUR)
    return meter, entries, at


def passed_within(meter, row, bound):
    """The least and the most that can have passed, a digit more or less."""
    least = meter.at(row["closed_us"] - bound) - meter.at(row["opened_us"] + bound)
    most = meter.at(row["closed_us"] + bound) - meter.at(row["opened_us"] - bound)
    return least - 1, most + 1


@pytest.mark.parametrize("every,window", [(60 * SECOND, 300_000), (15 * SECOND, 40_000)])
def test_an_interval_is_right_within_what_is_stated_or_flagged(tmp_path, every, window):
    seen = dict.fromkeys(("right", "ambiguous", "wrong", "demand"), 0)
    for seed in range(6):
        meter, entries, at = history(f"{seed}{every}", every, window)
        each = -(-len(entries) // 250)
        # A block is filled in one phase or several: it states the greatest error of them.
        write_ledger(tmp_path / str(seed), ZONE, {1: (NAME, "kWh")}, entries, each=each, more={1: {"every_us": every}}, window_us=window,
                     clock=lambda i: (at[min(i + each, len(at)) - 1][1], max(phase[2] for phase in at[i:i + each])))
        if seed % 2:
            assert subprocess.run([TALLY, "rebuild", "--ledger", tmp_path / str(seed)], capture_output=True, timeout=60).returncode == 0
        for word in ("15min", "hour"):
            (said,) = report_json(tmp_path / str(seed), "--point", NAME, "--every", word, "--from", rfc(START), "--to", rfc(START + DAY))["meters"]
            for row in said["intervals"]:
                if row["energy"] is None:
                    continue
                bound = row["time_uncertainty_us"]
                least, most = passed_within(meter, row, bound)
                within = least <= Decimal(row["energy"]) * 1000 <= most
                limit = max(every // 2 + min(every // 10, SECOND), SECOND)
                if row["ambiguous"]:
                    seen["ambiguous"] += 1
                    seen["wrong"] += not within
                    continue
                assert within, (seed, word, row, float(least), float(most))
                assert max(abs(row["opened_us"] - row["from_us"]), abs(row["closed_us"] - row["to_us"])) <= limit
                seen["right"] += 1
            assert said["ambiguous"] == sum(row.get("ambiguous", False) for row in said["intervals"])
            demand = said["maximum_demand"]
            row = next((row for row in said["intervals"] if demand and row["from_us"] == demand["from_us"] and word == "15min"), None)
            if row:
                seen["demand"] += 1
                assert (demand["ambiguous"], demand["time_uncertainty_us"]) == (row["ambiguous"], row["time_uncertainty_us"])
    assert seen["right"] > 100 and seen["ambiguous"] > 100 and seen["wrong"] > 10 and seen["demand"] > 3, seen


def near(error_us, offsets, every=15 * SECOND, flags=0):
    """Entries, and the clock, of readings that lie so far behind each multiple of `every`."""
    entries = [(1, START + i * every + offset, str(1000 + i), flags) for i, offset in enumerate(offsets)]
    return entries, lambda _: (not flags, error_us)


@pytest.mark.parametrize("error_us,offset,flags,ambiguous", [
    (400_000, 50_000, 0, False), (8_000_000, 50_000, 0, False), (8_600_000, 50_000, 0, True), (400_000, 7_000_000, 0, False),
    (2_000_000, 7_000_000, 0, True), (0, 50_000, UNSYNCHRONISED, True)])
def test_what_is_stated_of_time(tmp_path, error_us, offset, flags, ambiguous):
    entries, clock = near(error_us, [offset] * 250, flags=flags)
    write_ledger(tmp_path / "data", ZONE, {1: (NAME, "kWh")}, entries, more={1: {"every_us": 15 * SECOND}}, clock=clock)
    words = ["--point", NAME, "--every", "15min", "--from", rfc(START), "--to", rfc(START + HOUR)]
    said, total = report_json(tmp_path / "data", *words, "--plus", NAME)["meters"]
    assert [(row["ambiguous"], row["time_uncertainty_us"]) for row in said["intervals"]] == [(ambiguous, rounded(error_us + 400))] * 4
    assert total["name"] == "sum" and total["ambiguous"] == said["ambiguous"] == (4 if ambiguous else 0)
    for key in ("ambiguous", "time_uncertainty_us"):
        assert [row[key] for row in total["intervals"]] == [row[key] for row in said["intervals"]]
    text = report("--ledger", tmp_path / "data", *words).stdout.decode()
    assert text.count(" complete ambiguous") + text.count(" complete  ambiguous") == (4 if ambiguous else 0)
    assert ("4 of 4 are ambiguous: the clock was not synchronised, or may have been too wrong" in text) == ambiguous
    assert "±426 ms" in text or error_us != 400_000
    rows = report("--ledger", tmp_path / "data", *words, "--csv").stdout.decode().splitlines()
    assert all(row.endswith(f",{rounded(error_us + 400)}") and (",ambiguous" in row) == ambiguous for row in rows[1:5]), rows
