"""Programs that call a crypto library, with debug information: each call stands alone in a line that names it."""

from __future__ import annotations

from pathlib import Path

from corpus import stubs
from corpus.recipes import Stub
from corpus.target import target, tool
from tests.debug.building import run

# Nothing of libcrypto's headers is needed; a line holds one call of it at the most.
SOURCE = """
#include <stddef.h>
#include <stdio.h>
typedef struct context context;
const void *EVP_md5(void);
const void *EVP_sha1(void);
context *EVP_MD_CTX_new(void);
void EVP_MD_CTX_free(context *);
int EVP_DigestInit_ex(context *, const void *, void *);
unsigned char *MD5(const unsigned char *, size_t, unsigned char *);
static inline __attribute__((always_inline)) const void *chosen(int strong)
{
    if (strong)
        return EVP_sha1();
    return EVP_md5();
}
static __attribute__((noinline)) int begun(context *ctx, int strong)
{
    const void *method = chosen(strong);
    if (!method)
        return -1;
    return
        EVP_DigestInit_ex(ctx, method, NULL);
}
static __attribute__((noinline)) int file_md5sum(const char *text, unsigned char *out)
{
    MD5((const unsigned char *)text, 1, out);
    return out[3];
}
int main(int argc, char **argv)
{
    unsigned char out[64];
    context *ctx = EVP_MD_CTX_new();
    int result = begun(ctx, argc > 1) + file_md5sum(argv[0], out);
    EVP_MD_CTX_free(ctx);
    return printf("%d\\n", result);
}
"""
_LIBRARY = Stub(
    name="crypto",
    soname="libcrypto.so.3",
    node="OPENSSL_3.0.0",
    symbols=tuple("EVP_md5 EVP_sha1 EVP_MD_CTX_new EVP_MD_CTX_free EVP_DigestInit_ex MD5".split()),
)


def calling(folder: Path, *flags: str, compiler: str = "gcc", source: str = SOURCE, name: str = "calling.c") -> Path:
    """The program, not stripped."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(source)
    library = folder / _LIBRARY.soname
    stubs.build(_LIBRARY, target(compiler if "gcc" in compiler else "gcc"), folder)
    run(compiler, "-g", "-fPIE", "-pie", *flags, "-Wl,--build-id=sha1", "-o", "whole", name, library, cwd=folder)
    return folder / "whole"


def stripped(path: Path, compiler: str = "gcc", packed: str = "zlib") -> tuple[Path, Path]:
    """The object without and the file with its debug information, as dh_strip makes them."""
    chosen = target(compiler if "gcc" in compiler else "gcc")
    objcopy, bare, debug = tool(chosen, "objcopy"), path.with_name("stripped"), path.with_name("debug")
    run(objcopy, "--only-keep-debug", f"--compress-debug-sections={packed}", path, debug, cwd=path.parent)
    run(objcopy, "--strip-all", path, bare, cwd=path.parent)
    return bare, debug
