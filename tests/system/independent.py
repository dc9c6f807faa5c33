"""Trees, signed notes and a check of exports that share no code with ours: written from RFC 6962 and RFC 9162, the C2SP
texts (signed-note, tlog-checkpoint, tlog-proof), POSIX's ustar and docs/FORMAT.md, with `cryptography` for the signatures.

Every check raises Refused, with what is wrong."""

import base64
import copy
import hashlib
import json
import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Refused(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Refused(what)


# --- RFC 6962 §2.1


def sha256(data):
    return hashlib.sha256(data).digest()


def leaf_hash(data):
    return sha256(b"\0" + data)


def node_hash(left, right):
    return sha256(b"\1" + left + right)


def split(n):
    """The largest power of two below n."""
    return 1 << (n - 1).bit_length() - 1


class Tree:
    """MTH, PATH and PROOF, as the definitions have them, over leaf hashes."""

    def __init__(self, leaves):
        self.leaves = leaves
        self.root_of = lru_cache(None)(self._root_of)

    def _root_of(self, lo, hi):
        if lo == hi:
            return sha256(b"")
        if hi - lo == 1:
            return self.leaves[lo]
        k = lo + split(hi - lo)
        return node_hash(self.root_of(lo, k), self.root_of(k, hi))

    def path(self, m, lo, hi):
        if hi - lo == 1:
            return []
        k = lo + split(hi - lo)
        return (self.path(m, lo, k) + [self.root_of(k, hi)] if m < k
                else self.path(m, k, hi) + [self.root_of(lo, k)])

    def proof(self, m, n):
        return self.subproof(m, 0, n, True)

    def subproof(self, m, lo, hi, whole):
        if m == hi:
            return [] if whole else [self.root_of(lo, hi)]
        k = lo + split(hi - lo)
        if m <= k:
            return self.subproof(m, lo, k, whole) + [self.root_of(k, hi)]
        return self.subproof(m, k, hi, False) + [self.root_of(lo, k)]


def root_of(blocks):
    """The root over these blocks."""
    return Tree([leaf_hash(block) for block in blocks]).root_of(0, len(blocks))


def root_from_inclusion(leaf, index, size, proof):
    """The root that an inclusion proof gives: from the shape of the tree, downwards."""
    need(0 <= index < size, "a leaf beyond the tree")
    sides, lo, hi = [], 0, size
    while hi - lo > 1:
        k = lo + split(hi - lo)
        sides.append(index >= k)
        lo, hi = (k, hi) if index >= k else (lo, k)
    need(len(sides) == len(proof), "a proof of another length")
    node = leaf
    for right, sibling in zip(reversed(sides), proof):
        node = node_hash(sibling, node) if right else node_hash(node, sibling)
    return node


def check_consistency(old_size, size, proof, old_root, root):
    """RFC 9162 §2.1.4.2, with the roots built recursively from the shape."""
    need(0 < old_size <= size, "sizes out of order")
    rest = list(proof)

    def build(lo, hi, whole):
        """(old root, new root) of the part [lo, hi), which old_size cuts or ends."""
        if old_size == hi:
            node = old_root if whole else rest.pop(0)
            return node, node
        k = lo + split(hi - lo)
        if old_size <= k:
            old, new = build(lo, k, whole)
            return old, node_hash(new, rest.pop(0))
        old, new = build(k, hi, False)
        left = rest.pop(0)
        return node_hash(left, old), node_hash(left, new)

    try:
        old, new = build(0, size, True)
    except IndexError:
        raise Refused("a proof that is too short") from None
    need(not rest, "a proof that is too long")
    need(old == old_root and new == root, "the roots are not consistent")


# --- C2SP signed-note


def decode(digits):
    """Base64 in its one form."""
    try:
        data = base64.b64decode(digits, validate=True)
    except ValueError:
        raise Refused("not base64") from None
    need(base64.b64encode(data).decode() == digits, "base64 in another form")
    return data


def number(digits):
    need(re.fullmatch(r"0|[1-9][0-9]{0,18}", digits) and int(digits) < 1 << 63, "a number in another form")
    return int(digits)


def load_key(data):
    """A key from PEM, or from a verifier's line: (name or None, key)."""
    if b"BEGIN" in data:
        return None, serialization.load_pem_public_key(data)
    name, key_id, blob = data.decode().rstrip("\n").split("+", 2)
    blob = decode(blob)
    need(blob[0] == 2, "not of type 0x02")
    key = serialization.load_der_public_key(blob[1:])
    need(isinstance(key, ec.EllipticCurvePublicKey) and key_identifier(key).hex() == key_id, "identifier")
    return name, key


def der_of(key):
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def key_identifier(key):
    return sha256(der_of(key))[:4]


def verifier_line(name, key):
    return f"{name}+{key_identifier(key).hex()}+{base64.b64encode(bytes([2]) + der_of(key)).decode()}"


class Note:
    """Text and signatures [(name, id, signature)]."""

    def __init__(self, data):
        need(len(data) <= 16 << 10, "too long")
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("not UTF-8") from None
        need(not re.search(r"[\x00-\x09\x0b-\x1f]", text), "a control character")
        need(text.endswith("\n"), "the last line has no end")
        body, blank, signatures = text.rpartition("\n\n")
        need(blank and body and signatures, "no text, or no signature")
        self.text = body + "\n"
        self.signatures = []
        for line in signatures[:-1].split("\n"):
            match = re.fullmatch(r"\u2014 ([!-*,-~]+) ([A-Za-z0-9+/=]+)", line)
            need(match, "a signature line in another form")
            signed = decode(match[2])
            need(len(signed) > 4, "an empty signature")
            need(all((match[1], signed[:4]) != known[:2] for known in self.signatures), "a signature twice")
            self.signatures.append((match[1], signed[:4], signed[4:]))

    def is_by(self, name, key):
        return [(n, i) for n, i, _ in self.signatures] == [(name, key_identifier(key))]

    def verify(self, name, key):
        """That this key alone signed it, under this name."""
        need(self.is_by(name, key), f"not signed by {name} alone")
        try:
            key.verify(self.signatures[0][2], self.text.encode(), ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise Refused(f"the signature of {name} does not verify") from None


def sign_note(text, name, private):
    signed = key_identifier(private.public_key()) + private.sign(text.encode(), ec.ECDSA(hashes.SHA256()))
    return f"{text}\n\u2014 {name} {base64.b64encode(signed).decode()}\n"


def open_note(note, key):
    """The note's text and the name that signed it, with this key and alone."""
    note = Note(note.encode())
    name = note.signatures[0][0]
    note.verify(name, key)
    return note.text, name


def write_checkpoint(origin, size, root):
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"


def read_checkpoint(text):
    lines = text.split("\n")
    need(len(lines) == 4 and lines[3] == "", "a checkpoint has three lines")
    root = decode(lines[2])
    need(len(root) == 32, "a root of 32 bytes")
    return lines[0], number(lines[1]), root


class Receipt:
    def __init__(self, data):
        self.note = Note(data)
        lines = self.note.text.split("\n", 5)
        need(len(lines) == 6 and lines[0] == "tally-receipt/v1", "no receipt")
        for i, key in enumerate(("centre", "time", "nonce", "from"), 1):
            need(lines[i].startswith(key + " "), f"no {key}")
        self.centre, time, self.nonce, start = (line.split(" ", 1)[1] for line in lines[1:5])
        need(re.fullmatch(r"[!-*,-~]{1,128}", self.centre), "a centre's name")
        need(re.fullmatch(r"-|[0-9a-f]{32}", self.nonce), "a nonce")
        self.time, self.start = number(time), number(start)
        self.origin, self.size, self.root = read_checkpoint(lines[5])
        need(self.start <= self.size, "from above the size")


# --- C2SP tlog-proof, and the receipt's in its likeness


def read_proof(data, head):
    text = data.decode("utf-8", "surrogateescape")
    proof, blank, note = text.partition("\n\n")
    lines = proof.split("\n")
    need(blank and lines[0] == head, f"no {head}")
    need(len(lines) > 1 and lines[1].startswith("index "), "no index")
    path = [decode(line) for line in lines[2:]]
    need(len(path) <= 64 and all(len(node) == 32 for node in path), "hashes of 32 bytes")
    return number(lines[1][6:]), path, note.encode("utf-8", "surrogateescape")


# --- ustar


def ustar_header(name, size):
    header = bytearray(512)
    header[:len(name)] = name.encode()
    for at, field in ((100, b"0000644"), (108, b"0000000"), (116, b"0000000"), (124, b"%011o" % size),
                      (136, b"00000000000"), (148, b" " * 8), (156, b"0"), (257, b"ustar\0" + b"00"),
                      (329, b"0000000"), (337, b"0000000")):
        header[at:at + len(field)] = field
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def read_archive(data):
    """[(name, contents)]."""
    entries, at = [], 0
    while data[at:at + 512] != bytes(512):
        header = data[at:at + 512]
        need(len(header) == 512, "it ends in the middle")
        name = header[:100].split(b"\0")[0].decode("latin-1")
        digits = header[124:135]
        need(re.fullmatch(rb"[0-7]{11}", digits), "a size in another form")
        size = int(digits, 8)
        need(name.isascii() and header == ustar_header(name, size), f"a header in another form at {at}")
        at += 512
        contents = data[at:at + size]
        padding = -size % 512
        need(len(contents) == size and data[at + size:at + size + padding] == bytes(padding), "padding")
        entries.append((name, contents))
        at += size + padding
    need(data[at:] == bytes(1024), "the end: two zero records")
    return entries


# --- docs/FORMAT.md: blocks and definitions


def unique(pairs):
    need(len({key for key, _ in pairs}) == len(pairs), "a key twice")
    return dict(pairs)


def parse_line(line):
    need(line.endswith(b"\n") and line.count(b"\n") == 1, "one line")
    try:
        parsed = json.loads(line.decode("utf-8"), object_pairs_hook=unique)
    except ValueError as error:
        raise Refused(f"not JSON: {error}") from None
    need(isinstance(parsed, dict), "an object")
    return parsed


BLOCK_KEYS = ["tally", "log", "n", "prev", "run", "mono_us", "closed_us", "clock", "defs", "readings", "missed", "events"]


def parse_block(line):
    block = parse_line(line)
    need(list(block) == BLOCK_KEYS and block["tally"] == 1, "the keys of a block")
    need(len(line) <= 131072 and all(len(r) == 8 for r in block["readings"]), "readings of eight")
    # No white space and no other escapes: strings and numbers apart, it is what json would write.
    plain = re.sub(rb'"(?:[^"\\]|\\.)*"', b'""', line)
    need(not re.search(rb"\s", plain[:-1]), "white space")
    return block


# --- docs/FORMAT.md §1.3: amendments

NUMBER = r"-?\d+(?:\.\d+)?(?:e-?\d+)?"
AMENDMENT = re.compile(rf"by (\S{{1,32}}) \(user (\d+)\): block (\d+), readings\[(\d+)\], point (\d+), "
                       rf"(\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{6}}Z): (?:no number|({NUMBER})(?: (.+?))?), "
                       rf"(?:amended to ({NUMBER})(?: .+?)?|(void)|as recorded): (.+)", re.S)


def same_number(indication, written):
    """Whether an indication is the number that an amendment states, None for none."""
    try:
        return indication is written or Decimal(str(indication)) == Decimal(written)
    except (ArithmeticError, TypeError):  # a text, or only one of them is none
        return False


def amendments(blocks, definitions=None):
    """{(block, place in readings): [(value as a string, None for void, "recorded" when withdrawn; account, reason)]}, in the order of
    recording, of those that name a reading of these blocks (objects, numbers as they stand) as it is. `definitions`: {hash: object}."""
    by_number, found = {block["n"]: block for block in blocks}, {}
    for block in blocks:
        for event in block["events"]:
            match = event["kind"] == "reading.amended" and AMENDMENT.fullmatch(event["text"])
            if not match:
                continue
            account, _, n, place, point, time, recorded, _, value, void, reason = match.groups()
            of = by_number.get(int(n))
            if of is None or of["n"] >= block["n"] or int(place) >= len(of["readings"]):
                continue
            reading = of["readings"][int(place)]
            t_us = datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc) - datetime(1970, 1, 1, tzinfo=timezone.utc)
            if reading[:2] != [int(point), t_us // timedelta(microseconds=1)] or not same_number(reading[4], recorded):
                continue
            if definitions is not None:
                definition = definitions[of["defs"]]["points"][point]
                if event["subject"] != f"{definition['instrument']}.{definition['quantity']}":
                    continue
            found.setdefault((int(n), int(place)), []).append((value if value else None if void else "recorded", account, reason))
    return found


def as_amended(blocks):
    """The blocks as they would read: a Decimal in the place of each indication that is amended, None where it is void."""
    blocks = copy.deepcopy(blocks)
    by_number = {block["n"]: block for block in blocks}
    for (n, place), all_of_it in amendments(blocks).items():
        value = all_of_it[-1][0]
        if value != "recorded":
            by_number[n]["readings"][place][4] = None if value is None else Decimal(value)
    return blocks


def named_files(definitions):
    files = {definitions["config"]}
    for point in definitions["points"].values():
        files.add(point["driver"])
        if point["certificate"] is not None:
            files.add(point["certificate"])
    return files


# --- an export


class Export:
    """Reads and checks `data`; `centres`: (name or None, key) of those that are trusted."""

    def __init__(self, data, gateway, centres=()):
        self.entries = read_archive(data)
        self.gateway, self.centres = gateway, centres
        self.later_than = self.not_later_than = None  # (block, time)
        self.readings = 0
        self.amendments = {}
        self.take_names()
        self.check_checkpoint()
        self.check_blocks()
        self.check_files()
        self.check_receipts()

    def take_names(self):
        names = [name for name, _ in self.entries]
        need(len(set(names)) == len(names), "a name twice")
        order = ["README", "last-block.tlog-proof", r"receipts/\d+", r"definitions/[0-9a-f]{64}", r"files/[0-9a-f]{64}",
                 r"blocks/\d{20}\.jsonl"]
        kinds = [next((k for k, p in enumerate(order) if re.fullmatch(p, name)), None) for name in names]
        need(None not in kinds and kinds == sorted(kinds) and kinds[:2] == [0, 1], "entries out of order")
        self.by_kind = [[e for e, k in zip(self.entries, kinds) if k == kind] for kind in range(6)]
        need([name for name, _ in self.by_kind[2]] ==
             [f"receipts/{i + 1}" for i in range(len(self.by_kind[2]))], "the numbers of receipts")
        for kind in (3, 4):
            listed = [name for name, _ in self.by_kind[kind]]
            need(listed == sorted(listed), "hashes out of order")
        need(self.by_kind[0][0][1].startswith(b"Tally export, format 1\n"), "another README")

    def check_checkpoint(self):
        self.index, self.path, note = read_proof(self.by_kind[1][0][1], "c2sp.org/tlog-proof@v1")
        note = Note(note)
        self.origin, self.size, self.root = read_checkpoint(note.text)
        name, key = self.gateway
        need(name in (None, self.origin), "the key of another log")
        note.verify(self.origin, key)

    def check_blocks(self):
        lines = []
        need(self.by_kind[5], "no blocks")
        first = n = int(self.by_kind[5][0][0][7:27])
        for name, contents in self.by_kind[5]:
            need(int(name[7:27]) == n, "a file of blocks in another place")
            here = contents.splitlines(True)
            need(len(here) == min((n // 256 + 1) * 256, self.index + 1) - n, "blocks are missing in a file")
            lines += here
            n += len(here)
        need(n == self.index + 1, "blocks are missing")
        self.first, self.end = first, n
        self.leaves = [leaf_hash(line) for line in lines]
        self.blocks = [parse_block(line) for line in lines]
        for i, block in enumerate(self.blocks):
            need(block["n"] == first + i, f"block {first + i} is not in its place")
            need(block["log"] == self.origin, f"block {first + i} is of another log")
            need(i == 0 or block["prev"] == self.leaves[i - 1].hex(), f"block {first + i} names another before it")
            self.readings += len(block["readings"])
        need(root_from_inclusion(self.leaves[-1], self.index, self.size, self.path) == self.root,
             "the last block is not in the signed log")

    def check_files(self):
        for kind in (3, 4):
            for name, contents in self.by_kind[kind]:
                need(hashlib.sha256(contents).hexdigest() == name.split("/")[1], f"{name}: another hash")
        definitions = {name.split("/")[1]: parse_line(contents) for name, contents in self.by_kind[3]}
        need(set(definitions) == {block["defs"] for block in self.blocks}, "definitions that are missing or too many")
        for block in self.blocks:
            points = definitions[block["defs"]]["points"]
            need(all(str(row[0]) in points for row in block["readings"] + block["missed"]), "a point without definition")
        self.amendments = amendments(self.blocks, definitions)
        wanted = set().union(*map(named_files, definitions.values()))
        wanted |= {event["subject"] for block in self.blocks for event in block["events"]
                   if event["kind"] == "log.recovered"}
        need(wanted == {name.split("/")[1] for name, _ in self.by_kind[4]}, "files that are missing or too many")

    def trusted(self, receipt):
        for name, key in self.centres:
            if name in (None, receipt.centre) and receipt.note.is_by(receipt.centre, key):
                receipt.note.verify(receipt.centre, key)
                return True
            need(name != receipt.centre, "a receipt by another key than the one given")
        return False

    def check_receipts(self):
        centres, covers, carried = [], [], []
        for _, contents in self.by_kind[2]:
            index, path, note = read_proof(contents, "tally-receipt-proof/v1")
            receipt = Receipt(note)
            centres.append(receipt.centre)
            need(receipt.origin == self.origin, "a receipt of another log")
            need(receipt.size <= self.size, "the end was cut off")
            need(self.first <= index == min(receipt.size, self.end) - 1, "not the last block that it covers")
            need(root_from_inclusion(self.leaves[index - self.first], index, receipt.size, path) == receipt.root,
                 "the centre signed for other blocks")
            if self.trusted(receipt):
                covers.append((index, receipt.time))
        need(centres == sorted(set(centres)), "receipts out of order")
        for block in self.blocks:
            for event in block["events"]:
                if event["kind"] != "receipt":
                    continue
                try:
                    receipt = Receipt(event["text"].encode())
                    if receipt.origin == self.origin and self.trusted(receipt):
                        carried.append((block["n"], receipt.time))
                except Refused:
                    pass
        if covers:
            last = max(index for index, _ in covers)
            self.not_later_than = last, min(time for index, time in covers if index == last)
        if carried:
            first = min(n for n, _ in carried)
            self.later_than = first, max(time for n, time in carried if n == first)


def refused(data, gateway, centres=()):
    """Why the export is refused, or None."""
    try:
        Export(data, gateway, centres)
    except (Refused, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"
    return None
