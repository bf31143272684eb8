"""The facts that recipes of the corpus promise, against what is read from what they build."""

from __future__ import annotations

from corpus.build import Built
from tests.elf.building import seen


def test_recipes_promise_what_is_read(corpus_builds: dict[str, Built]) -> None:
    compared = 0
    for built in corpus_builds.values():
        for item in built.recipe.object:
            found = seen(built.objects[item.path], item.path.replace("{triplet}", built.target.triplet))
            for column, expected in item.facts.items():
                value = getattr(found, column)
                assert (value if value is not None else "") == expected, (built.name, item.path, column)
                compared += 1
    assert compared > 100
