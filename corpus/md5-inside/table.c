/* MD5 with its words in a table, written from its specification. The first argument is hashed, at most 55 bytes. */
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
    static const u32 t[64] = {0xd76aa478u, 0xe8c7b756u, 0x242070dbu, 0xc1bdceeeu, 0xf57c0fafu, 0x4787c62au, 0xa8304613u, 0xfd469501u, 0x698098d8u, 0x8b44f7afu, 0xffff5bb1u, 0x895cd7beu, 0x6b901122u, 0xfd987193u, 0xa679438eu, 0x49b40821u, 0xf61e2562u, 0xc040b340u, 0x265e5a51u, 0xe9b6c7aau, 0xd62f105du, 0x02441453u, 0xd8a1e681u, 0xe7d3fbc8u, 0x21e1cde6u, 0xc33707d6u, 0xf4d50d87u, 0x455a14edu, 0xa9e3e905u, 0xfcefa3f8u, 0x676f02d9u, 0x8d2a4c8au, 0xfffa3942u, 0x8771f681u, 0x6d9d6122u, 0xfde5380cu, 0xa4beea44u, 0x4bdecfa9u, 0xf6bb4b60u, 0xbebfbc70u, 0x289b7ec6u, 0xeaa127fau, 0xd4ef3085u, 0x04881d05u, 0xd9d4d039u, 0xe6db99e5u, 0x1fa27cf8u, 0xc4ac5665u, 0xf4292244u, 0x432aff97u, 0xab9423a7u, 0xfc93a039u, 0x655b59c3u, 0x8f0ccc92u, 0xffeff47du, 0x85845dd1u, 0x6fa87e4fu, 0xfe2ce6e0u, 0xa3014314u, 0x4e0811a1u, 0xf7537e82u, 0xbd3af235u, 0x2ad7d2bbu, 0xeb86d391u};
    static const unsigned char k[64] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 1, 6, 11, 0, 5, 10, 15, 4, 9, 14, 3, 8, 13, 2, 7, 12, 5, 8, 11, 14, 1, 4, 7, 10, 13, 0, 3, 6, 9, 12, 15, 2, 0, 7, 14, 5, 12, 3, 10, 1, 8, 15, 6, 13, 4, 11, 2, 9};
    static const unsigned char s[64] = {7, 12, 17, 22, 7, 12, 17, 22, 7, 12, 17, 22, 7, 12, 17, 22, 5, 9, 14, 20, 5, 9, 14, 20, 5, 9, 14, 20, 5, 9, 14, 20, 4, 11, 16, 23, 4, 11, 16, 23, 4, 11, 16, 23, 4, 11, 16, 23, 6, 10, 15, 21, 6, 10, 15, 21, 6, 10, 15, 21, 6, 10, 15, 21};
    for (i = 0; i < 64; i++) {
        u32 f = i < 16 ? (b & c) | (~b & d) : i < 32 ? (b & d) | (c & ~d) : i < 48 ? b ^ c ^ d : c ^ (b | ~d);
        u32 x = a + f + m[k[i]] + t[i];
        a = d; d = c; c = b; b += LEFT(x, s[i]);
    }
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
