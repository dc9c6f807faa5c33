"""tally check: each bad configuration of tests/bad-config gives exactly its faults; a good one, its plan."""

import os
import pathlib
import shutil
import sqlite3
import subprocess

import pytest
from support import certificates

ROOT = pathlib.Path(__file__).resolve().parents[2]
BAD = ROOT / "tests" / "bad-config"
TALLY = (ROOT / os.environ.get("TALLY_BUILD", "build") / "tally").resolve()

pytestmark = pytest.mark.skipif(
    not (ROOT / "tools" / "tally" / "main.c").exists(), reason="the tally command is not in this tree"
)

GOOD = """
site: {name: Test works, code: 91350100M000100Y43, time_zone: Asia/Shanghai}
gateway: {name: gw-01, data: data}
buses:
  - {name: line-1, rtu: /dev/ttyS1, baud: 9600, parity: even}
instruments:
  - {name: main-meter, bus: line-1, unit: 1, driver: meter, every: 1s}
"""


def check(path, *more):
    return subprocess.run(
        [TALLY, "check", "-c", path, *more], cwd=BAD, capture_output=True, text=True, timeout=60, check=False
    )


def counted(faults):
    """The faults and the line that ends them."""
    count = faults.count("\n")
    return f"{faults}{count} fault{'' if count == 1 else 's'}\n"


@pytest.mark.parametrize("name", sorted(path.stem for path in BAD.glob("[0-9]*.yaml")))
def test_a_bad_configuration_gives_exactly_its_faults(name):
    answer = check(f"{name}.yaml")
    assert answer.stderr == counted((BAD / f"{name}.txt").read_text(encoding="utf-8"))
    assert answer.stdout == ""
    assert answer.returncode == 1


def test_there_are_enough_of_them():
    assert len(list(BAD.glob("[0-9]*.yaml"))) >= 30


def test_a_good_configuration_prints_its_plan(tmp_path):
    (tmp_path / "data").mkdir()
    path = tmp_path / "tally.yaml"
    path.write_text(GOOD, encoding="utf-8")
    answer = check(path, "--drivers", BAD / "drivers")
    assert answer.stderr == ""
    assert answer.returncode == 0
    lines = answer.stdout.splitlines()
    assert lines[0].split() == ["bus", "instrument", "fc", "address", "registers", "points", "time", "every", "load"]
    assert [line.split()[2:6] for line in lines[1:4]] == [
        ["3", "0x0000", "12", "2"],
        ["3", "0x0032", "2", "1"],
        ["3", "0x00c8", "2", "1"],
    ]
    # 11-bit characters at 9600: 37, 17 and 17 of them, six gaps of 3.5, three turn-rounds of 5 ms.
    expected = ((37 + 17 + 17 + 6 * 3.5) * 11 / 9600 + 0.015) / 1.0
    assert lines[4] == f"bus line-1: 1 instrument, 3 requests, load {expected:.4f} of 0.90"


def test_the_sample_configuration_is_good():
    drivers = ROOT / "drivers"
    if not drivers.is_dir():
        pytest.skip("no drivers in this tree")
    answer = check(ROOT / "config" / "tally.yaml", "--drivers", drivers)
    # Its folder and files are not on this machine.
    assert all("warning" in line for line in answer.stderr.splitlines())
    assert answer.returncode == 0


def test_a_file_that_is_not_there_is_said(tmp_path):
    answer = check(tmp_path / "none.yaml")
    assert answer.returncode == 1
    assert answer.stderr == counted(f"{tmp_path}/none.yaml: cannot be opened: No such file or directory\n")


# --- what is around it: warnings


def warned(path, *more):
    """The warnings, without the file's name. Fails when there is a fault, or nothing to print."""
    answer = check(path, "--drivers", BAD / "drivers", *more)
    assert answer.returncode == 0 and "load" in answer.stdout
    lines = answer.stderr.splitlines()
    if lines:
        assert lines.pop() == f"{len(lines)} warning{'' if len(lines) == 1 else 's'}"
    assert all(line.startswith(str(path)) and ": warning: " in line for line in lines), lines
    return [line.split(": warning: ", 1)[1] for line in lines]


def write(folder, more=""):
    path = folder / "tally.yaml"
    path.write_text(GOOD + more, encoding="utf-8")
    return path


def test_a_data_folder_that_is_not_there_is_a_warning(tmp_path):
    path = write(tmp_path)
    said, = warned(path)
    assert said == f"gateway.data {tmp_path}/data: No such file or directory; tallyd will make it, with a new ledger"
    (tmp_path / "data").write_text("")
    assert warned(path) == [f"gateway.data {tmp_path}/data: not a folder"]
    path.write_text(GOOD.replace("data: data", "data: /proc/none/data"))
    assert warned(path) == ["gateway.data /proc/none/data: No such file or directory"]
    path.write_text(GOOD.replace("data: data", "data: /proc/self"))
    said, = warned(path)
    assert said.startswith("gateway.data /proc/self: cannot be written by this user: ")


def make_ledger(folder, version, origin):
    folder.mkdir()
    database = sqlite3.connect(folder / "ledger.db")
    database.executescript(f"CREATE TABLE log(one INTEGER PRIMARY KEY, origin TEXT, begun_us INTEGER);"
                           f"INSERT INTO log VALUES(1, '{origin}', 0); PRAGMA user_version = {version};")
    database.close()


@pytest.mark.parametrize("version, name, words", [
    (1, "gw-01", []),
    (1, "gw-02", ["is of 91350100M000100Y43/gw-02, the configuration says 91350100M000100Y43/gw-01"]),
    (2, "gw-01", ["was written by a newer tallyd", "is 2, this one knows 1"])], ids=["ours", "another's", "newer"])
def test_a_ledger_that_the_daemon_would_refuse_is_a_warning(tmp_path, version, name, words):
    make_ledger(tmp_path / "data", version, f"91350100M000100Y43/{name}/{'5' * 32}")
    before = {path.name: path.read_bytes() for path in (tmp_path / "data").iterdir()}
    said = warned(write(tmp_path))
    assert len(said) == bool(words) and all(word in said[0] for word in words), said
    assert {path.name: path.read_bytes() for path in (tmp_path / "data").iterdir()} == before


UPLINK = """
uplinks:
  - {name: city, broker: "mqtts://localhost:8883", ca: %s/ca.pem, certificate: %s/gw-01.pem, key: %s/gw-01.key,
     receipts: none}
"""


@pytest.mark.parametrize("break_, word", [
    (lambda c, other: None, None),
    (lambda c, other: (c / "ca.pem").unlink(), "cannot be read: No such file"),
    (lambda c, other: (c / "gw-01.pem").unlink(), "gw-01.pem: cannot be read: No such file"),
    (lambda c, other: (c / "gw-01.key").unlink(), "gw-01.key: cannot be read: No such file"),
    (lambda c, other: (c / "gw-01.pem").write_text("none"), "not a PEM certificate"),
    (lambda c, other: shutil.copy(other / "gw-01.key", c), "does not belong to certificate"),
    (lambda c, other: certificates(c, "--ca", c, "--only", "clients", "--expired"), "has expired (not after"),
    (lambda c, other: certificates(c, "--ca", c, "--only", "clients", "--days", "3"), "expires in "),
], ids=["good", "no-ca", "no-certificate", "no-key", "no-pem", "other-key", "expired", "soon"])
def test_certificate_files_that_will_not_do_are_warnings(tmp_path, break_, word):
    (tmp_path / "data").mkdir()
    folder, other = certificates(tmp_path / "c"), certificates(tmp_path / "other")
    break_(folder, other)
    said = warned(write(tmp_path, UPLINK.replace("%s", str(folder))))
    assert len(said) == bool(word), said
    assert not word or (said[0].startswith("uplink city: ") and word in said[0]), said


def test_an_authority_that_has_expired_is_a_warning(tmp_path):
    (tmp_path / "data").mkdir()
    folder = certificates(tmp_path / "c")
    certificates(folder, "--ca", folder, "--only", "broker", "--expired")
    shutil.copy(folder / "broker.pem", folder / "ca.pem")
    said, = warned(write(tmp_path, UPLINK.replace("%s", str(folder))))
    assert said.startswith("uplink city: ca: the authority /CN=") and "has expired (not after " in said, said
