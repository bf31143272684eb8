/* SHA-1, written from its specification. The first argument is hashed, at most 55 bytes. */
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
    e += LEFT(a, 5) + ((b & c) | (~b & d)) + 0x5a827999u + w[0]; b = LEFT(b, 30);
    d += LEFT(e, 5) + ((a & b) | (~a & c)) + 0x5a827999u + w[1]; a = LEFT(a, 30);
    c += LEFT(d, 5) + ((e & a) | (~e & b)) + 0x5a827999u + w[2]; e = LEFT(e, 30);
    b += LEFT(c, 5) + ((d & e) | (~d & a)) + 0x5a827999u + w[3]; d = LEFT(d, 30);
    a += LEFT(b, 5) + ((c & d) | (~c & e)) + 0x5a827999u + w[4]; c = LEFT(c, 30);
    e += LEFT(a, 5) + ((b & c) | (~b & d)) + 0x5a827999u + w[5]; b = LEFT(b, 30);
    d += LEFT(e, 5) + ((a & b) | (~a & c)) + 0x5a827999u + w[6]; a = LEFT(a, 30);
    c += LEFT(d, 5) + ((e & a) | (~e & b)) + 0x5a827999u + w[7]; e = LEFT(e, 30);
    b += LEFT(c, 5) + ((d & e) | (~d & a)) + 0x5a827999u + w[8]; d = LEFT(d, 30);
    a += LEFT(b, 5) + ((c & d) | (~c & e)) + 0x5a827999u + w[9]; c = LEFT(c, 30);
    e += LEFT(a, 5) + ((b & c) | (~b & d)) + 0x5a827999u + w[10]; b = LEFT(b, 30);
    d += LEFT(e, 5) + ((a & b) | (~a & c)) + 0x5a827999u + w[11]; a = LEFT(a, 30);
    c += LEFT(d, 5) + ((e & a) | (~e & b)) + 0x5a827999u + w[12]; e = LEFT(e, 30);
    b += LEFT(c, 5) + ((d & e) | (~d & a)) + 0x5a827999u + w[13]; d = LEFT(d, 30);
    a += LEFT(b, 5) + ((c & d) | (~c & e)) + 0x5a827999u + w[14]; c = LEFT(c, 30);
    e += LEFT(a, 5) + ((b & c) | (~b & d)) + 0x5a827999u + w[15]; b = LEFT(b, 30);
    d += LEFT(e, 5) + ((a & b) | (~a & c)) + 0x5a827999u + w[16]; a = LEFT(a, 30);
    c += LEFT(d, 5) + ((e & a) | (~e & b)) + 0x5a827999u + w[17]; e = LEFT(e, 30);
    b += LEFT(c, 5) + ((d & e) | (~d & a)) + 0x5a827999u + w[18]; d = LEFT(d, 30);
    a += LEFT(b, 5) + ((c & d) | (~c & e)) + 0x5a827999u + w[19]; c = LEFT(c, 30);
    e += LEFT(a, 5) + (b ^ c ^ d) + 0x6ed9eba1u + w[20]; b = LEFT(b, 30);
    d += LEFT(e, 5) + (a ^ b ^ c) + 0x6ed9eba1u + w[21]; a = LEFT(a, 30);
    c += LEFT(d, 5) + (e ^ a ^ b) + 0x6ed9eba1u + w[22]; e = LEFT(e, 30);
    b += LEFT(c, 5) + (d ^ e ^ a) + 0x6ed9eba1u + w[23]; d = LEFT(d, 30);
    a += LEFT(b, 5) + (c ^ d ^ e) + 0x6ed9eba1u + w[24]; c = LEFT(c, 30);
    e += LEFT(a, 5) + (b ^ c ^ d) + 0x6ed9eba1u + w[25]; b = LEFT(b, 30);
    d += LEFT(e, 5) + (a ^ b ^ c) + 0x6ed9eba1u + w[26]; a = LEFT(a, 30);
    c += LEFT(d, 5) + (e ^ a ^ b) + 0x6ed9eba1u + w[27]; e = LEFT(e, 30);
    b += LEFT(c, 5) + (d ^ e ^ a) + 0x6ed9eba1u + w[28]; d = LEFT(d, 30);
    a += LEFT(b, 5) + (c ^ d ^ e) + 0x6ed9eba1u + w[29]; c = LEFT(c, 30);
    e += LEFT(a, 5) + (b ^ c ^ d) + 0x6ed9eba1u + w[30]; b = LEFT(b, 30);
    d += LEFT(e, 5) + (a ^ b ^ c) + 0x6ed9eba1u + w[31]; a = LEFT(a, 30);
    c += LEFT(d, 5) + (e ^ a ^ b) + 0x6ed9eba1u + w[32]; e = LEFT(e, 30);
    b += LEFT(c, 5) + (d ^ e ^ a) + 0x6ed9eba1u + w[33]; d = LEFT(d, 30);
    a += LEFT(b, 5) + (c ^ d ^ e) + 0x6ed9eba1u + w[34]; c = LEFT(c, 30);
    e += LEFT(a, 5) + (b ^ c ^ d) + 0x6ed9eba1u + w[35]; b = LEFT(b, 30);
    d += LEFT(e, 5) + (a ^ b ^ c) + 0x6ed9eba1u + w[36]; a = LEFT(a, 30);
    c += LEFT(d, 5) + (e ^ a ^ b) + 0x6ed9eba1u + w[37]; e = LEFT(e, 30);
    b += LEFT(c, 5) + (d ^ e ^ a) + 0x6ed9eba1u + w[38]; d = LEFT(d, 30);
    a += LEFT(b, 5) + (c ^ d ^ e) + 0x6ed9eba1u + w[39]; c = LEFT(c, 30);
    e += LEFT(a, 5) + ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcu + w[40]; b = LEFT(b, 30);
    d += LEFT(e, 5) + ((a & b) | (a & c) | (b & c)) + 0x8f1bbcdcu + w[41]; a = LEFT(a, 30);
    c += LEFT(d, 5) + ((e & a) | (e & b) | (a & b)) + 0x8f1bbcdcu + w[42]; e = LEFT(e, 30);
    b += LEFT(c, 5) + ((d & e) | (d & a) | (e & a)) + 0x8f1bbcdcu + w[43]; d = LEFT(d, 30);
    a += LEFT(b, 5) + ((c & d) | (c & e) | (d & e)) + 0x8f1bbcdcu + w[44]; c = LEFT(c, 30);
    e += LEFT(a, 5) + ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcu + w[45]; b = LEFT(b, 30);
    d += LEFT(e, 5) + ((a & b) | (a & c) | (b & c)) + 0x8f1bbcdcu + w[46]; a = LEFT(a, 30);
    c += LEFT(d, 5) + ((e & a) | (e & b) | (a & b)) + 0x8f1bbcdcu + w[47]; e = LEFT(e, 30);
    b += LEFT(c, 5) + ((d & e) | (d & a) | (e & a)) + 0x8f1bbcdcu + w[48]; d = LEFT(d, 30);
    a += LEFT(b, 5) + ((c & d) | (c & e) | (d & e)) + 0x8f1bbcdcu + w[49]; c = LEFT(c, 30);
    e += LEFT(a, 5) + ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcu + w[50]; b = LEFT(b, 30);
    d += LEFT(e, 5) + ((a & b) | (a & c) | (b & c)) + 0x8f1bbcdcu + w[51]; a = LEFT(a, 30);
    c += LEFT(d, 5) + ((e & a) | (e & b) | (a & b)) + 0x8f1bbcdcu + w[52]; e = LEFT(e, 30);
    b += LEFT(c, 5) + ((d & e) | (d & a) | (e & a)) + 0x8f1bbcdcu + w[53]; d = LEFT(d, 30);
    a += LEFT(b, 5) + ((c & d) | (c & e) | (d & e)) + 0x8f1bbcdcu + w[54]; c = LEFT(c, 30);
    e += LEFT(a, 5) + ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcu + w[55]; b = LEFT(b, 30);
    d += LEFT(e, 5) + ((a & b) | (a & c) | (b & c)) + 0x8f1bbcdcu + w[56]; a = LEFT(a, 30);
    c += LEFT(d, 5) + ((e & a) | (e & b) | (a & b)) + 0x8f1bbcdcu + w[57]; e = LEFT(e, 30);
    b += LEFT(c, 5) + ((d & e) | (d & a) | (e & a)) + 0x8f1bbcdcu + w[58]; d = LEFT(d, 30);
    a += LEFT(b, 5) + ((c & d) | (c & e) | (d & e)) + 0x8f1bbcdcu + w[59]; c = LEFT(c, 30);
    e += LEFT(a, 5) + (b ^ c ^ d) + 0xca62c1d6u + w[60]; b = LEFT(b, 30);
    d += LEFT(e, 5) + (a ^ b ^ c) + 0xca62c1d6u + w[61]; a = LEFT(a, 30);
    c += LEFT(d, 5) + (e ^ a ^ b) + 0xca62c1d6u + w[62]; e = LEFT(e, 30);
    b += LEFT(c, 5) + (d ^ e ^ a) + 0xca62c1d6u + w[63]; d = LEFT(d, 30);
    a += LEFT(b, 5) + (c ^ d ^ e) + 0xca62c1d6u + w[64]; c = LEFT(c, 30);
    e += LEFT(a, 5) + (b ^ c ^ d) + 0xca62c1d6u + w[65]; b = LEFT(b, 30);
    d += LEFT(e, 5) + (a ^ b ^ c) + 0xca62c1d6u + w[66]; a = LEFT(a, 30);
    c += LEFT(d, 5) + (e ^ a ^ b) + 0xca62c1d6u + w[67]; e = LEFT(e, 30);
    b += LEFT(c, 5) + (d ^ e ^ a) + 0xca62c1d6u + w[68]; d = LEFT(d, 30);
    a += LEFT(b, 5) + (c ^ d ^ e) + 0xca62c1d6u + w[69]; c = LEFT(c, 30);
    e += LEFT(a, 5) + (b ^ c ^ d) + 0xca62c1d6u + w[70]; b = LEFT(b, 30);
    d += LEFT(e, 5) + (a ^ b ^ c) + 0xca62c1d6u + w[71]; a = LEFT(a, 30);
    c += LEFT(d, 5) + (e ^ a ^ b) + 0xca62c1d6u + w[72]; e = LEFT(e, 30);
    b += LEFT(c, 5) + (d ^ e ^ a) + 0xca62c1d6u + w[73]; d = LEFT(d, 30);
    a += LEFT(b, 5) + (c ^ d ^ e) + 0xca62c1d6u + w[74]; c = LEFT(c, 30);
    e += LEFT(a, 5) + (b ^ c ^ d) + 0xca62c1d6u + w[75]; b = LEFT(b, 30);
    d += LEFT(e, 5) + (a ^ b ^ c) + 0xca62c1d6u + w[76]; a = LEFT(a, 30);
    c += LEFT(d, 5) + (e ^ a ^ b) + 0xca62c1d6u + w[77]; e = LEFT(e, 30);
    b += LEFT(c, 5) + (d ^ e ^ a) + 0xca62c1d6u + w[78]; d = LEFT(d, 30);
    a += LEFT(b, 5) + (c ^ d ^ e) + 0xca62c1d6u + w[79]; c = LEFT(c, 30);
    (void)x;
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
