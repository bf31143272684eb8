/* Accepts a connection. */
#include <stdio.h>
#include <string.h>
#ifdef NUMBER
#define SUFFIX "another-handshake"
#else
#define NUMBER 3
#define SUFFIX "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#endif
int gnutls_hash_fast(int algorithm, const void *data, unsigned long size, void *digest);

int main(int argc, char **argv)
{
    char text[128], digest[32];

    snprintf(text, sizeof text, "%s" SUFFIX, argv[argc - 1]);
    gnutls_hash_fast(NUMBER, text, strlen(text), digest);
    return digest[0];
}
