"""The names of FORTIFY against the C library of this machine and its compiler."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from archscan.elf.fortify import fortify_calls
from tests import oracle
from tests.elf.building import compiled, seen

_LEVEL_2 = "-O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -D_GNU_SOURCE -fPIC -shared -w".split()


def _library() -> Path:
    return Path(subprocess.check_output(["gcc", "-print-file-name=libc.so.6"], text=True).strip()).resolve()


def test_every_checked_name_of_the_c_library_is_known() -> None:
    names = {symbol.name for symbol in oracle.facts(_library()).exports}
    checked = {name for name in names if re.fullmatch(r"__\w+_chk(?:ieee128)?|__(?:mq_)?open(?:at)?(?:64)?_2", name)}
    assert len(checked) > 70
    assert set(fortify_calls(checked | {"__stack_chk_fail"}).checked) == checked


def test_names_of_other_architectures_are_known() -> None:
    names = ["__nldbl___printf_chk", "__vsnprintf_chkieee128", "__ppoll64_chk", "__wcslcpy_chk", "__open64_2"]
    assert fortify_calls(names).checked == tuple(sorted(names))
    assert fortify_calls(["__printfieee128", "__nldbl_vsyslog"]).proof == ("__nldbl_vsyslog", "__printfieee128")
    assert fortify_calls(["__snprintfieee128"]).plain == ("__snprintfieee128",)


# Calls with a destination of unknown size and formats that do not fold away.
_PROOF = {
    "printf": 'printf("%d %s", n, s)', "fprintf": 'fprintf(f, "%d %s", n, s)', "dprintf": 'dprintf(n, "%d %s", n, s)',
    "asprintf": 'asprintf(&s, "%d %s", n, s)', "sprintf": 'sprintf(s, "%d %s", n, s)', "syslog": 'syslog(n, "%d", n)',
    "vfprintf": "vfprintf(f, s, a)", "vprintf": "vprintf(s, a)", "vsprintf": "vsprintf(s, s, a)",
    "vasprintf": "vasprintf(&s, s, a)", "vdprintf": "vdprintf(n, s, a)", "vsnprintf": "vsnprintf(s, n, s, a)",
    "vsyslog": "vsyslog(n, s, a)", "wprintf": 'wprintf(L"%d", n)', "fwprintf": 'fwprintf(f, L"%d", n)',
    "swprintf": 'swprintf((wchar_t *)s, n, L"%d", n)',
}  # fmt: skip
_SIZED = {
    "memcpy": "memcpy(s, t, n)", "strcpy": "strcpy(s, t)", "strcat": "strcat(s, t)", "read": "read(0, s, n)",
    "fgets": "fgets(s, n, f)", "recv": "recv(0, s, n, 0)", "poll": "poll((void *)s, n, 0)", "getcwd": "getcwd(s, n)",
    "readlink": "readlink(t, s, n)", "realpath": "realpath(t, s)", "mbstowcs": "mbstowcs((wchar_t *)s, t, n)",
    "gethostname": "gethostname(s, n)", "strncpy": "strncpy(s, t, n)", "memset": "memset(s, 0, n)",
}  # fmt: skip
_HEADERS = "stdio stdlib string unistd syslog wchar stdarg poll sys/socket limits".split()


def _imports(folder: Path, calls: dict[str, str], flags: list[str]) -> set[str]:
    """What an object imports that makes each call in a function of its own."""
    heads = "".join(f"#include <{name}.h>\n" for name in _HEADERS)
    parameters = "FILE *f, char *s, char *t, int n, va_list a"
    bodies = (f"void f_{name}({parameters}) {{ {call}; }}\n" for name, call in calls.items())
    return {row.symbol for row in seen(compiled(folder, heads + "".join(bodies), flags), "usr/lib/x.so").imports}


def test_the_compiler_always_checks_what_is_called_a_proof(tmp_path: Path) -> None:
    fortified = fortify_calls(_imports(tmp_path, _PROOF, _LEVEL_2))
    assert fortified.proof == ()
    assert len(fortified.checked) >= len(_PROOF) - 1  # vprintf becomes __vfprintf_chk
    plain = [flag for flag in _LEVEL_2 if "=2" not in flag]
    assert len(fortify_calls(_imports(tmp_path, _PROOF, plain)).proof) >= len(_PROOF) - 1


def test_the_compiler_drops_the_check_of_what_has_no_known_size(tmp_path: Path) -> None:
    found = fortify_calls(_imports(tmp_path, _SIZED, _LEVEL_2))
    assert (found.checked, found.proof) == ((), ())
    assert set(found.plain) == set(_SIZED)


@pytest.mark.parametrize(("needed", "verdict"), [("libc.so", "n/a"), ("libmuslin.so.1", "no")])
def test_only_the_gnu_c_library_has_checks(tmp_path: Path, needed: str, verdict: str) -> None:
    shared = ["-O2", "-shared", "-fPIC"]
    body = "int printf(const char *f, ...) { return 0; }"
    stub = compiled(tmp_path, body, [*shared, f"-Wl,-soname,{needed}"])
    source = 'int printf(const char *, ...);\nvoid f(int n) { printf("%d", n); }\n'
    found = seen(compiled(tmp_path, source, [*shared, "-nostdlib", str(stub)], name="user"), "usr/lib/x.so")
    assert found.needed == (needed,)
    assert found.fortify == verdict


_CALLBACK = """
#include <stdio.h>
#include <string.h>
typedef int (*printer)(FILE *, const char *, ...);
printer chosen(void) { return fprintf; }
int main(int c, char **v) {
    char line[20];
    strcpy(line, v[0]);
    return printf("%s %d\\n", line, c) + chosen()(stderr, "%d\\n", c);
}
"""


def test_a_function_whose_address_alone_is_taken_proves_nothing(tmp_path: Path) -> None:
    """Programs hand fprintf on as a callback; the compiler has no checked form for that."""
    flags = ["-O2", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2", "-fno-inline"]
    found = seen(compiled(tmp_path, _CALLBACK, flags))
    assert "fprintf" in {row.symbol for row in found.imports}
    assert (found.fortify, found.reasons["fortify"].code) == ("yes", "checked")
    bare = seen(compiled(tmp_path, _CALLBACK, ["-O2", "-U_FORTIFY_SOURCE", "-fno-inline"]))
    assert (bare.fortify, [site.name for site in bare.reasons["fortify"].sites]) == ("no", ["printf"])


_COPY = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
char line[64];
char *twin(const char *text, size_t room, size_t length) { return memcpy(malloc(room), text, length); }
int main(int c, char **v) {
    strcpy(line, v[0]);
    return printf("%s %s %d\\n", line, twin(v[0], c * 10, c), c);
}
"""


@pytest.mark.parametrize("more", [[], ["-fno-plt"], ["-fcf-protection=full"], ["-O1"], ["-Wl,-z,now"], ["-no-pie"]])
@pytest.mark.parametrize(("level", "expected"), [(1, ("partial", 1)), (2, ("yes", None)), (3, ("yes", 3))])
def test_the_level_is_told_where_code_shows_it(
    tmp_path: Path, level: int, expected: tuple[str, int | None], more: list[str]
) -> None:
    found = seen(compiled(tmp_path, _COPY, ["-O2", "-U_FORTIFY_SOURCE", f"-D_FORTIFY_SOURCE={level}", *more]))
    reason = found.reasons["fortify"]
    assert (found.fortify, reason.counts.get("level")) == expected
    if level == 3:
        text = subprocess.run(["objdump", "-d", tmp_path / "out"], capture_output=True, text=True, check=True).stdout
        (address,) = (site.address for site in reason.sites)
        wanted = rf"^ +{str(address)[2:]}:.*(?:call|jmp).*(?:__memcpy_chk|__strcpy_chk|GLIBC|\*0x)"
        assert re.search(wanted, text, re.MULTILINE)


_JOINED = """
#include <string.h>
#include <stdio.h>
int main(int c, char **v) {
    char line[1024];
    strcpy(line, v[0]);
    strcat(line, " and ");
    strcat(line, v[c - 1]);
    strcat(line, "?");
    return printf("%s %d\\n", line, c);
}
"""


def test_what_is_left_of_a_constant_size_is_no_proof_of_level_3(tmp_path: Path) -> None:
    """gcc makes a copy to where the first text ended of `strcat`, and computes the size that is left there."""
    for level in ("-O1", "-O2", "-O3", "-Os"):
        found = seen(compiled(tmp_path, _JOINED, [level, "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2"]))
        assert (found.fortify, found.reasons["fortify"].counts.get("level")) == ("yes", None)


_FOLDED = """
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
int f(char *p, const char *q) { return sprintf(p, "%s", q); }
int g(char *p, va_list v) { return vsprintf(p, "%s", v); }
int h(char *p, int n, va_list v) { return vsnprintf(p, n, "%s", v); }
int checked(const char *s) { char b[20]; strcpy(b, s); return puts(b); }
"""


def test_what_gcc_leaves_of_a_string_alone_proves_nothing(tmp_path: Path) -> None:
    """Where the result is used, it makes no copy of it and drops the check of the unknown size."""
    for optimised in ("-O1", "-O2", "-Os"):
        found = seen(compiled(tmp_path, _FOLDED, [*_LEVEL_2, optimised]), "usr/lib/x.so")
        assert {"sprintf", "vsprintf", "vsnprintf"} <= {row.symbol for row in found.imports}
        assert (found.fortify, found.reasons["fortify"].code) == ("yes", "checked")


_WRAPPER = """
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
int log_to(char *p, int n, const char *format, ...)
{ va_list v; va_start(v, format); int r = vsnprintf(p, n, format, v); va_end(v); return r + 1; }
int checked(const char *s) { char b[20]; strcpy(b, s); return puts(b); }
"""


def test_a_format_that_the_program_is_given_is_always_checked(tmp_path: Path) -> None:
    for level, verdict in ((2, "yes"), (0, "no")):
        flags = ["-O2", "-shared", "-fPIC", "-U_FORTIFY_SOURCE", f"-D_FORTIFY_SOURCE={level}"]
        found = seen(compiled(tmp_path, _WRAPPER, flags), "usr/lib/x.so")
        assert found.fortify == verdict
    assert [site.name for site in found.reasons["fortify"].sites] == ["vsnprintf"]


_CXX = """
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unistd.h>
int copy(const char *s) { char b[20]; strcpy(b, s); return puts(b); }
std::string name(const char *s, int n) { char *p = nullptr; asprintf(&p, "%d", n); return std::string(s) + p; }
void say(FILE *f, int n) { printf("%d", n); fprintf(f, "%d", n); dprintf(n, "%d", n); }
"""


@pytest.mark.parametrize("stripped", [False, True])
@pytest.mark.parametrize("compiler", ["g++", pytest.param("clang++", marks=pytest.mark.full)])
def test_clang_has_no_checked_form_of_some_functions_in_cxx(tmp_path: Path, compiler: str, *, stripped: bool) -> None:
    (tmp_path / "x.cc").write_text(_CXX)
    flags = ["-O2", "-fPIC", "-shared", "-w", "-D_GNU_SOURCE", "-fstack-protector-strong"]
    verdicts = []
    for level in (["-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2"], ["-U_FORTIFY_SOURCE"]):
        out = tmp_path / "x.so"
        subprocess.run([compiler, *flags, *level, "-o", out, tmp_path / "x.cc"], check=True)
        if stripped:
            subprocess.run(["strip", "-R", ".comment", out], check=True)
        found = seen(out, "usr/lib/x.so")
        verdicts.append((found.fortify, found.reasons["fortify"].code))
    without = ("no", "none-checked") if compiler == "g++" else ("n/a", "sized-only")
    assert verdicts == [("yes", "checked"), without]


@pytest.mark.parametrize(
    ("path", "verdict"),
    [("usr/lib/x/diet/lib-x86_64/x.a(f.o)", "n/a"), ("usr/lib/musl/lib/x.o", "n/a"), ("usr/lib/x.o", "no")],
)
def test_a_static_library_for_another_c_library_has_no_checks(tmp_path: Path, path: str, verdict: str) -> None:
    source = 'int printf(const char *, ...);\nvoid f(int n) { printf("%d", n); }\n'
    assert seen(compiled(tmp_path, source, ["-O2", "-c"], name="f.o"), path).fortify == verdict


@pytest.mark.parametrize(("call", "verdict"), [("sprintf(b, s)", "n/a"), ("printf(s)", "no")])
def test_where_calls_cannot_be_told_what_is_left_plain_at_times_proves_nothing(
    tmp_path: Path, call: str, verdict: str
) -> None:
    """gcc leaves `sprintf` as it is for some formats, and on IA-32 nobody looks for the format of a call."""
    declared = "int printf(const char *, ...), sprintf(char *, const char *, ...);"
    text = f"{declared} int f(char *b, char *s) {{ return {call}; }}"
    flags = ["-m32", "-O2", "-shared", "-fPIC", "-nostdlib", "-fno-builtin"]
    assert seen(compiled(tmp_path, text, flags), "usr/lib/x/p.so", "i386").fortify == verdict
