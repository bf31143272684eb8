"""The checks of GNU's C++ library, in what g++ makes and in the same names written by hand."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from archscan.model import Elf
from tests.elf.building import compiled, seen

FAIL = "_ZSt21__glibcxx_assert_failPKciS0_S0_"
STRING = "_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE9_M_appendEPKcm"
GETLINE = "_ZSt7getlineIcSt11char_traitsIcESaIcEERSt13basic_istreamIT_T0_ES7_RNSt7__cxx1112basic_stringIS4_S5_T1_EES4_"
LENGTH = "_ZSt20__throw_length_errorPKc"
OUTPUT = "_ZSolsEi"
MESSAGE = "%s:%d: %s: Assertion '%s' failed.\\n"


def _linked(folder: Path, symbols: tuple[str, ...], library: str = "libstdc++.so.6", text: str = "") -> Elf:
    """A program in C that calls functions of a library by their C++ names."""
    body = "".join(f"void {name}(void) {{}}\n" for name in symbols)
    flags = ["-shared", "-fPIC", f"-Wl,-soname,{library}"]
    given = compiled(folder, body or "int one;", flags, name=library)
    calls = "".join(f"void {name}(void);\n" for name in symbols)
    main = f'const char text[] = "{text}";\nint main(void) {{ {"".join(f"{name}();" for name in symbols)} return 0; }}'
    return seen(compiled(folder, calls + main, ["-O1", "-Wl,--no-as-needed", str(given)], name="user"))


def _said(found: Elf) -> tuple[str, str]:
    return found.glibcxx_assertions, found.reasons["glibcxx_assertions"].code


@pytest.mark.parametrize(
    ("symbols", "text", "said"),
    [
        ((FAIL, GETLINE, LENGTH), "", ("yes", "checked-containers")),
        ((GETLINE, LENGTH), MESSAGE, ("yes", "checked-containers")),
        ((FAIL, STRING), "", ("partial", "some-units-unchecked")),
        ((STRING, LENGTH), "", ("no", "unchecked-strings")),
        ((STRING,), "Assertion `%s' failed.\\n", ("no", "unchecked-strings")),
        ((LENGTH, GETLINE), "", ("unknown", "nothing-left")),
        ((OUTPUT,), "", ("n/a", "no-containers")),
        ((), "", ("n/a", "no-containers")),
    ],
)
def test_what_an_object_shows(tmp_path: Path, symbols: tuple[str, ...], text: str, said: tuple[str, str]) -> None:
    assert _said(_linked(tmp_path, symbols, text=text)) == said


def test_what_has_no_such_checks(tmp_path: Path) -> None:
    assert _said(_linked(tmp_path, (OUTPUT,), "libc++.so.1")) == ("n/a", "other-library")
    assert _said(_linked(tmp_path, ("plain",), "libx.so.1")) == ("n/a", "language")
    library = tmp_path / "libstdc++.so.6"
    body = f"void {FAIL}(void) {{}}\nvoid {STRING}(void) {{}}\n"
    compiled(tmp_path, body, ["-shared", "-fPIC", f"-Wl,-soname,{library.name}"], name=library.name)
    assert _said(seen(library, "usr/lib/libstdc++.so.6.0.30")) == ("n/a", "the-library")


def test_a_library_that_was_linked_in_hides_what_is_used_of_it(tmp_path: Path) -> None:
    names = 'const char text[] = "basic_string::append";\nvoid _ZN1aC1Ev(void) {}\nint main(void) { return 0; }'
    found = seen(compiled(tmp_path, names, ["-rdynamic"]))
    assert found.language == "c++"
    assert _said(found) == ("unknown", "nothing-left")
    assert seen(compiled(tmp_path, names, ["-c"], name="x.o"), "usr/lib/x.o").glibcxx_assertions == "n/a"


def test_relocatable_objects_tell_by_what_is_undefined_in_them(tmp_path: Path) -> None:
    for name, said in ((FAIL, "yes"), (STRING, "no")):
        path = compiled(tmp_path, f"void {name}(void); void _Z1fv(void) {{ {name}(); }}", ["-c"], name="x.o")
        assert seen(path, "usr/lib/x.o").glibcxx_assertions == said


_ALL_HEADERS = "".join(
    f"#include <{name}>\n" for name in ("deque", "list", "map", "memory", "string", "string_view", "vector")
)
_MEMBERS = {
    "vector-front": "int f(std::vector<int> &a) { return a.front(); }",
    "vector-back": "int f(const std::vector<int> &a) { return a.back(); }",
    "vector-index": "int f(std::vector<int> &a) { return a[3]; }",
    "vector-pop-back": "void f(std::vector<int> &a) { a.pop_back(); }",
    "deque-front": "int f(std::deque<int> &a) { return a.front(); }",
    "deque-index": "int f(const std::deque<int> &a) { return a[3]; }",
    "deque-pop-front": "void f(std::deque<int> &a) { a.pop_front(); }",
    "deque-pop-back": "void f(std::deque<int> &a) { a.pop_back(); }",
    "unique": "int f(std::unique_ptr<int> &a) { return *a; }",
    "shared": "int f(std::shared_ptr<int> &a) { return *a; }",
    "view": "int f(std::string_view a) { return a.front() + a.back() + a[1]; }",
}
_NONE = {
    "map": "int f(std::map<int, int> &a) { return a[3]; }",
    "list": "int f(std::list<int> &a) { return a.front(); }",  # checks in newer libraries only
    "grows": "void f(std::list<std::string *> &a) { a.insert(a.begin(), nullptr); }",
}


@pytest.mark.full
@pytest.mark.parametrize("name", list(_MEMBERS))
@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_a_member_that_would_check_is_a_function_without_optimising(tmp_path: Path, name: str, compiler: str) -> None:
    flags = "-std=c++17 -O0 -fPIC -shared"
    source = _ALL_HEADERS + _MEMBERS[name]
    assert _compiled(tmp_path, f"{flags} -D_GLIBCXX_ASSERTIONS", source, compiler).glibcxx_assertions == "yes"
    assert _said(_compiled(tmp_path, flags, source, compiler)) == ("no", "unchecked-members")


@pytest.mark.full
@pytest.mark.parametrize("name", list(_NONE))
def test_what_checks_nothing_shows_nothing(tmp_path: Path, name: str) -> None:
    for macro in ("", "-D_GLIBCXX_ASSERTIONS"):
        found = _compiled(tmp_path, f"-std=c++17 -O0 -fPIC -shared {macro}", _ALL_HEADERS + _NONE[name])
        assert found.glibcxx_assertions in ("n/a", "unknown")


def test_a_member_that_checks_nothing_was_compiled_without(tmp_path: Path) -> None:
    source = _ALL_HEADERS + _MEMBERS["vector-back"]
    assert _said(_compiled(tmp_path, "-std=c++17 -O0 -fPIC -shared", source)) == ("no", "unchecked-members")


def test_every_member_is_named_also_where_names_lie_side_by_side(tmp_path: Path) -> None:
    members = [f"_ZNSt6vectorIiSaIiEE{name}" for name in ("4backEv", "5frontEv", "8pop_backEv", "ixEm")]
    path = compiled(tmp_path, "".join(f"void {name}(void) {{}}\n" for name in members), ["-c"], name="x.o")
    assert b"\0".join(name.encode() for name in members) in path.read_bytes()
    reason = seen(path, "usr/lib/x.o").reasons["glibcxx_assertions"]
    assert (reason.code, [site.name for site in reason.sites]) == ("unchecked-members", members)


SOURCE = """
#include <iostream>
#include <map>
#include <string>
#include <vector>
std::string joined(const std::string &a, int n) {
    std::string b = a; b += "x"; b.append(a); b.insert(0, a); b.push_back('x'); b.resize(n); b.reserve(100);
    b.replace(0, 1, "abc"); b.erase(1, 2); std::string c = a.substr(1, 2);
    if (a.find("x") != std::string::npos) c.assign(b);
    return b + c + std::to_string(n) + (a.compare("z") ? "" : "z");
}
int main(int c, char **v) {
    std::vector<int> x(c); std::map<std::string, int> m; m[v[0]] = 1; std::wstring w(L"abc"); w += L"d";
    std::string l; std::getline(std::cin, l); x.push_back(c);
    std::cout << joined(l, c) << x[c] << m.size() << w.size();
}
"""
LITTLE = '#include <iostream>\nint main(int c, char **v) { std::cout << v[0] << c << "\\n"; }\n'


def _compiled(folder: Path, flags: str, source: str = SOURCE, compiler: str = "g++") -> Elf:
    text, path = folder / "x.cc", folder / "x"
    text.write_text(source)
    subprocess.run([compiler, "-o", path, text, *flags.split()], check=True, capture_output=True)
    subprocess.run(["strip", path], check=True)
    return seen(path)


@pytest.mark.full
@pytest.mark.parametrize("optimised", ["-O0", "-O2"])
@pytest.mark.parametrize("standard", ["11", "14", "17", "20"])
@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_what_compilers_make_of_the_macro(tmp_path: Path, compiler: str, standard: str, optimised: str) -> None:
    flags = f"-std=c++{standard} {optimised}"
    for macro in ("-D_GLIBCXX_ASSERTIONS", "-D_GLIBCXX_DEBUG"):
        assert _compiled(tmp_path, f"{flags} {macro}", compiler=compiler).glibcxx_assertions == "yes"
    without = "unknown" if standard == "20" and optimised == "-O2" else "no"
    assert _compiled(tmp_path, flags, compiler=compiler).glibcxx_assertions == without


@pytest.mark.full
def test_static_programs_hold_the_message(tmp_path: Path) -> None:
    for link in ("-static", "-static-libstdc++"):
        assert _compiled(tmp_path, f"-O2 -D_GLIBCXX_ASSERTIONS {link}").glibcxx_assertions == "yes"
        assert _said(_compiled(tmp_path, f"-O2 {link}")) == ("unknown", "nothing-left")
    assert _compiled(tmp_path, "-O2", LITTLE).glibcxx_assertions == "n/a"


@pytest.mark.full
def test_a_unit_without_beside_one_with(tmp_path: Path) -> None:
    (tmp_path / "b.cc").write_text(SOURCE.replace("int main", "int other"))
    object_file = tmp_path / "b.o"
    subprocess.run(["g++", "-O2", "-std=c++17", "-c", "-o", object_file, tmp_path / "b.cc"], check=True)
    source = """
#include <vector>
int other(int, char **);
int main(int c, char **v) { std::vector<int> x(c); return x[c] + other(c, v); }
"""
    found = _compiled(tmp_path, f"-O2 -std=c++17 -D_GLIBCXX_ASSERTIONS {object_file}", source)
    assert _said(found) == ("partial", "some-units-unchecked")


_MEMBER = """
#include <vector>
%s
int f(std::vector<int> &v, int n) { return v[n]; }
"""


def test_what_others_define_is_no_member_of_its_own(tmp_path: Path) -> None:
    flags = ["-O0", "-shared", "-fPIC", "-nostartfiles", "-std=c++11"]
    own = _found_by(tmp_path, _MEMBER % "", flags)
    assert _said(own) == ("no", "unchecked-members")
    imported = _found_by(tmp_path, _MEMBER % "extern template class std::vector<int>;", flags)
    assert "_ZNSt6vectorIiSaIiEEixEm" in {row.symbol for row in imported.imports}
    assert _said(imported) == ("n/a", "no-containers")


def test_of_a_library_that_was_linked_in_members_say_nothing(tmp_path: Path) -> None:
    """They may be the library's, which was compiled otherwise."""
    source = (
        "#include <string>\n"
        + _MEMBER % ""
        + "int main() { std::vector<int> v(3); std::string s; s.at(9); return f(v, 1); }"
    )
    found = _found_by(tmp_path, source, ["-O0", "-static-libstdc++", "-static-libgcc"])
    assert _said(found) == ("unknown", "nothing-left")


def _found_by(folder: Path, source: str, flags: list[str]) -> Elf:
    """What is said of a source text in C++."""
    (folder / "x.cc").write_text(source)
    subprocess.run(["g++", "x.cc", "-o", "x", *flags], cwd=folder, check=True)
    return seen(folder / "x", "usr/lib/x/x.so" if "-shared" in flags else "usr/bin/x")
