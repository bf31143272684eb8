/* Each function passes the digest that it wants in another way. Prototypes are the libraries' own, cut down. */
typedef struct digest EVP_MD;

int gcry_md_open(void **handle, int algorithm, unsigned flags);
const EVP_MD *EVP_get_digestbyname(const char *name);
const EVP_MD *EVP_sha1(void);
const EVP_MD *EVP_sha256(void);
int EVP_DigestInit_ex(void *context, const EVP_MD *type, void *engine);

#define OWN __attribute__((noinline, noipa))

static void *handle;
static volatile int seen;

/* A number that stands in the instruction before the call. */
OWN int constant(void)
{
    return gcry_md_open(&handle, 2, 0) + 1;
}

/* A text, by way of what another function returns. */
OWN int by_name(void *context)
{
    return EVP_DigestInit_ex(context, EVP_get_digestbyname("MD5"), 0) + 1;
}

/* One of two that branches bring. */
OWN int branched(void *context, int old)
{
    const EVP_MD *type = EVP_sha256();

    if (old > 3)
        type = EVP_sha1();
    return EVP_DigestInit_ex(context, type, 0) + 1;
}

/* What callers pass. */
static OWN int opened(int algorithm)
{
    return gcry_md_open(&handle, algorithm, 0) + 1;
}

OWN int calls_with_md5(void)
{
    return opened(1) + 1;
}

OWN int calls_with_sha1(void)
{
    return opened(2) + 1;
}

/* What an own function returns. */
static OWN int chosen(int old)
{
    if (old) {
        seen = 1;
        return 2;
    }
    return 3;
}

OWN int returned(int old)
{
    return gcry_md_open(&handle, chosen(old), 0) + 1;
}

/* The name is what nobody here knows. */
OWN int named(const char *name)
{
    return EVP_get_digestbyname(name) != 0;
}

int main(int argc, char **argv)
{
    return constant() + by_name(handle) + branched(handle, argc) + calls_with_md5() + calls_with_sha1()
           + returned(argc) + named(argv[0]);
}
