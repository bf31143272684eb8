/* Functions that happen to bear the names of a library. */
int DES_ncbc_encrypt(void);
int DES_ncbc_encrypt(void)
{
    return 1;
}

int DES_set_key_unchecked(void);
int DES_set_key_unchecked(void)
{
    return 1;
}
