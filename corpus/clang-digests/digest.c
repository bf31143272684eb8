/* A digest of OpenSSL by a pointer, and one of libgcrypt by a number, as clang compiles the calls. */
#include <stddef.h>

typedef struct evp_md_ctx_st EVP_MD_CTX;
typedef struct evp_md_st EVP_MD;
typedef struct gcry_md_handle *gcry_md_hd_t;

const EVP_MD *DIGEST(void);
EVP_MD_CTX *EVP_MD_CTX_new(void);
int EVP_DigestInit_ex(EVP_MD_CTX *, const EVP_MD *, void *);
int gcry_md_open(gcry_md_hd_t *, int, unsigned);

static gcry_md_hd_t handle;

static int opened(int number) { return gcry_md_open(&handle, number, 0); }

int main(int count, char **words) {
    (void)words;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (count > 2) return opened(NUMBER);
    return EVP_DigestInit_ex(context, DIGEST(), NULL);
}
