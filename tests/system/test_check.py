"""tally check: each bad configuration of tests/bad-config gives exactly its faults; a good one, its plan."""

import os
import pathlib
import subprocess

import pytest

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
    assert answer.stderr == ""
    assert answer.returncode == 0


def test_a_file_that_is_not_there_is_said(tmp_path):
    answer = check(tmp_path / "none.yaml")
    assert answer.returncode == 1
    assert answer.stderr == counted(f"{tmp_path}/none.yaml: cannot be opened: No such file or directory\n")
