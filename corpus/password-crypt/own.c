/* Functions that happen to bear the names of a library. */
int DES_crypt(void);
int DES_crypt(void)
{
    return 1;
}
