/* SHA-1 in loops, written from its specification. The first argument is hashed, at most 55 bytes. */
#define WORDS 5
#define BIG 1
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
    h[4] = 0xc3d2e1f0u;
}
static __attribute__((noinline)) void block(u32 *h, const unsigned char *p)
{
    u32 w[80], i, a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], x;
    for (i = 0; i < 16; i++) w[i] = wide(p + 4 * i);
    for (; i < 80; i++) w[i] = LEFT(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (i = 0; i < 20; i++) {
        x = LEFT(a, 5) + ((b & c) | (~b & d)) + e + 0x5a827999u + w[i]; e = d; d = c; c = LEFT(b, 30); b = a; a = x;
    }
    for (i = 20; i < 40; i++) {
        x = LEFT(a, 5) + (b ^ c ^ d) + e + 0x6ed9eba1u + w[i]; e = d; d = c; c = LEFT(b, 30); b = a; a = x;
    }
    for (i = 40; i < 60; i++) {
        x = LEFT(a, 5) + ((b & c) | (b & d) | (c & d)) + e + 0x8f1bbcdcu + w[i]; e = d; d = c; c = LEFT(b, 30); b = a; a = x;
    }
    for (i = 60; i < 80; i++) {
        x = LEFT(a, 5) + (b ^ c ^ d) + e + 0xca62c1d6u + w[i]; e = d; d = c; c = LEFT(b, 30); b = a; a = x;
    }
    h[0] += a; h[1] += b; h[2] += c; h[3] += d; h[4] += e;
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
