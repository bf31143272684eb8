/* Computes a digest with libgcrypt, and nothing tells what for. */
int gcry_md_open(void **handle, int algorithm, unsigned flags);
void gcry_md_write(void *handle, const void *data, unsigned long size);
unsigned char *gcry_md_read(void *handle, int algorithm);

int main(int argc, char **argv)
{
    void *handle;

    if (gcry_md_open(&handle, NUMBER, 0))
        return 1;
    gcry_md_write(handle, argv[0], (unsigned long)argc);
    return gcry_md_read(handle, 0)[0];
}
