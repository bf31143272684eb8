"""Ciphers in C, written from their specifications: DES in the forms of its tables, Blowfish, RC2.

``main`` encrypts one block of eight bytes; key and block are its arguments, in hexadecimal digits.
"""

# ruff: noqa: E501 - lines of C, and tables of numbers

from __future__ import annotations

from collections.abc import Sequence

S = """14 4 13 1 2 15 11 8 3 10 6 12 5 9 0 7 0 15 7 4 14 2 13 1 10 6 12 11 9 5 3 8
4 1 14 8 13 6 2 11 15 12 9 7 3 10 5 0 15 12 8 2 4 9 1 7 5 11 3 14 10 0 6 13
15 1 8 14 6 11 3 4 9 7 2 13 12 0 5 10 3 13 4 7 15 2 8 14 12 0 1 10 6 9 11 5
0 14 7 11 10 4 13 1 5 8 12 6 9 3 2 15 13 8 10 1 3 15 4 2 11 6 7 12 0 5 14 9
10 0 9 14 6 3 15 5 1 13 12 7 11 4 2 8 13 7 0 9 3 4 6 10 2 8 5 14 12 11 15 1
13 6 4 9 8 15 3 0 11 1 2 12 5 10 14 7 1 10 13 0 6 9 8 7 4 15 14 3 11 5 2 12
7 13 14 3 0 6 9 10 1 2 8 5 11 12 4 15 13 8 11 5 6 15 0 3 4 7 2 12 1 10 14 9
10 6 9 0 12 11 7 13 15 1 3 14 5 2 8 4 3 15 0 6 10 1 13 8 9 4 5 11 12 7 2 14
2 12 4 1 7 10 11 6 8 5 3 15 13 0 14 9 14 11 2 12 4 7 13 1 5 0 15 10 3 9 8 6
4 2 1 11 10 13 7 8 15 9 12 5 6 3 0 14 11 8 12 7 1 14 2 13 6 15 0 9 10 4 5 3
12 1 10 15 9 2 6 8 0 13 3 4 14 7 5 11 10 15 4 2 7 12 9 5 6 1 13 14 0 11 3 8
9 14 15 5 2 8 12 3 7 0 4 10 1 13 11 6 4 3 2 12 9 5 15 10 11 14 1 7 6 0 8 13
4 11 2 14 15 0 8 13 3 12 9 7 5 10 6 1 13 0 11 7 4 9 1 10 14 3 5 12 2 15 8 6
1 4 11 13 12 3 7 14 10 15 6 8 0 5 9 2 6 11 13 8 1 4 10 7 9 5 0 15 14 2 3 12
13 2 8 4 6 15 11 1 10 9 3 14 5 0 12 7 1 15 13 8 10 3 7 4 12 5 6 11 0 14 9 2
7 11 4 1 9 12 14 2 0 6 10 13 15 3 5 8 2 1 14 7 4 10 8 13 15 12 9 0 3 5 6 11""".split()
_IP = [first - 8 * at for first in (58, 60, 62, 64, 57, 59, 61, 63) for at in range(8)]
_E = [(4 * (at // 6) + at % 6 - 1) % 32 + 1 for at in range(48)]
_P = "16 7 20 21 29 12 28 17 1 15 23 26 5 18 31 10 2 8 24 14 32 27 3 9 19 13 30 6 22 11 4 25".split()
_PC1 = """57 49 41 33 25 17 9 1 58 50 42 34 26 18 10 2 59 51 43 35 27 19 11 3 60 52 44 36
63 55 47 39 31 23 15 7 62 54 46 38 30 22 14 6 61 53 45 37 29 21 13 5 28 20 12 4""".split()
_PC2 = """14 17 11 24 1 5 3 28 15 6 21 10 23 19 12 4 26 8 16 7 27 20 13 2
41 52 31 37 47 55 30 40 51 45 33 48 44 49 39 56 34 53 46 42 50 36 29 32""".split()

_MAIN = """
int main(int argc, char **argv)
{
    unsigned char key[16], room[8];
    unsigned at, size, number;
    if (argc < 3) return 1;
    size = (unsigned)strlen(argv[1]) / 2;
    for (at = 0; at < size && at < 16 && sscanf(argv[1] + 2 * at, "%2x", &number) == 1; at++) key[at] = (unsigned char)number;
    for (at = 0; at < 8 && sscanf(argv[2] + 2 * at, "%2x", &number) == 1; at++) room[at] = (unsigned char)number;
    encrypt_block(key, size, room);
    for (at = 0; at < 8; at++) printf("%02x", room[at]);
    return 0;
}
"""
_HEAD = "#include <stdint.h>\n#include <stdio.h>\n#include <string.h>\ntypedef uint32_t u32;\n"


def des(*, kind: str = "unsigned char") -> str:
    """DES bit by bit, with its tables as they are printed, of bytes or of ints (FIPS 46-3)."""
    inverse = [0] * 64
    for at, one in enumerate(_IP):
        inverse[one - 1] = at + 1
    tables: dict[str, Sequence[object]] = {"IP": _IP, "FP": inverse, "E": _E, "P": _P, "PC1": _PC1, "PC2": _PC2, "S": S}
    text = "".join(
        f"static const {kind} {name}[] = {{{', '.join(map(str, table))}}};\n" for name, table in tables.items()
    )
    return f"""{_HEAD}{text}
static void chosen(const unsigned char *from, unsigned char *to, const {kind} *table, int count)
{{
    while (count-- > 0) to[count] = from[table[count] - 1];
}}

static __attribute__((noinline)) void encrypt_block(const unsigned char *key, unsigned size, unsigned char *room)
{{
    unsigned char bits[64], half[64], wide[48], sub[48], parts[56], turned[56], out[32];
    int at, round, box;
    (void)size;
    for (at = 0; at < 64; at++) bits[at] = key[at / 8] >> (7 - at % 8) & 1;
    chosen(bits, parts, PC1, 56);
    for (at = 0; at < 64; at++) half[at] = room[at / 8] >> (7 - at % 8) & 1;
    chosen(half, bits, IP, 64);
    for (round = 0; round < 16; round++) {{
        int by = round < 2 || round == 8 || round == 15 ? 1 : 2;
        for (at = 0; at < 56; at++) turned[at] = parts[at / 28 * 28 + (at % 28 + by) % 28];
        memcpy(parts, turned, 56);
        chosen(parts, sub, PC2, 48);
        chosen(bits + 32, wide, E, 48);
        for (box = 0; box < 8; box++) {{
            unsigned char *six = wide + 6 * box;
            int row, column, value;
            for (at = 0; at < 6; at++) six[at] ^= sub[6 * box + at];
            row = six[0] << 1 | six[5];
            column = six[1] << 3 | six[2] << 2 | six[3] << 1 | six[4];
            value = S[64 * box + 16 * row + column];
            for (at = 0; at < 4; at++) half[4 * box + at] = value >> (3 - at) & 1;
        }}
        chosen(half, out, P, 32);
        for (at = 0; at < 32; at++) {{
            unsigned char left = bits[at] ^ out[at];
            bits[at] = bits[32 + at];
            bits[32 + at] = left;
        }}
    }}
    memcpy(half, bits + 32, 32);
    memcpy(half + 32, bits, 32);
    chosen(half, bits, FP, 64);
    memset(room, 0, 8);
    for (at = 0; at < 64; at++) room[at / 8] |= (unsigned char)(bits[at] << (7 - at % 8));
}}
{_MAIN}"""


def _pi(words: int) -> list[int]:
    """The fraction of pi in words of 32 bits (Machin)."""
    unit = 1 << 32 * words + 64

    def arc(inverse: int) -> int:
        term, total, odd = unit // inverse, 0, 1
        while term:
            total += term // odd if odd % 4 == 1 else -(term // odd)
            term, odd = term // inverse**2, odd + 2
        return total

    fraction = (4 * (4 * arc(5) - arc(239)) - 3 * unit) >> 64
    return [fraction >> 32 * (words - 1 - at) & 0xFFFFFFFF for at in range(words)]


def blowfish(text: str = "") -> str:
    """Blowfish with the digits of pi in tables (Schneier, 1993); ``text`` stands in the program, too."""
    digits = [f"0x{one:08x}u" for one in _pi(18 + 4 * 256)]
    boxes = ",\n".join("    " + ", ".join(digits[at : at + 8]) for at in range(18, 1042, 8))
    more = f'const char magic[] = "{text}";\n' if text else ""
    return f"""{_HEAD}{more}static const u32 p_first[18] = {{{", ".join(digits[:18])}}};
static const u32 s_first[1024] = {{
{boxes}
}};
static u32 p[18], s[1024];

static void rounds(u32 *left, u32 *right)
{{
    int at;
    u32 x;
    for (at = 0; at < 16; at++) {{
        *left ^= p[at];
        x = *right ^ (((s[*left >> 24] + s[256 + (*left >> 16 & 255)]) ^ s[512 + (*left >> 8 & 255)]) + s[768 + (*left & 255)]);
        *right = *left;
        *left = x;
    }}
    x = *left;
    *left = *right ^ p[17];
    *right = x ^ p[16];
}}

static __attribute__((noinline)) void encrypt_block(const unsigned char *key, unsigned size, unsigned char *room)
{{
    u32 left = 0, right = 0;
    unsigned at, byte = 0, count;
    memcpy(s, s_first, sizeof s);
    for (at = 0; at < 18; at++) {{
        u32 word = 0;
        for (count = 0; count < 4; count++) word = word << 8 | key[byte++ % size];
        p[at] = p_first[at] ^ word;
    }}
    for (at = 0; at < 18; at += 2) {{ rounds(&left, &right); p[at] = left; p[at + 1] = right; }}
    for (at = 0; at < 1024; at += 2) {{ rounds(&left, &right); s[at] = left; s[at + 1] = right; }}
    left = (u32)room[0] << 24 | room[1] << 16 | room[2] << 8 | room[3];
    right = (u32)room[4] << 24 | room[5] << 16 | room[6] << 8 | room[7];
    rounds(&left, &right);
    for (at = 0; at < 4; at++) {{
        room[at] = (unsigned char)(left >> (24 - 8 * at));
        room[4 + at] = (unsigned char)(right >> (24 - 8 * at));
    }}
}}
{_MAIN}"""


PITABLE = """d978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2179a59f587b34f1361456d8d09817d32
bd8f40eb86b77b0bf09521225c6b4e8254d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626
6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed708e8eade8052eef784aa72ac354d6a
2a961ad2715a1549744b9fd05e0418a4ecc2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b255597
312d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a90d38341bab33ffb0bb480c5fb9b1cd
2ec5f3db47e5a59c770aa62068fe7fc1ad""".replace("\n", "")


def rc2() -> str:
    """RC2 with as many effective bits as the key has (RFC 2268)."""
    numbers = ", ".join(str(one) for one in bytes.fromhex(PITABLE))
    return f"""{_HEAD}static const unsigned char table[256] = {{{numbers}}};

static __attribute__((noinline)) void encrypt_block(const unsigned char *key, unsigned size, unsigned char *room)
{{
    static const int by[4] = {{1, 2, 3, 5}};
    unsigned char l[128];
    uint16_t k[64], r[4];
    int at, step, word = 0;
    memcpy(l, key, size);
    for (at = (int)size; at < 128; at++) l[at] = table[(l[at - 1] + l[at - (int)size]) & 255];
    l[128 - size] = table[l[128 - size]];
    for (at = 127 - (int)size; at >= 0; at--) l[at] = table[l[at + 1] ^ l[at + (int)size]];
    for (at = 0; at < 64; at++) k[at] = (uint16_t)(l[2 * at] | l[2 * at + 1] << 8);
    for (at = 0; at < 4; at++) r[at] = (uint16_t)(room[2 * at] | room[2 * at + 1] << 8);
    for (step = 0; step < 16; step++) {{
        for (at = 0; at < 4; at++) {{
            uint16_t last = r[(at + 3) & 3];
            r[at] = (uint16_t)(r[at] + k[word++] + (last & r[(at + 2) & 3]) + (~last & r[(at + 1) & 3]));
            r[at] = (uint16_t)(r[at] << by[at] | r[at] >> (16 - by[at]));
        }}
        if (step == 4 || step == 10)
            for (at = 0; at < 4; at++) r[at] = (uint16_t)(r[at] + k[r[(at + 3) & 3] & 63]);
    }}
    for (at = 0; at < 8; at++) room[at] = (unsigned char)(r[at / 2] >> 8 * (at % 2));
}}
{_MAIN}"""
