from hypothesis import given
from hypothesis import strategies as st

from archscan.site.names import page_file, source_file


def test_sources_lie_as_in_the_pool() -> None:
    assert source_file("openssl") == "json/o/openssl.json"
    assert source_file("libxml2") == "json/libx/libxml2.json"
    assert source_file("lib") == "json/l/lib.json"
    assert source_file("0ad") == "json/0/0ad.json"
    assert source_file("g++") == "json/g/g++.json"
    assert source_file("lib.so") == "json/lib/lib.so.json"


@given(st.text(max_size=300))
def test_no_name_leaves_its_folder(name: str) -> None:
    for made, folder in ((source_file(name), "json/"), (page_file("rule", name), "rule/")):
        assert made.startswith(folder)
        assert ".." not in made.split("/")
        assert made.isascii()
        assert max(map(len, made.split("/"))) < 255
        assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789+.-_/")


@given(st.lists(st.text(max_size=30), unique=True, max_size=20))
def test_two_names_never_have_the_same_file(names: list[str]) -> None:
    assert len({source_file(name) for name in names}) == len(names)
    assert len({page_file("rule", name) for name in names}) == len(names)
