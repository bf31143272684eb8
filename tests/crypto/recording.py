"""Libraries that stand in for those of the catalogue, and print who called them and what was really selected.

Each has the soname and version node of the real one, so that archscan takes it for that; what it does instead is to
note the return address of each call, as the object's own code has it, with what the selecting argument was. `libother`
is for everything that is in no catalogue: input that nobody knows, and functions that may change what they are given.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import msgspec

from archscan.crypto.catalogue import Catalogue

# gcrypt.h, libgcrypt20-dev; a number that is computed may be any of them.
NUMBERS = {
    number: f"GCRY_MD_{name}"
    for first, names in (
        (0, "NONE MD5 SHA1 RMD160 - MD2 TIGER HAVAL SHA256 SHA384 SHA512 SHA224"),
        (301, "MD4 CRC32 CRC32_RFC1510 CRC24_RFC2440 WHIRLPOOL TIGER1 TIGER2 GOSTR3411_94 STRIBOG256 STRIBOG512"),
        (311, "GOSTR3411_CP SHA3_224 SHA3_256 SHA3_384 SHA3_512 SHAKE128 SHAKE256 BLAKE2B_512 BLAKE2B_384"),
        (320, "BLAKE2B_256 BLAKE2B_160 BLAKE2S_256 BLAKE2S_224 BLAKE2S_160 BLAKE2S_128 SM3 SHA512_256 SHA512_224"),
        (329, "CSHAKE128 CSHAKE256"),
    )
    for number, name in enumerate(names.split(), first)
    if name != "-"
}
DIGESTS = ("EVP_md5", "EVP_sha1", "EVP_sha256", "EVP_sha512", "EVP_md5_sha1", "EVP_ripemd160")
HASHES = ("nettle_md5", "nettle_sha1", "nettle_sha256", "nettle_md4", "nettle_sha512")
ROUNDS = 60  # how often a program's own function is called, each time with other input

_OTHER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
enum { MOST = 4096, LONGEST = 48, CALLS = 4000 };
static struct row { const char *symbol; unsigned long address; char text[LONGEST]; } rows[MOST];
static int count, calls, held;
static unsigned long state = 88172645463325252ul;
static int *kept[64];
static const int some[] = {1, 2, 3, 8, 10, 301};
static void stop(void) {
    for (int i = 0; i < count; i++) printf("%s %lx %s\n", rows[i].symbol, rows[i].address, rows[i].text);
    puts("end");
    fflush(stdout);
    _exit(0);
}
static struct link_map *map_of(void *address) {
    Dl_info info;
    struct link_map *map = 0;
    if (!dladdr1(address, &info, (void **)&map, RTLD_DL_LINKMAP) || !map) abort();
    return map;
}
static struct link_map *driver;
void drive(void) { driver = map_of(__builtin_return_address(0)); }
void record(const char *symbol, void *from, const char *text) {
    // An address of the driver, to which a jump returns, may be one of a call in the library, too.
    unsigned long address = map_of(from) == driver ? 0 : (unsigned long)from - map_of(from)->l_addr;
    for (int i = 0; i < count; i++)
        if (rows[i].address == address && rows[i].symbol == symbol && !strncmp(rows[i].text, text, LONGEST - 1)) return;
    if (count == MOST) stop();
    rows[count].symbol = symbol;
    rows[count].address = address;
    strncpy(rows[count++].text, text, LONGEST - 1);
}
unsigned input(void) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state >> 20 & (state >> 50 & 7 ? 15 : 1023);
}
int in(void) {
    if (++calls > CALLS) stop();
    return input();
}
void touch(void) {
    if (++calls > CALLS) stop();
    if (held) *kept[input() % held] = some[input() % 6];
}
void keep(int *place) { if (held < 64) kept[held++] = place; else stop(); }
void unkeep(int number) { held -= number; }
void other(void *place) { if (++calls > CALLS) stop(); }
void change(int *place) { if (input() & 1) *place = some[input() % 6]; }
void rename_to(char *place) { strcpy(place, input() & 1 ? "sha384" : "md2"); }
void seed(unsigned long round) {
    state = 88172645463325252ul ^ round * 0x9e3779b97f4a7c15ul;
    calls = held = 0;
    for (int i = 0; i < 20; i++) input();
}
__attribute__((destructor)) static void leave(void) { stop(); }
"""
_GCRYPT = r"""
#include <stdio.h>
void record(const char *, void *, const char *);
static void number(const char *symbol, void *from, int selected) {
    char text[16];
    sprintf(text, "%d", selected);
    record(symbol, from, text);
}
#define NUMBER(name, selected, ...) int name(__VA_ARGS__) \
    { number(#name, __builtin_return_address(0), selected); return selected & 7; }
NUMBER(gcry_md_open, a, void **h, int a, unsigned flags)
NUMBER(gcry_md_hash_buffer, a, int a, void *to, const void *from, unsigned long size)
NUMBER(gcry_md_get_algo_dlen, a, int a)
NUMBER(gcry_kdf_derive, a, const void *p, unsigned long n, int algo, int a, const void *s, unsigned long m,
       unsigned long times, unsigned long size, void *to)
"""
_CRYPTO = r"""
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
void record(const char *, void *, const char *);
struct md { char text[64]; };
static struct md *called(const char *symbol, const char *name) {
    static struct md *all[512];
    static int count;
    char text[64];
    snprintf(text, sizeof text, "%s(%s)", symbol, name);
    for (int i = 0; i < count; i++) if (!strcmp(all[i]->text, text)) return all[i];
    if (count == 512) abort();
    strcpy((all[count] = calloc(1, sizeof(struct md)))->text, text);
    return all[count++];
}
static struct md *quoted(const char *symbol, void *from, const char *name) {
    char text[48] = "NULL";
    if (name) snprintf(text, sizeof text, "\"%s\"", name);
    record(symbol, from, text);
    return called(symbol, text);
}
struct md *EVP_get_digestbyname(const char *name) {
    return quoted("EVP_get_digestbyname", __builtin_return_address(0), name);
}
struct md *EVP_MD_fetch(void *context, const char *name, const char *properties) {
    return quoted("EVP_MD_fetch", __builtin_return_address(0), name);
}
int EVP_DigestInit_ex(void *h, struct md *md, void *engine) {
    record("EVP_DigestInit_ex", __builtin_return_address(0), md ? md->text : "NULL");
    return 1;
}
unsigned char *HMAC(struct md *md, const void *k, int size, const void *d, unsigned long n, void *to, unsigned *m) {
    record("HMAC", __builtin_return_address(0), md ? md->text : "NULL");
    return 0;
}
""" + "".join(f'struct md *{name}(void) {{ return called("{name}", ""); }}\n' for name in DIGESTS)
_NETTLE = (
    "void record(const char *, void *, const char *);\nstruct hash { char text[64]; };\n"
    + "".join(f'struct hash {name} = {{"&{name}"}};\n' for name in HASHES)
    + "void nettle_hmac_set_key(void *a, void *b, void *c, const struct hash *hash, unsigned long n, void *k)\n"
    '{ record("nettle_hmac_set_key", __builtin_return_address(0), hash ? hash->text : "NULL"); }\n'
)
_SOURCES = {"libgcrypt": _GCRYPT, "openssl-crypto": _CRYPTO, "nettle": _NETTLE}
# The program that calls a shared library's `run`; others have this as their own `main`.
MAIN = f"void seed(unsigned long);\nint main(void) {{ for (int i = 0; i < {ROUNDS}; i++) {{ seed(i); run(); }} }}\n"
_DRIVER = rf"""
#include <dlfcn.h>
#include <stdio.h>
void seed(unsigned long), drive(void);
int main(int count, char **words) {{
    void *library = dlopen(words[1], RTLD_NOW);
    void (*run)(void) = library ? (void (*)(void))dlsym(library, "run") : 0;
    if (!run) return puts(dlerror()), 1;
    drive();
    for (int i = 0; i < {ROUNDS}; i++) {{ seed(i); run(); }}
}}
"""
# A program for another processor is run by the second: an emulator, and where that finds the C library.
COMPILERS = {
    "gcc": (),
    "clang": (),
    "aarch64-linux-gnu-gcc": ("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"),
}


class Selected(msgspec.Struct, frozen=True, order=True):
    """What a call really selected: the address that it returns to, and the selector as archscan writes it."""

    symbol: str
    returns_to: int
    text: str


class Libraries(msgspec.Struct, frozen=True):
    """A folder with the libraries, and how a compiler's programs are linked with them and run."""

    compiler: str
    folder: Path

    @property
    def needed(self) -> list[str]:
        """What is added to a command of the compiler."""
        return [f"-Wl,-rpath,{self.folder}", *(str(path) for path in sorted(self.folder.glob("*.so.*")))]

    def selected(self, built: Path, seconds: float = 20) -> list[Selected]:
        """What the calls in a program, or in a library with the function ``run``, select when it runs.

        Raises RuntimeError where it does not run to its end: what such a program selects is not worth comparing.
        """
        run = [*COMPILERS[self.compiler], *([str(self.folder / "driver")] if built.suffix == ".so" else []), str(built)]
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
        try:
            done = subprocess.run(run, env=environment, capture_output=True, text=True, check=False, timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"{built}: runs for more than {seconds} s") from error
        lines = done.stdout.splitlines()
        if done.returncode or not lines or lines[-1] != "end":
            raise RuntimeError(f"{built}: exit {done.returncode}: {(done.stderr or done.stdout)[-200:]}")
        return sorted(_selected(line) for line in lines[:-1])


def _selected(line: str) -> Selected:
    symbol, address, text = line.split(" ", 2)
    return Selected(symbol, int(address, 16), NUMBERS.get(int(text), text) if text.lstrip("-").isdigit() else text)


def libraries(catalogue: Catalogue, compiler: str, folder: Path) -> Libraries:
    """The libraries for a compiler, in a folder, with the sonames and version nodes that the catalogue has."""
    _build(compiler, folder, "libother.so.1", _OTHER, "", ["-ldl"])
    other = [str(folder / "libother.so.1")]
    for library in catalogue.libraries:
        if library.id in _SOURCES:
            _build(compiler, folder, library.sonames[0], _SOURCES[library.id], library.node or "", other)
    (folder / "driver.c").write_text(_DRIVER)
    command: list[str | Path] = [compiler, "-O1", "-w", "-o", folder / "driver", folder / "driver.c"]
    subprocess.run([*command, f"-Wl,-rpath,{folder}", *other, "-ldl"], check=True)
    return Libraries(compiler, folder)


def _build(compiler: str, folder: Path, soname: str, source: str, node: str, needed: list[str]) -> None:
    code, script = folder / f"{soname}.c", folder / f"{soname}.map"
    code.write_text(source)
    script.write_text(f"{node} {{ global: *; }};" if node else "")
    flags = ["-shared", "-fPIC", "-O1", "-fno-optimize-sibling-calls", "-w", f"-Wl,-soname,{soname}"]
    flags += [f"-Wl,--version-script={script}"] if node else []
    subprocess.run([compiler, *flags, "-o", folder / soname, code, *needed], check=True)
    code.unlink()
    script.unlink()
