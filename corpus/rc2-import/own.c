/* Functions that happen to bear the names of a library. */
int RC2_cbc_encrypt(void);
int RC2_cbc_encrypt(void)
{
    return 1;
}

int RC2_set_key(void);
int RC2_set_key(void)
{
    return 1;
}
