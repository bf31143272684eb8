/* MD5 with its words in the code, written from its specification. The first argument is hashed, at most 55 bytes. */
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
    a = b + LEFT(a + ((b & c) | (~b & d)) + m[0] + 0xd76aa478u, 7);
    d = a + LEFT(d + ((a & b) | (~a & c)) + m[1] + 0xe8c7b756u, 12);
    c = d + LEFT(c + ((d & a) | (~d & b)) + m[2] + 0x242070dbu, 17);
    b = c + LEFT(b + ((c & d) | (~c & a)) + m[3] + 0xc1bdceeeu, 22);
    a = b + LEFT(a + ((b & c) | (~b & d)) + m[4] + 0xf57c0fafu, 7);
    d = a + LEFT(d + ((a & b) | (~a & c)) + m[5] + 0x4787c62au, 12);
    c = d + LEFT(c + ((d & a) | (~d & b)) + m[6] + 0xa8304613u, 17);
    b = c + LEFT(b + ((c & d) | (~c & a)) + m[7] + 0xfd469501u, 22);
    a = b + LEFT(a + ((b & c) | (~b & d)) + m[8] + 0x698098d8u, 7);
    d = a + LEFT(d + ((a & b) | (~a & c)) + m[9] + 0x8b44f7afu, 12);
    c = d + LEFT(c + ((d & a) | (~d & b)) + m[10] + 0xffff5bb1u, 17);
    b = c + LEFT(b + ((c & d) | (~c & a)) + m[11] + 0x895cd7beu, 22);
    a = b + LEFT(a + ((b & c) | (~b & d)) + m[12] + 0x6b901122u, 7);
    d = a + LEFT(d + ((a & b) | (~a & c)) + m[13] + 0xfd987193u, 12);
    c = d + LEFT(c + ((d & a) | (~d & b)) + m[14] + 0xa679438eu, 17);
    b = c + LEFT(b + ((c & d) | (~c & a)) + m[15] + 0x49b40821u, 22);
    a = b + LEFT(a + ((b & d) | (c & ~d)) + m[1] + 0xf61e2562u, 5);
    d = a + LEFT(d + ((a & c) | (b & ~c)) + m[6] + 0xc040b340u, 9);
    c = d + LEFT(c + ((d & b) | (a & ~b)) + m[11] + 0x265e5a51u, 14);
    b = c + LEFT(b + ((c & a) | (d & ~a)) + m[0] + 0xe9b6c7aau, 20);
    a = b + LEFT(a + ((b & d) | (c & ~d)) + m[5] + 0xd62f105du, 5);
    d = a + LEFT(d + ((a & c) | (b & ~c)) + m[10] + 0x02441453u, 9);
    c = d + LEFT(c + ((d & b) | (a & ~b)) + m[15] + 0xd8a1e681u, 14);
    b = c + LEFT(b + ((c & a) | (d & ~a)) + m[4] + 0xe7d3fbc8u, 20);
    a = b + LEFT(a + ((b & d) | (c & ~d)) + m[9] + 0x21e1cde6u, 5);
    d = a + LEFT(d + ((a & c) | (b & ~c)) + m[14] + 0xc33707d6u, 9);
    c = d + LEFT(c + ((d & b) | (a & ~b)) + m[3] + 0xf4d50d87u, 14);
    b = c + LEFT(b + ((c & a) | (d & ~a)) + m[8] + 0x455a14edu, 20);
    a = b + LEFT(a + ((b & d) | (c & ~d)) + m[13] + 0xa9e3e905u, 5);
    d = a + LEFT(d + ((a & c) | (b & ~c)) + m[2] + 0xfcefa3f8u, 9);
    c = d + LEFT(c + ((d & b) | (a & ~b)) + m[7] + 0x676f02d9u, 14);
    b = c + LEFT(b + ((c & a) | (d & ~a)) + m[12] + 0x8d2a4c8au, 20);
    a = b + LEFT(a + (b ^ c ^ d) + m[5] + 0xfffa3942u, 4);
    d = a + LEFT(d + (a ^ b ^ c) + m[8] + 0x8771f681u, 11);
    c = d + LEFT(c + (d ^ a ^ b) + m[11] + 0x6d9d6122u, 16);
    b = c + LEFT(b + (c ^ d ^ a) + m[14] + 0xfde5380cu, 23);
    a = b + LEFT(a + (b ^ c ^ d) + m[1] + 0xa4beea44u, 4);
    d = a + LEFT(d + (a ^ b ^ c) + m[4] + 0x4bdecfa9u, 11);
    c = d + LEFT(c + (d ^ a ^ b) + m[7] + 0xf6bb4b60u, 16);
    b = c + LEFT(b + (c ^ d ^ a) + m[10] + 0xbebfbc70u, 23);
    a = b + LEFT(a + (b ^ c ^ d) + m[13] + 0x289b7ec6u, 4);
    d = a + LEFT(d + (a ^ b ^ c) + m[0] + 0xeaa127fau, 11);
    c = d + LEFT(c + (d ^ a ^ b) + m[3] + 0xd4ef3085u, 16);
    b = c + LEFT(b + (c ^ d ^ a) + m[6] + 0x04881d05u, 23);
    a = b + LEFT(a + (b ^ c ^ d) + m[9] + 0xd9d4d039u, 4);
    d = a + LEFT(d + (a ^ b ^ c) + m[12] + 0xe6db99e5u, 11);
    c = d + LEFT(c + (d ^ a ^ b) + m[15] + 0x1fa27cf8u, 16);
    b = c + LEFT(b + (c ^ d ^ a) + m[2] + 0xc4ac5665u, 23);
    a = b + LEFT(a + (c ^ (b | ~d)) + m[0] + 0xf4292244u, 6);
    d = a + LEFT(d + (b ^ (a | ~c)) + m[7] + 0x432aff97u, 10);
    c = d + LEFT(c + (a ^ (d | ~b)) + m[14] + 0xab9423a7u, 15);
    b = c + LEFT(b + (d ^ (c | ~a)) + m[5] + 0xfc93a039u, 21);
    a = b + LEFT(a + (c ^ (b | ~d)) + m[12] + 0x655b59c3u, 6);
    d = a + LEFT(d + (b ^ (a | ~c)) + m[3] + 0x8f0ccc92u, 10);
    c = d + LEFT(c + (a ^ (d | ~b)) + m[10] + 0xffeff47du, 15);
    b = c + LEFT(b + (d ^ (c | ~a)) + m[1] + 0x85845dd1u, 21);
    a = b + LEFT(a + (c ^ (b | ~d)) + m[8] + 0x6fa87e4fu, 6);
    d = a + LEFT(d + (b ^ (a | ~c)) + m[15] + 0xfe2ce6e0u, 10);
    c = d + LEFT(c + (a ^ (d | ~b)) + m[6] + 0xa3014314u, 15);
    b = c + LEFT(b + (d ^ (c | ~a)) + m[13] + 0x4e0811a1u, 21);
    a = b + LEFT(a + (c ^ (b | ~d)) + m[4] + 0xf7537e82u, 6);
    d = a + LEFT(d + (b ^ (a | ~c)) + m[11] + 0xbd3af235u, 10);
    c = d + LEFT(c + (a ^ (d | ~b)) + m[2] + 0x2ad7d2bbu, 15);
    b = c + LEFT(b + (d ^ (c | ~a)) + m[9] + 0xeb86d391u, 21);
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
