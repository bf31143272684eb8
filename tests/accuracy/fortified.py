"""What the compiler at hand makes of calls that have a checked form: which plain imports prove anything."""

from __future__ import annotations

import re
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

from tests.accuracy.evidence import Evidence, facts

# name → a call of which the compiler knows no size; formats are not constant, so nothing folds the call away.
_CALLS = {
    "asprintf": "asprintf(&p, q, c)",
    "confstr": "confstr(c, p, n)",
    "dprintf": "dprintf(c, q, c)",
    "explicit_bzero": "explicit_bzero(p, n)",
    "fgets": "fgets(p, c, f)",
    "fgets_unlocked": "fgets_unlocked(p, c, f)",
    "fprintf": "fprintf(f, q, c)",
    "fread": "fread(p, 1, n, f)",
    "fread_unlocked": "fread_unlocked(p, n, n, f)",
    "fwprintf": "fwprintf(f, w, c)",
    "getcwd": "getcwd(p, n)",
    "getgroups": "getgroups(c, (gid_t *)p)",
    "gethostname": "gethostname(p, n)",
    "longjmp": "longjmp(*j, c)",
    "mbsrtowcs": "mbsrtowcs(w, (const char **)&q, n, 0)",
    "mbstowcs": "mbstowcs(w, q, n)",
    "memcpy": "memcpy(p, q, n)",
    "memmove": "memmove(p, q, n)",
    "mempcpy": "mempcpy(p, q, n)",
    "memset": "memset(p, c, n)",
    "poll": "poll((struct pollfd *)p, n, c)",
    "ppoll": "ppoll((struct pollfd *)p, n, 0, 0)",
    "pread": "pread(c, p, n, 0)",
    "pread64": "pread64(c, p, n, 0)",
    "printf": "printf(q, c)",
    "read": "read(c, p, n)",
    "readlink": "readlink(q, p, n)",
    "readlinkat": "readlinkat(c, q, p, n)",
    "realpath": "realpath(q, p)",
    "recv": "recv(c, p, n, 0)",
    "recvfrom": "recvfrom(c, p, n, 0, 0, 0)",
    "snprintf": 'snprintf(p, n, "%s", q)',
    "sprintf": "sprintf(p, q, c)",
    "stpcpy": "stpcpy(p, q)",
    "stpncpy": "stpncpy(p, q, n)",
    "strcat": "strcat(p, q)",
    "strcpy": "strcpy(p, q)",
    "strncat": "strncat(p, q, n)",
    "strncpy": "strncpy(p, q, n)",
    "swprintf": "swprintf(w, n, w, c)",
    "syslog": "syslog(c, q, c)",
    "ttyname_r": "ttyname_r(c, p, n)",
    "vasprintf": "vasprintf(&p, q, *v)",
    "vdprintf": "vdprintf(c, q, *v)",
    "vfprintf": "vfprintf(f, q, *v)",
    "vprintf": "vprintf(q, *v)",
    "vsnprintf": "vsnprintf(p, n, q, *v)",
    "vsprintf": "vsprintf(p, q, *v)",
    "vswprintf": "vswprintf(w, n, w, *v)",
    "vsyslog": "vsyslog(c, q, *v)",
    "wcrtomb": "wcrtomb(p, c, 0)",
    "wcscpy": "wcscpy(w, w)",
    "wcsncpy": "wcsncpy(w, w, n)",
    "wcstombs": "wcstombs(p, w, n)",
    "wmemcpy": "wmemcpy(w, w, n)",
    "wmemmove": "wmemmove(w, w, n)",
    "wmemset": "wmemset(w, c, n)",
    "wprintf": "wprintf(w, c)",
    # With a mode that is a variable, or none where the flags are constant, no check is made.
    "open": "open(q, O_RDONLY)",
    "open64": "open64(q, O_RDONLY)",
    "openat": "openat(c, q, O_RDONLY)",
    "openat64": "openat64(c, q, O_RDONLY)",
}
_FRAME = """
#define _GNU_SOURCE
{includes}
long called(char *p, char *q, wchar_t *w, size_t n, int c, FILE *f, va_list *v, jmp_buf *j) {{ return (long){call}; }}
"""
_VOID = ("explicit_bzero", "longjmp", "syslog", "vsyslog")
_HEADERS = "fcntl limits poll setjmp stdarg stdio stdlib string sys/socket syslog unistd wchar"
_CHECKED = re.compile(r"__\w+_chk(?:ieee128)?|__(?:open|openat|mq_open)(?:64)?_2")


@lru_cache(maxsize=256)
def stays_plain(name: str) -> bool:
    """Whether gcc -O2 -D_FORTIFY_SOURCE=2 calls the plain function where it knows no size."""
    includes = "\n".join(f"#include <{header}.h>" for header in _HEADERS.split())
    call = f"({_CALLS[name]}, 0)" if name in _VOID else _CALLS[name]
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder, "a.c"), Path(folder, "a.o")
        source.write_text(_FRAME.format(includes=includes, call=call))
        options = ["-O2", "-w", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2", "-c", "-o", str(made)]
        subprocess.run(["gcc", *options, str(source)], check=True)
        used = subprocess.run(["nm", "--undefined-only", made], capture_output=True, text=True, check=True).stdout
    return name in used.split()


def by_imports(path: Path) -> Evidence:
    """What the names that an object imports prove, by what the compiler makes of such calls."""
    imported = facts(path).imported
    checked = sorted(name for name in imported if _CHECKED.fullmatch(name))
    plain = sorted(name for name in imported if name in _CALLS)
    proof = [name for name in plain if not stays_plain(name)]
    if proof:
        verdict = "partial" if checked else "no"
        seen = f"imports plain {_few(proof)}, which gcc always replaces at level 2, and {len(checked)} checked names"
    else:
        verdict = "yes" if checked else "n/a"
        seen = f"imports {_few(checked)} and plain {_few(plain)}, which gcc leaves plain where it knows no size"
    return Evidence(verdict, seen)


def _few(names: list[str]) -> str:
    return " ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "") or "none"
