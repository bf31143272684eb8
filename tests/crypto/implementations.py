"""Hash functions and ciphers in C, written from their specifications, in the forms that compilers meet.

``main`` prints the result for the first argument, so that a test can hold it against another implementation.
"""

# ruff: noqa: E501 - lines of C, and tables of numbers

from __future__ import annotations

import math

HEAD = """#include <stdint.h>
#include <stdio.h>
#include <string.h>
#define LEFT(x, n) ((uint32_t)(x) << (n) | (uint32_t)(x) >> (32 - (n)))
typedef uint32_t u32;
static u32 word(const unsigned char *p) { return p[0] | p[1] << 8 | p[2] << 16 | (u32)p[3] << 24; }
static u32 wide(const unsigned char *p) { return (u32)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }
"""

# One block is enough: texts of up to 55 bytes. `block` is never inlined, so that it is a function of its own.
TAIL = """
int main(int argc, char **argv)
{
    unsigned char room[64] = {0};
    const char *text = argc > 1 ? argv[1] : "";
    u32 h[8], size = (u32)strlen(text), count;
    if (size > 55) return 1;
    memcpy(room, text, size);
    room[size] = 0x80;
    for (count = 0; count < 4; count++)
        room[(BIG ? 63 - count : 56 + count)] = (unsigned char)(size * 8 >> 8 * count);
    start(h);
    block(h, room);
    for (count = 0; count < WORDS; count++)
        for (size = 0; size < 4; size++)
            printf("%02x", (unsigned)(h[count] >> 8 * (BIG ? 3 - size : size)) & 255);
    return 0;
}
"""

_IV = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)
_T = [int(abs(math.sin(number)) * 2**32) for number in range(1, 65)]
_MD5_ORDER = [[i, (5 * i + 1) % 16, (3 * i + 5) % 16, 7 * i % 16][i // 16] for i in range(64)]
_MD5_SHIFT = [((7, 12, 17, 22), (5, 9, 14, 20), (4, 11, 16, 23), (6, 10, 15, 21))[i // 16][i % 4] for i in range(64)]
_MD5_F = ("((%s & %s) | (~%s & %s))", "((%s & %s) | (%s & ~%s))", "(%s ^ %s ^ %s)", "(%s ^ (%s | ~%s))")


def _program(words: int, start: str, body: str, *, big: bool) -> str:
    # The function is called through nothing: `static` and not inlined, as in the programs that copy it.
    return (
        f"#define WORDS {words}\n#define BIG {int(big)}\n{HEAD}"
        f"static void start(u32 *h)\n{{\n{start}}}\n"
        "static __attribute__((noinline)) void block(u32 *h, const unsigned char *p)\n"
        f"{{\n{body}}}\n{TAIL}"
    )


def _start(count: int) -> str:
    return "".join(f"    h[{at}] = 0x{_IV[at]:08x}u;\n" for at in range(count))


def md5(*, table: bool) -> str:
    """MD5 with its 64 words in the code, or in a table (RFC 1321)."""
    lines = [
        "    u32 a = h[0], b = h[1], c = h[2], d = h[3], m[16], i;\n    for (i = 0; i < 16; i++) m[i] = word(p + 4 * i);\n"
    ]
    if table:
        numbers = ", ".join(f"0x{one:08x}u" for one in _T)
        lines.append(f"    static const u32 t[64] = {{{numbers}}};\n")
        lines.append(f"    static const unsigned char k[64] = {{{', '.join(map(str, _MD5_ORDER))}}};\n")
        lines.append(f"    static const unsigned char s[64] = {{{', '.join(map(str, _MD5_SHIFT))}}};\n")
        lines.append("""    for (i = 0; i < 64; i++) {
        u32 f = i < 16 ? (b & c) | (~b & d) : i < 32 ? (b & d) | (c & ~d) : i < 48 ? b ^ c ^ d : c ^ (b | ~d);
        u32 x = a + f + m[k[i]] + t[i];
        a = d; d = c; c = b; b += LEFT(x, s[i]);
    }
""")
    else:
        for i in range(64):
            a, b, c, d = ("abcd"[(at - i) % 4] for at in range(4))
            f = (f"(({b} & {c}) | (~{b} & {d}))", f"(({b} & {d}) | ({c} & ~{d}))", f"({b} ^ {c} ^ {d})",
                 f"({c} ^ ({b} | ~{d}))")[i // 16]  # fmt: skip
            lines.append(f"    {a} = {b} + LEFT({a} + {f} + m[{_MD5_ORDER[i]}] + 0x{_T[i]:08x}u, {_MD5_SHIFT[i]});\n")
    lines.append("    h[0] += a; h[1] += b; h[2] += c; h[3] += d;\n")
    return _program(4, _start(4), "".join(lines), big=False)


def md4() -> str:
    """MD4 (RFC 1320)."""
    lines = [
        "    u32 a = h[0], b = h[1], c = h[2], d = h[3], m[16], i;\n    for (i = 0; i < 16; i++) m[i] = word(p + 4 * i);\n"
    ]
    orders = (
        list(range(16)),
        [i % 4 * 4 + i // 4 for i in range(16)],
        [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15],
    )
    for i in range(48):
        a, b, c, d = ("abcd"[(at - i) % 4] for at in range(4))
        f = (f"(({b} & {c}) | (~{b} & {d}))", f"(({b} & {c}) | ({b} & {d}) | ({c} & {d}))", f"({b} ^ {c} ^ {d})")[
            i // 16
        ]
        constant = ("0", "0x5a827999u", "0x6ed9eba1u")[i // 16]
        shift = ((3, 7, 11, 19), (3, 5, 9, 13), (3, 9, 11, 15))[i // 16][i % 4]
        lines.append(f"    {a} = LEFT({a} + {f} + m[{orders[i // 16][i % 16]}] + {constant}, {shift});\n")
    lines.append("    h[0] += a; h[1] += b; h[2] += c; h[3] += d;\n")
    return _program(4, _start(4), "".join(lines), big=False)


_SHA1_K = (0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6)


def sha1(*, form: str) -> str:
    """SHA-1 with its rounds written out (`rounds`), in four loops (`loops`) or with a table (`table`) (FIPS 180-4)."""
    lines = ["""    u32 w[80], i, a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], x;
    for (i = 0; i < 16; i++) w[i] = wide(p + 4 * i);
    for (; i < 80; i++) w[i] = LEFT(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
"""]  # fmt: skip
    functions = ("((b & c) | (~b & d))", "(b ^ c ^ d)", "((b & c) | (b & d) | (c & d))", "(b ^ c ^ d)")
    turn = "e = d; d = c; c = LEFT(b, 30); b = a; a = x;"
    if form == "table":
        numbers = ", ".join(f"0x{one:08x}u" for one in _SHA1_K)
        lines.append(f"    static const u32 k[4] = {{{numbers}}};\n    for (i = 0; i < 80; i++) {{\n        u32 f = ")
        lines += [f"i < {20 * at + 20} ? {functions[at]} : " for at in range(3)]
        lines.append(f"{functions[3]};\n        x = LEFT(a, 5) + f + e + k[i / 20] + w[i]; {turn}\n    }}\n")
    elif form == "loops":
        for at in range(4):
            lines.append(f"    for (i = {20 * at}; i < {20 * at + 20}; i++) {{\n        x = LEFT(a, 5) + {functions[at]} + e + "
                         f"0x{_SHA1_K[at]:08x}u + w[i]; {turn}\n    }}\n")  # fmt: skip
    else:
        for i in range(80):
            a, b, c, d, e = ("abcde"[(at - i) % 5] for at in range(5))
            f = (f"(({b} & {c}) | (~{b} & {d}))", f"({b} ^ {c} ^ {d})", f"(({b} & {c}) | ({b} & {d}) | ({c} & {d}))",
                 f"({b} ^ {c} ^ {d})")[i // 20]  # fmt: skip
            lines.append(f"    {e} += LEFT({a}, 5) + {f} + 0x{_SHA1_K[i // 20]:08x}u + w[{i}]; {b} = LEFT({b}, 30);\n")
        lines.append("    (void)x;\n")
    lines.append("    h[0] += a; h[1] += b; h[2] += c; h[3] += d; h[4] += e;\n")
    return _program(5, _start(5), "".join(lines), big=True)


_RIPEMD_LEFT = """0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 7 4 13 1 10 6 15 3 12 0 9 5 2 14 11 8 3 10 14 4 9 15 8 1 2 7 0 6 13 11 5 12
1 9 11 10 0 8 12 4 13 3 7 15 14 5 6 2 4 0 5 9 7 12 2 10 14 1 3 8 11 6 15 13"""
_RIPEMD_RIGHT = """5 14 7 0 9 2 11 4 13 6 15 8 1 10 3 12 6 11 3 7 0 13 5 10 14 15 8 12 4 9 1 2 15 5 1 3 7 14 6 9 11 8 12 2 10 0 4 13
8 6 4 1 3 11 15 0 5 12 2 13 9 7 10 14 12 15 10 4 1 5 8 7 6 2 13 14 0 3 9 11"""
_SHIFT_LEFT = """11 14 15 12 5 8 7 9 11 13 14 15 6 7 9 8 7 6 8 13 11 9 7 15 7 12 15 9 11 7 13 12 11 13 6 7 14 9 13 15 14 8 13 6 5 12 7 5
11 12 14 15 14 15 9 8 9 14 5 6 8 6 5 12 9 15 5 11 6 8 13 12 5 12 13 14 11 8 5 6"""
_SHIFT_RIGHT = """8 9 9 11 13 15 15 5 7 7 8 11 14 14 12 6 9 13 15 7 12 8 9 11 7 7 12 7 6 15 13 11 9 7 15 11 8 6 6 14 12 13 5 14 13 13 7 5
15 5 8 11 14 14 6 14 6 9 12 9 12 5 15 8 8 5 12 9 12 5 14 6 8 13 6 5 15 13 11 11"""


def ripemd160() -> str:
    """RIPEMD-160 with its rounds written out (Dobbertin, Bosselaers, Preneel)."""
    lines = ["""    u32 a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], m[16], i;
    u32 v = a, w = b, x = c, y = d, z = e;
    for (i = 0; i < 16; i++) m[i] = word(p + 4 * i);
"""]  # fmt: skip
    sides = (("abcde", _RIPEMD_LEFT, _SHIFT_LEFT, (0, 0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xA953FD4E), (0, 1, 2, 3, 4)),
             ("vwxyz", _RIPEMD_RIGHT, _SHIFT_RIGHT, (0x50A28BE6, 0x5C4DD124, 0x6D703EF3, 0x7A6D76E9, 0), (4, 3, 2, 1, 0)))  # fmt: skip
    for i in range(80):
        for names, order, shift, constants, functions in sides:
            a, b, c, d, e = (names[(at - i) % 5] for at in range(5))
            f = (f"({b} ^ {c} ^ {d})", f"(({b} & {c}) | (~{b} & {d}))", f"(({b} | ~{c}) ^ {d})",
                 f"(({b} & {d}) | ({c} & ~{d}))", f"({b} ^ ({c} | ~{d}))")[functions[i // 16]]  # fmt: skip
            k, s = order.split()[i], shift.split()[i]
            lines.append(
                f"    {a} = LEFT({a} + {f} + m[{k}] + 0x{constants[i // 16]:08x}u, {s}) + {e}; {c} = LEFT({c}, 10);\n"
            )
    lines.append("    i = h[1] + c + y; h[1] = h[2] + d + z; h[2] = h[3] + e + v; h[3] = h[4] + a + w;\n"
                 "    h[4] = h[0] + b + x; h[0] = i;\n")  # fmt: skip
    return _program(5, _start(5), "".join(lines), big=False)


def _primes(count: int) -> list[int]:
    found: list[int] = []
    number = 2
    while len(found) < count:
        if all(number % one for one in found):
            found.append(number)
        number += 1
    return found


def sha256() -> str:
    """SHA-256, which is of the same family and not weak (FIPS 180-4)."""
    root = [math.isqrt(one << 64) & 0xFFFFFFFF for one in _primes(8)]
    cubes = [round(one ** (1 / 3) * 2**40) for one in _primes(64)]
    exact = [next(n for n in range((c >> 8) + 1, (c >> 8) - 2, -1) if n**3 <= p << 96) & 0xFFFFFFFF
             for c, p in zip(cubes, _primes(64), strict=True)]  # fmt: skip
    body = f"""    static const u32 k[64] = {{{", ".join(f"0x{one:08x}u" for one in exact)}}};
    u32 w[64], i, s[8];
    memcpy(s, h, sizeof s);
    for (i = 0; i < 16; i++) w[i] = wide(p + 4 * i);
    for (; i < 64; i++)
        w[i] = w[i - 16] + w[i - 7] + (LEFT(w[i - 15], 25) ^ LEFT(w[i - 15], 14) ^ w[i - 15] >> 3)
             + (LEFT(w[i - 2], 15) ^ LEFT(w[i - 2], 13) ^ w[i - 2] >> 10);
    for (i = 0; i < 64; i++) {{
        u32 x = s[7] + (LEFT(s[4], 26) ^ LEFT(s[4], 21) ^ LEFT(s[4], 7)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
        u32 y = (LEFT(s[0], 30) ^ LEFT(s[0], 19) ^ LEFT(s[0], 10)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += x; s[0] = x + y;
    }}
    for (i = 0; i < 8; i++) h[i] += s[i];
"""
    start = "".join(f"    h[{at}] = 0x{one:08x}u;\n" for at, one in enumerate(root))
    return _program(8, start, body, big=True)
