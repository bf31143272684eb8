/* Answers a challenge: MD4 of the password is the key of DES. */
void nettle_md4_init(void *ctx);
void nettle_md4_update(void *ctx, unsigned long size, const unsigned char *data);
void nettle_md4_digest(void *ctx, unsigned long size, unsigned char *digest);
int nettle_des_set_key(void *ctx, const unsigned char *key);
void nettle_des_encrypt(const void *ctx, unsigned long size, unsigned char *out, const unsigned char *in);

int main(int argc, char **argv)
{
    unsigned char md4[256], des[256], digest[16], answer[8];

    nettle_md4_init(md4);
    nettle_md4_update(md4, (unsigned long)argc, (unsigned char *)argv[0]);
    nettle_md4_digest(md4, 16, digest);
    nettle_des_set_key(des, digest);
    nettle_des_encrypt(des, 8, answer, (unsigned char *)argv[1]);
    return answer[0];
}
