"""Structures of many fields by chance: initialised, copied, changed by own functions, and read, as C programs do.

Whatever is read was stored before: each structure is first filled in as a whole.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

_INNER = "struct I { %s };\n"
_INNER_FIELDS = ("long q;", "int alg;", "short h;", "signed char c;", "const char *name;")
_FIELDS = (
    "long q;", "const char *name;", "int alg;", "int other;", "short h;", "signed char c;", "struct I in;",
    "struct I list[3];", "union { int n; unsigned char b[4]; } u;", "int codes[4];", "struct K *next;",
    "char text[12];",
)  # fmt: skip
# Places of numbers and of names; %s stands for an index.
_NUMBERS = (
    "alg", "alg", "other", "h", "c", "in.alg", "in.h", "in.c", "list[1].alg", "list[%s].alg", "list[2].h", "u.n",
    "codes[0]", "codes[2]", "codes[%s]", "next->alg",
)  # fmt: skip
_NAMES = ("name", "name", "in.name", "list[1].name", "list[%s].name", "text", "next->name")
_PAIRS = "struct P { int n, k; };\nstruct Q { long q; int alg; short h; signed char c; };\nstatic int mode = %n;\n"
# Own functions that fill in a whole structure; %z stands for all fields, %a for an assignment of a field of *p.
_FILLING = (
    "void %s(struct K *p) { *p = (struct K){%z}; }",
    "void %s(struct K *p) { memset(p, 0, sizeof *p); p->next = &kept; %a %a }",
    "void %s(struct K *p) { *p = pattern; %a }",
    "void %s(struct K *p) { memcpy(p, &kept, sizeof *p); }",
    "void %s(struct K *p) { struct K k = {%z}; if (in() & 1) k.alg = %n; *p = k; }",
    "void %s(struct K *p) { *p = pattern; if (in() > 5) return; %a }",
    "void %s(struct K *p) { *p = in() & 1 ? pattern : kept; }",
)  # fmt: skip
# Those that change one, or something else.
_CHANGING = (
    "void %s(struct K *p, int c) { if (c & 1) { %a } }",
    "void %s(struct K *p, int c) { if (c > 4) return; %a }",
    "void %s(struct K *p, int c) { switch (c) { case 1: %a break; case 3: %a case 5: %a break; default: touch(); } }",
    "void %s(struct K *p, int c) { for (int i = 0; i < 3; i++) p->list[i].alg = %n; if (c == 2) %a }",
    "void %s(struct K *p, int c) { if (c & 2) goto end; %a end: touch(); }",
    "void %s(struct K *p, int c) { %c(p, c >> 1); touch(); %a }",
    "void %s(struct K *p, int c) { %i(&p->in, c); }",
    "void %s(struct K *p, int c) { %i(&p->list[c & 1], c); %c(p, 3); }",
    "void %s(struct K *p, int c) { change(&p->alg); if (c & 4) p->in = pattern.in; }",
    "void %s(struct K *p, int c) { p->in = p->list[c & 1]; p->list[2] = pattern.in; }",
    "void %s(struct K *p, int c) { mode = %n; if (c & 1) kept.alg = %n; kept.in.alg = mode; }",
    "void %s(struct K *p, int c) { %d(c & 1 ? &p : &current); if (c > 2) p->alg = %n; }",
    "void %s(struct K *p, int c) { struct K k = *p; k.alg = %n; if (c & 1) *p = k; }",
    "void %s(struct K *p, int c) { struct P x = %x(c); p->alg = x.n; p->other = c & 1 ? x.k : %n; }",
    "void %s(struct K *p, int c) { p->u.n = %n; if (c & 1) p->u.b[0] = 2; }",
    "void %s(struct K *p, int c) { *(c & 1 ? &p->alg : &p->other) = %n; }",
)  # fmt: skip
_INNER_CHANGING = (
    "void %s(struct I *p, int c) { if (c & 1) p->alg = %n; p->h = %n; }",
    "void %s(struct I *p, int c) { p->name = c > 3 ? %t : p->name; p->alg = %n; }",
    "void %s(struct I *p, int c) { change(&p->alg); if (c & 1) p->c = 2; }",
)
_DIRECTING = (
    "void %s(struct K **p) { (*p)->alg = %n; }",
    "void %s(struct K **p) { if (in() & 1) *p = &kept; }",
    "void %s(struct K **p) { *p = in() & 1 ? &kept : *p; (*p)->name = %t; }",
)
_PAIRING = (
    "struct P %s(int c) { struct P x = {%n, %n}; if (c & 1) x.n = %n; return x; }",
    "struct P %s(int c) { return c > 3 ? (struct P){%n, mode} : (struct P){%n, %n}; }",
)
_MAKING = (
    "struct K %s(int c) { struct K k = pattern; if (c & 1) k.alg = %n; return k; }",
    "struct K %s(int c) { struct K k; %f(&k); %c(&k, c); return k; }",
    "struct K %s(int c) { if (c > 3) return kept; return (struct K){%z}; }",
)
_QUARTERS = (
    "struct Q %s(int c) { struct Q x = {c, %n, %n, 2}; if (c & 1) x.alg = %n; return x; }",
    "struct Q %s(int c) { struct Q x = {0}; x.alg = mode; if (c & 2) x.h = %n; return x; }",
)
# Those that select.
_USING = (
    "int %s(struct K *p) { return gcry_md_open(room, p->%N, 0); }",
    "int %s(struct K *p) { return gcry_md_get_algo_dlen(p->%N) + !!EVP_get_digestbyname(p->%S); }",
    "int %s(struct K *p) { %c(p, in()); return gcry_md_open(room, p->%N, 0); }",
    "int %s(struct K *p) { struct K k = *p; return gcry_md_open(room, k.%N, 0); }",
    "int %s(struct K *p) { if (!p->%N) p = &kept; return gcry_md_open(room, p->%N, 0); }",
    "int %s(struct K *p) { for (int i = 0; i < 3; i++) gcry_md_get_algo_dlen(p->list[i].alg); return 1; }",
)  # fmt: skip
_VARIADIC = """int %s(int c, ...) {
__builtin_va_list l;
__builtin_va_start(l, c);
int a = __builtin_va_arg(l, int), b = __builtin_va_arg(l, int);
const char *s = __builtin_va_arg(l, const char *);
__builtin_va_end(l);
return gcry_md_open(room, c & 1 ? a : b, 0) + !!EVP_get_digestbyname(s);
}"""
_STORAGES = ("static ", "__attribute__((noinline)) static ", *("__attribute__((noipa)) static ",) * 3, "")


class Structures:
    """Writes own functions that handle structures, and blocks of statements that use them.

    ``new`` gives a name that begins with some letters, ``constant`` a constant of a kind: ``n`` a number, ``s`` a name.
    """

    def __init__(self, chance: random.Random, new: Callable[[str], str], constant: Callable[[str], str]) -> None:
        self.chance = chance
        self.new = new
        self.constant = constant
        self.own: dict[str, list[str]] = {}

    def declared(self) -> list[str]:
        """The types, variables and functions, a line each."""
        mixed = [self.chance.sample(fields, len(fields)) for fields in (_INNER_FIELDS, _FIELDS)]
        lines = [_INNER % " ".join(mixed[0]) + f"struct K {{ {' '.join(mixed[1])} }};"]
        lines.append(self._written(_PAIRS + "static struct K kept = {%z};\nstatic const struct K pattern = {%z};"))
        lines.append("static struct K *current = &kept;")
        for kind, texts, most in (
            ("i", _INNER_CHANGING, 2), ("x", _PAIRING, 2), ("d", _DIRECTING, 2), ("c", _CHANGING[:5], 1),
            ("f", _FILLING, 3), ("c", _CHANGING, 4), ("m", _MAKING, 2), ("y", _QUARTERS, 1), ("u", _USING, 3),
            ("v", (_VARIADIC,), 1),
        ):  # fmt: skip
            for text in self.chance.sample(texts, self.chance.randint(1, min(most, len(texts)))):
                name = self.new("own")
                lines.append(self.chance.choice(_STORAGES) + self._written(text.replace("%s(", f"{name}(")))
                self.own.setdefault(kind, []).append(name)
        return lines

    def block(self, condition: Callable[[], str], number: Callable[[], str]) -> list[str]:
        """Statements that fill in structures, change them, and select what they hold."""
        one, other, pointer = self.new("k"), self.new("k"), self.new("k")
        places = [f"{one}.", f"{one}.", f"{one}.", f"{other}.", f"{pointer}->"]
        lines = ["{", f"struct K {one}, {other}, *{pointer} = &{one};"]
        lines += [self._filled(one, ""), self._filled(other, one)]
        for _ in range(self.chance.randint(2, 7)):
            lines += self._step(self.chance.choice(places), (one, other, pointer), condition, number)
        lines.append(self._used(self.chance.choice(places), one))
        return [*lines, "}"]

    # -- text

    def _written(self, text: str) -> str:
        for mark in [f"%{letter}" for letter in "icdxf"]:
            while f"{mark}(" in text:
                text = text.replace(f"{mark}(", f"{self.chance.choice(self.own[mark[1]])}(", 1)
        number = partial(self.constant, "n")
        marks: dict[str, Callable[[], str]] = {
            "%a": partial(self._assigned, "p->", number), "%N": partial(self._place, _NUMBERS),
            "%S": partial(self._place, _NAMES), "%z": self._all, "%n": number, "%t": partial(self.constant, "s"),
        }  # fmt: skip
        for mark, gives in marks.items():
            while mark in text:
                text = text.replace(mark, gives(), 1)
        return text

    def _all(self) -> str:
        """All fields, as an initialiser has them."""
        inner = [f"{{.alg = {self.constant('n')}, .h = {self.constant('n')}, .c = {self.chance.choice((1, 2, 8))}, "
                 f".name = {self.constant('s')}}}" for _ in range(4)]  # fmt: skip
        codes = ", ".join(self.constant("n") for _ in range(4))
        parts = [f".{field} = {self.constant('n')}" for field in ("alg", "other", "h")]
        parts += [f".name = {self.constant('s')}", f".in = {inner[0]}", f".list = {{{', '.join(inner[1:])}}}"]
        parts += [f".codes = {{{codes}}}", f".u = {{{self.constant('n')}}}", f".text = {self.constant('s')}", ".c = 8"]
        return ", ".join([".next = &kept", *self.chance.sample(parts, len(parts))])

    def _place(self, places: tuple[str, ...]) -> str:
        return self.chance.choice(places).replace(
            "%s", self.chance.choice(("0", "1", "in() & 1", "(unsigned)in() % 3"))
        )

    def _assigned(self, before: str, number: Callable[[], str]) -> str:
        if self.chance.random() < 0.25:
            place = self._place(_NAMES)
            if place == "text":
                return f"strcpy({before}text, {self.constant('s')});"
            return f"{before}{place} = {self.constant('s')};"
        place = self._place(_NUMBERS)
        narrow = place.endswith(("c", "h")) or self.chance.random() < 0.7
        value = str(self.chance.choice((1, 2, 8))) if narrow else number()
        return f"{before}{place} = {value};"

    def _filled(self, name: str, filled: str) -> str:
        """A structure as a whole; another one is ``filled`` already, if any."""
        ways = [f"{name} = (struct K){{{self._all()}}};", f"{name} = kept;", f"{name} = pattern;",
                f"memset(&{name}, 0, sizeof {name}); {name}.next = current; {self._assigned(f'{name}.', lambda: '1')}",
                f"memcpy(&{name}, current, sizeof {name});",
                f"{name} = {self.chance.choice(self.own['m'])}(in());"]  # fmt: skip
        ways += [f"{self.chance.choice(self.own['f'])}(&{name});"] * 5
        ways += [f"{name} = {filled};", f"memmove(&{name}, &{filled}, sizeof {name});"] if filled else []
        return self.chance.choice(ways)

    def _step(
        self, before: str, names: tuple[str, str, str], condition: Callable[[], str], number: Callable[[], str]
    ) -> list[str]:
        one, other, pointer = names
        label, counter, held = self.new("end"), self.new("i"), self.new("k")
        whole = f"&{before[:-1]}" if before.endswith(".") else before[:-2]

        def some() -> str:
            return self._assigned(before, number) if self.chance.random() < 0.7 else self._changed(whole)

        ways: list[list[str]] = [
            [some()],
            [f"if ({condition()})", some()],
            [f"if ({condition()}) {{", some(), "} else {", some(), "}"],
            [f"if ({condition()}) goto {label};", some(), f"{label}:", "touch();"],
            [f"for (int {counter} = 0; {counter} < in() % 4; {counter}++) {{", some(), some(), "}"],
            [f"for (int {counter} = 0; {counter} < 3; {counter}++)", f"{before}list[{counter}].alg = {number()};"],
            [f"switch (in()) {{ case 0: case 4: {some()} break;", f"case 2: {some()}", f"default: {some()} }}"],
            [self._changed(whole)], [self._changed(whole)], [self._used(before, one)], [self._used(before, one)],
            [f"if ({condition()}) {one} = {other};"], [f"if ({condition()}) {pointer} = &{other};"],
            [f"{one}.list[{self.chance.choice(('0', '2', 'in() & 1'))}] = {other}.in;"],
            [f"if ({condition()}) {one}.next = &{other};"], [f"{self.chance.choice(self.own['d'])}(&{pointer});"],
            [f"struct Q {held} = {self.chance.choice(self.own['y'])}(in());", f"if ({condition()}) {held}.h = 8;",
             f"r += gcry_md_open(room, {held}.{self.chance.choice(('alg', 'h', 'c'))}, 0);"],
            [f"struct K {held}[2] = {{{{{self._all()}}}, {one}}};",
             f"for (int {counter} = 0; {counter} < 2; {counter}++)", self._used(f"{held}[{counter}].", one)],
            [f"if ({condition()})", f"memcpy(&{one}.list, &{other}.list, sizeof {one}.list);"],
            [f"r += {self.chance.choice(self.own['v'])}(in(), {condition()} ? {before}alg : {number()}, "
             f"{before}{self._place(_NUMBERS)}, {before}{self._place(_NAMES)});"],
        ]  # fmt: skip
        return self.chance.choice(ways)

    def _changed(self, whole: str) -> str:
        """A structure whose address is given to another function."""
        field = self.chance.choice(("alg", "other", "in.alg", "codes[1]", "u.n"))
        other = self.chance.choice(("change", "other"))
        ways = [f"{self.chance.choice(self.own['c'])}({whole}, {self.chance.choice(('in()', '1', '2'))});"] * 4
        ways += [f"{self.chance.choice(self.own['f'])}({whole});", f"{other}(&({whole})->{field});"]
        return self.chance.choice([*ways, f"{self.chance.choice(self.own['i'])}(&({whole})->in, in());"])

    def _used(self, before: str, one: str) -> str:
        number, name = f"{before}{self._place(_NUMBERS)}", f"{before}{self._place(_NAMES)}"
        return self.chance.choice((
            f"r += gcry_md_open(room, {number}, 0);", f"r += gcry_md_get_algo_dlen({number});",
            f"r += gcry_md_open(room, in() & 1 ? {number} : {self.constant('n')}, 0);",
            f"r += !!EVP_get_digestbyname({name});", f"r += {self.chance.choice(self.own['u'])}(&{one});",
            f"r += {self.chance.choice(self.own['u'])}(&{one});", "r += gcry_md_open(room, mode, 0);",
            f"r += EVP_DigestInit_ex(room, {number} == 2 ? EVP_sha1() : EVP_get_digestbyname({name}), 0);",
        ))  # fmt: skip
