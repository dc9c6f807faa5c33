"""tools/demo: what it says at the end is true, and it leaves nothing behind."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("demo")  # one after the other: they share build/demo
ROOT = Path(__file__).resolve().parents[2]
LAST = re.compile(r"readings: (\d+) taken, (\d+) stored, (\d+) received, 0 lost")


def processes():
    """Processes that work in build/demo."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(entry / "cwd").startswith(str(ROOT / "build" / "demo")):
                found.append((entry / "cmdline").read_bytes())
        except OSError:
            pass
    return found


def check_end(output):
    lines = output.splitlines()
    counts = LAST.fullmatch(lines[-1])
    assert counts, output[-2000:]
    taken, stored, received = map(int, counts.groups())
    assert taken == stored == received > 0
    said = "\n".join(lines)
    for words in ("byte for byte the gateway's: yes", "city.tally: good", "Verified OK", "altered.tally: NOT GOOD"):
        assert words in said, words
    for unit in ("V", "W", "°C", "bar", "%"):
        assert any(re.search(rf" -?[0-9.]+ {unit}$", line) for line in lines), unit
    assert any(re.search(r"temperature .* corrected -?[0-9.]+ ± 0\.[0-9]+ °C$", line) for line in lines)
    assert processes() == []


def test_it_counts_and_ends_by_itself():
    done = subprocess.run([ROOT / "tools" / "demo"], capture_output=True, encoding="utf-8",
                          env={**os.environ, "SECONDS": "8", "PYTHONIOENCODING": "utf-8"},
                          timeout=90)
    assert done.returncode == 0, done.stdout + done.stderr
    check_end(done.stdout)
    assert re.search(r"limit\.raised air-pressure\.pressure .*limit\.cleared air-pressure\.pressure", done.stdout, re.S)


def test_an_interrupt_ends_it_in_order():
    demo = subprocess.Popen([ROOT / "tools" / "demo"], stdout=subprocess.PIPE, encoding="utf-8",
                            env={**{k: v for k, v in os.environ.items() if k != "SECONDS"},
                                 "PYTHONIOENCODING": "utf-8"})
    for line in demo.stdout:
        if "air-pressure" in line:
            break
    time.sleep(3)
    demo.send_signal(signal.SIGINT)
    rest = demo.communicate(timeout=60)[0]
    assert demo.returncode == 0, rest
    check_end(rest)


def test_nonsense_is_refused():
    done = subprocess.run([ROOT / "tools" / "demo"], capture_output=True, encoding="utf-8",
                          env={**os.environ, "SECONDS": "soon"}, timeout=30)
    assert done.returncode == 1 and "SECONDS=soon" in done.stderr
