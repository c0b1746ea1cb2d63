"""Our records as Arrow has them: types, and values to make arrays of."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args, get_origin, get_type_hints

from restore.errors import MissingExtraError
from restore.records import Edit, Verdict

try:
    import pyarrow as pa
except ModuleNotFoundError as problem:
    raise MissingExtraError("Arrow", "arrow") from problem

#: The two fields of the pairs in records.
PAIRS = {"families": ("family", "probability"), "alternatives": ("original", "probability")}
PLAIN = {float: pa.float64(), int: pa.int64(), str: pa.string(), bool: pa.bool_()}


def arrow_type(kind: Any, name: str = "") -> pa.DataType:
    """The Arrow type of one of our records, or of a field of one.

    Args:
        kind: a dataclass, or the type of a field.
        name: of the field; see `PAIRS`.

    >>> print(arrow_type(Verdict).field("spun"))
    pyarrow.Field<spun: double>
    """
    if kind in PLAIN:
        return PLAIN[kind]
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        return pa.struct([(field.name, arrow_type(hints[field.name], field.name)) for field in dataclasses.fields(kind)])
    parts = [part for part in get_args(kind) if part is not type(None)]
    if get_origin(kind) is not tuple:  # X | None
        return arrow_type(parts[0], name)
    if parts[-1] is Ellipsis:
        return pa.list_(arrow_type(parts[0], name))
    return pa.struct([(label, arrow_type(part)) for label, part in zip(PAIRS[name], parts, strict=True)])


#: A verdict as a struct, and the edits of a document as a list of structs. Offsets are characters (code points), as in `restore.Edit`.
VERDICT, EDITS = arrow_type(Verdict), pa.list_(arrow_type(Edit))


def arrow_value(value: Any) -> Any:
    """A value of a record, or a record, as pyarrow takes it: records as tuples, and text without what stands for bytes that are no UTF-8.

    >>> arrow_value(Edit(0, 5, "Chief", "Leader", "substitution", 0.9))
    (0, 5, 'Chief', 'Leader', 'substitution', 0.9, (), '')
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, tuple):
        return tuple(map(arrow_value, value))
    if dataclasses.is_dataclass(value):
        return tuple(arrow_value(getattr(value, field.name)) for field in dataclasses.fields(value))
    return value
