"""Code in C among that of languages whose own functions never hand out addresses of the stack that C uses."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.elf.building import seen

_STUB = """
#include <stdio.h>
#include <string.h>
void show(char *text) { puts(text); }
long first(const char *text) { char copy[64]; strcpy(copy, text); show(copy); return copy[3]; }
long second(const char *text) { char copy[200]; sprintf(copy, "%s!", text); show(copy); return copy[3]; }
"""
_OCAML = """
external first : string -> (int [@untagged]) = "first_unused" "first"
external second : string -> (int [@untagged]) = "second_unused" "second"
let () = Printf.printf "%d %d\\n" (first Sys.argv.(0)) (second "x")
"""
_UNUSED = "".join(f"long {name}_unused(long text) {{ return text; }}\n" for name in ("first", "second"))
_HASKELL = """
{-# LANGUAGE ForeignFunctionInterface #-}
import Foreign.C.String
import Foreign.C.Types
foreign import ccall "first" first :: CString -> IO CLong
foreign import ccall "second" second :: CString -> IO CLong
main :: IO ()
main = do
  one <- withCString "x" first
  two <- withCString "y" second
  print (one, two)
"""


def _built(folder: Path, language: str, flag: str) -> Path:
    (folder / "stub.c").write_text(_STUB + _UNUSED)
    commands = [["gcc", "-O2", flag, "-c", "stub.c"]]
    if language == "ocaml":
        (folder / "main.ml").write_text(_OCAML)
        commands.append(["ocamlopt", "main.ml", "stub.o", "-o", "out"])
    else:
        (folder / "Main.hs").write_text(_HASKELL)
        commands.append(["ghc", "-v0", "Main.hs", "stub.o", "-o", "out"])
    for command in (*commands, ["strip", "out"]):
        subprocess.run(command, cwd=folder, check=True)
    return folder / "out"


@pytest.mark.full
@pytest.mark.parametrize(
    ("compiler", "language", "expected"),
    # OCaml's run-time system is compiled with canaries in Debian, that of GHC is not.
    [("ocamlopt", "ocaml", ("partial", "yes")), ("ghc", "haskell", ("no", "partial"))],
)
def test_a_unit_in_c_is_judged_among_those_of_another_language(
    tmp_path: Path, compiler: str, language: str, expected: tuple[str, str]
) -> None:
    for flag, verdict in zip(("-fno-stack-protector", "-fstack-protector-strong"), expected, strict=True):
        found = seen(_built(tmp_path, language, flag), "usr/bin/out")
        assert found.language == language
        assert found.stack_protector == verdict, found.reasons["stack_protector"]
