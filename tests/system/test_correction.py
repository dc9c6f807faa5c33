"""Correction and U against an independent reckoning: Python's decimal, 50 digits, from the texts (DESIGN §9, GUM)."""

import random
import subprocess
from decimal import Decimal, getcontext

import pytest
from loads import curve_of_mpe, curve_of_points, exact, expanded, put_together
from support import BUILD

PROGRAM = BUILD / "tests" / "corrections"
CURVES = 10000

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="the test tools are not built")


def combined(k, *parts):
    return k * sum((part * part for part in parts), Decimal(0)).sqrt()


def declared(dice, scale):
    """What is declared beside a certificate, as the configuration has it, and a reading's time; or nothing."""
    if dice.random() < 0.5:
        return {"influence": 0.0, "drift": 0.0, "since": 0, "slope": 0.0, "refresh": 0, "t": 1, "window": 0}
    return {"influence": dice.choice((0.0, dice.uniform(0, 0.01) * scale)),
            "drift": dice.choice((0.0, dice.uniform(0, 0.01) * scale)) / 31557600e6, "since": 1700000000 * 10**6,
            "slope": dice.choice((0.0, dice.uniform(0, 0.01) * scale)) / 60e6,
            "refresh": dice.choice((0, dice.randint(0, 10**7))),
            "t": 1700000000 * 10**6 + dice.randint(-10**12, 10**14), "window": dice.randint(0, 500000)}


def beside(d):
    """The standard uncertainties of influences, drift and time: half-widths are divided by the root of 3."""
    root = Decimal(3).sqrt()
    age = max(d["t"] - d["since"], 0)
    return (exact(d["influence"]), exact(d["drift"]) * age / root, exact(d["slope"]) * d["refresh"] / root,
            exact(d["slope"]) * d["window"] / root)


def told(d):
    """The same for the program, which takes standard uncertainties."""
    return (f"declared {d['influence']!r} {d['drift'] / 3 ** 0.5!r} {d['since']} {d['slope'] / 3 ** 0.5!r} "
            f"{d['refresh']} {d['t']} {d['window']}\n")


def by_points(points, resolution, x, others):
    """(corrected, U) or None; points: [(indication, error, U, k)] as floats."""
    k = max([Decimal(2)] + [exact(p[3]) for p in points])
    x = exact(x)
    for low, high in zip(points, points[1:] + [None]):
        if exact(low[0]) == x:
            return x - exact(low[1]), combined(k, exact(low[2]) / exact(low[3]), exact(resolution), *others)
        if high and exact(low[0]) < x < exact(high[0]):
            share = (x - exact(low[0])) / (exact(high[0]) - exact(low[0]))
            line = lambda a, b, share=share: a + share * (b - a)
            error = line(exact(low[1]), exact(high[1]))
            u = line(exact(low[2]) / exact(low[3]), exact(high[2]) / exact(high[3]))
            return x - error, combined(k, u, exact(resolution), *others)
    return None


def by_mpe(absolute, relative, resolution, x, others):
    limit = max(exact(absolute), exact(relative) * abs(exact(x)))
    return exact(x), combined(Decimal(2), limit / Decimal(3).sqrt(), exact(resolution), *others)


def random_case(dice):
    """(the line for the program, what is right, the span)."""
    scale = 10.0 ** dice.randint(-3, 4)
    resolution = dice.choice((0.0, scale * 1e-3 / 12 ** 0.5))
    more = declared(dice, scale)
    others = beside(more)
    if dice.random() < 0.1:
        x = dice.uniform(-1, 1) * scale
        absolute, relative = dice.choice(((scale * 0.01, 0.0), (0.0, 0.005), (scale * 0.001, 0.01)))
        return (f"{told(more)}mpe {resolution!r} {absolute!r} {relative!r} {x!r}",
                by_mpe(absolute, relative, resolution, x, others), scale)
    count = dice.choice((1, 2, 3, 5, 11, 40))
    indications = sorted({dice.uniform(-1, 1) * scale for _ in range(count)})
    points = [(at, dice.uniform(-0.02, 0.02) * scale, dice.uniform(1e-4, 0.02) * scale,
               dice.choice((1.0, 1.96, 2.0, 2.0, 2.13, 3.0))) for at in indications]
    x = dice.choice((dice.choice(indications), dice.uniform(-1.2, 1.2) * scale))
    words = " ".join(repr(number) for point in points for number in point)
    return (f"{told(more)}points {resolution!r} {len(points)} {words} {x!r}", by_points(points, resolution, x, others),
            scale)


def test_random_curves_and_indications_against_decimal():
    getcontext().prec = 50
    dice = random.Random(9)
    cases = [random_case(dice) for _ in range(CURVES)]
    done = subprocess.run([PROGRAM], input="\n".join(line for line, _, _ in cases) + "\n", capture_output=True, text=True,
                          check=True, timeout=120)
    answers = done.stdout.splitlines()
    assert len(answers) == CURVES
    inside = 0
    for (line, right, span), answer in zip(cases, answers):
        if right is None:
            assert answer == "outside", line
            continue
        inside += 1
        for ours, theirs in zip(answer.split(), right):
            assert abs(Decimal(ours) - theirs) <= Decimal(span) * Decimal("1e-12"), (line, answer, right)
    assert CURVES * 0.5 < inside < CURVES * 0.95, "curves inside and outside were tried"


# --- energy by load


def answer_of(curve, passed):
    """(corrected, U, not corrected)."""
    right = put_together([(*share, curve, None) for share in passed])
    return right["corrected"], expanded(right), right["outside"]


def random_loads(dice):
    """(the line for the program, what is right, the span)."""
    scale = 10.0 ** dice.randint(-2, 3)
    resolution = dice.choice((0.0, scale * 1e-3 / 12 ** 0.5))
    passed = [(dice.choice((0.0, dice.uniform(0, 1.2) * scale)), dice.choice((0.25, dice.uniform(0.1, 3))), int(dice.random() < 0.9))
              for _ in range(dice.randint(1, 20))]
    words = f"{len(passed)} " + " ".join(f"{energy!r} {hours!r} {joined}" for energy, hours, joined in passed)
    span = max(sum(energy for energy, _, _ in passed), scale)
    more = declared(dice, scale)
    others = beside(more)
    if dice.random() < 0.1:
        absolute, relative = dice.choice(((0.0, 0.01), (scale * 0.5, 0.0), (scale * 0.05, 0.02)))
        right = answer_of(curve_of_mpe(absolute, relative, resolution), passed)
        return f"mpe-loads {resolution!r} {absolute!r} {relative!r} {words}", right, span
    loads = sorted({dice.uniform(0.05, 4) * scale for _ in range(dice.choice((1, 2, 5, 11)))})
    points = [(load, dice.uniform(-0.02, 0.02), dice.uniform(1e-4, 0.02), dice.choice((1.0, 2.0, 2.13, 3.0))) for load in loads]
    line = f"loads {resolution!r} {len(points)} " + " ".join(repr(number) for point in points for number in point)
    return f"{line} {words}", answer_of(curve_of_points(points, resolution), passed), span


def test_random_loads_against_decimal():
    getcontext().prec = 50
    dice = random.Random(14)
    cases = [random_loads(dice) for _ in range(CURVES)]
    done = subprocess.run([PROGRAM], input="\n".join(line for line, _, _ in cases) + "\n", capture_output=True, text=True,
                          check=True, timeout=120)
    answers = done.stdout.splitlines()
    assert len(answers) == CURVES
    whole = some = 0
    for (line, right, span), answer in zip(cases, answers):
        for ours, theirs in zip(answer.split(), right):
            assert abs(Decimal(ours) - theirs) <= Decimal(span) * Decimal("1e-12"), (line, answer, right)
        whole += right[2] == 0
        some += right[0] > 0 and right[2] > 0
    assert whole > CURVES * 0.05 and some > CURVES * 0.3, (whole, some)
