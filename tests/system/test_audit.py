"""docs/AUDIT.md: its commands, run as they stand there, on real exports; and what they say to an altered one."""

import re
import shutil
import subprocess

import pytest
from support import BUILD, ROOT, TALLY

MAKE_STICK = BUILD / "tests" / "make_stick"
pytestmark = pytest.mark.skipif(not MAKE_STICK.exists(), reason="the test programs are not built")


def commands():
    blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "docs" / "AUDIT.md").read_text(), re.M | re.S)
    assert len(blocks) == 9
    return "\n".join(blocks)


def make_export(folder):
    subprocess.run([MAKE_STICK, folder / "ledger", "150", "5", "5", "6", "2"], check=True)
    subprocess.run([TALLY, "export", "--ledger", folder / "ledger", "--from", "2026-11-24T05:33:20Z", "--to",
                    "2026-11-24T05:45:00Z", "-o", folder / "export.tally"], check=True, capture_output=True)
    shutil.copy(folder / "ledger" / "gateway.pem", folder / "gateway.pem")
    shutil.copy(folder / "ledger" / "city-centre.pem", folder / "centre.pem")


def audit(folder):
    return subprocess.run(["sh", "-c", commands()], cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_the_commands_find_a_good_export_good(tmp_path):
    make_export(tmp_path)
    result = audit(tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    said = result.stdout
    assert re.search(r"^blocks \d+ to 109 of 91350100M000100Y43/gw-01/[0-9a-f]{32}$", said, re.M)
    for line in ("chain: whole", "proof: block 109 is in the log of 150 blocks", "definitions: 1, and what they name"):
        assert line in said.splitlines()
    assert said.count("Verified OK") == 3
    assert re.search(r"^blocks up to 109: not later than .*2026$|^blocks up to 109: not later than .*UTC", said, re.M)
    assert re.search(r"^blocks behind \d+: later than ", said, re.M)
    assert re.search(r"^\d+\t2026-11-24T05:\d\d:\d\dZ\tmeter-1.voltage\t23\d\.\d+\tV\t[0-9a-f]{8}\t4$", said, re.M)


def altered(folder, entry, change):
    """export.tally with an entry changed, by a tar that is not ours."""
    whole = folder / "whole"
    whole.mkdir()
    subprocess.run(["tar", "-x", "-f", folder / "export.tally", "-C", whole], check=True)
    (path,) = whole.glob(entry)
    before = path.read_bytes()
    path.write_bytes(change(before))
    assert path.read_bytes() != before
    subprocess.run(["tar", "-c", "--format=ustar", "-f", folder / "export.tally", "-C", whole, "."], check=True)


def one_digit(lines):
    at = lines.index(b'",23', len(lines) // 2) + 3
    return lines[:at] + (b"4" if lines[at:at + 1] != b"4" else b"5") + lines[at + 1:]


@pytest.mark.parametrize("entry, change", [
    ("blocks/*.jsonl", one_digit),
    ("blocks/*.jsonl", lambda lines: b"".join(lines.splitlines(True)[:-1])),
    ("blocks/*.jsonl", lambda lines: b"".join(lines.splitlines(True)[:20] + lines.splitlines(True)[21:])),
    ("receipts/1", lambda note: note.replace(b"\ntime 1", b"\ntime 2")),
    ("receipts/1", lambda note: b"\n".join(note.split(b"\n")[:2] + note.split(b"\n")[3:])),
    ("last-block.tlog-proof", lambda proof: re.sub(rb"\n150\n", b"\n151\n", proof)),
    ("definitions/*", lambda json: json.replace(b'"V"', b'"A"')),
])
def test_the_commands_refuse_an_altered_one(tmp_path, entry, change):
    make_export(tmp_path)
    altered(tmp_path, entry, change)
    result = audit(tmp_path)
    assert result.returncode != 0, result.stdout + result.stderr
