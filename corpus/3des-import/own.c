/* Functions that happen to bear the names of a library. */
int DES_ede3_cbc_encrypt(void);
int DES_ede3_cbc_encrypt(void)
{
    return 1;
}
