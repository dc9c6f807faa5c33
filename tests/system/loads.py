"""Energy corrected by load, and its U, reckoned with decimals and without any code of ours (docs/FORMAT.md, 2.2; GUM)."""

from bisect import bisect_left
from decimal import Decimal

from intervals import rounded

HOUR = 3600 * 10 ** 6
QUARTER = HOUR // 4


def exact(number):
    return Decimal(number)  # of a float: all its digits


def curve_of_points(points, resolution=0):
    """points: [(load, error, U, k)], error and U as parts of the reference value; resolution: u of one reading."""
    return {"points": [tuple(map(exact, point)) for point in points], "resolution": exact(resolution),
            "k": max([Decimal(2)] + [exact(point[3]) for point in points])}


def curve_of_mpe(absolute, relative, resolution=0):
    return {"points": None, "absolute": exact(absolute), "relative": exact(relative), "resolution": exact(resolution), "k": Decimal(2)}


def error_at(curve, load):
    """(error, u) at a load, or None."""
    if curve["points"] is None:
        return Decimal(0), curve["relative"] / Decimal(3).sqrt()
    for low, high in zip(curve["points"], curve["points"][1:] + [None]):
        if low[0] == load:
            return low[1], low[2] / low[3]
        if high and low[0] < load < high[0]:
            share = (load - low[0]) / (high[0] - low[0])
            return low[1] * (1 - share) + high[1] * share, low[2] / low[3] * (1 - share) + high[2] / high[3] * share
    return None


def put_together(shares):
    """Of [(energy, hours, joined, curve or None, ends or None)] of one meter: what is corrected, its standard uncertainties, and
    what is not. Each reading counts by the difference of the weights on its two sides. ends: (bound of the times in hours, and
    of either end the load and how far it is from its boundary, in hours)."""
    out = dict.fromkeys(("corrected", "calibration", "permissible", "outside", "outside_hours", "unknown", "k", "variance"), Decimal(0))
    weights, least, square = [Decimal(0)], Decimal(0), Decimal(0)
    for i, (energy, hours, joined, curve, ends) in enumerate(shares):
        energy, hours = exact(energy), exact(hours)
        last = i + 1 == len(shares) or not shares[i + 1][2]
        for kw, distance in [ends[1]] * (not joined) + [ends[2]] * last if ends and curve and error_at(curve, energy / hours) else []:
            square += (kw * ends[0]) ** 2 / 3
            out["variance"] += (kw * distance) ** 2 / 3
        known = curve and error_at(curve, energy / hours)
        if not joined:
            weights.append(Decimal(0))
        if not known:
            out["outside" if curve else "unknown"] += energy
            out["outside_hours"] += hours if curve else 0
            weights.append(Decimal(0))
            continue
        weight = 1 / (1 + known[0])
        out["corrected"] += energy * weight
        out["calibration" if curve["points"] else "permissible"] += energy * weight * weight * known[1]
        least = max(least, curve.get("absolute", Decimal(0)) / Decimal(3).sqrt())
        out["k"] = max(out["k"], curve["k"])
        weights.append(weight * curve["resolution"])
    weights.append(Decimal(0))
    out["permissible"] = max(out["permissible"], least)
    out["variance"] += sum(((a - b) ** 2 for a, b in zip(weights, weights[1:])), Decimal(0))
    out["time"] = square.sqrt()
    return out


def expanded(out):
    return out["k"] * (out["calibration"] ** 2 + out["permissible"] ** 2 + out["time"] ** 2 + out["variance"]).sqrt()


def add_up(parts, independent=False):
    """Of [(sign, laboratory, what put_together says)]."""
    out = dict.fromkeys(("corrected", "permissible", "time", "variance", "outside", "unknown"), Decimal(0))
    out["k"] = max(part["k"] for _, _, part in parts)
    common = {}
    for i, (sign, laboratory, part) in enumerate(parts):
        for key in ("corrected", "outside", "unknown"):
            out[key] += sign * part[key]
        out["time"] += part["time"]
        out["variance"] += part["variance"]
        key = i if independent or laboratory is None else laboratory
        common[key] = common.get(key, 0) + sign * part["calibration"]
        if independent:
            out["variance"] += part["permissible"] ** 2
        else:
            out["permissible"] += part["permissible"]
    out["calibration"] = sum((c * c for c in common.values()), Decimal(0)).sqrt()
    return out


def nearest(readings, edge, tolerance):
    """The place of the reading nearest to an edge."""
    at = bisect_left(readings, (edge,))
    near = [(abs(readings[i][0] - edge), readings[i][0] >= edge, i) for i in (at - 1, at) if 0 <= i < len(readings)]
    near = [one for one in near if one[0] <= tolerance]
    return min(near)[2] if near else None


def shares_of(readings, start, stop, quarters, tolerance, curves, bound_us=rounded(401)):
    """Those of the interval [start, stop) if it has a figure: between readings next to boundaries of quarters. readings:
    [(t, value, flags, number)], rising; curves: {number: curve or None}; bound_us: how far all times may be wrong."""
    def passed(a, b):
        return readings[b][1] - readings[a][1], Decimal(readings[b][0] - readings[a][0]) / HOUR

    def end(at, boundary, own, beside):
        """Its load, the greater one of the two sides where a quarter with a figure is on the other, and its distance."""
        other = nearest(readings, beside, tolerance) if quarters[0] <= beside <= quarters[-1] else None
        loads = [own] + [energy / hours for energy, hours in [passed(*sorted((at, other)))]] if other is not None else [own]
        return max(loads), Decimal(abs(readings[at][0] - boundary)) / HOUR

    inside = [edge for edge in quarters if start <= edge <= stop]
    all_cuts, shares = [nearest(readings, edge, tolerance) for edge in inside], []
    if all_cuts[0] is None or all_cuts[-1] is None:
        return None
    cuts = [cut for cut in all_cuts if cut is not None]
    places = {cut: edge for cut, edge in zip(all_cuts, inside) if cut is not None}
    for a, b in zip(cuts, cuts[1:]):
        energy, hours = passed(a, b)
        quarter = places[b] - places[a] == QUARTER
        ends = [end(at, boundary, energy / hours, places[at] + step if quarter else quarters[0] - 1)
                for at, boundary, step in ((a, start, -QUARTER), (b, stop, QUARTER))]
        some = {id(curves[r[3]]): curves[r[3]] for r in readings[a:b + 1]}
        shares.append((energy, hours, bool(shares), some.popitem()[1] if len(some) == 1 else None,
                       (Decimal(bound_us) / HOUR, *ends)))
    return shares
