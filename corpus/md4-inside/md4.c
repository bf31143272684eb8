/* MD4, written from its specification. The first argument is hashed, at most 55 bytes. */
#define WORDS 4
#define BIG 0
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#define LEFT(x, n) ((uint32_t)(x) << (n) | (uint32_t)(x) >> (32 - (n)))
typedef uint32_t u32;
static u32 word(const unsigned char *p) { return p[0] | p[1] << 8 | p[2] << 16 | (u32)p[3] << 24; }
static u32 wide(const unsigned char *p) { return (u32)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }
static void start(u32 *h)
{
    h[0] = 0x67452301u;
    h[1] = 0xefcdab89u;
    h[2] = 0x98badcfeu;
    h[3] = 0x10325476u;
}
static __attribute__((noinline)) void block(u32 *h, const unsigned char *p)
{
    u32 a = h[0], b = h[1], c = h[2], d = h[3], m[16], i;
    for (i = 0; i < 16; i++) m[i] = word(p + 4 * i);
    a = LEFT(a + ((b & c) | (~b & d)) + m[0] + 0, 3);
    d = LEFT(d + ((a & b) | (~a & c)) + m[1] + 0, 7);
    c = LEFT(c + ((d & a) | (~d & b)) + m[2] + 0, 11);
    b = LEFT(b + ((c & d) | (~c & a)) + m[3] + 0, 19);
    a = LEFT(a + ((b & c) | (~b & d)) + m[4] + 0, 3);
    d = LEFT(d + ((a & b) | (~a & c)) + m[5] + 0, 7);
    c = LEFT(c + ((d & a) | (~d & b)) + m[6] + 0, 11);
    b = LEFT(b + ((c & d) | (~c & a)) + m[7] + 0, 19);
    a = LEFT(a + ((b & c) | (~b & d)) + m[8] + 0, 3);
    d = LEFT(d + ((a & b) | (~a & c)) + m[9] + 0, 7);
    c = LEFT(c + ((d & a) | (~d & b)) + m[10] + 0, 11);
    b = LEFT(b + ((c & d) | (~c & a)) + m[11] + 0, 19);
    a = LEFT(a + ((b & c) | (~b & d)) + m[12] + 0, 3);
    d = LEFT(d + ((a & b) | (~a & c)) + m[13] + 0, 7);
    c = LEFT(c + ((d & a) | (~d & b)) + m[14] + 0, 11);
    b = LEFT(b + ((c & d) | (~c & a)) + m[15] + 0, 19);
    a = LEFT(a + ((b & c) | (b & d) | (c & d)) + m[0] + 0x5a827999u, 3);
    d = LEFT(d + ((a & b) | (a & c) | (b & c)) + m[4] + 0x5a827999u, 5);
    c = LEFT(c + ((d & a) | (d & b) | (a & b)) + m[8] + 0x5a827999u, 9);
    b = LEFT(b + ((c & d) | (c & a) | (d & a)) + m[12] + 0x5a827999u, 13);
    a = LEFT(a + ((b & c) | (b & d) | (c & d)) + m[1] + 0x5a827999u, 3);
    d = LEFT(d + ((a & b) | (a & c) | (b & c)) + m[5] + 0x5a827999u, 5);
    c = LEFT(c + ((d & a) | (d & b) | (a & b)) + m[9] + 0x5a827999u, 9);
    b = LEFT(b + ((c & d) | (c & a) | (d & a)) + m[13] + 0x5a827999u, 13);
    a = LEFT(a + ((b & c) | (b & d) | (c & d)) + m[2] + 0x5a827999u, 3);
    d = LEFT(d + ((a & b) | (a & c) | (b & c)) + m[6] + 0x5a827999u, 5);
    c = LEFT(c + ((d & a) | (d & b) | (a & b)) + m[10] + 0x5a827999u, 9);
    b = LEFT(b + ((c & d) | (c & a) | (d & a)) + m[14] + 0x5a827999u, 13);
    a = LEFT(a + ((b & c) | (b & d) | (c & d)) + m[3] + 0x5a827999u, 3);
    d = LEFT(d + ((a & b) | (a & c) | (b & c)) + m[7] + 0x5a827999u, 5);
    c = LEFT(c + ((d & a) | (d & b) | (a & b)) + m[11] + 0x5a827999u, 9);
    b = LEFT(b + ((c & d) | (c & a) | (d & a)) + m[15] + 0x5a827999u, 13);
    a = LEFT(a + (b ^ c ^ d) + m[0] + 0x6ed9eba1u, 3);
    d = LEFT(d + (a ^ b ^ c) + m[8] + 0x6ed9eba1u, 9);
    c = LEFT(c + (d ^ a ^ b) + m[4] + 0x6ed9eba1u, 11);
    b = LEFT(b + (c ^ d ^ a) + m[12] + 0x6ed9eba1u, 15);
    a = LEFT(a + (b ^ c ^ d) + m[2] + 0x6ed9eba1u, 3);
    d = LEFT(d + (a ^ b ^ c) + m[10] + 0x6ed9eba1u, 9);
    c = LEFT(c + (d ^ a ^ b) + m[6] + 0x6ed9eba1u, 11);
    b = LEFT(b + (c ^ d ^ a) + m[14] + 0x6ed9eba1u, 15);
    a = LEFT(a + (b ^ c ^ d) + m[1] + 0x6ed9eba1u, 3);
    d = LEFT(d + (a ^ b ^ c) + m[9] + 0x6ed9eba1u, 9);
    c = LEFT(c + (d ^ a ^ b) + m[5] + 0x6ed9eba1u, 11);
    b = LEFT(b + (c ^ d ^ a) + m[13] + 0x6ed9eba1u, 15);
    a = LEFT(a + (b ^ c ^ d) + m[3] + 0x6ed9eba1u, 3);
    d = LEFT(d + (a ^ b ^ c) + m[11] + 0x6ed9eba1u, 9);
    c = LEFT(c + (d ^ a ^ b) + m[7] + 0x6ed9eba1u, 11);
    b = LEFT(b + (c ^ d ^ a) + m[15] + 0x6ed9eba1u, 15);
    h[0] += a; h[1] += b; h[2] += c; h[3] += d;
}

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
