"""`tally report energy GROUP` and `--site`: groups of the configuration, against the same sums asked for one register at a time."""

import re
from datetime import date
from decimal import Decimal

import pytest
import yaml

from intervals import load, midnight_us, write_ledger
from test_report import EVERY, HOUR, report, rfc, steady

ZONE, START = "Asia/Shanghai", midnight_us("Asia/Shanghai", date(2026, 11, 1))
METERS = {"main": ("energy", "kWh", "0.5"), "line-1": ("energy", "kWh", "0.2"), "line-2": ("energy", "kWh", "0.1"),
          "gas": ("volume", "m³", "0.003"), "boiler": ("heat", "kWh", "0.05")}
NAMES = {meter: f"{meter}.{quantity}" for meter, (quantity, _, _) in METERS.items()}
GROUPS = [{"name": "lines", "plus": [NAMES["line-1"], NAMES["line-2"]]},
          {"name": "grid", "plus": [NAMES["main"]], "kind": "electricity", "site": True},
          {"name": "rest", "plus": ["grid"], "minus": ["lines"]},
          {"name": "all-gas", "plus": [NAMES["gas"]], "kind": "gas", "site": True},
          {"name": "warmth", "plus": [NAMES["boiler"]], "kind": "heat", "site": True}]
SPAN = ["--every", "15min", "--from", rfc(START), "--to", rfc(START + 2 * HOUR)]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A function that asks for a report of a site with these groups."""
    folder = tmp_path_factory.mktemp("groups")
    (folder / "drivers").mkdir()
    for quantity, unit, _ in METERS.values():
        kind = "volume" if unit == "m³" else "energy"
        (folder / "drivers" / f"{quantity}.yaml").write_text(
            "maker: Tally\nmodel: Counter\nsource: made up\ndefaults: {function: 3, type: uint32}\nquantities:\n"
            f"  - {{name: {quantity}, unit: {unit}, kind: {kind}, address: 0}}\n")
    entries = []
    for i, (_, _, step) in enumerate(METERS.values(), 1):
        hole = range(START + HOUR + EVERY, START + HOUR + 1200 * 10 ** 6) if i == 3 else ()
        entries += [e for e in steady(START, START + 3 * HOUR, EVERY, Decimal(step), i) if e[1] not in hole]
    entries.sort(key=lambda e: e[1])
    points = {i: (NAMES[meter], METERS[meter][1]) for i, meter in enumerate(METERS, 1)}
    write_ledger(folder / "data", ZONE, points, entries, more={n: {"every_us": EVERY} for n in points})

    def ask(*words, groups=GROUPS):
        config = {"site": {"name": "Works <2>", "code": "91350100M000100Y43", "time_zone": ZONE},
                  "gateway": {"name": "gw-01", "data": "data"}, "buses": [{"name": "b", "tcp": "192.0.2.1:502"}],
                  "instruments": [{"name": m, "bus": "b", "unit": i, "driver": METERS[m][0], "every": "60s"} for i, m in enumerate(METERS, 1)]}
        (folder / "tally.yaml").write_text(yaml.safe_dump({**config, "groups": groups} if groups else config, allow_unicode=True))
        return report("-c", folder / "tally.yaml", *words)

    ask.folder = folder
    return ask


def meters_of(result):
    assert result.returncode == 0, result.stderr.decode()
    return load(result.stdout.decode())["meters"]


def test_a_group_is_the_sum_and_difference_of_its_registers(site):
    rest, lines, line = meters_of(site("rest", "lines", NAMES["line-1"], *SPAN, "--json"))[1:] + meters_of(site(NAMES["line-1"], *SPAN, "--json"))
    (by_hand,) = meters_of(site("--plus", NAMES["main"], "--minus", NAMES["line-1"], "--minus", NAMES["line-2"], *SPAN, "--json"))
    assert {**rest, "name": "sum"} == by_hand and rest["name"] == "rest" and "kind" not in rest
    assert [(p["name"], p["sign"]) for p in rest["parts"]] == [(NAMES["main"], 1), (NAMES["line-1"], -1), (NAMES["line-2"], -1)]
    assert Decimal(rest["registered"]) == Decimal("0.2") * 120 and Decimal(lines["registered"]) == Decimal("0.3") * 120
    assert rest["complete"] == 6 and line["complete"] == 8, "an interval only where each meter has it"


def test_the_site_has_a_section_for_each_kind_and_adds_no_two_units(site):
    said = load(site("--site", *SPAN, "--json").stdout.decode())
    assert said["site"] == {"name": "Works <2>", "code": "91350100M000100Y43"}
    got = [(m["name"], m["kind"], m["unit"], Decimal(m["registered"])) for m in said["meters"]]
    assert got == [("grid", "electricity", "kWh", 60), ("all-gas", "gas", "m³", Decimal("0.36")), ("warmth", "heat", "kWh", 6)]
    text = site("--site", *SPAN).stdout.decode()
    assert re.search(r"^site Works <2>, 91350100M000100Y43$", text, re.M)
    assert re.findall(r"^(electricity|gas|heat): ([a-z-]+) = ", text, re.M) == [(kind, name) for name, kind, _, _ in got]
    page = site("--site", *SPAN, "--html").stdout.decode()
    assert "Works &lt;2&gt;" in page and re.findall(r"<h2>(\w+): ", page) == ["electricity", "gas", "heat"]


def test_groups_that_are_not_there_are_refused(site):
    table = site.folder / "t.yaml"
    table.write_text(f"meters:\n  - {{name: lines, plus: [{NAMES['main']}]}}\n  - {{name: other, plus: [{NAMES['main']}]}}\n")
    assert [m["name"] for m in meters_of(site("other", *SPAN, "--table", table, "--json"))] == ["other"]
    for words, groups, status, what in (
            (["lines", "--table", table], GROUPS, 1, "a group of"), (["gone"], GROUPS, 1, "there is no group 'gone' in"),
            (["--site"], GROUPS[:1], 1, "no group in"), (["--site"], None, 1, "no group in"), (["lines"], None, 1, "no group 'lines'"),
            ([], GROUPS, 2, "of which meter"), (["--ledger", site.folder / "data", "x.y"], GROUPS, 1, "there is no point 'x.y'")):
        result = site(*words, *SPAN, groups=groups)
        assert result.returncode == status and what in result.stderr.decode() and not result.stdout, words
    result = report("--ledger", site.folder / "data", "lines")
    assert result.returncode == 1 and "give -c FILE" in result.stderr.decode()
