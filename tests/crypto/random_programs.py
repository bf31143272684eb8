"""Small C programs by a seed, which select algorithms in all the ways that one can pass a value on in C.

They run to an end, use nothing that was not set, and keep no address of what is gone; so what they select when they
run is what their calls select. Every statement stands on a line of its own, so that lines can be left out by trial.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from tests.crypto.random_structures import Structures
from tests.crypto.recording import DIGESTS, HASHES, MAIN

# Kinds of what is passed on: a number, a name, the same that lives no longer than who passes it, a digest, a hash.
TYPES = {"n": "int", "s": "const char *", "t": "const char *", "m": "const EVP_MD *", "x": "const struct hash *"}
_PARAMETERS = {
    **TYPES, "c": "int", "p": "struct S *", "q": "const struct S *", "o": "int *", "O": "const char **",
    "M": "const EVP_MD **", "f": "int (*%s)(int)", "d": "const EVP_MD *(*%s)(void)", "l": "long", "S": "struct S",
}  # fmt: skip
_NUMBERS = (1, 1, 2, 2, 3, 5, 8, 8, 9, 10, 11, 301)  # of gcrypt.h
_WORDS = ("md5", "sha1", "sha256", "md4", "sha512", "MD5", "SHA1", "ripemd160", "md5-sha1", "sha224")
_FIELDS = (
    "int n;", "int k;", "const char *s;", "const EVP_MD *m;", "const struct hash *x;", "const EVP_MD *(*make)(void);",
    "short h;", "unsigned char b;", "char name[12];", "const struct S *next;", "int a[3];", "unsigned f : 5, g : 10;",
    "long wide;",
)  # fmt: skip
DECLARED = (
    """
#include <string.h>
#ifdef __clang__
#define noipa noinline
#endif
typedef struct md EVP_MD; struct hash { char text[64]; };
int gcry_md_open(void *, int, unsigned), gcry_md_get_algo_dlen(int);
int gcry_md_hash_buffer(int, void *, const void *, unsigned long);
int gcry_kdf_derive(const void *, long, int, int, const void *, long, long, long, void *);
const EVP_MD *EVP_get_digestbyname(const char *), *EVP_MD_fetch(void *, const char *, const char *);
int EVP_DigestInit_ex(void *, const EVP_MD *, void *);
unsigned char *HMAC(const EVP_MD *, const void *, int, const void *, unsigned long, void *, unsigned *);
void nettle_hmac_set_key(void *, void *, void *, const struct hash *, long, void *);
int in(void); void touch(void), keep(int *), unkeep(int), other(void *), change(int *), rename_to(char *);
static char room[64];
"""
    + "".join(f"const EVP_MD *{name}(void);\n" for name in DIGESTS)
    + f"extern const struct hash {', '.join(HASHES)};\n"
)
_STORAGES = (
    "static ", "static ", "__attribute__((noinline)) static ", "", "__attribute__((noinline)) ",
    "__attribute__((noipa)) static ", "__attribute__((cold)) static ", "__attribute__((always_inline)) static inline ",
)  # fmt: skip
# Small functions that read what they are given, or change it before: of which kind, what each is passed, and how.
_READERS = (
    ("n", "r", "int %s(struct R *p) { return p->n; }"),
    ("n", "r", "int %s(struct R *p) { p->k++; return p->next->n; }"),
    ("n", "r", "int %s(struct R *p) { %p(p); return p->n; }"),
    ("n", "r", "int %s(struct R *p) { change(&p->n); touch(); return p->n; }"),
    ("n", "r", "int %s(struct R *p) { struct R s = {1, 2, 0, p}; %p(p); return s.next->n; }"),
    ("n", "r", "int %s(struct R *p) { p->n = %n; return %i(p); }"),
    ("n", "r", "int %s(struct R *p) { struct R s = {1, 2, 0, p}; return %j(&s); }"),
    ("n", "rr", "int %s(struct R *p, struct R *q) { q->n = %n; return p->n; }"),
    ("n", "rr", "int %s(struct R *p, struct R *q) { %p(q); return p->n; }"),
    ("s", "r", "const char *%s(struct R *p) { p->n++; return p->next->s; }"),
    ("s", "r", "const char *%s(struct R *p) { return p->s; }"),
    ("t", "r", "const char *%s(struct R *p) { return p->name; }"),
    ("t", "r", "const char *%s(struct R *p) { %w(p->name); return p->name; }"),
    ("t", "t", "const char *%s(const char *s) { return s; }"),
    ("t", "b", "const char *%s(char *s) { strcpy(s, %t); return s; }"),
    ("t", "b", "const char *%s(char *s) { %w(s); touch(); return s; }"),
    ("v", "b", "int %s(char *s) { return !!EVP_get_digestbyname(s); }"),
    ("v", "b", "int %s(char *s) { %w(s); return !!EVP_get_digestbyname(s); }"),
    ("v", "r", "int %s(struct R *p) { %p(p); return gcry_md_get_algo_dlen(p->n); }"),
)
_READING = "int %i(struct R *p) { return p->n; }\nint %j(struct R *p) { return p->next->n; }\n"
_PUTTING = (
    "void %p(struct R *p) { p->n = %n; }", "void %p(struct R *p) { if (in() & 1) p->n = %n; }",
    "void %p(struct R *p) { change(&p->n); }", "void %p(struct R *p) { other(p); }",
)  # fmt: skip
_WRITING = (
    "void %w(char *s) { strcpy(s, %t); }", "void %w(char *s) { s[0] = 'm'; strcpy(s + 1, \"d2\"); }",
    "void %w(char *s) { rename_to(s); }", "void %w(char *s) { if (in() & 1) strcpy(s, %t); }",
)  # fmt: skip
_BUILDS = (
    ["-fPIC", "-shared"], ["-fPIC", "-shared", "-fvisibility=hidden"], ["-fPIC", "-shared", "-Wl,-Bsymbolic"],
    ["-fPIE", "-pie"], ["-no-pie", "-fno-pie"],
)  # fmt: skip
_OFTEN = (
    "-fno-plt", "-fno-omit-frame-pointer", "-fstack-protector-strong", "-fno-builtin", "-fno-jump-tables", "-s",
    "-fno-optimize-sibling-calls", "-Wl,-z,now", "-ffunction-sections", "-fno-asynchronous-unwind-tables", "-g",
    "-fno-inline", "-funroll-loops", "-fwrapv", "-fno-strict-aliasing", "-fno-tree-vectorize",
)  # fmt: skip
_OF_GCC = (
    "-fno-ipa-cp", "-fno-ipa-sra", "-fno-tree-sra", "-fno-crossjumping", "-fno-if-conversion", "-fno-ipa-icf",
    "-fno-reorder-blocks-and-partition", "-fira-region=one", "-fno-shrink-wrap", "-fstack-clash-protection",
)  # fmt: skip
_OF_PROCESSOR = {"aarch64-linux-gnu-gcc": ("-mbranch-protection=standard", "-moutline-atomics", "-mcpu=cortex-a76")}
_OF_AMD64 = ("-fcf-protection=full", "-march=haswell", "-mno-red-zone", "-mtune=atom", "-march=x86-64-v2")


class Program(msgspec.Struct, frozen=True):
    """A program, and what its compiler is told."""

    seed: int
    compiler: str
    code: str
    flags: tuple[str, ...]

    @property
    def suffix(self) -> str:
        """Of its file: a program by itself has none, a library ``.so``."""
        return ".so" if "-shared" in self.flags else ""


def program(seed: int, compiler: str) -> Program:
    """The program of a seed for a compiler."""
    chance = random.Random(f"{seed} {compiler}")
    kind = chance.choice(_BUILDS)
    own = [*_OFTEN, *(_OF_GCC if "gcc" in compiler else ()), *_OF_PROCESSOR.get(compiler, _OF_AMD64)]
    flags = [chance.choice(("-O0", "-O1", "-O2", "-O2", "-O3", "-Os", "-Oz")), *kind]
    flags += chance.sample(own, chance.choice((0, 1, 2, 4)))
    code = _Writer(chance).whole() + ("" if "-shared" in kind else MAIN)
    return Program(seed, compiler, code, tuple(flags))


class _Function(msgspec.Struct, frozen=True):
    name: str
    returns: str
    parameters: tuple[str, ...]


class _Scope:
    """What can be read at a place: names by kind; numbers that cannot be changed are of kind ``N``."""

    def __init__(self, outer: _Scope | None = None) -> None:
        self.names: dict[str, list[str]] = {kind: list(names) for kind, names in outer.names.items()} if outer else {}

    def of(self, *kinds: str) -> list[str]:
        return [name for kind in kinds for name in self.names.get(kind, ())]

    def add(self, kind: str, name: str) -> None:
        self.names.setdefault(kind, []).append(name)


class _Writer:
    """A program that is being written; every method adds lines or gives an expression."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.lines: list[str] = []
        self.tables: dict[str, list[tuple[str, int]]] = {}
        self.globals = _Scope()
        self.functions: list[_Function] = []
        self.picks: list[str] = []
        self.readers: list[tuple[str, str, str]] = []
        self.number = 0
        self.structures: Structures | None = None

    def whole(self) -> str:
        fields = self.chance.sample(_FIELDS, len(_FIELDS))
        self.lines.append(DECLARED + f"struct S {{ {' '.join(fields)} }};")
        self._tables()
        for _ in range(self.chance.randint(0, 3)):
            self._pick()
        if self.chance.random() < 0.6:
            self._read()
        if self.chance.random() < 0.7:
            self.structures = Structures(self.chance, self._new, self._constant)
            self.lines += self.structures.declared()
        for _ in range(self.chance.randint(1, 6)):
            self._function()
        self._function(last=True)
        return "\n".join(self.lines) + "\n"

    # -- names and constants

    def _new(self, prefix: str) -> str:
        self.number += 1
        return f"{prefix}{self.number}"

    def _one_of(self, ways: Sequence[Callable[[], str]]) -> str:
        return self.chance.choice(ways)()

    def _constant(self, kind: str) -> str:
        if kind == "n":
            return str(self.chance.choice(_NUMBERS))
        if kind == "m":
            return f"{self.chance.choice(DIGESTS)}()"
        return f"&{self.chance.choice(HASHES)}" if kind == "x" else f'"{self.chance.choice(_WORDS)}"'

    def _fields(self) -> str:
        """The fields of a structure in a table."""
        parts = [f".{field} = {self._constant('n')}" for field in "nkh"]
        parts += [f".b = {self.chance.choice((1, 2, 8, 10))}", f".f = {self.chance.choice((1, 2, 8))}"]
        parts += [f".g = {self._constant('n')}", f".s = {self._constant('s')}", f".x = {self._constant('x')}"]
        parts += [f".make = {self.chance.choice(DIGESTS)}", f".name = {self._constant('s')}", ".next = &first"]
        parts.append(f".a = {{{', '.join(self._constant('n') for _ in range(3))}}}")
        return "{" + ", ".join(self.chance.sample(parts, len(parts))) + "}"

    def _storage(self) -> str:
        return self.chance.choice(("static const ", "static const ", "static ", "const ", ""))

    def _tables(self) -> None:
        """Tables and variables of the whole program."""
        self.lines.append(f"static const struct S first = {self._fields()};")
        self.globals.add("q", "&first")
        for kind, form in (("n", "int %s"), ("n", "short %s"), ("n", "unsigned char %s"), ("s", "char *const %s"),
                           ("s", "char %s[]"), ("d", "EVP_MD *(*const %s)(void)")):  # fmt: skip
            if self.chance.random() < 0.6:
                size, name = self.chance.randint(2, 6), self._new("T")
                words = [self._constant(kind) for _ in range(size)]
                words = [self.chance.choice(DIGESTS) for _ in words] if kind == "d" else words
                if "unsigned char" in form:
                    words = [str(self.chance.choice((1, 2, 8, 10))) for _ in words]
                array = form.replace("%s[]", f"{name}[{size}][12]").replace("%s", f"{name}[{size}]")
                start = "static const " if kind in "sd" else self._storage()
                self.lines.append(f"{start}{array} = {{{', '.join(words)}}};")
                self.tables.setdefault(kind, []).append((name, size))
        size, name = self.chance.randint(2, 4), self._new("C")
        rows = ", ".join(self._fields() for _ in range(size))
        self.lines.append(f"{self._storage()}struct S {name}[{size}] = {{{rows}}};")
        self.tables["S"] = [(name, size)]
        for kind, text in (("n", "int"), ("n", "short"), ("s", "const char *"), ("m", "const EVP_MD *"),
                           ("x", "const struct hash *")):  # fmt: skip
            if self.chance.random() < 0.5:
                name = self._new("G")
                start = "0" if kind == "m" else self._constant(kind)
                self.lines.append(f"{self.chance.choice(('static ', 'static ', ''))}{text} {name} = {start};")
                self.globals.add(kind, name)
        name = self._new("G")
        self.lines.append(f"static struct S {name} = {self._fields()};")
        self.globals.add("S", name)

    # -- expressions

    def _index(self, scope: _Scope, size: int) -> str:
        one = self.chance.choice([*scope.of("c"), "in()"])
        ways = [f"(unsigned){one} % {size}", f"({one} >= 0 && {one} < {size} ? {one} : 0)"]
        if "in()" in one:
            ways = ways[:1]
        if size & (size - 1) == 0:
            ways.append(f"{one} & {size - 1}")
        return self.chance.choice(ways)

    def _condition(self, scope: _Scope) -> str:
        one = self.chance.choice([*scope.of("c"), "in()"])
        ways = [f"{one} > {self.chance.randint(1, 9)}", f"{one} & 1", f"{one} == {self.chance.randint(0, 6)}",
                f"__builtin_expect({one} > 6, 0)", f"(unsigned){one} - 2 < 5"]  # fmt: skip
        ways += [f"{name} == {self._constant('n')}" for name in scope.of("n")[-2:]]
        ways += [f"!strcmp({name}, {self._constant('s')})" for name in scope.of("s")[-1:]]
        return self.chance.choice(ways)

    def _structures(self, scope: _Scope) -> list[str]:
        """Structures as what stands before a field."""
        names = [f"{name}." for name in (*scope.of("S"), *self.globals.of("S"))]
        names += [f"({name})->" for name in (*scope.of("p", "q"), *self.globals.of("q"))]
        name, size = self.tables["S"][0]
        return [*names, f"{name}[{self._index(scope, size)}]."]

    def value(self, scope: _Scope, kind: str, depth: int = 2) -> str:
        """An expression of a kind that stays valid when the function has returned, but for ``t``."""
        ways: list[Callable[[], str]] = [lambda: self._constant("s" if kind == "t" else kind)]
        known = scope.of(kind, *{"t": "s", "n": "N"}.get(kind, ""))
        if known:
            ways += [lambda: self.chance.choice(known)] * 4
        kept = self.globals.of("s" if kind == "t" else kind)
        if kept:
            ways.append(lambda: self.chance.choice(kept))
        if depth > 0:
            ways += [lambda: f"({self._condition(scope)} ? {self.value(scope, kind, depth - 1)} : "
                             f"{self.value(scope, kind, depth - 1)})"] * 2  # fmt: skip
            ways += [lambda: self._of_structure(scope, kind)] * 3
            ways += [lambda: self._of_function(scope, kind, depth)] * 3
            reading = self._reading(scope, kind) if self.readers else []
            ways += [lambda: self.chance.choice(reading)] * (3 * bool(reading))
            ways += self._special(scope, kind, depth)
        return self._one_of(ways)

    def _of_structure(self, scope: _Scope, kind: str) -> str:
        before = self.chance.choice(self._structures(scope))
        fields = {
            "n": ("n", "k", "h", "b", "f", "g", f"a[{self._index(scope, 3)}]", "a[1]", "next->n"),
            "s": ("s", "next->s"), "t": ("name", "s"), "m": ("make()", "make()", "m"), "x": ("x",),
        }[kind]  # fmt: skip
        return before + self.chance.choice(fields)

    def _of_function(self, scope: _Scope, kind: str, depth: int) -> str:
        able = [one for one in self.functions if one.returns == ("s" if kind == "t" else kind)]
        return self._call(scope, self.chance.choice(able), depth) if able else self._constant(kind)

    def _special(self, scope: _Scope, kind: str, depth: int) -> list[Callable[[], str]]:
        ways: list[Callable[[], str]] = []
        again = partial(self.value, scope, depth=depth - 1)
        table = self.tables.get("s" if kind == "t" else kind)
        if table:
            name, size = self.chance.choice(table)
            ways += [lambda: f"{name}[{self._index(scope, size)}]"] * 2
        if kind == "n":
            ways += [
                lambda: f"(unsigned char){again('n')}",
                lambda: f"({again('n')} + ({self.chance.choice([*scope.of('c'), 'in()'])} & 1))",
                lambda: f"({again('n')} ^ {self._constant('n')} ^ {self._constant('n')})",
                lambda: f"(int)((long){again('n')} << 32 >> 32)",
                lambda: f"({again('n')} == 2 ? 8 : {again('n')})",
                lambda: f"(0 - (0 - {again('n')}))",
                lambda: f"(({self.chance.choice([*scope.of('c'), '1'])} & 1) * 7 + 1)",
            ]
            ways += [lambda: f"{self.chance.choice(scope.of('f'))}({self.chance.choice([*scope.of('c'), '1'])})"] * (
                2 * bool(scope.of("f"))
            )
            ways += [lambda: f"*{self.chance.choice(scope.of('o'))}"] * (2 * bool(scope.of("o")))
        elif kind == "m":
            ways.append(lambda: f"EVP_get_digestbyname({again('t')})")
            ways.append(lambda: f"EVP_MD_fetch(0, {again('t')}, 0)")
            ways += [lambda: f"{self.chance.choice(scope.of('d'))}()"] * (2 * bool(scope.of("d")))
            if "d" in self.tables:
                name, size = self.tables["d"][0]
                ways += [lambda: f"{name}[{self._index(scope, size)}]()"] * 2
        elif kind in "st":
            ways.append(lambda: '&"xx-md5"[3]')
        return ways

    def _call(self, scope: _Scope, one: _Function, depth: int) -> str:
        return f"{one.name}({', '.join(self._argument(scope, kind, depth) for kind in one.parameters)})"

    def _argument(self, scope: _Scope, kind: str, depth: int) -> str:
        if kind in TYPES:
            return self.value(scope, kind, min(depth - 1, 1))
        name = self.chance.choice([name for name, _ in self.tables["S"]])
        local = [f"&{name}" for name in (*scope.of("S"), *self.globals.of("S"))]
        found = {
            "c": [*scope.of("c"), "in()", str(self.chance.randint(0, 9))],
            "p": [*scope.of("p"), *local, *local],
            "q": [*scope.of("p", "q"), *local, "&first", f"&{name}[{self._index(scope, self.tables['S'][0][1])}]"],
            "o": [*scope.of("o"), *(f"&{name}" for name in scope.of("v")), "&(int){1}"],
            "O": [*(f"&{name}" for name in scope.of("w")), '&(const char *){"md4"}'],
            "M": [*(f"&{name}" for name in scope.of("u")), "&(const EVP_MD *){0}"],
            "f": [*scope.of("f"), *self.picks],
            "d": [*scope.of("d"), *DIGESTS],
            "l": ["3", "in()"],
            "S": [*scope.of("S"), *self.globals.of("S"), "first"],
        }[kind]
        return self.chance.choice(found)

    def _reading(self, scope: _Scope, kind: str) -> list[str]:
        """What small functions return of what they are given."""
        given = {"r": [f"&{name}" for name in scope.of("R")], "b": scope.of("B"), "t": scope.of("B")}
        found = []
        for name, gives, parameters in self.readers:
            if given[parameters[0]] and (gives == kind or (gives, kind) == ("s", "t")):
                passed = self.chance.choices(given[parameters[0]], k=len(parameters))
                found.append(f"{name}({', '.join(passed)})")
        return found

    # -- functions

    def _read(self) -> None:
        """Small functions that read, or change, what they are given."""
        names = {f"%{letter}": self._new(f"own{letter}") for letter in "ijpw"}

        def written(text: str) -> str:
            for mark, name in names.items():
                text = text.replace(mark, name)
            return text.replace("%n", self._constant("n")).replace("%t", self._constant("s"))

        def storage() -> str:
            return self.chance.choice([one for one in _STORAGES if "cold" not in one] + list(_STORAGES[5:6] * 3))

        self.lines.append("struct R { int n, k; const char *s; struct R *next; char name[12]; };")
        inner = [*_READING.splitlines(), self.chance.choice(_PUTTING), self.chance.choice(_WRITING)]
        self.lines += [storage() + written(one) for one in inner]
        for gives, parameters, text in self.chance.sample(_READERS, self.chance.randint(2, 7)):
            name = self._new("reads")
            self.lines.append(storage() + written(text).replace("%s", name))
            self.readers.append((name, gives, parameters))

    def _pick(self) -> None:
        name, scope = self._new("pick"), _Scope()
        scope.add("c", "c")
        self.lines.append(f"__attribute__((noinline)) static int {name}(int c) {{")
        if self.chance.random() < 0.5:
            self.lines.append(f"if ({self._condition(scope)}) return {self._constant('n')};")
        if self.chance.random() < 0.4:
            self.lines.append(f"if ({self._condition(scope)}) return {self.chance.choice((0, -1))};")
        self.lines.append(f"return {self._constant('n')};\n}}")
        self.picks.append(name)

    def _function(self, *, last: bool = False) -> None:
        """A function with a body; the last is ``run``, which has no parameters."""
        kinds = [kind for kind in _PARAMETERS if kind != "f" or self.picks]
        parameters = () if last else tuple(self.chance.choices(kinds, k=self.chance.choice((0, 1, 2, 3, 3, 4, 6, 9))))
        returns = "v" if last else self.chance.choice("nnsmxvvS")
        name, scope = "run" if last else self._new("f"), _Scope()
        words = []
        for number, kind in enumerate(parameters):
            form, place = _PARAMETERS[kind], f"p{number}"
            words.append(form % place if "%s" in form else f"{form} {place}")
            scope.add(kind, place)
        how = self.chance.choice(_STORAGES)
        how = '__attribute__((visibility("default"))) ' if last else how
        form = {"v": "int", "S": "struct S"}.get(returns) or TYPES[returns]
        self.lines.append(f"{how}{form} {name}({', '.join(words) or 'void'}) {{\nint r = 0;")
        for kind in ("R", "R") if self.readers else ():
            self._declare(scope, kind)
        for kind in self.chance.choices(["v", "v", "w", "u", "S", "c", "x"], k=self.chance.randint(1, 4)):
            self._declare(scope, kind)
        kept = [f"&{one}" for one in scope.of("v")[:1] if self.chance.random() < 0.25]
        self.lines += [f"keep({one});" for one in kept]
        for _ in range(self.chance.randint(2, 7)):
            self._statement(scope, 2)
        self._sink(scope)
        self.lines += [f"unkeep({len(kept)});"] if kept else []
        tail = returns == "v" and not last and not kept and self.chance.random() < 0.3
        result = self._sunk(scope) if tail else "r" if returns == "v" else self._result(scope, returns)
        self.lines.append(f"return {result};\n}}")
        if not last:
            self.functions.append(_Function(name, returns, parameters))

    def _result(self, scope: _Scope, kind: str) -> str:
        if kind == "S":
            return self._argument(scope, "S", 1)
        return self.value(scope, kind)

    # -- statements

    def _declare(self, scope: _Scope, kind: str) -> None:
        """A variable; a number, a name or a digest whose address may be passed on is of two kinds."""
        name = self._new("v")
        if kind == "S":
            start = self.chance.choice(["first", *scope.of("S"), *self.globals.of("S"), self._fields()])
            able = [one for one in self.functions if one.returns == "S"]
            if able and self.chance.random() < 0.4:
                start = self._call(scope, self.chance.choice(able), 1)
            self.lines.append(f"struct S {name} = {start};")
        elif kind == "c":
            self.lines.append(f"int {name} = in();")
        elif kind == "R":
            behind = self.chance.choice([name, *scope.of("R")])
            parts = [self._constant("n"), self.value(scope, "n", 1), self._constant("s"), f"&{behind}"]
            self.lines.append(f"struct R {name} = {{{', '.join(parts)}, {self._constant('s')}}};")
        else:
            real = {"v": "n", "w": "s", "u": "m"}.get(kind, kind)
            held = "volatile " if real == "n" and kind != "v" and self.chance.random() < 0.1 else ""
            self.lines.append(f"{held}{TYPES[real]} {name} = {self.value(scope, real)};")
            if real != kind:
                scope.add(real, name)
        scope.add(kind, name)

    def _statement(self, scope: _Scope, depth: int) -> None:
        ways = [self._assign] * 6 + [self._sink] * 3 + [self._noise] * 2 + [self._void_call] * 3 + [self._copy] * 3
        ways += [lambda scope: self._declare(scope, self.chance.choice("vwuxScnsm"))] * 2 + [self._odd] * 3
        ways += [self._tested] * 3 + [self._structured] * (4 * bool(self.structures))
        if depth:
            ways += [lambda scope: self._branch(scope, depth), lambda scope: self._loop(scope, depth),
                     lambda scope: self._switch(scope, depth)] * 2  # fmt: skip
        self.chance.choice(ways)(scope)

    def _block(self, scope: _Scope, depth: int, most: int = 3) -> None:
        inner = _Scope(scope)
        for _ in range(self.chance.randint(1, most)):
            self._statement(inner, depth - 1)

    def _branch(self, scope: _Scope, depth: int) -> None:
        self.lines.append(f"if ({self._condition(scope)}) {{")
        self._block(scope, depth)
        if self.chance.random() < 0.5:
            self.lines.append("} else {")
            self._block(scope, depth)
        self.lines.append("}")

    def _loop(self, scope: _Scope, depth: int) -> None:
        counter, inner = self._new("i"), _Scope(scope)
        inner.add("c", counter)
        self.lines.append(f"for (int {counter} = 0; {counter} < {self.chance.randint(2, 4)}; {counter}++) {{")
        self._block(inner, depth)
        if self.chance.random() < 0.4:
            self.lines.append(f"if ({self._condition(scope)}) {self.chance.choice(('break', 'continue'))};")
            self._block(inner, depth, 1)
        self.lines.append("}")

    def _switch(self, scope: _Scope, depth: int) -> None:
        self.lines.append(f"switch ({self.chance.choice([*scope.of('c'), 'in()'])}) {{")
        for case in self.chance.sample(range(10), self.chance.randint(2, 8)):
            self.lines.append(f"case {case}: {{")
            self._block(scope, 1, 2) if depth > 1 else self._assign(scope)
            self.lines.append("}" + ("" if self.chance.random() < 0.15 else " break;"))
        self.lines.append("default: ;")
        self.lines.append("}")

    def _structured(self, scope: _Scope) -> None:
        if self.structures:
            self.lines += self.structures.block(partial(self._condition, scope), partial(self.value, scope, "n", 1))

    def _assign(self, scope: _Scope) -> None:
        """A value for a variable, a field, an entry or what a pointer points to."""
        targets = [(kind, name) for kind in "nsmx" for name in scope.of(kind)] * 2
        targets += [(kind, name) for kind in "nsmx" for name in self.globals.of(kind)]
        targets += [("n", f"*{name}") for name in scope.of("o")] + [("s", f"*{name}") for name in scope.of("O")]
        targets += [("m", f"*{name}") for name in scope.of("M")]
        whole = [f"{name}." for name in (*scope.of("S"), *self.globals.of("S"))] + [f"{p}->" for p in scope.of("p")]
        for one in whole:
            field = self.chance.choice(("n", "k", "h", "b", "f", "g", f"a[{self._index(scope, 3)}]", "a[2]"))
            targets += [("n", one + field), ("s", one + "s"), ("m", one + "m"), ("x", one + "x")]
        if targets:
            kind, target = self.chance.choice(targets)
            self.lines.append(f"{target} = {self.value(scope, kind)};")

    def _sunk(self, scope: _Scope) -> str:
        """A call of a catalogued function."""
        kind = self.chance.choice("nnntttmmmx")
        one = self.value(scope, kind)
        return self.chance.choice({
            "n": [f"gcry_md_open(room, {one}, 0)", f"gcry_md_hash_buffer({one}, room, room, 3)",
                  f"gcry_md_get_algo_dlen({one})", f"gcry_kdf_derive(room, 3, 34, {one}, room, 3, 1, 2, room)"],
            "t": [f"!!EVP_get_digestbyname({one})", f"!!EVP_MD_fetch(0, {one}, 0)"],
            "m": [f"EVP_DigestInit_ex(room, {one}, 0)", f"!!HMAC({one}, room, 3, room, 3, room, 0)"],
            "x": [f"(nettle_hmac_set_key(room, room, room, {one}, 3, room), 1)"],
        }[kind])  # fmt: skip

    def _sink(self, scope: _Scope) -> None:
        self.lines.append(f"r += {self._sunk(scope)};")

    def _noise(self, scope: _Scope) -> None:
        ways = ["touch();", "other(room);", "r += in();"]
        ways += [f"{self.chance.choice(('other', 'change'))}(&{name});" for name in scope.of("v")]
        ways += [f"change({name});" for name in scope.of("o")]
        ways += [f"r += {one};" for one in self._reading(scope, "v")] * 3
        ways += [f"{self.chance.choice(('other', 'change'))}(&{name}.n);" for name in scope.of("R")]
        ways += [f"{name}.{field} = {self._constant(kind)};" for name in scope.of("R") for kind, field in ("nn", "ss")]
        ways += [f"change(&{name}.{self.chance.choice('nk')});" for name in scope.of("S")]
        self.lines.append(self.chance.choice(ways))

    def _void_call(self, scope: _Scope) -> None:
        able = [one for one in self.functions if one.returns in "vS" or set(one.parameters) & set("poOM")]
        if able:
            one = self.chance.choice(able)
            text = self._call(scope, one, 1)
            self.lines.append(f"r += {text};" if one.returns == "v" else f"(void){text};")

    def _tested(self, scope: _Scope) -> None:
        """A value that is compared with one that it may be, and passed on, or another one that looks the same."""
        kind = self.chance.choice("nnnm")
        name, other = self._new("v"), self._new("v")
        text = TYPES[kind]

        def one() -> str:
            nothing = "0" if kind == "m" or self.chance.random() < 0.6 else "-1"
            if kind == "n" and self.picks and self.chance.random() < 0.4:
                return f"{self.chance.choice(self.picks)}({self.chance.choice([*scope.of('c'), 'in()'])})"
            return f"({self._condition(scope)} ? {nothing} : {self.value(scope, kind, 1)})"

        def use(place: str) -> str:
            numbers = f"r += gcry_md_open(room, {place}, 0);", f"r += gcry_md_get_algo_dlen({place});"
            digests = f"r += EVP_DigestInit_ex(room, {place}, 0);", f"r += !!HMAC({place}, room, 3, room, 3, room, 0);"
            return self.chance.choice(numbers if kind == "n" else digests)

        with_ = "0" if kind == "m" else self.chance.choice(("0", "0", "-1", self._constant("n"), self._constant("n")))
        begin = f"{text} {name} = {one()};\n{text} {other} = {one()};\n"
        forms = [
            f"if ({name} == {with_}) {name} = {one()};\n{use(name)}",
            f"if ({name} != {with_}) {{ {use(name)} }}\n{use(name)}",
            f"if ({name} == {with_}) {{ {use(name)} }} else {{ touch(); {use(name)} }}",
            f"do {{ if ({name} == {with_}) break; touch(); {use(name)} }} while (0);",
            f"do {{ if ({name} == {with_}) {{ touch(); if ({self._condition(scope)}) break; }}\n"
            f"{use(name)} }} while (0);",
            f"if ({name} != {with_}) {{ {name} = {one()}; {use(name)} }}",
            f"if ({name} != {with_}) {{ {use(other)} }}",
            f"if ({name} == {other}) {{ {use(other)} }} else if ({name} != {with_}) {{ {use(name)} {use(other)} }}",
            f"for (int j = 0; j < 3; j++) {{ {other} = {name}; {name} = {one()}; "
            f"if ({other} != {with_}) {{ {use(self.chance.choice((name, other)))} }} }}",
            f"for (int j = 0; j < 3; j++) {{ if ({name} == {with_}) {{ {name} = {one()}; continue; }} {use(name)} }}",
            f"while ({name} == {with_} && r++ < 90) {name} = {one()};\n{use(name)}",
            f"{use(f'{name} == {with_} ? {other} : {name}')}",
            f"{use(f'{name} != {with_} ? {other} : {name}')}",
        ]
        if kind == "n":
            forms += [
                f"if ((unsigned char){name} != (unsigned char){with_}) {{ {use(name)} }}",
                f"if ((short){name} != {with_}) {{ {use(name)} }}",
                f"{{ long w = (long){name} << 32 | (unsigned){other}; if (w != {with_}) {{ {use('(int)w')} }} }}",
                f"{{ long w = (unsigned){name}; if (w != {with_}) {{ {use('(int)w')} }} }}",
                f"if ({name} != {with_}) {{ change(&{name}); {use(name)} }}",
                f"{{ int *w = {self._condition(scope)} ? &{name} : &{other}; if ({name} != {with_}) "
                f"{{ *w = {one()}; {use(name)} }} }}",
                f"switch ({name}) {{ case {with_}: touch(); break; default: {use(name)} }}",
                f"if (({name} & 3) != 0) {{ {use(name)} }}",
            ]
        self.lines.append(begin + self.chance.choice(forms))
        if self.chance.random() < 0.5:
            scope.add(kind, name)

    def _copy(self, scope: _Scope) -> None:
        """Structures, and names in arrays of characters."""
        to = [*(f"&{name}" for name in (*scope.of("S"), *self.globals.of("S"))), *scope.of("p")]
        whole = self._argument(scope, "q", 1)
        ways = ["buffer", "buffer", "pointer"]
        ways += ["memcpy", "assign", "strcpy", "field"] if to else []
        one, place = self.chance.choice(ways), self.chance.choice(to) if to else ""
        if one == "buffer":
            self._buffer(scope)
        elif one == "pointer":
            name = self._new("v")
            kind = "p" if place and self.chance.random() < 0.7 else "q"
            start = f"{self._condition(scope)} ? {self._argument(scope, kind, 1)} : {self._argument(scope, kind, 1)}"
            self.lines.append(f"{_PARAMETERS[kind]}{name} = {start};")
            scope.add(kind, name)
        else:
            self.lines.append({
                "memcpy": f"memmove({place}, {whole}, sizeof(struct S));",
                "assign": f"*({place}) = *({whole});",
                "strcpy": f"strcpy(({place})->name, {self._constant('s')});",
                "field": f"memmove(&({place})->a[0], &({whole})->a[1], 8);",
            }[one])  # fmt: skip

    def _buffer(self, scope: _Scope) -> None:
        name = self._new("b")
        self.lines.append(f"char {name}[32] = {self._constant('s')};")
        scope.add("t", name)
        scope.add("B", name)
        for _ in range(self.chance.randint(0, 2)):
            reading = self._reading(scope, "t") if self.readers else []
            if reading and self.chance.random() < 0.5:
                kept = self._new("v")
                self.lines.append(f"const char *{kept} = {self.chance.choice(reading)};")
                scope.add("t", kept)
            self.lines.append(self.chance.choice((
                f"strcpy({name}, {self.value(scope, 's', 1)});",
                f"if ({self._condition(scope)}) strcpy({name}, {self._constant('s')});",
                f'memcpy({name}, "sha1", 5);',
                f"{name}[2] = '{self.chance.choice('45a')}';",
                f'strcpy({name}, "md"); strcat({name}, {self._condition(scope)} ? "5" : "4");',
                f"rename_to({name});",
                f"strncpy({name}, {self.value(scope, 's', 1)}, 31);",
            )))  # fmt: skip

    def _odd(self, scope: _Scope) -> None:
        """What is seldom written."""
        name, other, kept = self._new("v"), self._new("v"), self.value(scope, "n", 1)
        pick = self.chance.choice([*self.picks, ""])
        ways = {
            f"union {{ int n; unsigned char b[4]; }} {name} = {{{kept}}};\n"
            f"if ({self._condition(scope)}) {name}.b[0] = {self.chance.choice((1, 2, 8))};": ("n", f"{name}.n"),
            f"static int {name} = {self._constant('n')};\n"
            f"if ({self._condition(scope)}) {name} = {self._constant('n')};": ("n", name),
            f"int {name}[3] = {{{kept}, {self._constant('n')}, {self._constant('n')}}};\n"
            f"{name}[{self._index(scope, 3)}] = {self._constant('n')};": ("n", f"{name}[1]"),
            f"int {other} = {kept}, *{name} = {self._condition(scope)} ? &{other} : &(int){{3}};\n"
            f"if ({self._condition(scope)}) *{name} = {self._constant('n')};": ("n", other),
            f"int {other} = in() & 3, {name}[1 + {other}];\n"
            f"for (int j = 0; j <= {other}; j++) {name}[j] = {self._constant('n')};": ("n", f"{name}[0]"),
            f"long {name} = (long){kept} << 32 | {self._constant('n')};\n"
            f"if ({self._condition(scope)}) {name} = {name} >> 32 | {name} << 32;": ("N", f"(int){name}"),
            f"int (*{name})(int) = {pick or 'in_or'};": ("f", name),
            f"struct S {other}[2] = {{{self._fields()}, {self._fields()}}};\n"
            f"struct S *{name} = &{other}[in() & 1];": ("p", name),
        }  # fmt: skip
        text, (kind, place) = self.chance.choice([way for way in ways.items() if "in_or" not in way[0]])
        self.lines.append(text)
        scope.add(kind, place)
