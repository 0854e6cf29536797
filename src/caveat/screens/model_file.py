"""The file of a classifier: arrays and a description, in a zip archive. It holds no code.

Whatever bytes arrive: a model whose every array has the type and shape that the description implies, or
`ClassifierFileError`. What an archive claims to unpack to is checked before it is unpacked. Source: ADR-0045.
"""

import ast
import hashlib
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from types import MappingProxyType
from typing import cast

from caveat.screens.errors import ClassifierFileError

FORMAT = 2
MAX_FILE_BYTES = 16 * 2**20
MAX_ARRAY_BYTES = 32 * 2**20
_MAGIC = b"\x93NUMPY\x01\x00"
_ALIGNMENT = 64
_EPOCH = (1980, 1, 1, 0, 0, 0)
_ITEM_BYTES = {"|u1": 1, "|i1": 1, "<i4": 4}
ARRAYS = {
    "meta": "|u1",
    "pieces": "|u1",
    "rows": "|i1",
    "dense": "<i4",
    "first": "<i4",
    "first_bias": "<i4",
    "second": "<i4",
    "bias": "<i4",
    "grams": "|i1",
    "gram_unit": "<i4",
    "curve": "<i4",
}


@dataclass(frozen=True, slots=True)
class Array:
    """Bytes of one array, row by row. `kind`: its type as numpy writes it, always little-endian."""

    kind: str
    shape: tuple[int, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file that was read and holds together. `digest`: SHA-256 of its bytes, in hexadecimal."""

    digest: str
    heads: tuple[str, ...]
    pieces: tuple[str, ...]
    arrays: Mapping[str, Array]


def parse_model(data: bytes) -> ModelFile:
    """The model in `data`. Raises `ClassifierFileError` for anything else, whatever it is."""
    if len(data) > MAX_FILE_BYTES:
        raise ClassifierFileError(f"the model file has more than {MAX_FILE_BYTES} bytes")
    try:
        arrays = _arrays(data)
        meta = json.loads(arrays["meta"].data)
        pieces = tuple(arrays["pieces"].data.decode().split("\n"))
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        OSError,
        KeyError,
        ValueError,
        SyntaxError,
        RecursionError,
        NotImplementedError,
        RuntimeError,
        OverflowError,
        MemoryError,
    ) as error:
        raise ClassifierFileError("the model file is broken or truncated") from error
    heads = _heads(meta)
    _check_shapes(arrays, len(pieces), len(heads))
    return ModelFile(hashlib.sha256(data).hexdigest(), heads, pieces, MappingProxyType(arrays))


def render_model(heads: Sequence[str], pieces: Sequence[str], arrays: Mapping[str, Array]) -> bytes:
    """The file; the same bytes for the same model wherever the compression library is the same."""
    meta = json.dumps({"format": FORMAT, "heads": list(heads)}).encode()
    text = "\n".join(pieces).encode()
    whole = {"meta": Array("|u1", (len(meta),), meta), "pieces": Array("|u1", (len(text),), text), **arrays}
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in ARRAYS:
            archive.writestr(
                zipfile.ZipInfo(f"{name}.npy", _EPOCH), _rendered(whole[name]), zipfile.ZIP_DEFLATED
            )
    return file.getvalue()


def _arrays(data: bytes) -> dict[str, Array]:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        infos = {info.filename: info for info in archive.infolist()}
        if set(infos) != {f"{name}.npy" for name in ARRAYS} or len(infos) != len(archive.infolist()):
            raise ClassifierFileError("the model file does not hold the arrays of a model")
        if any(info.file_size > MAX_ARRAY_BYTES for info in infos.values()):
            raise ClassifierFileError("the model file holds an array that is too large")
        return {name: _array(archive.read(infos[f"{name}.npy"]), kind) for name, kind in ARRAYS.items()}


def _array(data: bytes, kind: str) -> Array:
    """Source: the NPY format, version 1.0; nothing but plain numbers, row by row."""
    (length,) = struct.unpack_from("<H", data, len(_MAGIC))
    start = len(_MAGIC) + 2 + length
    header: object = ast.literal_eval(data[len(_MAGIC) + 2 : start].decode("latin-1").strip())
    if not data.startswith(_MAGIC) or not isinstance(header, dict):
        raise ValueError("no array")
    said = cast("dict[object, object]", header)
    shape = said.get("shape")
    if said.get("descr") != kind or said.get("fortran_order") is not False or not isinstance(shape, tuple):
        raise ValueError("another type of array")
    sizes = cast("tuple[object, ...]", shape)
    count = 1
    found: list[int] = []
    for size in sizes:
        if type(size) is not int or not 0 < size <= MAX_ARRAY_BYTES:
            raise ValueError("no size")
        count *= size
        found.append(size)
    if len(data) - start != count * _ITEM_BYTES[kind]:
        raise ValueError("another number of bytes than it says")
    return Array(kind, tuple(found), data[start:])


def _rendered(array: Array) -> bytes:
    said = f"{{'descr': '{array.kind}', 'fortran_order': False, 'shape': {array.shape!r}, }}"
    start = len(_MAGIC) + 2
    padded = said + " " * (-(start + len(said) + 1) % _ALIGNMENT) + "\n"
    return _MAGIC + struct.pack("<H", len(padded)) + padded.encode("latin-1") + array.data


def _heads(meta: object) -> tuple[str, ...]:
    said = cast("dict[str, object]", meta) if isinstance(meta, dict) else {}
    if said.get("format") != FORMAT:
        raise ClassifierFileError(f"the model file is not of format {FORMAT}")
    heads = said.get("heads")
    names = cast("list[object]", heads) if isinstance(heads, list) else []
    found = tuple(name for name in names if isinstance(name, str) and name.isidentifier())
    if not found or len(found) != len(names) or len(set(found)) != len(found):
        raise ClassifierFileError("the model file does not name its heads")
    return found


def _check_shapes(arrays: Mapping[str, Array], pieces: int, heads: int) -> None:
    """Every array fits the others, so that computing a score cannot fail later."""
    rows, dense, grams, curve = (arrays[name].shape for name in ("rows", "dense", "grams", "curve"))
    first, second = arrays["first"].shape, arrays["second"].shape
    fits = (
        len(rows) == 2
        and rows[0] == pieces
        and dense == (rows[1], heads)
        and arrays["bias"].shape == arrays["gram_unit"].shape == (heads,)
        and len(first) == 2
        and first[0] == rows[1]
        and arrays["first_bias"].shape == first[1:]
        and second == (first[1], heads)
        and len(grams) == 2
        and grams[1] == heads
        and grams[0].bit_count() == 1
        and 1 < grams[0] <= 2**24
        and len(curve) == 3
        and curve[:2] == (heads, 2)
        and curve[2] >= 2
    )
    if not fits:
        raise ClassifierFileError("the arrays of the model file do not fit each other")
