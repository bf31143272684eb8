"""Whether the C library's checked functions are called: _FORTIFY_SOURCE (feature_test_macros(7)).

The names fall into two classes, measured with gcc 12 and glibc 2.36 at -O2. Of the *always* class the compiler takes
the checked name even when it knows no size, so one plain import proves a unit that was built without level 2. Of the
*sized* class (memcpy, read, strcpy, …) it drops the check where it knows no size: a plain import proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

# A plain call proves the absence of level 2: nothing folds it away, nothing leaves it plain.
_PROOF = frozenset(
    [
        "asprintf",
        "dprintf",
        "fprintf",
        "fwprintf",
        "obstack_printf",
        "obstack_vprintf",
        "printf",
        "sprintf",
        "swprintf",
        "syslog",
        "vasprintf",
        "vdprintf",
        "vfprintf",
        "vfwprintf",
        "vprintf",
        "vsnprintf",
        "vsprintf",
        "vswprintf",
        "vsyslog",
        "vwprintf",
        "wprintf",
    ]
)
# Checked without a known size too, but a plain call has honest reasons: `snprintf(p, n, "%s", q)` stays as it is,
# open() with a mode needs no check, longjmp and explicit_bzero are checked at level 1 already.
_ALWAYS = frozenset(["explicit_bzero", "longjmp", "mq_open", "open", "open64", "openat", "openat64", "snprintf"])
_SIZED = frozenset(
    [
        "confstr",
        "fgets",
        "fgets_unlocked",
        "fgetws",
        "fgetws_unlocked",
        "fread",
        "fread_unlocked",
        "getcwd",
        "getdomainname",
        "getgroups",
        "gethostname",
        "getlogin_r",
        "gets",
        "getwd",
        "mbsnrtowcs",
        "mbsrtowcs",
        "mbstowcs",
        "memcpy",
        "memmove",
        "mempcpy",
        "memset",
        "poll",
        "ppoll",
        "pread",
        "pread64",
        "ptsname_r",
        "read",
        "readlink",
        "readlinkat",
        "realpath",
        "recv",
        "recvfrom",
        "stpcpy",
        "stpncpy",
        "strcat",
        "strcpy",
        "strlcat",
        "strlcpy",
        "strncat",
        "strncpy",
        "ttyname_r",
        "wcpcpy",
        "wcpncpy",
        "wcrtomb",
        "wcscat",
        "wcscpy",
        "wcslcat",
        "wcslcpy",
        "wcsncat",
        "wcsncpy",
        "wcsnrtombs",
        "wcsrtombs",
        "wcstombs",
        "wctomb",
        "wmemcpy",
        "wmemmove",
        "wmempcpy",
        "wmemset",
    ]
)
_PLAIN = _PROOF | _ALWAYS | _SIZED
# FD_SET calls no plain function; ppoll with 64-bit time and the `_2` names follow no rule.
_CHECKED = (
    {f"__{name}_chk": name for name in _PLAIN}
    | {f"__{name}_2": name for name in ("open", "open64", "openat", "openat64", "mq_open")}
    | {f"__nldbl___{name}_chk": name for name in _PROOF | {"snprintf"}}  # 64-bit long double: ppc64el, s390x, alpha
    | {f"__{name}_chkieee128": name for name in _PROOF | {"snprintf"}}  # 128-bit long double: ppc64el
    | {"__fdelt_chk": "fdelt", "__ppoll64_chk": "ppoll"}
)
_VARIANTS = {f"__nldbl_{name}": name for name in _PROOF} | {f"__{name}ieee128": name for name in _PROOF}


class FortifyCalls(msgspec.Struct, frozen=True):
    """Names of the C library that an object imports, sorted: checked ones, and plain ones by what they prove."""

    checked: tuple[str, ...]
    proof: tuple[str, ...]
    plain: tuple[str, ...]


def fortify_calls(names: Iterable[str]) -> FortifyCalls:
    """The fortifiable functions among imported names; needs no libc of the machine at hand."""
    wanted = set(names)
    plain = {name for name in wanted if _VARIANTS.get(name, name) in _PLAIN}
    proof = {name for name in plain if _VARIANTS.get(name, name) in _PROOF}
    return FortifyCalls(
        checked=tuple(sorted(name for name in wanted if name in _CHECKED)),
        proof=tuple(sorted(proof)),
        plain=tuple(sorted(plain - proof)),
    )
