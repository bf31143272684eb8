/* RIPEMD-160, written from its specification. The first argument is hashed, at most 55 bytes. */
#define WORDS 5
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
    h[4] = 0xc3d2e1f0u;
}
static __attribute__((noinline)) void block(u32 *h, const unsigned char *p)
{
    u32 a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], m[16], i;
    u32 v = a, w = b, x = c, y = d, z = e;
    for (i = 0; i < 16; i++) m[i] = word(p + 4 * i);
    a = LEFT(a + (b ^ c ^ d) + m[0] + 0x00000000u, 11) + e; c = LEFT(c, 10);
    v = LEFT(v + (w ^ (x | ~y)) + m[5] + 0x50a28be6u, 8) + z; x = LEFT(x, 10);
    e = LEFT(e + (a ^ b ^ c) + m[1] + 0x00000000u, 14) + d; b = LEFT(b, 10);
    z = LEFT(z + (v ^ (w | ~x)) + m[14] + 0x50a28be6u, 9) + y; w = LEFT(w, 10);
    d = LEFT(d + (e ^ a ^ b) + m[2] + 0x00000000u, 15) + c; a = LEFT(a, 10);
    y = LEFT(y + (z ^ (v | ~w)) + m[7] + 0x50a28be6u, 9) + x; v = LEFT(v, 10);
    c = LEFT(c + (d ^ e ^ a) + m[3] + 0x00000000u, 12) + b; e = LEFT(e, 10);
    x = LEFT(x + (y ^ (z | ~v)) + m[0] + 0x50a28be6u, 11) + w; z = LEFT(z, 10);
    b = LEFT(b + (c ^ d ^ e) + m[4] + 0x00000000u, 5) + a; d = LEFT(d, 10);
    w = LEFT(w + (x ^ (y | ~z)) + m[9] + 0x50a28be6u, 13) + v; y = LEFT(y, 10);
    a = LEFT(a + (b ^ c ^ d) + m[5] + 0x00000000u, 8) + e; c = LEFT(c, 10);
    v = LEFT(v + (w ^ (x | ~y)) + m[2] + 0x50a28be6u, 15) + z; x = LEFT(x, 10);
    e = LEFT(e + (a ^ b ^ c) + m[6] + 0x00000000u, 7) + d; b = LEFT(b, 10);
    z = LEFT(z + (v ^ (w | ~x)) + m[11] + 0x50a28be6u, 15) + y; w = LEFT(w, 10);
    d = LEFT(d + (e ^ a ^ b) + m[7] + 0x00000000u, 9) + c; a = LEFT(a, 10);
    y = LEFT(y + (z ^ (v | ~w)) + m[4] + 0x50a28be6u, 5) + x; v = LEFT(v, 10);
    c = LEFT(c + (d ^ e ^ a) + m[8] + 0x00000000u, 11) + b; e = LEFT(e, 10);
    x = LEFT(x + (y ^ (z | ~v)) + m[13] + 0x50a28be6u, 7) + w; z = LEFT(z, 10);
    b = LEFT(b + (c ^ d ^ e) + m[9] + 0x00000000u, 13) + a; d = LEFT(d, 10);
    w = LEFT(w + (x ^ (y | ~z)) + m[6] + 0x50a28be6u, 7) + v; y = LEFT(y, 10);
    a = LEFT(a + (b ^ c ^ d) + m[10] + 0x00000000u, 14) + e; c = LEFT(c, 10);
    v = LEFT(v + (w ^ (x | ~y)) + m[15] + 0x50a28be6u, 8) + z; x = LEFT(x, 10);
    e = LEFT(e + (a ^ b ^ c) + m[11] + 0x00000000u, 15) + d; b = LEFT(b, 10);
    z = LEFT(z + (v ^ (w | ~x)) + m[8] + 0x50a28be6u, 11) + y; w = LEFT(w, 10);
    d = LEFT(d + (e ^ a ^ b) + m[12] + 0x00000000u, 6) + c; a = LEFT(a, 10);
    y = LEFT(y + (z ^ (v | ~w)) + m[1] + 0x50a28be6u, 14) + x; v = LEFT(v, 10);
    c = LEFT(c + (d ^ e ^ a) + m[13] + 0x00000000u, 7) + b; e = LEFT(e, 10);
    x = LEFT(x + (y ^ (z | ~v)) + m[10] + 0x50a28be6u, 14) + w; z = LEFT(z, 10);
    b = LEFT(b + (c ^ d ^ e) + m[14] + 0x00000000u, 9) + a; d = LEFT(d, 10);
    w = LEFT(w + (x ^ (y | ~z)) + m[3] + 0x50a28be6u, 12) + v; y = LEFT(y, 10);
    a = LEFT(a + (b ^ c ^ d) + m[15] + 0x00000000u, 8) + e; c = LEFT(c, 10);
    v = LEFT(v + (w ^ (x | ~y)) + m[12] + 0x50a28be6u, 6) + z; x = LEFT(x, 10);
    e = LEFT(e + ((a & b) | (~a & c)) + m[7] + 0x5a827999u, 7) + d; b = LEFT(b, 10);
    z = LEFT(z + ((v & x) | (w & ~x)) + m[6] + 0x5c4dd124u, 9) + y; w = LEFT(w, 10);
    d = LEFT(d + ((e & a) | (~e & b)) + m[4] + 0x5a827999u, 6) + c; a = LEFT(a, 10);
    y = LEFT(y + ((z & w) | (v & ~w)) + m[11] + 0x5c4dd124u, 13) + x; v = LEFT(v, 10);
    c = LEFT(c + ((d & e) | (~d & a)) + m[13] + 0x5a827999u, 8) + b; e = LEFT(e, 10);
    x = LEFT(x + ((y & v) | (z & ~v)) + m[3] + 0x5c4dd124u, 15) + w; z = LEFT(z, 10);
    b = LEFT(b + ((c & d) | (~c & e)) + m[1] + 0x5a827999u, 13) + a; d = LEFT(d, 10);
    w = LEFT(w + ((x & z) | (y & ~z)) + m[7] + 0x5c4dd124u, 7) + v; y = LEFT(y, 10);
    a = LEFT(a + ((b & c) | (~b & d)) + m[10] + 0x5a827999u, 11) + e; c = LEFT(c, 10);
    v = LEFT(v + ((w & y) | (x & ~y)) + m[0] + 0x5c4dd124u, 12) + z; x = LEFT(x, 10);
    e = LEFT(e + ((a & b) | (~a & c)) + m[6] + 0x5a827999u, 9) + d; b = LEFT(b, 10);
    z = LEFT(z + ((v & x) | (w & ~x)) + m[13] + 0x5c4dd124u, 8) + y; w = LEFT(w, 10);
    d = LEFT(d + ((e & a) | (~e & b)) + m[15] + 0x5a827999u, 7) + c; a = LEFT(a, 10);
    y = LEFT(y + ((z & w) | (v & ~w)) + m[5] + 0x5c4dd124u, 9) + x; v = LEFT(v, 10);
    c = LEFT(c + ((d & e) | (~d & a)) + m[3] + 0x5a827999u, 15) + b; e = LEFT(e, 10);
    x = LEFT(x + ((y & v) | (z & ~v)) + m[10] + 0x5c4dd124u, 11) + w; z = LEFT(z, 10);
    b = LEFT(b + ((c & d) | (~c & e)) + m[12] + 0x5a827999u, 7) + a; d = LEFT(d, 10);
    w = LEFT(w + ((x & z) | (y & ~z)) + m[14] + 0x5c4dd124u, 7) + v; y = LEFT(y, 10);
    a = LEFT(a + ((b & c) | (~b & d)) + m[0] + 0x5a827999u, 12) + e; c = LEFT(c, 10);
    v = LEFT(v + ((w & y) | (x & ~y)) + m[15] + 0x5c4dd124u, 7) + z; x = LEFT(x, 10);
    e = LEFT(e + ((a & b) | (~a & c)) + m[9] + 0x5a827999u, 15) + d; b = LEFT(b, 10);
    z = LEFT(z + ((v & x) | (w & ~x)) + m[8] + 0x5c4dd124u, 12) + y; w = LEFT(w, 10);
    d = LEFT(d + ((e & a) | (~e & b)) + m[5] + 0x5a827999u, 9) + c; a = LEFT(a, 10);
    y = LEFT(y + ((z & w) | (v & ~w)) + m[12] + 0x5c4dd124u, 7) + x; v = LEFT(v, 10);
    c = LEFT(c + ((d & e) | (~d & a)) + m[2] + 0x5a827999u, 11) + b; e = LEFT(e, 10);
    x = LEFT(x + ((y & v) | (z & ~v)) + m[4] + 0x5c4dd124u, 6) + w; z = LEFT(z, 10);
    b = LEFT(b + ((c & d) | (~c & e)) + m[14] + 0x5a827999u, 7) + a; d = LEFT(d, 10);
    w = LEFT(w + ((x & z) | (y & ~z)) + m[9] + 0x5c4dd124u, 15) + v; y = LEFT(y, 10);
    a = LEFT(a + ((b & c) | (~b & d)) + m[11] + 0x5a827999u, 13) + e; c = LEFT(c, 10);
    v = LEFT(v + ((w & y) | (x & ~y)) + m[1] + 0x5c4dd124u, 13) + z; x = LEFT(x, 10);
    e = LEFT(e + ((a & b) | (~a & c)) + m[8] + 0x5a827999u, 12) + d; b = LEFT(b, 10);
    z = LEFT(z + ((v & x) | (w & ~x)) + m[2] + 0x5c4dd124u, 11) + y; w = LEFT(w, 10);
    d = LEFT(d + ((e | ~a) ^ b) + m[3] + 0x6ed9eba1u, 11) + c; a = LEFT(a, 10);
    y = LEFT(y + ((z | ~v) ^ w) + m[15] + 0x6d703ef3u, 9) + x; v = LEFT(v, 10);
    c = LEFT(c + ((d | ~e) ^ a) + m[10] + 0x6ed9eba1u, 13) + b; e = LEFT(e, 10);
    x = LEFT(x + ((y | ~z) ^ v) + m[5] + 0x6d703ef3u, 7) + w; z = LEFT(z, 10);
    b = LEFT(b + ((c | ~d) ^ e) + m[14] + 0x6ed9eba1u, 6) + a; d = LEFT(d, 10);
    w = LEFT(w + ((x | ~y) ^ z) + m[1] + 0x6d703ef3u, 15) + v; y = LEFT(y, 10);
    a = LEFT(a + ((b | ~c) ^ d) + m[4] + 0x6ed9eba1u, 7) + e; c = LEFT(c, 10);
    v = LEFT(v + ((w | ~x) ^ y) + m[3] + 0x6d703ef3u, 11) + z; x = LEFT(x, 10);
    e = LEFT(e + ((a | ~b) ^ c) + m[9] + 0x6ed9eba1u, 14) + d; b = LEFT(b, 10);
    z = LEFT(z + ((v | ~w) ^ x) + m[7] + 0x6d703ef3u, 8) + y; w = LEFT(w, 10);
    d = LEFT(d + ((e | ~a) ^ b) + m[15] + 0x6ed9eba1u, 9) + c; a = LEFT(a, 10);
    y = LEFT(y + ((z | ~v) ^ w) + m[14] + 0x6d703ef3u, 6) + x; v = LEFT(v, 10);
    c = LEFT(c + ((d | ~e) ^ a) + m[8] + 0x6ed9eba1u, 13) + b; e = LEFT(e, 10);
    x = LEFT(x + ((y | ~z) ^ v) + m[6] + 0x6d703ef3u, 6) + w; z = LEFT(z, 10);
    b = LEFT(b + ((c | ~d) ^ e) + m[1] + 0x6ed9eba1u, 15) + a; d = LEFT(d, 10);
    w = LEFT(w + ((x | ~y) ^ z) + m[9] + 0x6d703ef3u, 14) + v; y = LEFT(y, 10);
    a = LEFT(a + ((b | ~c) ^ d) + m[2] + 0x6ed9eba1u, 14) + e; c = LEFT(c, 10);
    v = LEFT(v + ((w | ~x) ^ y) + m[11] + 0x6d703ef3u, 12) + z; x = LEFT(x, 10);
    e = LEFT(e + ((a | ~b) ^ c) + m[7] + 0x6ed9eba1u, 8) + d; b = LEFT(b, 10);
    z = LEFT(z + ((v | ~w) ^ x) + m[8] + 0x6d703ef3u, 13) + y; w = LEFT(w, 10);
    d = LEFT(d + ((e | ~a) ^ b) + m[0] + 0x6ed9eba1u, 13) + c; a = LEFT(a, 10);
    y = LEFT(y + ((z | ~v) ^ w) + m[12] + 0x6d703ef3u, 5) + x; v = LEFT(v, 10);
    c = LEFT(c + ((d | ~e) ^ a) + m[6] + 0x6ed9eba1u, 6) + b; e = LEFT(e, 10);
    x = LEFT(x + ((y | ~z) ^ v) + m[2] + 0x6d703ef3u, 14) + w; z = LEFT(z, 10);
    b = LEFT(b + ((c | ~d) ^ e) + m[13] + 0x6ed9eba1u, 5) + a; d = LEFT(d, 10);
    w = LEFT(w + ((x | ~y) ^ z) + m[10] + 0x6d703ef3u, 13) + v; y = LEFT(y, 10);
    a = LEFT(a + ((b | ~c) ^ d) + m[11] + 0x6ed9eba1u, 12) + e; c = LEFT(c, 10);
    v = LEFT(v + ((w | ~x) ^ y) + m[0] + 0x6d703ef3u, 13) + z; x = LEFT(x, 10);
    e = LEFT(e + ((a | ~b) ^ c) + m[5] + 0x6ed9eba1u, 7) + d; b = LEFT(b, 10);
    z = LEFT(z + ((v | ~w) ^ x) + m[4] + 0x6d703ef3u, 7) + y; w = LEFT(w, 10);
    d = LEFT(d + ((e | ~a) ^ b) + m[12] + 0x6ed9eba1u, 5) + c; a = LEFT(a, 10);
    y = LEFT(y + ((z | ~v) ^ w) + m[13] + 0x6d703ef3u, 5) + x; v = LEFT(v, 10);
    c = LEFT(c + ((d & a) | (e & ~a)) + m[1] + 0x8f1bbcdcu, 11) + b; e = LEFT(e, 10);
    x = LEFT(x + ((y & z) | (~y & v)) + m[8] + 0x7a6d76e9u, 15) + w; z = LEFT(z, 10);
    b = LEFT(b + ((c & e) | (d & ~e)) + m[9] + 0x8f1bbcdcu, 12) + a; d = LEFT(d, 10);
    w = LEFT(w + ((x & y) | (~x & z)) + m[6] + 0x7a6d76e9u, 5) + v; y = LEFT(y, 10);
    a = LEFT(a + ((b & d) | (c & ~d)) + m[11] + 0x8f1bbcdcu, 14) + e; c = LEFT(c, 10);
    v = LEFT(v + ((w & x) | (~w & y)) + m[4] + 0x7a6d76e9u, 8) + z; x = LEFT(x, 10);
    e = LEFT(e + ((a & c) | (b & ~c)) + m[10] + 0x8f1bbcdcu, 15) + d; b = LEFT(b, 10);
    z = LEFT(z + ((v & w) | (~v & x)) + m[1] + 0x7a6d76e9u, 11) + y; w = LEFT(w, 10);
    d = LEFT(d + ((e & b) | (a & ~b)) + m[0] + 0x8f1bbcdcu, 14) + c; a = LEFT(a, 10);
    y = LEFT(y + ((z & v) | (~z & w)) + m[3] + 0x7a6d76e9u, 14) + x; v = LEFT(v, 10);
    c = LEFT(c + ((d & a) | (e & ~a)) + m[8] + 0x8f1bbcdcu, 15) + b; e = LEFT(e, 10);
    x = LEFT(x + ((y & z) | (~y & v)) + m[11] + 0x7a6d76e9u, 14) + w; z = LEFT(z, 10);
    b = LEFT(b + ((c & e) | (d & ~e)) + m[12] + 0x8f1bbcdcu, 9) + a; d = LEFT(d, 10);
    w = LEFT(w + ((x & y) | (~x & z)) + m[15] + 0x7a6d76e9u, 6) + v; y = LEFT(y, 10);
    a = LEFT(a + ((b & d) | (c & ~d)) + m[4] + 0x8f1bbcdcu, 8) + e; c = LEFT(c, 10);
    v = LEFT(v + ((w & x) | (~w & y)) + m[0] + 0x7a6d76e9u, 14) + z; x = LEFT(x, 10);
    e = LEFT(e + ((a & c) | (b & ~c)) + m[13] + 0x8f1bbcdcu, 9) + d; b = LEFT(b, 10);
    z = LEFT(z + ((v & w) | (~v & x)) + m[5] + 0x7a6d76e9u, 6) + y; w = LEFT(w, 10);
    d = LEFT(d + ((e & b) | (a & ~b)) + m[3] + 0x8f1bbcdcu, 14) + c; a = LEFT(a, 10);
    y = LEFT(y + ((z & v) | (~z & w)) + m[12] + 0x7a6d76e9u, 9) + x; v = LEFT(v, 10);
    c = LEFT(c + ((d & a) | (e & ~a)) + m[7] + 0x8f1bbcdcu, 5) + b; e = LEFT(e, 10);
    x = LEFT(x + ((y & z) | (~y & v)) + m[2] + 0x7a6d76e9u, 12) + w; z = LEFT(z, 10);
    b = LEFT(b + ((c & e) | (d & ~e)) + m[15] + 0x8f1bbcdcu, 6) + a; d = LEFT(d, 10);
    w = LEFT(w + ((x & y) | (~x & z)) + m[13] + 0x7a6d76e9u, 9) + v; y = LEFT(y, 10);
    a = LEFT(a + ((b & d) | (c & ~d)) + m[14] + 0x8f1bbcdcu, 8) + e; c = LEFT(c, 10);
    v = LEFT(v + ((w & x) | (~w & y)) + m[9] + 0x7a6d76e9u, 12) + z; x = LEFT(x, 10);
    e = LEFT(e + ((a & c) | (b & ~c)) + m[5] + 0x8f1bbcdcu, 6) + d; b = LEFT(b, 10);
    z = LEFT(z + ((v & w) | (~v & x)) + m[7] + 0x7a6d76e9u, 5) + y; w = LEFT(w, 10);
    d = LEFT(d + ((e & b) | (a & ~b)) + m[6] + 0x8f1bbcdcu, 5) + c; a = LEFT(a, 10);
    y = LEFT(y + ((z & v) | (~z & w)) + m[10] + 0x7a6d76e9u, 15) + x; v = LEFT(v, 10);
    c = LEFT(c + ((d & a) | (e & ~a)) + m[2] + 0x8f1bbcdcu, 12) + b; e = LEFT(e, 10);
    x = LEFT(x + ((y & z) | (~y & v)) + m[14] + 0x7a6d76e9u, 8) + w; z = LEFT(z, 10);
    b = LEFT(b + (c ^ (d | ~e)) + m[4] + 0xa953fd4eu, 9) + a; d = LEFT(d, 10);
    w = LEFT(w + (x ^ y ^ z) + m[12] + 0x00000000u, 8) + v; y = LEFT(y, 10);
    a = LEFT(a + (b ^ (c | ~d)) + m[0] + 0xa953fd4eu, 15) + e; c = LEFT(c, 10);
    v = LEFT(v + (w ^ x ^ y) + m[15] + 0x00000000u, 5) + z; x = LEFT(x, 10);
    e = LEFT(e + (a ^ (b | ~c)) + m[5] + 0xa953fd4eu, 5) + d; b = LEFT(b, 10);
    z = LEFT(z + (v ^ w ^ x) + m[10] + 0x00000000u, 12) + y; w = LEFT(w, 10);
    d = LEFT(d + (e ^ (a | ~b)) + m[9] + 0xa953fd4eu, 11) + c; a = LEFT(a, 10);
    y = LEFT(y + (z ^ v ^ w) + m[4] + 0x00000000u, 9) + x; v = LEFT(v, 10);
    c = LEFT(c + (d ^ (e | ~a)) + m[7] + 0xa953fd4eu, 6) + b; e = LEFT(e, 10);
    x = LEFT(x + (y ^ z ^ v) + m[1] + 0x00000000u, 12) + w; z = LEFT(z, 10);
    b = LEFT(b + (c ^ (d | ~e)) + m[12] + 0xa953fd4eu, 8) + a; d = LEFT(d, 10);
    w = LEFT(w + (x ^ y ^ z) + m[5] + 0x00000000u, 5) + v; y = LEFT(y, 10);
    a = LEFT(a + (b ^ (c | ~d)) + m[2] + 0xa953fd4eu, 13) + e; c = LEFT(c, 10);
    v = LEFT(v + (w ^ x ^ y) + m[8] + 0x00000000u, 14) + z; x = LEFT(x, 10);
    e = LEFT(e + (a ^ (b | ~c)) + m[10] + 0xa953fd4eu, 12) + d; b = LEFT(b, 10);
    z = LEFT(z + (v ^ w ^ x) + m[7] + 0x00000000u, 6) + y; w = LEFT(w, 10);
    d = LEFT(d + (e ^ (a | ~b)) + m[14] + 0xa953fd4eu, 5) + c; a = LEFT(a, 10);
    y = LEFT(y + (z ^ v ^ w) + m[6] + 0x00000000u, 8) + x; v = LEFT(v, 10);
    c = LEFT(c + (d ^ (e | ~a)) + m[1] + 0xa953fd4eu, 12) + b; e = LEFT(e, 10);
    x = LEFT(x + (y ^ z ^ v) + m[2] + 0x00000000u, 13) + w; z = LEFT(z, 10);
    b = LEFT(b + (c ^ (d | ~e)) + m[3] + 0xa953fd4eu, 13) + a; d = LEFT(d, 10);
    w = LEFT(w + (x ^ y ^ z) + m[13] + 0x00000000u, 6) + v; y = LEFT(y, 10);
    a = LEFT(a + (b ^ (c | ~d)) + m[8] + 0xa953fd4eu, 14) + e; c = LEFT(c, 10);
    v = LEFT(v + (w ^ x ^ y) + m[14] + 0x00000000u, 5) + z; x = LEFT(x, 10);
    e = LEFT(e + (a ^ (b | ~c)) + m[11] + 0xa953fd4eu, 11) + d; b = LEFT(b, 10);
    z = LEFT(z + (v ^ w ^ x) + m[0] + 0x00000000u, 15) + y; w = LEFT(w, 10);
    d = LEFT(d + (e ^ (a | ~b)) + m[6] + 0xa953fd4eu, 8) + c; a = LEFT(a, 10);
    y = LEFT(y + (z ^ v ^ w) + m[3] + 0x00000000u, 13) + x; v = LEFT(v, 10);
    c = LEFT(c + (d ^ (e | ~a)) + m[15] + 0xa953fd4eu, 5) + b; e = LEFT(e, 10);
    x = LEFT(x + (y ^ z ^ v) + m[9] + 0x00000000u, 11) + w; z = LEFT(z, 10);
    b = LEFT(b + (c ^ (d | ~e)) + m[13] + 0xa953fd4eu, 6) + a; d = LEFT(d, 10);
    w = LEFT(w + (x ^ y ^ z) + m[11] + 0x00000000u, 11) + v; y = LEFT(y, 10);
    i = h[1] + c + y; h[1] = h[2] + d + z; h[2] = h[3] + e + v; h[3] = h[4] + a + w;
    h[4] = h[0] + b + x; h[0] = i;
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
