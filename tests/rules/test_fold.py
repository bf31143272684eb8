import csv
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from archscan.rules.fold import fingerprint

VECTORS = Path(__file__).parents[1] / "fingerprints.tsv"


def test_fingerprints_stay_what_decisions_were_made_on() -> None:
    with VECTORS.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert len(rows) >= 8
    for row in rows:
        assert fingerprint(row["family"], row["source"], row["path_key"], row["subject"]) == row["sha256"], row


@given(st.tuples(*[st.text("ab", max_size=3)] * 4), st.tuples(*[st.text("ab", max_size=3)] * 4))
def test_different_parts_give_different_fingerprints(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert (fingerprint(*one) == fingerprint(*other)) is (one == other)
