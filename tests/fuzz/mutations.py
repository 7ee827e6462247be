"""Damage to files: what disks, networks, other programs and malice do to bytes and to text.

Every change is drawn from the given generator alone, so that an input can be made again from its number.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

__all__ = ["Change", "changes", "damaged"]

Change = tuple[int, int, bytes]
"""Offset, how many bytes go, what comes instead."""

INTEGERS = (
    *(0, 1, 2, 3, 4, 7, 8, -1, -2, 127, 128, 255, 256, 348, 540, 32767, 32768, 65535, 65536),
    *(2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1),
)
FLOATS = (0.0, -0.0, 1.0, -1.0, float("nan"), float("inf"), float("-inf"), 1e38, -1e38, 1e-45, 1e-308, 1e308, 0.5, 1e9, 1000.0)
NUMBERS = (
    *("0", "-0", "1", "-1", "2", "3", "7", "99", "255", "65536", "2147483648", "18446744073709551616", "1e308", "1e999", "nan"),
    *(
        "inf",
        "-inf",
        "NaN",
        "1e-320",
        "0x10",
        "1,5",
        "1_000",
        "٣",
        "1e",
        "--1",
        "+1",
        "9" * 400,
        "0." + "0" * 300 + "1",
        "1e-999",
        "",
        "()",
    ),
)
JUNK = (
    *(b"\x00", b"\xff", b"\n", b"\r\n", b" ", b"\t", b"#", b"%", b":", b"=", b",", b'"', b"'", b"\\", b"[", b"]", b"{", b"}", b"(", b")"),
    *(b"/", b"../", b"%d", b"%s", b"\xc3\x28", b"\xef\xbb\xbf", "扫".encode(), "\u2028".encode(), b"null", b"true", b"none", b"NaN", b"-"),
    *(b"LIST", b"LOCAL", b"http://127.0.0.1:9/x", b"/dev/zero", b"/etc/passwd", b"x" * 5000, b"9" * 5000),
    *(b"[" * 300, b"[" * 3000, b"\n" * 300),
)
NUMBER = re.compile(rb"[-+]?\d[\d.]*(?:[eE][-+]?\d+)?")
WORD = re.compile(rb"[A-Za-z_][\w-]*")


def changes(random: Random, data: bytes, *, header: int, text: bool) -> list[Change]:
    """One to five changes, most of them within the first ``header`` bytes, each for the bytes as the former ones left them."""
    made = []
    count = 1
    while count < 5 and random.random() < 0.4:
        count += 1
    for _ in range(count):
        kinds = TEXT if text and random.random() < 0.85 else BINARY
        change = random.choice(kinds)(random, data, min(header, len(data)) if random.random() < 0.9 else len(data))
        made.append(change)
        data = damaged(data, [change])
    return made


def damaged(data: bytes, made: list[Change]) -> bytes:
    """The bytes after the changes."""
    for at, gone, new in made:
        data = data[:at] + new + data[at + gone :]
    return data


def _place(random: Random, end: int) -> int:
    return random.randrange(end) if end > 0 else 0


def _flip(random: Random, data: bytes, end: int) -> Change:
    at = _place(random, end)
    return at, 1, bytes([(data[at] if data else 0) ^ (1 << random.randrange(8))])


def _byte(random: Random, data: bytes, end: int) -> Change:
    return _place(random, end), 1, bytes([random.choice((0, 1, 2, 9, 10, 32, 47, 48, 127, 128, 254, 255, random.randrange(256)))])


def _number(random: Random, data: bytes, end: int) -> Change:
    """A number that programs stumble over, where a field of a header may stand."""
    size = random.choice((1, 2, 2, 4, 4, 8))
    order = random.choice("<>")
    if size > 2 and random.random() < 0.5:
        fitting = FLOATS if size == 8 else [x for x in FLOATS if abs(x) != 1e308]
        new = struct.pack(order + ("f" if size == 4 else "d"), random.choice(fitting))
    else:
        new = (random.choice(INTEGERS) % (1 << 8 * size)).to_bytes(size, "little" if order == "<" else "big")
    return _place(random, end) // size * size, size, new


def _step(random: Random, data: bytes, end: int) -> Change:
    """A number in the header a little larger or smaller."""
    size, order = random.choice((1, 2, 4)), random.choice(("little", "big"))
    at = _place(random, end) // size * size
    value = int.from_bytes(data[at : at + size], order) + random.choice((-2, -1, 1, 2))
    return at, size, (value % (1 << 8 * size)).to_bytes(size, order)


def _fill(random: Random, data: bytes, end: int) -> Change:
    length = random.choice((2, 4, 8, 12, 48))
    return _place(random, end), length, random.choice((b"\x00", b"\xff", b"\x7f", b" ")) * length


def _cut(random: Random, data: bytes, end: int) -> Change:
    at = _place(random, end)
    return at, len(data) - at, b""


def _remove(random: Random, data: bytes, end: int) -> Change:
    return _place(random, end), random.choice((1, 2, 4, 16, 100)), b""


def _insert(random: Random, data: bytes, end: int) -> Change:
    return _place(random, end), 0, random.choice((*JUNK, random.randbytes(random.choice((1, 4, 32)))))


def _copy(random: Random, data: bytes, end: int) -> Change:
    """A piece of the file a second time, in between or over something else."""
    start, length = _place(random, end), random.choice((2, 4, 8, 40, 200))
    return _place(random, end), random.choice((0, length)), data[start : start + length]


def _append(random: Random, data: bytes, end: int) -> Change:
    return len(data), 0, random.choice((b"\x00", b"junk", data[:500], bytes(4096)))


def _other_number(random: Random, data: bytes, end: int) -> Change:
    return _token(random, data, end, NUMBER, random.choice(NUMBERS).encode())


def _other_word(random: Random, data: bytes, end: int) -> Change:
    words = WORD.findall(data[:end]) or [b"x"]
    return _token(random, data, end, WORD, random.choice((random.choice(words), random.choice(words).swapcase(), random.choice(JUNK))))


def _token(random: Random, data: bytes, end: int, pattern: re.Pattern[bytes], new: bytes) -> Change:
    found = pattern.search(data, _place(random, end), end) or pattern.search(data, 0, end)
    return (found.start(), found.end() - found.start(), new) if found else (0, 0, new)


def _line(random: Random, data: bytes, end: int) -> Change:
    """A line lost, doubled, moved or emptied of its value."""
    start = data.rfind(b"\n", 0, _place(random, end)) + 1
    stop = data.find(b"\n", start) + 1 or len(data)
    line = data[start:stop]
    key = re.split(rb"[:=]", line)[0]
    other = data.rfind(b"\n", 0, _place(random, end)) + 1
    length = len(line)
    return random.choice(((start, length, b""), (start, 0, line), (other, 0, line), (start, length, key + b"=\n"), (start, length, b"\n")))


BINARY: tuple[Callable[[Random, bytes, int], Change], ...] = (
    *(_flip, _byte, _number, _number, _number, _step, _fill, _cut, _remove, _insert, _copy, _append),
)
TEXT: tuple[Callable[[Random, bytes, int], Change], ...] = (
    *(_other_number, _other_number, _other_number, _other_word, _line, _line, _insert, _flip, _cut, _remove, _copy),
)
