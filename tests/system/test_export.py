"""tally export, proof and verify: from made ledgers and a real gateway's, against independent.py, which shares no code
with ours, and against everything that can be done to a file."""

import csv
import io
import json
import random
import re
import shutil
import signal
import sqlite3
import subprocess

import independent
import pytest
from centre import Centre
from cryptography.hazmat.primitives import serialization
from support import (BUILD, Broker, Daemon, ModbusServer, TALLY, configuration, float_registers, needs_broker,
                     needs_daemon, wait_until)

MAKE_STICK = BUILD / "tests" / "make_stick"
VECTORS = BUILD / "tests" / "vectors"
pytestmark = pytest.mark.skipif(not MAKE_STICK.exists(), reason="the test programs are not built")


def tally(*arguments, status=0):
    result = subprocess.run([TALLY, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == status, result.stdout + result.stderr
    return result


class Stick:
    """A made ledger: blocks of ten seconds from 2026-11-24T05:26:40Z on."""

    def __init__(self, folder, blocks=600, readings=4, points=3, every=6, centres=2, change=400, signed=0, seed=1,
                 shift=(0, 0, 0)):
        self.folder = folder
        subprocess.run([MAKE_STICK, folder, *map(str, (blocks, readings, points, every, centres, change, signed, seed,
                                                       *shift))], check=True)
        self.keys = ["--gateway-key", folder / "gateway.pub"]
        for name in ("city-centre", "national")[:centres]:
            self.keys += ["--centre-key", folder / f"{name}.pub"]

    def time(self, block):
        minutes, seconds = divmod(block * 10 + 26 * 60 + 40, 60)
        return f"2026-11-24T{5 + minutes // 60:02}:{minutes % 60:02}:{seconds:02}Z"

    def export(self, first, end, name="out.tally"):
        path = self.folder / name
        tally("export", "--ledger", self.folder, "--from", self.time(first), "--to", self.time(end), "-o", path)
        return path

    def verify(self, path, status=0):
        return json.loads(tally("verify", path, *self.keys, "--json", status=status).stdout)

    def independent(self):
        load = lambda name: independent.load_key((self.folder / f"{name}.pub").read_bytes())
        return load("gateway"), [load(name) for name in ("city-centre", "national")]


@pytest.fixture(scope="module")
def stick(tmp_path_factory):
    return Stick(tmp_path_factory.mktemp("stick") / "ledger")


# --- the tree


def test_every_root_and_proof_is_that_of_rfc_6962():
    leaves = [independent.leaf_hash(str(i).encode()) for i in range(300)]
    tree = independent.Tree(leaves)
    counts = {"root": 0, "inclusion": 0, "consistency": 0}
    for line in subprocess.run([VECTORS], capture_output=True, text=True, check=True).stdout.splitlines():
        kind, *rest = line.split(" ")
        counts[kind] += 1
        if kind == "root":
            assert tree.root_of(0, int(rest[0])).hex() == rest[1], line
            continue
        m, n = int(rest[0]), int(rest[1])
        proof = [bytes.fromhex(node) for node in rest[2:]]
        root = tree.root_of(0, n)
        if kind == "inclusion":
            assert proof == tree.path(m, 0, n), line
            assert independent.root_from_inclusion(leaves[m], m, n, proof) == root, line
        else:
            assert proof == tree.proof(m, n), line
            independent.check_consistency(m, n, proof, tree.root_of(0, m), root)
    assert counts == {"root": 301, "inclusion": 300 * 301 // 2, "consistency": 300 * 301 // 2}


# --- exports


def agree(stick, path):
    """Both checks find the same of a good export."""
    theirs = independent.Export(path.read_bytes(), *stick.independent())
    ours = stick.verify(path)
    assert ours["good"] and ours["faults"] == 0 and ours["outside"] == 0
    assert (ours["first"], ours["end"], ours["readings"]) == (theirs.first, theirs.end, theirs.readings)
    assert ours["signed"] == theirs.size and ours["log"] == theirs.origin
    for key, limit in (("later_than", theirs.later_than), ("not_later_than", theirs.not_later_than)):
        assert limit == (ours[key] and (ours[key]["block"], ours[key]["time_s"])), key
    return ours


@pytest.mark.parametrize("first, end", [(0, 600), (0, 1), (255, 257), (256, 512), (100, 350), (390, 420), (599, 600)])
def test_an_independent_check_agrees(stick, first, end):
    found = agree(stick, stick.export(first, end))
    assert found["first"] <= first and found["end"] == end
    assert found["first"] >= first - 6  # back to the blocks with the receipts before


def test_an_independent_check_agrees_on_altered_exports(stick):
    good = stick.export(100, 180).read_bytes()
    keys = stick.independent()
    assert independent.refused(good, *keys) is None
    draw = random.Random(20261124)
    path = stick.folder / "altered.tally"
    readme = 512 + len(independent.read_archive(good)[0][1])
    for _ in range(60):
        at, bit = draw.randrange(readme, len(good)), 1 << draw.randrange(8)
        altered = good[:at] + bytes([good[at] ^ bit]) + good[at + 1:]
        path.write_bytes(altered)
        assert not stick.verify(path, status=1)["good"], at
        assert independent.refused(altered, *keys), at


def test_the_proof_of_every_block_verifies(stick):
    (_, key), _ = stick.independent()
    blocks = {}
    database = sqlite3.connect(f"file:{stick.folder}/ledger.db?mode=ro", uri=True)
    for n, leaf in database.execute("SELECT n, leaf FROM blocks"):
        blocks[n] = leaf
    database.close()
    for n in (0, 1, 255, 256, 511, 512, 598, 599):
        index, path, note = independent.read_proof(tally("proof", n, "--ledger", stick.folder).stdout.encode(),
                                                   "c2sp.org/tlog-proof@v1")
        note = independent.Note(note)
        origin, size, root = independent.read_checkpoint(note.text)
        note.verify(origin, key)
        assert (index, size) == (n, 600)
        assert independent.root_from_inclusion(blocks[n], n, size, path) == root
    assert "is not signed yet" in tally("proof", 600, "--ledger", stick.folder, status=1).stderr


def test_what_it_says_to_people(stick):
    path = stick.export(100, 180)
    said = tally("verify", path, *stick.keys).stdout
    assert re.match(rf"{path}: good, log 91350100M000100Y43/gw-01/[0-9a-f]{{32}}\n", said)
    assert re.search(r"complete for blocks \d+ to 179: \d+ readings", said)
    assert re.search(r"blocks \d+ to 179: later than 2026-11-24T05:4\d:\d\dZ \(a receipt of ", said)
    assert re.search(r"blocks \d+ to 179: not later than 2026-11-24T05:5\d:\d\dZ \(.* held them\)", said)
    without = tally("verify", path, *stick.keys[:2]).stdout
    assert "consistent, freshness unproven" in without
    assert "not looked at: a receipt of city-centre, whose key was not given" in without


def test_what_it_says_of_a_fault(stick):
    path = stick.export(100, 180)
    data = path.read_bytes()
    at = data.index(b'",23', data.index(b'"n":150,'))
    path.write_bytes(data[:at + 3] + bytes([data[at + 3] ^ 1]) + data[at + 4:])
    said = tally("verify", path, *stick.keys, status=1).stdout
    assert "NOT GOOD" in said and "first fault, block 150: " in said
    assert "what can still be trusted: blocks 151 to 179" in said
    found = stick.verify(path, status=1)
    assert found["fault"]["block"] == 150 and found["trusted"] == [151, 180]


@pytest.mark.parametrize("seconds, said", [(3600, "later"), (-3600, "earlier")])
def test_readings_timed_outside_the_receipts_are_listed_and_are_no_fault(tmp_path, seconds, said):
    """They are as they were signed: it is the clock that was wrong."""
    stick = Stick(tmp_path / "ledger", blocks=100, change=0, shift=(50, 53, seconds * 1000000))
    path = tmp_path / "x.tally"
    tally("export", "--ledger", stick.folder, "-o", path)
    found = stick.verify(path)
    assert found["good"] and found["outside"] == 12 and len(found["outside_first"]) == 5
    assert {(one["block"], one["late"]) for one in found["outside_first"]} == {(50, seconds > 0), (51, seconds > 0)}
    text = tally("verify", path, *stick.keys).stdout
    assert "  12 readings are timed outside these bounds" in text and "    … and 7 more\n" in text
    assert len(re.findall(rf"^    block 5[01], point [123]: 2026-\S+Z, {said} than the receipt of \S+ at 2026-\S+Z$", text,
                          re.M)) == 5


def test_keys_are_needed_and_must_be_keys(stick):
    path = stick.export(10, 20)
    assert "give --gateway-key" in tally("verify", path, status=2).stderr
    assert "cannot read" in tally("verify", stick.folder / "none.tally", *stick.keys, status=1).stderr
    tally("verify", path, "--gateway-key", stick.folder / "gateway.key", status=1)  # the private one
    tally("verify", path, "--gateway-key", stick.folder / "national.pem", status=1)
    tally("verify", path, path, path, status=2)


def test_a_point_is_looked_for_and_its_blocks_stay_whole(stick):
    out = stick.folder / "point.tally"
    said = tally("export", "--ledger", stick.folder, "--from", stick.time(20), "--to", stick.time(30), "--point",
                 "meter-2.voltage", "-o", out).stdout
    assert "besides meter-2.voltage they hold what else was recorded" in said
    agree(stick, out)
    result = tally("export", "--ledger", stick.folder, "--point", "meter-2.voltag", "-o", out, status=1)
    assert "did you mean 'meter-2.voltage'?" in result.stderr


def test_nothing_is_left_of_an_export_that_fails(stick, tmp_path):
    out = tmp_path / "x.tally"
    tally("export", "--ledger", stick.folder, "--from", "2020-01-01", "--to", "2020-01-02", "-o", out, status=1)
    tally("export", "--ledger", stick.folder, "-o", tmp_path / "no" / "such.tally", status=1)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def long_stick(tmp_path_factory):
    """One whose export takes a while."""
    return Stick(tmp_path_factory.mktemp("long") / "ledger", blocks=20000, readings=40, every=600, centres=1, change=0)


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_of_an_export_that_is_interrupted(long_stick, tmp_path, way):
    out = tmp_path / "x.tally"
    out.write_text("what was there before")
    export = subprocess.Popen([TALLY, "export", "--ledger", long_stick.folder, "-o", out],
                              preexec_fn=lambda: signal.signal(way, signal.SIG_DFL))  # a shell's background ignores SIGINT
    wait_until(lambda: len(list(tmp_path.iterdir())) > 1, "an export under way")
    export.send_signal(way)
    assert export.wait(20) == -way
    assert list(tmp_path.iterdir()) == [out] and out.read_text() == "what was there before"


def test_what_is_not_signed_is_left_out_or_waited_for(tmp_path):
    stick = Stick(tmp_path / "ledger", blocks=100, change=0, signed=60)
    out = tmp_path / "x.tally"
    assert "40 blocks are not signed yet" in tally("verify", "--ledger", stick.folder, *stick.keys).stdout
    said = tally("export", "--ledger", stick.folder, "-o", out)
    assert "blocks from 60 on are left out: they are not signed yet" in said.stderr
    assert agree(stick, out)["end"] == 60
    said = tally("export", "--ledger", stick.folder, "--to", stick.time(90), "-o", out, status=1).stderr
    assert "the last checkpoint is of 60" in said
    database = sqlite3.connect(stick.folder / "ledger.db")
    (receipt,) = database.execute("SELECT note FROM notes WHERE kind = 'receipt' AND name = 'first'").fetchone()
    database.execute("DELETE FROM notes WHERE kind = 'checkpoint'")
    database.commit()
    database.close()
    (tmp_path / "receipt").write_bytes(receipt)
    found = json.loads(tally("verify", out, *stick.keys, "--receipt", tmp_path / "receipt", "--json", status=1).stdout)
    assert "the end of the log was cut off" in found["fault"]["why"] and found["trusted"] == [0, 60]
    assert "tally key init" in tally("export", "--ledger", stick.folder, "-o", out, status=1).stderr
    assert "tally key init" in tally("proof", 3, "--ledger", stick.folder, status=1).stderr


def test_csv_has_every_reading_as_it_was_recorded(stick):
    out = stick.folder / "x.csv"
    tally("export", "--ledger", stick.folder, "--format", "csv", "--from", stick.time(395), "--to", stick.time(405), "-o",
          out)
    rows = list(csv.DictReader(io.StringIO(out.read_text(), newline="")))
    expected = []
    for block in independent.Export(stick.export(395, 405).read_bytes(), *stick.independent()).blocks:
        for point, t_us, half, raw, indication, corrected, unc, flags in block["readings"]:
            if 395 <= block["n"] < 405:
                expected.append((str(t_us), str(half), str(point), str(block["n"]), raw, float(indication), corrected, unc,
                                 flags))
    got = [(r["t_us"], r["half_window_us"], r["point"], r["block"], r["raw"], float(r["indication"]),
            r["corrected"] or None, r["uncertainty"] or None, {"no-certificate": 4}[r["flags"]])
           for r in rows if not r["missed"]]
    assert got == expected and len(got) == 40
    assert {r["name"] for r in rows} == {"meter-1.voltage", "meter-2.voltage", "meter-3.voltage"}
    assert {r["unit"] for r in rows if not r["missed"]} == {"V"}
    assert [r["missed"] for r in rows if r["missed"]] == ["timeout"] * sum(n % 7 == 3 for n in range(395, 405))
    one = tally("export", "--ledger", stick.folder, "--format", "csv", "--point", "meter-3.voltage").stdout
    assert one.count("\n") - 1 == 600 and "meter-1" not in one
    assert re.match(r"\S+Z$", rows[0]["time_utc"])


# --- notes


def last_receipt(stick):
    database = sqlite3.connect(f"file:{stick.folder}/ledger.db?mode=ro", uri=True)
    (note,) = database.execute("SELECT note FROM notes WHERE kind = 'receipt' AND name = 'first'").fetchone()
    database.close()
    return note.decode()


def sign(stick, text):
    private = serialization.load_pem_private_key((stick.folder / "city-centre.key").read_bytes(), None)
    return independent.sign_note(text, "city-centre", private)


def test_a_receipts_time_may_be_any_number(tmp_path):
    stick = Stick(tmp_path / "ledger", blocks=100, every=0, change=0)
    out = tmp_path / "x.tally"
    tally("export", "--ledger", stick.folder, "-o", out)
    theirs = independent.Export(out.read_bytes(), *stick.independent())
    far = 1 << 62
    note = sign(stick, f"tally-receipt/v1\ncentre city-centre\ntime {far}\nnonce -\nfrom 0\n" +
                independent.write_checkpoint(theirs.origin, theirs.size, theirs.root))
    database = sqlite3.connect(stick.folder / "ledger.db")
    database.execute("INSERT INTO notes (kind, name, size, note) VALUES ('receipt', 'first', 100, ?)", (note.encode(),))
    database.commit()
    database.close()
    said = tally("export", "--ledger", stick.folder, "-o", out).stdout
    assert f"with the receipt of city-centre, second {far}, for blocks up to 99" in said
    assert f"not later than second {far} (city-centre held them)" in tally("verify", out, *stick.keys).stdout


def both_take(stick, note, path):
    """Whether tally and the independent check take the receipt; they must agree."""
    note = note if isinstance(note, bytes) else note.encode()
    (stick.folder / "receipt").write_bytes(note)
    result = subprocess.run([TALLY, "verify", path, *map(str, stick.keys), "--receipt", stick.folder / "receipt"],
                            capture_output=True, text=True, check=False)
    try:
        receipt = independent.Receipt(note)
        receipt.note.verify("city-centre", stick.independent()[1][0][1])
        theirs = True
    except (independent.Refused, ValueError):
        theirs = False
    assert (result.returncode == 0) == theirs, result.stdout
    return theirs


@pytest.mark.parametrize("change", [
    lambda t: t.replace("tally-receipt/v1", "tally-receipt/v2"), lambda t: t.replace("\nfrom 0\n", "\nfrom 00\n"),
    lambda t: re.sub(r"\ntime (\d+)", r"\ntime 0\1", t), lambda t: re.sub(r"\ntime (\d+)", r"\ntime -\1", t),
    lambda t: re.sub(r"\n(centre .*)\n(time .*)\n", r"\n\2\n\1\n", t), lambda t: t.replace("\nnonce -", "\nnonce"),
    lambda t: t.replace("\nnonce -", "\nnonce 00112233445566778899AABBCCDDEEFF"), lambda t: t + "more\n",
    lambda t: re.sub(r"\n(\d+)\n(\S+)\n$", r"\n0\1\n\2\n", t), lambda t: t.replace("\n", "\r\n"),
    lambda t: re.sub(r"=\n$", "\n", t), lambda t: t.replace("centre city", "centre  city"),
    lambda t: t.replace("\nfrom 0\n", "\nfrom 99999999\n"), lambda t: t.replace("\nfrom 0\n", "\nfrom 0 \n"),
    lambda t: re.sub(r"\n(\d+)\n(\S+)\n$", r"\n9223372036854775808\n\2\n", t),
    lambda t: t[:-3] + chr(ord(t[-3]) + 1) + t[-2:],  # bits of the base64 that nothing uses
])
def test_a_receipt_of_another_form_is_refused_though_it_is_signed(stick, change):
    path = stick.export(10, 20)
    text = last_receipt(stick).rpartition("\n\n")[0] + "\n"
    assert both_take(stick, sign(stick, text), path)
    assert change(text) != text
    assert not both_take(stick, sign(stick, change(text)), path)


@pytest.mark.parametrize("change", [
    lambda n: n + n.splitlines(True)[-1], lambda n: n.replace("\n\n", "\n"), lambda n: n.replace("\n\n", "\n\n\n"),
    lambda n: n[:-1], lambda n: n + "\n", lambda n: n.replace("\u2014", "-"), lambda n: n.replace("\u2014 ", "\u2014  "),
    lambda n: n.replace(" city-centre ", " city+centre "), lambda n: n[:-2] + "\n",
    lambda n: n.encode().replace(b"city", b"cit\xff"), lambda n: n.encode()[:20] + b"\0" + n.encode()[21:],
    lambda n: re.sub(r"(\S{8})(\S+)\n$", r"\1 \2\n", n), lambda n: "", lambda n: n * 40,
])
def test_a_note_of_another_form_is_refused(stick, change):
    note = last_receipt(stick)
    path = stick.export(10, 20)
    assert both_take(stick, note, path)
    assert not both_take(stick, change(note), path)


# --- two holders


def test_two_exports_agree_or_the_first_difference_is_said(stick, tmp_path):
    a, b = stick.export(100, 300, "a.tally"), stick.export(200, 400, "b.tally")
    said = tally("verify", a, b, *stick.keys).stdout
    assert re.search(r"they agree on blocks \d+ to 299", said)
    found = json.loads(tally("verify", a, b, *stick.keys, "--json").stdout)
    assert found["good"] and found["common"][1] == 300 and found["first_difference"] is None
    assert "they have no block in common" in tally("verify", a, stick.export(500, 510, "c.tally"), status=1).stdout
    other = Stick(tmp_path / "other", blocks=50, change=0, seed=5)
    assert "not of one log" in tally("verify", a, other.export(0, 50), status=1).stdout


def test_a_log_that_was_signed_in_two_ways_is_shown_with_both_statements(tmp_path):
    one = Stick(tmp_path / "one", blocks=60, change=0)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    one, two = (Stick(tmp_path / name, blocks=blocks, change=0, seed=seed)
                for name, blocks, seed in (("one", 100, 2), ("two", 120, 3)))
    paths = one.export(30, 90), two.export(30, 90)
    said = tally("verify", *paths, *one.keys, status=1).stdout
    assert "block 60 is not the same in both" in said
    assert "the gateway has signed both, and they cannot both be true" in said
    (_, key), _ = one.independent()
    found = json.loads(tally("verify", *paths, *one.keys, "--json", status=1).stdout)
    heads = [independent.Note(note.encode()) for note in found["contradiction"]]
    for note in heads:
        note.verify(independent.read_checkpoint(note.text)[0], key)
    assert [independent.read_checkpoint(note.text)[1] for note in heads] == [100, 120]


# --- ledgers


@pytest.fixture
def damaged(tmp_path):
    """A ledger of one's own, and a function that runs SQL on it."""
    made = Stick(tmp_path / "ledger", change=0)

    def damage(*statement):
        database = sqlite3.connect(made.folder / "ledger.db")
        assert database.execute(*statement).rowcount > 0
        database.commit()
        database.close()

    return made, damage


def check_ledger(stick, status=0):
    return json.loads(tally("verify", "--ledger", stick.folder, *stick.keys, "--json", status=status).stdout)


def test_a_good_ledger_is_good(stick):
    found = check_ledger(stick)
    assert found["good"] and (found["first"], found["end"], found["more"]) == (0, 600, 0)
    assert found["not_later_than"]["block"] > 590


def test_a_pruned_ledger_is_good(damaged):
    stick, damage = damaged
    damage("DELETE FROM blocks WHERE n < 256")
    found = check_ledger(stick)
    assert found["good"] and found["first"] == 256
    assert agree(stick, stick.export(0, 300))["first"] == 256


@pytest.mark.parametrize("statement, block, what", [
    ("UPDATE blocks SET (packed, length) = (SELECT packed, length FROM blocks WHERE n = 299) WHERE n = 300", 300,
     "do not agree with its hash"),
    ("UPDATE blocks SET (packed, length, leaf) = (SELECT packed, length, leaf FROM blocks WHERE n = 299) WHERE n = 300",
     300, "in its place stands block 299"),
    ("DELETE FROM blocks WHERE n = 300", 300, "is not there"),
    ("DELETE FROM files WHERE kind = 'driver'", 0, "the file is not there"),
    ("DELETE FROM files WHERE kind = 'definitions'", 0, "definitions "),
    ("DELETE FROM files WHERE kind = 'recovered'", None, "the file is not there"),
    ("UPDATE tiles SET root = zeroblob(32) WHERE id = 0", None, "tile"),
    ("UPDATE tiles SET hashes = zeroblob(8192) WHERE id = 1", None, "tile"),
    ("DELETE FROM blocks WHERE n >= 590", None, "the end of the log was cut off"),
    ("DELETE FROM notes WHERE kind = 'checkpoint'", None, "this log is not signed"),
    ("UPDATE notes SET note = CAST(replace(CAST(note AS TEXT), 'time 1', 'time 2') AS BLOB) WHERE name = 'first'", None,
     "does not verify"),
    ("UPDATE log SET origin = replace(origin, 'gw-01', 'gw-02')", None, "another log"),
    ("DELETE FROM entries", None, "block 310 holds something that a person put on record"),
    ("INSERT INTO entries VALUES(300)", None, "block 300 holds nothing that a person put on record"),
])
def test_what_is_wrong_with_a_ledger_is_said(damaged, statement, block, what):
    stick, damage = damaged
    damage(statement)
    found = check_ledger(stick, status=1)
    assert what in found["fault"]["why"] and not found["good"]
    assert found["fault"]["block"] == block
    if block == 300:
        assert found["trusted"] == ([0, 0] if "leaf" in statement else [301, 600])


@pytest.mark.parametrize("statement, what", [
    ("UPDATE blocks SET (packed, length) = (SELECT packed, length FROM blocks WHERE n = 299) WHERE n = 300", "block 300: "),
    ("UPDATE blocks SET (packed, length, leaf) = (SELECT packed, length, leaf FROM blocks WHERE n = 299) WHERE n = 300",
     "block 300: in its place stands block 299"),
    ("DELETE FROM blocks WHERE n = 300", "block 300 is not there"),
    ("DELETE FROM files WHERE kind = 'driver'", "the file is not there"),
    ("UPDATE blocks SET leaf = zeroblob(32) WHERE n = 590", "the signed root of 600 blocks is not theirs"),
    ("UPDATE notes SET note = CAST(replace(CAST(note AS TEXT), char(10) || '600' || char(10),"
     " char(10) || '599' || char(10)) AS BLOB) WHERE kind = 'checkpoint'", "the signed root of 599 blocks is not theirs"),
])
def test_what_would_not_verify_is_not_exported(damaged, statement, what):
    stick, damage = damaged
    damage(statement)
    out = stick.folder / "x.tally"
    result = tally("export", "--ledger", stick.folder, "--from", stick.time(200), "--to", stick.time(400), "-o", out, status=1)
    assert what in result.stderr
    assert not list(stick.folder.glob("x.tally*"))


def test_a_forged_receipt_in_a_block_sets_no_bound(tmp_path):
    """The centre's key is another than the one that signed what stands in the blocks: it counts for nothing."""
    one = Stick(tmp_path / "one", blocks=60, change=0, centres=1)
    other = Stick(tmp_path / "other", blocks=5, change=0, centres=1)
    out = one.export(20, 50)
    keys = ["--gateway-key", one.folder / "gateway.pub", "--centre-key"]
    line = (one.folder / "city-centre.pub").read_text()
    forged = (other.folder / "city-centre.pub").read_text()
    assert line != forged
    found = json.loads(tally("verify", out, *keys, other.folder / "city-centre.pub", "--json", status=1).stdout)
    assert found["later_than"] is None and found["not_later_than"] is None and found["outside"] == 0
    assert "not signed by the key that was given for it" in found["fault"]["why"]
    assert found["trusted"] == [found["first"], 50]  # the blocks are the gateway's all the same


# --- a real gateway


@needs_daemon
@needs_broker
def test_a_real_gateways_ledger_is_exported_and_verified(tmp_path):
    registers = {1: dict(enumerate(float_registers(230.1)))}
    with ModbusServer(tmp_path, registers) as server, Broker(tmp_path / "broker") as broker, \
            Centre(broker, tmp_path) as centre:
        path = configuration(
            tmp_path, [{"name": "b", "tcp": f"127.0.0.1:{server.port}"}],
            [{"name": "meter", "bus": "b", "unit": 1, "driver": "eastron-sdm630", "every": "50ms",
              "quantities": ["voltage-l1", "current-l1"]}],
            [broker.uplink(receipts=str(centre.trusted), required=True)], prompt=True, checkpoint_interval="1s")
        (tmp_path / "data").mkdir()
        tally("key", "init", "-c", path)
        with Daemon(path) as daemon:
            wait_until(lambda: len(centre.receipts) > 4 and daemon.uplink().get("acknowledged", 0) > 60, daemon.said, 60)
            tally("export", "-c", path, "-o", tmp_path / "running.tally")  # beside it
            assert daemon.stop() == 0
    shown = tally("key", "show", "-c", path).stdout
    pem = re.search(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----\n", shown, re.S)[0]
    (tmp_path / "gateway.pem").write_text(pem)
    (tmp_path / "gateway.line").write_text(re.search(r"^91350100\S+$", shown, re.M)[0] + "\n")
    keys = ["--centre-key", centre.trusted, "--json"]
    tally("export", "-c", path, "-o", tmp_path / "whole.tally")
    for name in ("running", "whole"):
        for key in ("gateway.pem", "gateway.line"):
            data = (tmp_path / f"{name}.tally").read_bytes()
            theirs = independent.Export(data, independent.load_key((tmp_path / key).read_bytes()),
                                        [independent.load_key(centre.trusted.read_bytes())])
            ours = json.loads(tally("verify", tmp_path / f"{name}.tally", "--gateway-key", tmp_path / key, *keys).stdout)
            assert ours["good"] and ours["outside"] == 0, ours
            assert (ours["first"], ours["end"]) == (theirs.first, theirs.end)
            assert (ours["not_later_than"]["block"], ours["not_later_than"]["time_s"]) == theirs.not_later_than
            assert (ours["later_than"]["block"], ours["later_than"]["time_s"]) == theirs.later_than
    assert "they agree" in tally("verify", tmp_path / "running.tally", tmp_path / "whole.tally").stdout
    ledger = json.loads(tally("verify", "-c", path, "--gateway-key", tmp_path / "gateway.pem", *keys).stdout)
    assert ledger["good"] and ledger["more"] == 0 and ledger["outside"] == 0
