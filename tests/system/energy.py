"""What `tally report energy` should say, reckoned from the blocks with decimals and without any code of ours."""

from decimal import Decimal

from intervals import QUARTER_US, bounds, number

MISMATCH = 128
SECOND = 10 ** 6
HOUR = 3600 * SECOND


def readings_of(blocks, numbers):
    """[(t, value, flags, number)] by time, as they may be used, from those in the order of recording; and how many quarters of an
    hour may not, because the clock was set in them."""
    quarters, spoilt = {}, set()
    serial = 0
    for block in blocks:
        for point, t, _, _, indication, _, _, flags in block["readings"]:
            serial += 1
            if point in numbers and number(indication) is not None and not flags & MISMATCH:
                quarters.setdefault(t // QUARTER_US, []).append((t, number(indication), flags, point, serial))
    for quarter, found in quarters.items():
        kept = []
        for reading in found:
            if kept and reading[0] <= kept[-1][0]:
                if reading[:2] != kept[-1][:2]:
                    spoilt.add(quarter)
            else:
                kept.append(reading)
        quarters[quarter] = kept
    ordered = sorted(quarters)
    for before, after in zip(ordered, ordered[1:]):
        if quarters[after][0][4] < quarters[before][-1][4]:
            spoilt |= {before, after}
    return [r[:4] for quarter in ordered if quarter not in spoilt for r in quarters[quarter]], len(spoilt)


def with_exchanges(readings, exchanges, identity):
    """[(t, value, flags, joint)]; joint is "same", "opening" or "disjoint". exchanges: [(t, closing, opening)]."""
    out, last = [], None
    exchanged, renamed = None, True
    for t, value, flags, point in readings:
        for at, closing, opening in exchanges:
            if last and last[0] < at <= t:
                out += [(at, closing, 0, "same"), (at, opening, 0, "opening")]
                exchanged, renamed = at, False
        joint = "same"
        if last and identity[point] != identity[last[1]]:
            if not renamed and t - exchanged <= 7 * 24 * HOUR:
                renamed = True
            else:
                joint = "disjoint"
        out.append((t, value, flags, joint))
        last = (t, point)
    return out


def passed(before, after, modulus, rate):
    """What the register counted, or None."""
    if after[3] != "same":
        return Decimal(0) if after[3] == "opening" else None
    rise = after[1] - before[1]
    if rise >= 0:
        return rise
    if modulus and before[1] < modulus and rise + modulus <= rate * Decimal(after[0] - before[0]) / HOUR:
        return rise + modulus
    return None


def reckon(readings, edges, every_us, modulus=None, rate=None):
    """The report's members that depend on readings, for the intervals between the edges."""
    tolerance = min(every_us // 2 + min(every_us // 10, SECOND), 60 * SECOND) if every_us else 60 * SECOND

    def nearest(edge):
        near = [(abs(r[0] - edge), r[0] >= edge, i if r[0] >= edge else -i) for i, r in enumerate(readings)
                if abs(r[0] - edge) <= tolerance]
        return abs(min(near)[2]) if near else None

    cuts = [nearest(edge) for edge in edges]
    begin, end = cuts[0], cuts[-1]
    if begin is None:
        begin = max([i for i, r in enumerate(readings) if r[0] < edges[0]], default=0)
    if end is None:
        end = min([i for i, r in enumerate(readings) if r[0] >= edges[-1]], default=len(readings) - 1)
    steps = {i: passed(readings[i - 1], readings[i], modulus, rate) for i in range(begin + 1, end + 1)}
    unknowns = [i for i, step in steps.items() if step is None]
    rows, taken = [], set()
    for opens, closes, start, stop in zip(cuts, cuts[1:], edges, edges[1:]):
        inside = None if opens is None or closes is None else range(opens + 1, closes + 1)
        if inside is not None and all(steps[i] is not None for i in inside):
            rows.append(sum((steps[i] for i in inside), Decimal(0)))
            taken |= set(inside)
        else:
            rows.append("unknown" if any(readings[i - 1][0] < stop and readings[i][0] > start for i in unknowns) else None)
    whole = [row for row in rows if isinstance(row, Decimal)]
    known = sum((step for step in steps.values() if step is not None), Decimal(0))
    return {"rows": rows, "energy": sum(whole, Decimal(0)), "complete": len(whole), "registered": known,
            "unallocated": sum((step for i, step in steps.items() if step is not None and i not in taken), Decimal(0)),
            "unknowns": [(readings[i - 1][0], readings[i][0], "reset" if readings[i][3] == "same" else "exchange") for i in unknowns]}


def edges_of(every, zone, from_us, to_us):
    edges = [bounds(every, zone, from_us)[0]]
    while edges[-1] < to_us:
        edges.append(bounds(every, zone, edges[-1])[1])
    return edges
