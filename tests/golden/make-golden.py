#!/usr/bin/python3
"""Writes the golden images tests/golden/<driver>.yaml: registers, and what each quantity must then read.

It knows nothing of the gateway or of drivers/: the addresses, types and scales are entered here a second time, from the
makers' maps, and worked out with struct and decimal. A slip in a driver file thus shows as a difference.
"""
import math
import pathlib
import struct
from decimal import Decimal, getcontext

getcontext().prec = 60
HERE = pathlib.Path(__file__).parent
FAULT, RANGE = 1 << 6, 1 << 5  # docs/FORMAT.md: instrument fault; outside the instrument's range

PACK = {"u16": ">H", "i16": ">h", "u32": ">I", "i32": ">i", "u64": ">Q", "i64": ">q", "f32": ">f", "f64": ">d"}


def plain(number):
    """A Decimal without exponent, trailing zeros or a negative zero."""
    if number == 0:
        return "0"
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def shortest(kind, number):
    """The fewest digits that give a float back in its own width."""
    code, most = (">f", 9) if kind == "f32" else (">d", 17)
    wire = struct.pack(code, number)
    for digits in range(1, most + 1):
        text = "%.*g" % (digits, number)
        if struct.pack(code, float(text)) == wire:
            return Decimal(text)
    raise AssertionError(number)


class Image:
    """One state of an instrument's registers."""

    def __init__(self, name, function, swap_words=False, pt="1", ct="1"):
        self.name, self.function, self.swap = name, function, swap_words
        self.pt, self.ct = Decimal(pt), Decimal(ct)
        self.registers, self.expect = {}, []
        self.serial = self.fault = None

    def put(self, address, data, function=None):
        for i in range(0, len(data), 2):
            self.registers[(function or self.function, address + i // 2)] = data[i:i + 2]

    def wire(self, data):
        words = [data[i:i + 2] for i in range(0, len(data), 2)]
        return b"".join(reversed(words)) if self.swap else data

    def value(self, quantity, address, kind, raw, scale="1", ratio=(), flags=0, exponent=None):
        """`raw` is what the registers hold; `exponent` is (address, power) of a scale-factor register."""
        data = struct.pack(PACK[kind], raw)
        self.put(address, self.wire(data))
        number = Decimal(raw) if kind[0] in "ui" else shortest(kind, struct.unpack(PACK[kind], data)[0])
        number *= Decimal(scale)
        for which in ratio:
            number *= {"pt": self.pt, "ct": self.ct}[which]
        if exponent:
            self.put(exponent[0], struct.pack(">h", exponent[1]))
            number *= Decimal(10) ** exponent[1]
        self.expect.append((quantity, plain(number), flags))

    def nothing(self, quantity, address, data, exponent=None):
        """Bits that mean that there is no number."""
        self.put(address, self.wire(bytes.fromhex(data)))
        if exponent:
            self.put(exponent[0], struct.pack(">H", exponent[1]))
        self.expect.append((quantity, None, FAULT))

    def text(self, lines):
        lines.append(f"  - name: {self.name}")
        if (self.pt, self.ct) != (1, 1):
            lines.append(f'    ratios: {{pt: "{self.pt}", ct: "{self.ct}"}}')
        if self.serial is not None:
            lines.append(f'    serial: "{self.serial}"')
        if self.fault is not None:
            lines.append(f"    fault: {'yes' if self.fault else 'no'}")
        lines.append("    registers:")
        for function, address, data in self.runs():
            lines.append(f"      - {{function: {function}, address: {address}, hex: \"{data.hex()}\"}}")
        lines.append("    expect:")
        for quantity, indication, flags in self.expect:
            shown = "null" if indication is None else f'"{indication}"'
            lines.append(f"      - {{quantity: {quantity}, indication: {shown}, flags: {flags}}}")

    def runs(self):
        runs = []
        for (function, address), data in sorted(self.registers.items()):
            if runs and runs[-1][0] == function and runs[-1][1] + len(runs[-1][2]) // 2 == address:
                runs[-1] = (function, runs[-1][1], runs[-1][2] + data)
            else:
                runs.append((function, address, data))
        return runs


def write(driver, *images):
    lines = ["# Written by make-golden.py, apart from the gateway's own code; see docs/DRIVERS.md.", f"driver: {driver}", "images:"]
    for image in images:
        image.text(lines)
    (HERE / f"{driver}.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


PHASES = ("l1", "l2", "l3")


def eastron():
    a = Image("under load", 4)
    for i, p in enumerate(PHASES):
        a.value(f"voltage-{p}", 0x00 + 2 * i, "f32", (230.41, 229.8, 231.07)[i])
        a.value(f"current-{p}", 0x06 + 2 * i, "f32", (12.345, 0.0, 7.5)[i])
        a.value(f"active-power-{p}", 0x0C + 2 * i, "f32", (2673.1, 0.0, -1502.25)[i])
        a.value(f"power-factor-{p}", 0x1E + 2 * i, "f32", (0.94, 1.0, -0.867)[i])
        a.value(f"active-energy-import-{p}", 0x15A + 2 * i, "f32", (6123.456, 5999.9, 0.001)[i])
        a.value(f"active-energy-export-{p}", 0x160 + 2 * i, "f32", (0.0, 1.5, 16777216.0)[i])
    a.value("active-power", 0x34, "f32", 1170.85)
    a.value("apparent-power", 0x38, "f32", 3421.0)
    a.value("reactive-power", 0x3C, "f32", -812.5)
    a.value("power-factor", 0x3E, "f32", 1.02, flags=RANGE)
    a.value("frequency", 0x46, "f32", 49.98)
    a.value("active-energy-import", 0x48, "f32", 18234.57)
    a.value("active-energy-export", 0x4A, "f32", 1e-05)
    a.value("active-energy-total", 0x156, "f32", 18236.072)
    a.put(0xFC00, struct.pack(">I", 20114532), function=3)
    a.serial = "20114532"
    b = Image("NaN and infinity", 4)
    b.nothing("voltage-l1", 0x00, "7fc00000")
    b.nothing("active-energy-import", 0x48, "ff800000")
    write("eastron-sdm630", a, b)


def chint():
    a = Image("under load", 3)
    for i, p in enumerate(PHASES):
        a.value(f"voltage-{p}", 0x2006 + 2 * i, "f32", (2304.0, 2298.0, 2310.7)[i], "0.1")
        a.value(f"voltage-{p}-{PHASES[(i + 1) % 3]}", 0x2000 + 2 * i, "f32", (3985.0, 3990.0, 3979.5)[i], "0.1")
        a.value(f"current-{p}", 0x200C + 2 * i, "f32", (4213.0, 0.0, 1.0)[i], "0.001")
        a.value(f"active-power-{p}", 0x2014 + 2 * i, "f32", (9001.0, -12.0, 0.5)[i], "0.1")
        a.value(f"reactive-power-{p}", 0x201C + 2 * i, "f32", (3000.0, -450.0, 1.0)[i], "0.1")
        a.value(f"power-factor-{p}", 0x202C + 2 * i, "f32", (950.0, -1000.0, 1000.0)[i], "0.001")
    a.value("active-power", 0x2012, "f32", 27000.0, "0.1")
    a.value("reactive-power", 0x201A, "f32", 123.4, "0.1")
    a.value("power-factor", 0x202A, "f32", -1001.0, "0.001", flags=RANGE)
    a.value("frequency", 0x2044, "f32", 4998.0, "0.01")
    a.value("active-energy-import", 0x101E, "f32", 9512.37)
    a.value("active-energy-export", 0x1028, "f32", 3.01)
    b = Image("not available", 3)
    b.nothing("frequency", 0x2044, "7fffffff")
    c = Image("through transformers", 3, pt="100", ct="40")
    c.value("voltage-l1", 0x2006, "f32", 577.4, "0.1", ("pt",))
    c.value("voltage-l1-l2", 0x2000, "f32", 1000.0, "0.1", ("pt",))
    c.value("current-l2", 0x200E, "f32", 4321.0, "0.001", ("ct",))
    c.value("active-power", 0x2012, "f32", 27000.5, "0.1", ("pt", "ct"))
    c.value("reactive-power-l3", 0x2020, "f32", -30.0, "0.1", ("pt", "ct"))
    c.value("power-factor", 0x202A, "f32", 950.0, "0.001")
    c.value("frequency", 0x2044, "f32", 5000.0, "0.01")
    c.value("active-energy-import", 0x101E, "f32", 9512.37, "1", ("pt", "ct"))
    c.value("active-energy-export", 0x1028, "f32", 0.25, "1", ("pt", "ct"))
    write("chint-dtsu666", a, b, c)


def schneider():
    a = Image("under load", 3)
    for i, p in enumerate(PHASES):
        a.value(f"current-{p}", 2999 + 2 * i, "f32", (21.37, 20.0, 0.125)[i])
        a.value(f"voltage-{p}", 3027 + 2 * i, "f32", (230.1, 229.95, 231.0)[i])
        a.value(f"active-power-{p}", 3053 + 2 * i, "f32", (4.512, -0.25, 0.0)[i])
        a.value(f"active-energy-import-{p}", 3517 + 4 * i, "i64", (14000123, 999, 0)[i], "0.001")
    a.value("current-average", 3009, "f32", 13.8316)
    a.value("voltage-average", 3035, "f32", 230.35)
    a.value("active-power", 3059, "f32", 4.262)
    a.value("reactive-power", 3067, "f32", -1.5)
    a.value("apparent-power", 3075, "f32", 4.52)
    a.value("frequency", 3109, "f32", 50.015)
    a.value("active-energy-import", 3203, "i64", 42000123456, "0.001")
    a.value("active-energy-export", 3207, "i64", 5, "0.001")
    a.value("reactive-energy-import", 3219, "i64", 9000000, "0.001")
    a.value("reactive-energy-export", 3223, "i64", 1234, "0.001")
    b = Image("not available", 3)
    b.nothing("voltage-l3", 3031, "ffc00000")
    write("schneider-iem3000", a, b)


def abb():
    a = Image("under load", 3)
    a.value("active-energy-import", 0x5000, "u64", 3100123, "0.01")
    a.value("active-energy-export", 0x5004, "u64", 2050, "0.01")
    for i, p in enumerate(PHASES):
        a.value(f"active-energy-import-{p}", 0x5460 + 4 * i, "u64", (1033374, 1, 99999999999)[i], "0.01")
        a.value(f"active-energy-export-{p}", 0x546C + 4 * i, "u64", (0, 700, 50)[i], "0.01")
        a.value(f"voltage-{p}", 0x5B00 + 2 * i, "u32", (2301, 2300, 65536)[i], "0.1")
        a.value(f"current-{p}", 0x5B0C + 2 * i, "u32", (1600, 5, 6553)[i], "0.01")
        a.value(f"active-power-{p}", 0x5B16 + 2 * i, "i32", (350012, -350000, -1)[i], "0.01")
        a.value(f"power-factor-{p}", 0x5B3B + i, "i16", (950, -950, -1000)[i], "0.001")
    a.value("active-power", 0x5B14, "i32", 1050034, "0.01")
    a.value("frequency", 0x5B2C, "u16", 4999, "0.01")
    a.value("power-factor", 0x5B3A, "i16", 1001, "0.001", flags=RANGE)
    a.put(0x8900, struct.pack(">I", 4005123))
    a.serial = "4005123"
    b = Image("not available", 3)
    b.nothing("active-energy-import", 0x5000, "ff" * 8)
    b.nothing("active-energy-export", 0x5004, "ff" * 8)
    for i, p in enumerate(PHASES):
        b.nothing(f"active-energy-import-{p}", 0x5460 + 4 * i, "ff" * 8)
        b.nothing(f"active-energy-export-{p}", 0x546C + 4 * i, "ff" * 8)
        b.nothing(f"voltage-{p}", 0x5B00 + 2 * i, "ffffffff")
        b.nothing(f"current-{p}", 0x5B0C + 2 * i, "ffffffff")
        b.nothing(f"active-power-{p}", 0x5B16 + 2 * i, "7fffffff")
        b.nothing(f"power-factor-{p}", 0x5B3B + i, "7fff")
    b.nothing("active-power", 0x5B14, "7fffffff")
    b.nothing("frequency", 0x5B2C, "ffff")
    b.nothing("power-factor", 0x5B3A, "7fff")
    write("abb-b23", a, b)


def siemens():
    a = Image("under load", 4)
    for i, p in enumerate(PHASES):
        a.value(f"voltage-{p}", 1 + 2 * i, "f32", (230.25, 229.1, 231.33)[i])
        a.value(f"current-{p}", 13 + 2 * i, "f32", (35.02, 0.0001, 34.9)[i])
        a.value(f"active-power-{p}", 25 + 2 * i, "f32", (7601.5, -0.5, 7700.125)[i])
        a.value(f"power-factor-{p}", 37 + 2 * i, "f32", (0.95, 0.1, 1.0)[i])
    a.value("apparent-power", 63, "f32", 24001.2)
    a.value("active-power", 65, "f32", 22801.125)
    a.value("reactive-power", 67, "f32", 7500.0)
    a.value("power-factor", 69, "f32", 0.949)
    a.value("active-energy-import", 801, "f64", 64001234.56789)
    a.value("active-energy-export", 809, "f64", 1000.1 + 0.2)
    b = Image("not available", 4)
    b.nothing("voltage-l1", 1, "7fc00000")
    b.nothing("active-energy-import", 801, "7ff8000000000000")
    b.nothing("active-energy-export", 809, "fff0000000000000")
    write("siemens-pac2200", a, b)


def gavazzi():
    a = Image("under load", 4, swap_words=True)
    for i, p in enumerate(PHASES):
        a.value(f"voltage-{p}", 2 * i, "i32", (2301, 2299, 70000)[i], "0.1")
        a.value(f"current-{p}", 0x0C + 2 * i, "i32", (8123, 65536, -1)[i], "0.001")
        a.value(f"active-power-{p}", 0x12 + 2 * i, "i32", (17000, -17001, 655360)[i], "0.1")
        a.value(f"power-factor-{p}", 0x32 + i, "i16", (930, -930, 0)[i], "0.001")
        a.value(f"active-energy-import-{p}", 0x46 + 2 * i, "i32", (90001, 2147483646, 7)[i], "0.1")
    a.value("active-power", 0x28, "i32", -51003, "0.1")
    a.value("power-factor", 0x35, "i16", -1200, "0.001", flags=RANGE)
    a.value("frequency", 0x37, "i16", 500, "0.1")
    a.value("active-energy-import", 0x42, "i32", 270123, "0.1")
    a.value("active-energy-export", 0x5C, "i32", 60, "0.1")
    write("carlogavazzi-em24", a)


def acrel_adw300():
    a = Image("under load", 3)
    for i, p in enumerate(PHASES):
        a.value(f"voltage-{p}", 20 + i, "u16", (2301, 40000, 1)[i], "0.1")
        a.value(f"current-{p}", 26 + i, "u16", (4001, 65535, 10)[i], "0.01")
        a.value(f"active-power-{p}", 30 + 2 * i, "i32", (8800, -8800, 70000)[i])
    a.value("active-power", 36, "i32", 70000)
    a.value("active-energy-import", 62, "i32", 8800123, "0.01")
    a.value("active-energy-export", 64, "i32", 3000, "0.01")
    write("acrel-adw300", a)


def acrel_adl3000():
    a = Image("through transformers", 3, pt="100", ct="37.5")
    a.value("active-energy-total", 0x0000, "u32", 123456, "0.01", ("pt", "ct"))
    a.value("active-energy-import", 0x000A, "u32", 4000000000, "0.01", ("pt", "ct"))
    a.value("active-energy-export", 0x0014, "u32", 1, "0.01", ("pt", "ct"))
    b = Image("direct", 3)
    b.value("active-energy-total", 0x0000, "u32", 123456, "0.01", ("pt", "ct"))
    write("acrel-adl3000", a, b)


def sunspec():
    base = 40069

    def fill(image, current, voltage, hertz, watt, va, var, pf, wh):
        def at(name, offset, kind, raw, factor, power):
            image.value(name, base + offset, kind, raw, exponent=(base + factor, power))
        for i, (name, raw) in enumerate((("current-total", 6012), ("current-l1", 2001), ("current-l2", -1), ("current-l3", 32767))):
            at(name, 2 + i, "i16", raw, 6, current)
        for offset, name, raw in ((7, "voltage-average", 2301), (8, "voltage-l1", 2300), (9, "voltage-l2", 2299), (10, "voltage-l3", 2304),
                                  (12, "voltage-l1-l2", 3985), (13, "voltage-l2-l3", 3986), (14, "voltage-l3-l1", 3987)):
            at(name, offset, "i16", raw, 15, voltage)
        at("frequency", 16, "i16", 5001, 17, hertz)
        for i, (name, raw) in enumerate((("active-power", 13010), ("active-power-l1", 4310), ("active-power-l2", -4310), ("active-power-l3", 1))):
            at(name, 18 + i, "i16", raw, 22, watt)
        at("apparent-power", 23, "i16", 1380, 27, va)
        at("reactive-power", 28, "i16", -460, 32, var)
        at("power-factor", 33, "i16", 94, 37, pf)
        at("active-energy-export", 38, "u32", 2001, 54, wh)
        at("active-energy-import", 46, "u32", 4000000001, 54, wh)
        image.put(40052, b"SN-0042/7".ljust(32, b"\0"))
        image.serial = "SN-0042/7"

    a = Image("usual scale factors", 3)
    fill(a, -2, -1, -2, 0, 1, 1, 0, 0)
    b = Image("other scale factors", 3)
    fill(b, 0, -3, -2, 2, 0, -1, -2, 3)
    c = Image("not implemented", 3)
    c.nothing("current-l1", base + 3, "8000", exponent=(base + 6, 0xFFFE))
    c.nothing("voltage-l1", base + 8, "08fc", exponent=(base + 15, 0x8000))
    c.nothing("active-energy-import", base + 46, "00000001", exponent=(base + 54, 11))
    write("sunspec-meter-203", a, b, c)


def vaisala():
    names = (("relative-humidity", 0), ("temperature", 2), ("dew-point", 6), ("frost-point", 8), ("absolute-humidity", 14),
             ("mixing-ratio", 16), ("wet-bulb-temperature", 18), ("water-by-volume", 20), ("vapour-pressure", 22),
             ("saturation-pressure", 24), ("enthalpy", 26))
    a = Image("no errors", 3, swap_words=True)
    for (name, address), number in zip(names, (30.56, 23.4, 4.86, 4.86, 6.41, 5.5, 13.2, 8800.5, 8.81, 28.83, 37.9)):
        a.value(name, address, "f32", number)
    a.put(512, b"\x00\x01")
    a.fault = False
    b = Image("at fault and out of range", 3, swap_words=True)
    b.value("relative-humidity", 0, "f32", 100.25, flags=RANGE)
    b.value("temperature", 2, "f32", -70.5, flags=RANGE)
    b.nothing("dew-point", 6, "7fc00000")
    b.put(512, b"\x00\x00")
    b.fault = True
    write("vaisala-hmt330", a, b)


def yokogawa():
    names = ("voltage", "current", "active-power", "apparent-power", "reactive-power", "power-factor", "phase-angle",
             "voltage-frequency", "current-frequency")
    a = Image("measuring", 4)
    for i, number in enumerate((230.123, 1.99871, 430.05, 459.95, 163.12, 0.935, 20.77, 49.9998, 50.0)):
        a.value(names[i], 0x7D0 + 2 * i, "f32", number)
    b = Image("no data", 4)
    for i, name in enumerate(names):
        b.nothing(name, 0x7D0 + 2 * i, "7fc00000" if i % 2 == 0 else "7f800000")
    write("yokogawa-wt310", a, b)


def keller():
    a = Image("measuring", 3)
    a.value("pressure", 0x0100, "f32", 0.9713)
    a.value("temperature", 0x0102, "f32", -3.25)
    a.put(0x0202, struct.pack(">I", 987654))
    a.serial = "987654"
    b = Image("channel error and overflow", 3)
    b.nothing("pressure", 0x0100, struct.pack(">f", math.inf).hex())
    b.nothing("temperature", 0x0102, "ffffffff")
    write("keller-pressure", a, b)


for make in (eastron, chint, schneider, abb, siemens, gavazzi, acrel_adw300, acrel_adl3000, sunspec, vaisala, yokogawa, keller):
    make()
