"""The database as Datasette has to see it: with the keys that SQL lets a schema leave unsaid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datasette.database import Database

if TYPE_CHECKING:
    import sqlite3

Keys = dict[str, dict[str, list[dict[str, str]]]]

# `REFERENCES package` means its primary key, for which Datasette 0.65 knows no name; these have one column.
_REFERENCES = """
SELECT m.name, f."from", f."table",
       coalesce(f."to", (SELECT t.name FROM pragma_table_info(f."table") t WHERE t.pk = 1))
FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f
WHERE m.type = 'table' AND f."table" IN (SELECT name FROM sqlite_master WHERE type = 'table')
ORDER BY m.name, f."from"
"""

# Not declared, as rows outlive what they name; followed all the same.
_UNDECLARED = (("finding", "rule_id", "rule", "id"), ("crypto_use", "algorithm", "algorithm", "name"))


class Facts(Database):
    """An archscan database with all keys that lead from row to row."""

    async def foreign_keys_for_table(self, table: str) -> list[dict[str, str]]:
        """The keys of a table that lead elsewhere, in Datasette's form."""
        found = (await self.get_all_foreign_keys()).get(table, {"outgoing": []})
        return [
            {"column": one["column"], "other_table": one["other_table"], "other_column": one["other_column"]}
            for one in found["outgoing"]
        ]

    async def get_all_foreign_keys(self) -> Keys:
        """The keys that lead from each table and to it, in Datasette's form."""
        found: Keys = await self.execute_fn(_keys)
        return found


def _keys(connection: sqlite3.Connection) -> Keys:
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found: Keys = {table: {"incoming": [], "outgoing": []} for table in tables}
    references = [tuple(row) for row in connection.execute(_REFERENCES)]
    for table, column, other, key in (*references, *_UNDECLARED):
        found[table]["outgoing"].append({"other_table": other, "column": column, "other_column": key})
        found[other]["incoming"].append({"other_table": table, "column": key, "other_column": column})
    return found
