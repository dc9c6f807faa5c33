"""The `tally` command: against a daemon played by this file, and against the real one."""

import csv
import hashlib
import io
import json
import os
import pty
import re
import select
import signal
import socket
import sqlite3
import struct
import subprocess
import termios
import threading
import time
import unicodedata
from datetime import datetime, timezone
from fcntl import ioctl
from pathlib import Path

import pytest

from intervals import block_objects, expected, load
from stored import ledger_blocks

ROOT = Path(__file__).resolve().parents[2]
BUILD = (ROOT / os.environ.get("TALLY_BUILD", "build")).resolve()
TALLY = BUILD / "tally"
TALLYD = BUILD / "tallyd"
COMMANDS = ["check", "status", "watch", "alarm", "history", "report", "rebuild", "export", "proof", "verify",
            "certificate", "budget", "coverage", "job"]
needs_daemon = pytest.mark.skipif(not TALLYD.exists(), reason="tallyd is not built")
ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm"}


def tally(*arguments, **options):
    return subprocess.run([TALLY, *map(str, arguments)], capture_output=True, timeout=60,
                          env=ENVIRONMENT, **options)


def said(result):
    return result.stdout.decode() + result.stderr.decode()


# --- how it is called


def test_help_lists_every_command():
    result = tally("help")
    assert result.returncode == 0
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", result.stdout.decode(), re.M)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_is_the_same_both_ways(command):
    result = tally(command, "--help")
    assert result.returncode == 0 and result.stdout.startswith(b"usage: tally " + command.encode())
    assert tally("help", command).stdout == result.stdout


def test_unknown_command_gets_a_suggestion():
    result = tally("stauts")
    assert result.returncode == 2 and "did you mean 'status'?" in said(result)


@pytest.mark.parametrize("arguments", [[], ["status", "--nope"], ["status", "extra"], ["history"],
                                       ["history", "--point"], ["watch", "-n", "0"], ["alarm"], ["alarm", "lst"],
                                       ["alarm", "list", "--by", "wang"], ["alarm", "acknowledge", "a.b"],
                                       ["alarm", "acknowledge", "a", "--reason", "seen"],
                                       ["alarm", "acknowledge", "a.b", "--reason", "x\ny"],
                                       ["alarm", "acknowledge", "a.b", "--reason", "x", "--by", "a b"],
                                       ["history", "--ledger", ".", "--point", "a.b", "--bins", "x"],
                                       ["history", "--ledger", ".", "--point", "a.b", "--every", "week"]])
def test_misuse_exits_with_2_and_says_how(arguments):
    result = tally(*arguments)
    assert result.returncode == 2 and b"usage: tally" in result.stderr and not result.stdout


# Misuse is told from a finding even where both are there: nothing is looked at before the arguments are.
@pytest.mark.parametrize("arguments", [
    ["check", "-c", "absent.yaml", "extra"], ["status", "-c", "absent.yaml", "extra"],
    ["status", "--ledger", "absent", "--nope"], ["watch", "-c", "absent.yaml", "-n", "0"],
    ["rebuild", "--ledger", "absent", "extra"], ["rebuild", "-c", "absent.yaml", "--nope"],
    *(["history", *where, "--point", "a.b", *words]
      for where in (["--ledger", "absent"], ["-c", "absent.yaml"])
      for words in (["--from", "yesterday"], ["--to", "2026-02-30"], ["--from", "now", "--to", "-1h"],
                    ["--from", "2026-11-24", "--to", "2026-11-23T12:00"], ["--from", "2026-11-24", "--limit", "0"],
                    ["--from", "x", "--csv", "--json"]))])
def test_misuse_is_said_before_what_is_absent(tmp_path, arguments):
    result = tally(*arguments, cwd=tmp_path)
    assert result.returncode == 2 and b"usage: tally" in result.stderr and b"absent" not in result.stderr


def test_times_whose_order_the_zone_decides_are_not_misuse(tmp_path):
    result = tally("history", "--ledger", tmp_path / "absent", "--point", "a.b", "--from", "2026-11-24T01:00",
                   "--to", "2026-11-23T18:00:00Z")
    assert result.returncode == 1 and b"absent" in result.stderr


def test_version_names_the_very_program():
    result = tally("--version")
    assert result.returncode == 0
    assert hashlib.sha256(TALLY.read_bytes()).hexdigest() in result.stdout.decode()


# --- man pages


def options_of_help(text):
    pairs = re.findall(r"^ +(?:(-\w), )?(--[a-z-]+)", text, re.M)
    return {option for pair in pairs for option in pair if option}


def options_of_man(lines):
    options = set()
    for line in lines:
        if line.startswith(".It Fl"):
            options |= {"--" + long for long in re.findall(r"Fl Fl ([a-z-]+)", line)}
            options |= {"-" + short for short in re.findall(r"Fl (\w)(?: |$)", line)}
    return options


def section(page, heading):
    lines = (ROOT / "docs/man" / page).read_text().split("\n")
    start = lines.index(heading)
    end = next(i for i in range(start + 1, len(lines)) if re.match(r"\.S[hs] ", lines[i]))
    return lines[start:end]


@pytest.mark.parametrize("command", COMMANDS)
def test_man_page_has_the_options_of_help(command):
    options = options_of_help(tally(command, "--help").stdout.decode())
    assert {"--help", "-h"} <= options
    assert options_of_man(section("tally.1", f".Ss {command}")) == options


@needs_daemon
def test_man_page_of_the_daemon_has_the_options_of_help():
    text = subprocess.run([TALLYD, "--help"], capture_output=True, timeout=10).stdout.decode()
    assert options_of_man(section("tallyd.8", ".Sh DESCRIPTION")) == options_of_help(text)


@pytest.mark.parametrize("page", ["tally.1", "tallyd.8", "tally.yaml.5", "tally-energy.5", "tally-centre.8"])
def test_man_page_is_sound(page):
    try:
        result = subprocess.run(["mandoc", "-Tlint", "-Wwarning", ROOT / "docs/man" / page],
                                capture_output=True, timeout=20)
    except FileNotFoundError:
        pytest.skip("mandoc is not installed")
    assert result.returncode == 0, result.stdout.decode()


# Every key that the configuration's reader knows is in tally.yaml(5), and no other.
def test_man_page_has_every_key_of_the_configuration():
    known = set()
    for source in (ROOT / "gateway/config").glob("config*.c"):
        known |= set(re.findall(r'\{"([a-z_]+)", [^{}]*?NODE_', source.read_text()))
    page = (ROOT / "docs/man/tally.yaml.5").read_text()
    described = set(re.findall(r"^\.It Cm (\w+)", page, re.M)) | \
        set(re.findall(r"^\.It Cm \w+ , (\w+)", page, re.M)) | \
        set(re.findall(r"^\.Ss (\w+)", page, re.M)) | {"pt", "ct"}
    assert known and known == described


# --- check

SITE = "site: {name: Test, code: 91350100M000100Y43, time_zone: Asia/Shanghai}\n"

DRIVER = """maker: Test
model: One
source: none
quantities:
  - {name: voltage, unit: V, function: 3, address: 0, type: uint16, scale: "0.1"}
  - {name: temperature, unit: "°C", function: 3, address: 2, type: float32}
"""


def write_configuration(folder, port=502, every="100ms", extra=""):
    (folder / "drivers").mkdir(exist_ok=True)
    driver = folder / "drivers/one.yaml"
    if not driver.exists():
        driver.write_text(DRIVER)
    path = folder / "tally.yaml"
    path.write_text(SITE + f"gateway: {{name: gw-01, data: {folder}/data, block_interval: 300ms}}\n"
                    f'buses: [{{name: lab, tcp: "127.0.0.1:{port}", timeout: 200ms, late_max: 200ms}}]\n'
                    f"instruments: [{{name: oven, bus: lab, unit: 1, driver: one, every: {every}{extra}}}]\n")
    return path


def test_check_prints_plan_and_load(tmp_path):
    (tmp_path / "data").mkdir()
    result = tally("check", "-c", write_configuration(tmp_path))
    assert result.returncode == 0, said(result)
    assert "oven" in result.stdout.decode() and "lab" in result.stdout.decode()
    assert result.stderr == b""


def test_check_prints_all_faults_with_their_places(tmp_path):
    path = write_configuration(tmp_path)
    path.write_text(path.read_text().replace("Asia/Shanghai", "Asia/Shangai").replace("driver: one", "driver: two")
                    + "bogus: 1\n")
    result = tally("check", "-c", path)
    lines = result.stderr.decode().splitlines()
    assert result.returncode == 1 and result.stdout == b""
    assert lines[-1] == f"{len(lines) - 1} faults" and len(lines) >= 4
    assert all(re.match(rf"{re.escape(str(path))}:\d+:\d+: ", line) for line in lines[:-1])


def test_check_refuses_a_plan_that_a_bus_cannot_meet(tmp_path):
    path = write_configuration(tmp_path)
    path.write_text(path.read_text().replace(f'tcp: "127.0.0.1:502"', "rtu: /dev/ttyS1, baud: 300")
                    .replace("every: 100ms", "every: 20ms"))
    result = tally("check", "-c", path)
    assert result.returncode == 1 and "lab" in result.stderr.decode()
    assert result.stderr.decode().splitlines()[-1] == "1 fault"


def test_check_takes_the_file_of_this_folder(tmp_path):
    write_configuration(tmp_path)
    assert tally("check", cwd=tmp_path).returncode == 0


# --- a daemon played here

NOW_US = 1795498776000000


def status_document(**changes):
    return {"tally-status": 1, "online": True, "version": "1.0", "site": "Hanjiang 二号 纺织", "code": "91350100M000100Y43",
            "time_zone": "Asia/Shanghai", "gateway": "gw-01", "log": "91350100M000100Y43/gw-01/00ff", "time_us": NOW_US,
            "up_us": 100_000_000, "clock": {"state": "synchronised", "error_us": 850, "leap": 0},
            "ledger": {"first": 0, "size": 42, "readings": 1000, "bytes": 1 << 20, "free_bytes": 1 << 30, "hours_to_full": 100.5,
                       "full": False, "failed": False, "fault": ""},
            "recorder": {"readings": 1000, "missed": 7, "blocks": 42, "events": 3, "sealed_waiting": 0},
            "buses": [{"name": "rs485-1", "address": "/dev/ttyS1 9600 8E1", "connected": True, "exchanges": 10, "faults": 2,
                       "load": 0.25, "fault": ""}],
            "instruments": [
                {"name": "oven", "bus": "rs485-1", "unit": 1, "driver": "one", "points": 2, "every_us": 1_000_000, "state": "reading",
                 "polls": 500, "readings": 1000, "missed": 0, "last_us": NOW_US - 300_000, "round_trip_us": 12_000, "fault": ""},
                {"name": "pump\x1b[31m", "bus": "rs485-1", "unit": 2, "driver": "one", "points": 1, "every_us": 1_000_000,
                 "state": "silent", "polls": 9, "readings": 3, "missed": 7, "last_us": NOW_US - 90_000_000, "round_trip_us": 9000,
                 "fault": "timeout"}],
            "instruments_omitted": 0, "instruments_silent": 1,
            "uplinks": [{"name": "city-centre", "host": "localhost", "port": 8883, "required": True, "connected": False,
                         "since_us": NOW_US - 5_000_000, "acknowledged": 40, "size": 42, "published": 40, "readings": 900,
                         "fault": "broker's certificate has expired"}], **changes}


def latest_document():
    return {"tally-latest": 1, "time_us": NOW_US, "instruments": [
        {"name": "oven", "points": [["temperature", "°C", 23.4, NOW_US - 300_000, 420, 0],
                                    ["energy", "kWh", "12345678901234567", NOW_US - 300_000, 420, 256]]},
        {"name": "pump\x1b[31m", "points": [["pressure", "bar", None, 0, 0, 0]]}]}


class FakeDaemon:
    """Answers on a Unix socket as control.h says."""

    def __init__(self, path, **answers):
        self.answers = answers
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                word = connection.makefile("rb").readline().decode().strip()
                answer = self.answers.get(word, lambda: {"error": "unknown"})()
                connection.sendall(json.dumps(answer).encode() + b"\n")

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def fake(tmp_path):
    path = tmp_path / "control"
    daemon = FakeDaemon(path, status=status_document, latest=latest_document)
    daemon.path = path
    yield daemon
    daemon.close()


# --- status


def test_status_shows_what_the_daemon_says(fake):
    result = tally("status", "--control", fake.path)
    text = result.stdout.decode()
    assert result.returncode == 0, said(result)
    assert "Hanjiang 二号 纺织 (91350100M000100Y43)" in text
    assert "synchronised, maximum error 850 µs" in text and "+08:00" in text
    assert "42 blocks (0 to 41), 1.0 MiB, free 1.0 GiB, full in 4.2 d" in text
    assert re.search(r"^oven +rs485-1 +1 +reading +2 +1.0 s +500 +10 +0 +300 ms +12 ms$", text, re.M)
    assert re.search(r"^pump.* SILENT +1 +1.0 s +9 +0 +7 .* silent for 1.5 min; timeout$", text, re.M)
    assert re.search(r"^city-centre +localhost:8883 +NOT CONNECTED +5.0 s +40 of 42 +2 +broker's certificate has expired$", text, re.M)


def test_status_lets_no_name_move_the_cursor(fake):
    assert b"\x1b" not in tally("status", "--control", fake.path).stdout


def columns_of(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def test_status_columns_stay_in_line_with_wide_characters(fake):
    document = status_document()
    document["instruments"][0]["name"] = "炉子一号"
    fake.answers["status"] = lambda: document
    lines = tally("status", "--control", fake.path).stdout.decode().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("instrument"))
    at = {columns_of(line[:line.index("rs485-1")]) for line in lines[start + 1:start + 3]}
    assert at == {columns_of(lines[start][:lines[start].index("bus")])}


def test_status_of_an_instrument_that_is_polled_without_pause(fake):
    document = status_document()
    document["instruments"][0]["every_us"] = 0
    fake.answers["status"] = lambda: document
    assert re.search(r"^oven .* nonstop ", tally("status", "--control", fake.path).stdout.decode(), re.M)


def test_status_json_is_the_daemons_own_answer(fake):
    result = tally("status", "--control", fake.path, "--json")
    assert json.loads(result.stdout) == status_document() and result.stdout.count(b"\n") == 1


@pytest.mark.parametrize("answer", [{}, {"instruments": 7, "uplinks": {"a": 1}, "clock": []}, {"instruments": [[], 3, {"name": 4}]}])
def test_status_survives_an_answer_of_another_form(fake, answer):
    fake.answers["status"] = lambda: answer
    assert tally("status", "--control", fake.path).returncode == 0


def test_status_says_when_the_answer_is_an_error(fake):
    fake.answers["status"] = lambda: {"error": "no such thing"}
    result = tally("status", "--control", fake.path)
    assert result.returncode == 1 and "no such thing" in said(result)


def test_status_says_when_nothing_runs(tmp_path):
    result = tally("status", "--control", tmp_path / "control")
    assert result.returncode == 1 and "not running" in said(result)
    result = tally("status", "--ledger", tmp_path)
    assert result.returncode == 1 and "not running" in said(result)


# --- watch


def test_watch_writes_a_line_for_each_new_reading(fake):
    result = tally("watch", "--control", fake.path, "-n", 2)
    lines = result.stdout.decode().splitlines()
    assert result.returncode == 0
    assert len(lines) == 2, "the same reading is written once, none for a point without"
    assert lines[0].endswith("oven.temperature  23.4 °C")
    assert lines[1].endswith("oven.energy  12345678901234567 kWh  limit-exceeded")


def test_watch_says_when_nothing_runs(tmp_path):
    result = tally("watch", "--control", tmp_path / "control", "-n", 1)
    assert result.returncode == 1 and "no daemon listens" in said(result)


class Screen:
    """A program on a pseudo-terminal."""

    def __init__(self, arguments, rows=24, columns=100):
        self.master, self.slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen([TALLY, *map(str, arguments)], stdin=self.slave, stdout=self.slave, stderr=self.slave,
                                        env=ENVIRONMENT, start_new_session=True,
                                        preexec_fn=lambda: ioctl(0, termios.TIOCSCTTY, 0))
        self.output = b""

    def resize(self, rows, columns):
        ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        """What comes within the time."""
        end = time.monotonic() + seconds
        new = b""
        while (left := end - time.monotonic()) > 0:
            if select.select([self.master], [], [], left)[0]:
                new += os.read(self.master, 65536)
        self.output += new
        return new

    def read_until(self, wanted, seconds=10):
        end = time.monotonic() + seconds
        new = b""
        while wanted not in new:
            assert time.monotonic() < end, f"{wanted!r} did not come: {new!r}"
            new += self.read(0.05)
        return new

    def type(self, keys):
        os.write(self.master, keys)

    def wait(self):
        try:
            status = self.process.wait(10)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        self.read(0.1)
        return status

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def screen(fake):
    made = []

    def make(*arguments, **options):
        made.append(Screen(["watch", "--control", fake.path, *arguments], **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def lines_of(frame):
    """The lines of the last whole frame, without styles."""
    frame = frame[:frame.rindex(b"\x1b[J")]
    frame = frame[frame.rindex(b"\x1b[H") + 3:]
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", frame.decode()).replace("\r", "").split("\n")


def test_watch_shows_points_silence_and_uplinks(screen):
    one = screen(columns=120)
    lines = lines_of(one.read_until(b"\x1b[J"))
    text = "\n".join(lines)
    assert len(lines) == 24
    assert re.search(r"temperature +23.4 °C +300 ms", text)
    assert re.search(r"energy +12345678901234567 kWh +300 ms +limit-exceeded", text)
    assert re.search(r"pump.*SILENT.*timeout", text)
    assert re.search(r"uplink city-centre  NOT CONNECTED  acknowledged 40 of 42  behind by 2 blocks  broker's certificate has expired", text)
    assert b"\x1b[1;31mpump" in one.output, "a silent instrument is set off"


def test_watch_and_status_say_that_the_disk_fills_up(screen, fake):
    one = screen(columns=120)
    assert b"FILLS" not in one.read_until(b"\x1b[J")
    filling = dict(status_document()["ledger"], filling=True, hours_to_full=50)
    fake.answers["status"] = lambda: status_document(ledger=filling)
    one.read_until(b"DISK FILLS UP: full in 2.1 d")
    assert "full in 2.1 d: DISK FILLS UP" in tally("status", "--control", fake.path).stdout.decode()


def test_watch_ends_with_q_and_restores_the_terminal(screen):
    one = screen()
    one.read_until(b"\x1b[J")
    assert not termios.tcgetattr(one.slave)[3] & termios.ECHO
    one.type(b"q")
    assert one.wait() == 0
    assert termios.tcgetattr(one.slave) == one.before
    assert one.output.endswith(b"\x1b[?25h\x1b[?1049l")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_watch_restores_the_terminal_on_a_signal(screen, number):
    one = screen()
    one.read_until(b"\x1b[J")
    one.process.send_signal(number)
    assert one.wait() == -number
    assert termios.tcgetattr(one.slave) == one.before
    assert b"\x1b[?25h\x1b[?1049l" in one.output


def test_watch_follows_the_size_and_cuts_lines(screen, fake):
    document = status_document()
    document["instruments"][0]["name"] = "炉" * 30
    fake.answers["status"] = lambda: document
    one = screen()
    one.read_until(b"\x1b[J")
    for rows, columns in [(10, 31), (50, 200), (6, 20)]:
        one.resize(rows, columns)
        one.process.send_signal(signal.SIGWINCH)
        lines = lines_of(one.read(0.5))
        assert len(lines) == rows
        assert all(columns_of(line) <= columns for line in lines), lines


def test_watch_scrolls(screen, fake):
    latest = latest_document()
    latest["instruments"][0]["points"] = [[f"point-{i:03}", "V", i, NOW_US, 1, 0] for i in range(100)]
    fake.answers["latest"] = lambda: latest
    one = screen(rows=12)
    one.read_until(b"\x1b[J")
    # Eight lines of the body are in view: the instrument, then its points.
    for keys, first, last in [(b"", 0, 6), (b"\x1b[B", 0, 7), (b"\x1b[B", 1, 8), (b"\x1b[6~", 8, 15), (b"\x1b[5~\x1b[A", 0, 7),
                              (b"\x1b[H", 0, 6), (b"\x1b[F", 94, 99), (b"\x1b[B", 94, 99)]:
        one.type(keys or b"\x0c")
        view = "\n".join(lines_of(one.read(0.3)))
        assert [int(n) for n in re.findall(r"point-(\d+)", view)] == list(range(first, last + 1)), keys
    assert "pump" in view


def test_watch_stops_and_goes_on(screen):
    one = screen()
    one.read_until(b"\x1b[J")
    one.process.send_signal(signal.SIGTSTP)
    one.read_until(b"\x1b[?1049l")
    pid, status = os.waitpid(one.process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status) and termios.tcgetattr(one.slave) == one.before
    one.process.send_signal(signal.SIGCONT)
    one.read_until(b"\x1b[?1049h")
    one.type(b"q")
    assert one.wait() == 0


def test_watch_outlives_the_daemon(screen, fake):
    one = screen()
    one.read_until(b"\x1b[J")
    fake.close()
    os.unlink(fake.path)
    one.read_until(b"not running")
    again = FakeDaemon(fake.path, status=status_document, latest=latest_document)
    one.read_until(b"temperature")
    again.close()
    one.type(b"q")
    assert one.wait() == 0
    fake.listener = socket.socketpair()[0]


# --- history, with the real daemon


class Slave:
    """A Modbus/TCP slave: holding registers of unit 1. Not a byte of it is ours from the gateway."""

    def __init__(self, port=0):
        self.registers = {0: 2300, 2: 0x41BB, 3: 0x3333}  # 230.0 V; 23.4 °C
        self.silent = False
        self.listener = socket.create_server(("127.0.0.1", port), reuse_port=False)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            stream = connection.makefile("rb")
            while True:
                try:
                    head = stream.read(7)
                    if len(head) < 7:
                        return
                    transaction, _, length, unit = struct.unpack(">HHHB", head)
                    request = stream.read(length - 1)
                    if self.silent:
                        continue
                    function, address, count = struct.unpack(">BHH", request[:5])
                    data = b"".join(struct.pack(">H", self.registers.get(address + i, 0)) for i in range(count))
                    answer = struct.pack(">BB", function, len(data)) + data
                    connection.sendall(struct.pack(">HHHB", transaction, 0, len(answer) + 1, unit) + answer)
                except OSError:
                    return

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Daemon:
    def __init__(self, path):
        self.log = open(path.parent / "tallyd.log", "ab")
        self.path = path
        self.process = subprocess.Popen([TALLYD, "-c", path], stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 20
        while tally("status", "-c", path).returncode != 0:
            assert self.process.poll() is None and time.monotonic() < deadline, (path.parent / "tallyd.log").read_text()
            time.sleep(0.05)

    def wait_for(self, readings, key="readings"):
        deadline = time.monotonic() + 30
        while True:
            document = json.loads(tally("status", "-c", self.path, "--json").stdout)
            if document["recorder"][key] >= readings:
                return document
            assert time.monotonic() < deadline, document
            time.sleep(0.1)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(20) == 0
        self.log.close()


def history(folder, *arguments):
    result = tally("history", "--ledger", folder / "data", *arguments)
    assert result.returncode == 0, said(result)
    return result.stdout.decode()


def rows_of(folder, point, *arguments):
    return list(csv.DictReader(io.StringIO(history(folder, "--point", point, "--csv", *arguments), newline="")))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A ledger with readings, a silence, a second run, and a change of the driver in the third."""
    if not TALLYD.exists():
        pytest.skip("tallyd is not built")
    folder = tmp_path_factory.mktemp("recorded")
    slave = Slave()
    path = write_configuration(folder, slave.port)
    daemon = Daemon(path)
    try:
        daemon.wait_for(20)
        slave.silent = True
        daemon.wait_for(4, "missed")
        slave.silent = False
        daemon.wait_for(60)
        daemon.stop()
        slave.registers[0] = 2310
        daemon = Daemon(path)
        daemon.wait_for(20)
        daemon.stop()
        driver = folder / "drivers/one.yaml"
        driver.write_text(driver.read_text().replace("unit: V,", "unit: kV,").replace('"0.1"', '"0.0001"'))
        daemon = Daemon(path)
        daemon.wait_for(20)
    finally:
        daemon.stop()
        slave.close()
    return folder


def test_history_gives_every_reading_with_the_unit_it_had(recorded):
    rows = rows_of(recorded, "oven.voltage")
    readings = [row for row in rows if not row["missed"]]
    assert {(row["indication"], row["unit"]) for row in readings} == {("230", "V"), ("231", "V"), ("0.231", "kV")}
    assert {row["raw"] for row in readings} == {"08fc", "0906"}
    assert len({row["point"] for row in readings}) == 2, "another definition is another number"
    assert [int(row["block"]) for row in rows] == sorted(int(row["block"]) for row in rows)
    assert len({row["time_utc"] for row in rows}) == len(rows)
    with sqlite3.connect(f"file:{recorded}/data/ledger.db?mode=ro", uri=True) as ledger:
        stored = ledger.execute("SELECT sum(readings) FROM blocks").fetchone()[0]
    assert 2 * len(readings) == stored, "all of them: two points were recorded in each poll"


def test_history_shows_misses_as_gaps_with_their_reason(recorded):
    missed = [row for row in rows_of(recorded, "oven.voltage") if row["missed"]]
    assert missed and all(row["indication"] == "" and row["raw"] == "" for row in missed)
    assert "timeout" in {row["missed"] for row in missed}
    table = history(recorded, "--point", "oven.voltage")
    assert re.search(r"gap: timeout, \d+ missed", table)
    assert table.count("gap: not running; the gateway was started again before block") == 2


def test_history_has_local_time_and_utc(recorded):
    for row in rows_of(recorded, "oven.voltage", "--limit", 5):
        utc = datetime.fromisoformat(row["time_utc"].replace("Z", "+00:00"))
        local = datetime.strptime(row["time_local"].replace("+08:00", "+0800"), "%Y-%m-%d %H:%M:%S.%f %z")
        assert abs((utc - local).total_seconds()) < 0.001
        assert local.utcoffset().total_seconds() == 8 * 3600


def test_history_table_has_a_dash_where_nothing_is_corrected(recorded):
    line = history(recorded, "--point", "oven.temperature", "--limit", 1).splitlines()[1]
    assert re.search(r"Z +23\.4  °C +—  +—  ", line), line


def test_history_json_is_the_same(recorded):
    elements = json.loads(history(recorded, "--point", "oven.temperature", "--json"))
    rows = rows_of(recorded, "oven.temperature")
    assert len(elements) == len(rows)
    for element, row in zip(elements, rows):
        assert element.get("missed", "") == row["missed"] and element["block"] == int(row["block"])
        if not row["missed"]:
            assert element["indication"] == float(row["indication"]) == 23.4
            assert element["corrected"] is None and element["unit"] == "°C"
            assert " ".join(element["flags"]) == row["flags"]


def test_history_keeps_to_the_times_asked_for(recorded):
    rows = rows_of(recorded, "oven.voltage")
    start, end = rows[7]["time_utc"], rows[23]["time_utc"]
    assert rows_of(recorded, "oven.voltage", "--from", start, "--to", end) == rows[7:23]
    local = rows[7]["time_local"][:19].replace(" ", "T")
    assert rows_of(recorded, "oven.voltage", "--from", local)[0] in rows[:8]
    assert rows_of(recorded, "oven.voltage", "--from", "-2h") == rows
    assert rows_of(recorded, "oven.voltage", "--to", "-2h") == []
    assert rows_of(recorded, "oven.voltage", "--limit", 3) == rows[:3]


def test_history_csv_is_as_rfc_4180(recorded):
    text = history(recorded, "--point", "oven.voltage", "--csv")
    assert text.endswith("\r\n") and text.count("\n") == text.count("\r\n")


@pytest.mark.parametrize("arguments", [["--from", "yesterday"], ["--to", "2026-02-30"], ["--from", "-1y"],
                                       ["--from", "now", "--to", "-1h"]])
def test_history_refuses_a_time_that_is_none(recorded, arguments):
    result = tally("history", "--ledger", recorded / "data", "--point", "oven.voltage", *arguments)
    assert result.returncode == 2 and result.stdout == b""


def test_history_of_an_unknown_point_suggests(recorded):
    result = tally("history", "--ledger", recorded / "data", "--point", "oven.temprature")
    assert result.returncode == 1 and "did you mean 'oven.temperature'?" in said(result)


def test_history_bins_agree_with_the_readings(recorded):
    rows = [row for row in rows_of(recorded, "oven.voltage") if not row["missed"]]
    bins = json.loads(history(recorded, "--point", "oven.voltage", "--bins", "7", "--json"))
    assert len(bins) == 7 and sum(b["count"] for b in bins) == len(rows)
    numbers = [float(row["indication"]) for row in rows]
    assert min(b["minimum"] for b in bins if b["count"]) == min(numbers)
    assert max(b["maximum"] for b in bins if b["count"]) == max(numbers)
    assert all(b["minimum"] is None and b["maximum"] is None for b in bins if not b["count"])


@pytest.mark.parametrize("every", ["15min", "hour", "day"])
def test_history_by_intervals_agrees_with_the_blocks(recorded, every):
    blocks = block_objects(ledger_blocks(recorded / "data"))
    with sqlite3.connect(f"file:{recorded}/data/ledger.db?mode=ro", uri=True) as ledger:
        numbers = {n for (n,) in ledger.execute("SELECT number FROM points WHERE name = 'oven.voltage'")}
    mine = [t for block in blocks for point, t, *_ in block["readings"] + block["missed"] if point in numbers]
    want = expected(blocks, numbers, every, "Asia/Shanghai", min(mine), blocks[-1]["closed_us"] + 1)
    assert len(numbers) == 2 and sum(row["missed"] for row in want) >= 4
    for built in (False, True):
        rows = load(history(recorded, "--point", "oven.voltage", "--every", every, "--json"))
        assert len(rows) == len(want)
        for row, right in zip(rows, want):
            assert {key: row[key] for key in right if key != "mean"} == {key: right[key] for key in right if key != "mean"}
            assert row["mean"] is None and right["mean"] is None or float(row["mean"]) == float(right["mean"])
        assert rows[-1]["state"] == "open"
        if not built:
            assert tally("rebuild", "--ledger", recorded / "data").returncode == 0


def test_rebuild_gives_the_same_bins(recorded):
    arguments = ["--point", "oven.voltage", "--bins", "5", "--csv", "--from", rows_of(recorded, "oven.voltage")[0]["time_utc"],
                 "--to", "now"]
    arguments[-1] = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    before = history(recorded, *arguments)
    result = tally("rebuild", "--ledger", recorded / "data")
    assert result.returncode == 0 and re.search(r"from \d+ blocks", said(result)), said(result)
    assert (recorded / "data/series.db").exists()
    assert history(recorded, *arguments) == before


def test_status_of_a_stopped_gateway_reads_the_ledger(recorded):
    result = tally("status", "-c", recorded / "tally.yaml")
    assert result.returncode == 1
    assert "not running; ledger" in result.stdout.decode() and re.search(r"\d+ blocks, from 0", result.stdout.decode())
    document = json.loads(tally("status", "-c", recorded / "tally.yaml", "--json").stdout)
    assert document["online"] is False and document["ledger"]["size"] > 0


def test_history_leaves_out_a_damaged_block_and_says_so(recorded, tmp_path):
    subprocess.run(["cp", "-a", recorded / "data", tmp_path / "data"], check=True)
    rows = rows_of(tmp_path, "oven.voltage")
    victim = int(rows[len(rows) // 2]["block"])
    with sqlite3.connect(tmp_path / "data/ledger.db") as ledger:
        other = ledger.execute("SELECT packed, length FROM blocks WHERE n=?", (victim - 1,)).fetchone()
        ledger.execute("UPDATE blocks SET packed=?, length=? WHERE n=?", (*other, victim))
    result = tally("history", "--ledger", tmp_path / "data", "--point", "oven.voltage", "--csv")
    assert result.returncode == 1 and f"block {victim} is left out" in result.stderr.decode()
    left = list(csv.DictReader(io.StringIO(result.stdout.decode(), newline="")))
    assert left == [row for row in rows if int(row["block"]) != victim]


@needs_daemon
def test_running_daemon_is_seen_and_not_disturbed(tmp_path):
    slave = Slave()
    path = write_configuration(tmp_path, slave.port)
    daemon = Daemon(path)
    try:
        document = daemon.wait_for(10)
        assert document["instruments"][0]["state"] == "reading" and document["buses"][0]["connected"] is True
        assert re.search(r"^oven +lab +1 +reading +2 ", tally("status", "-c", path).stdout.decode(), re.M)
        lines = tally("watch", "-c", path, "-n", 2).stdout.decode()
        assert "oven.voltage  230 V" in lines and "oven.temperature  23.4 °C" in lines
        assert rows_of(tmp_path, "oven.voltage")
        result = tally("rebuild", "-c", path)
        assert result.returncode == 1 and "a daemon runs" in said(result)
        before = daemon.wait_for(0)["recorder"]["readings"]
        daemon.wait_for(before + 4)
    finally:
        daemon.stop()
        slave.close()


@pytest.mark.parametrize("words", [["--csv", "--json"], ["--limit", "3", "--bins", "3"], ["--bins", "3", "--every", "day"],
                                   ["--every", "15min", "--limit", "3"]])
def test_history_takes_no_two_forms_at_once(tmp_path, words):
    result = tally("history", "--ledger", tmp_path, "--point", "a.b", *words)
    assert result.returncode == 2 and b"exclude each other" in result.stderr


def test_check_does_not_wait_for_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "tally.yaml")
    result = tally("check", "-c", tmp_path / "tally.yaml")
    assert result.returncode == 1 and b"is a pipe: expected a file" in result.stderr
