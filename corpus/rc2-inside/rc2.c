/* RC2, written from its specification. Arguments: key and block in hexadecimal digits. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
typedef uint32_t u32;
static const unsigned char table[256] = {217, 120, 249, 196, 25, 221, 181, 237, 40, 233, 253, 121, 74, 160, 216, 157, 198, 126, 55, 131, 43, 118, 83, 142, 98, 76, 100, 136, 68, 139, 251, 162, 23, 154, 89, 245, 135, 179, 79, 19, 97, 69, 109, 141, 9, 129, 125, 50, 189, 143, 64, 235, 134, 183, 123, 11, 240, 149, 33, 34, 92, 107, 78, 130, 84, 214, 101, 147, 206, 96, 178, 28, 115, 86, 192, 20, 167, 140, 241, 220, 18, 117, 202, 31, 59, 190, 228, 209, 66, 61, 212, 48, 163, 60, 182, 38, 111, 191, 14, 218, 70, 105, 7, 87, 39, 242, 29, 155, 188, 148, 67, 3, 248, 17, 199, 246, 144, 239, 62, 231, 6, 195, 213, 47, 200, 102, 30, 215, 8, 232, 234, 222, 128, 82, 238, 247, 132, 170, 114, 172, 53, 77, 106, 42, 150, 26, 210, 113, 90, 21, 73, 116, 75, 159, 208, 94, 4, 24, 164, 236, 194, 224, 65, 110, 15, 81, 203, 204, 36, 145, 175, 80, 161, 244, 112, 57, 153, 124, 58, 133, 35, 184, 180, 122, 252, 2, 54, 91, 37, 85, 151, 49, 45, 93, 250, 152, 227, 138, 146, 174, 5, 223, 41, 16, 103, 108, 186, 201, 211, 0, 230, 207, 225, 158, 168, 44, 99, 22, 1, 63, 88, 226, 137, 169, 13, 56, 52, 27, 171, 51, 255, 176, 187, 72, 12, 95, 185, 177, 205, 46, 197, 243, 219, 71, 229, 165, 156, 119, 10, 166, 32, 104, 254, 127, 193, 173};

static __attribute__((noinline)) void encrypt_block(const unsigned char *key, unsigned size, unsigned char *room)
{
    static const int by[4] = {1, 2, 3, 5};
    unsigned char l[128];
    uint16_t k[64], r[4];
    int at, step, word = 0;
    memcpy(l, key, size);
    for (at = (int)size; at < 128; at++) l[at] = table[(l[at - 1] + l[at - (int)size]) & 255];
    l[128 - size] = table[l[128 - size]];
    for (at = 127 - (int)size; at >= 0; at--) l[at] = table[l[at + 1] ^ l[at + (int)size]];
    for (at = 0; at < 64; at++) k[at] = (uint16_t)(l[2 * at] | l[2 * at + 1] << 8);
    for (at = 0; at < 4; at++) r[at] = (uint16_t)(room[2 * at] | room[2 * at + 1] << 8);
    for (step = 0; step < 16; step++) {
        for (at = 0; at < 4; at++) {
            uint16_t last = r[(at + 3) & 3];
            r[at] = (uint16_t)(r[at] + k[word++] + (last & r[(at + 2) & 3]) + (~last & r[(at + 1) & 3]));
            r[at] = (uint16_t)(r[at] << by[at] | r[at] >> (16 - by[at]));
        }
        if (step == 4 || step == 10)
            for (at = 0; at < 4; at++) r[at] = (uint16_t)(r[at] + k[r[(at + 3) & 3] & 63]);
    }
    for (at = 0; at < 8; at++) room[at] = (unsigned char)(r[at / 2] >> 8 * (at % 2));
}

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
