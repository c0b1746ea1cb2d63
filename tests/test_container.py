"""The file format: what is written is read, what is damaged is refused with a remedy, nothing is left half-written."""

from __future__ import annotations

import json
import os
import struct
import zlib
from array import array
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import restore.container
from restore.container import Container, open_container, write_container
from restore.errors import ArtefactError, ModelError
from restore.lexicon import data_path

PROPERTY = settings(max_examples=40, derandomize=True, deadline=None)
KIND, VERSION = "test-kind", 3
META: dict[str, Any] = {"order": 4, "names": ["é", "漢"], "nested": {"x": None, "y": 0.5}}
SECTIONS: dict[str, Any] = {
    "bytes": b"some bytes, 23 of them.",
    "empty": b"",
    "numbers": array("Q", [0, 1, 2**64 - 1]),
    "floats": array("f", [0.5, -2.0]),
    "tail": b"\x00\xff" * 50,
}


def write(path: Path, sections: dict[str, Any] = SECTIONS, meta: dict[str, Any] = META) -> Path:
    write_container(path, KIND, VERSION, meta, sections)
    return path


def header_size(data: bytes) -> int:
    return 20 + struct.unpack_from("<I", data, 12)[0]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write(tmp_path_factory.mktemp("container") / "good").read_bytes()


def refused(path: Path, data: bytes | None = None, kind: str = KIND, version: int = VERSION) -> str:
    """The reason a file is refused for."""
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ArtefactError) as caught:
        open_container(path, kind, version)
    assert caught.value.path == str(path)
    assert str(caught.value) == f"{path}: {caught.value.reason}"
    assert "\n" not in caught.value.reason
    return caught.value.reason


def test_round_trip(tmp_path: Path) -> None:
    container = open_container(write(tmp_path / "good"), KIND, VERSION)
    container.verify()
    assert container.path == tmp_path / "good"
    assert container.meta == META
    assert container.sizes() == {name: len(memoryview(data).cast("B")) for name, data in SECTIONS.items()}
    assert bytes(container.section("bytes")) == SECTIONS["bytes"]
    assert container.section("numbers", "Q").tolist() == [0, 1, 2**64 - 1]
    assert container.section("floats", "f").tolist() == [0.5, -2.0]
    assert len(container.section("empty", "I")) == 0
    assert container.section("tail").readonly


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@PROPERTY
@given(st.dictionaries(TEXT, st.binary(max_size=200), max_size=6), st.dictionaries(TEXT, st.integers() | TEXT | st.none(), max_size=3))
def test_any_sections_and_meta_come_back(tmp_path_factory: pytest.TempPathFactory, sections: dict[str, bytes], meta: dict[str, Any]) -> None:
    path = write(tmp_path_factory.getbasetemp() / "any.container", sections, meta)
    container = open_container(path, KIND, VERSION)
    container.verify()
    assert container.meta == meta
    assert {name: bytes(container.section(name)) for name in container.sizes()} == sections


def test_the_layout_is_the_documented_one(good: bytes) -> None:
    """An independent reader, from the docstring alone."""
    magic, container_format, length, checksum = struct.unpack_from("<8sIII", good)
    raw = good[20 : 20 + length]
    header = json.loads(raw)
    assert (magic, container_format, checksum) == (b"RESTORE\0", 1, zlib.crc32(raw))
    assert (header["kind"], header["version"], header["meta"]) == (KIND, VERSION, META)
    for name, (offset, size, section_checksum) in header["sections"].items():
        data = good[offset : offset + size]
        assert offset % 64 == 0
        assert data == bytes(memoryview(SECTIONS[name]).cast("B"))
        assert section_checksum == zlib.crc32(data)


def test_the_same_content_gives_the_same_bytes(tmp_path: Path, good: bytes) -> None:
    assert write(tmp_path / "again").read_bytes() == good


def test_missing(tmp_path: Path) -> None:
    assert refused(tmp_path / "nowhere") == "no such file"
    refused(tmp_path)


@pytest.mark.parametrize(
    "data", [b"", b"RESTORE\0", b"observed\toriginal\tpos\tweight\tnote\n" * 9, b"\x80\x04\x95" * 99, b"PK\x03\x04" * 99, b"\0" * 999, b"\xff" * 999]
)
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    refused(tmp_path / "other", data)


def test_a_file_cut_short_is_refused_wherever_it_is_cut(tmp_path: Path, good: bytes) -> None:
    end = len(good)
    for size in sorted({0, 1, 7, 8, 12, 19, 20, 21, end - 2, end - 1, *(end * k // 25 for k in range(25))}):
        refused(tmp_path / "short", good[:size])


def test_every_flipped_header_byte_is_refused(tmp_path: Path, good: bytes) -> None:
    for offset in range(header_size(good)):
        refused(tmp_path / "flipped", good[:offset] + bytes([good[offset] ^ 0x11]) + good[offset + 1 :])


def test_refusals_say_what_was_found_and_what_to_do(tmp_path: Path, good: bytes) -> None:
    path = tmp_path / "file"
    reason = refused(path, good, kind="language-model")
    assert KIND in reason
    assert "language-model" in reason
    reason = refused(path, good, version=4)
    assert "version 3" in reason
    assert "4" in reason
    assert "again" in reason
    reason = refused(path, good[:8] + struct.pack("<I", 2) + good[12:])
    assert "format 2" in reason
    assert "again" in reason
    assert "not a file built by restore" in refused(path, b"x" * 100)
    assert "again" in refused(path, good[:-1])


def test_the_callers_kind_of_error_is_raised(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        open_container(tmp_path / "nowhere", KIND, VERSION, ModelError)


def test_verify_finds_a_flipped_byte_in_any_section(tmp_path: Path, good: bytes) -> None:
    sections = json.loads(good[20 : header_size(good)])["sections"]
    for name, (offset, size, _) in sections.items():
        for at in {offset, offset + size // 2, offset + size - 1} if size else ():
            path = tmp_path / "flipped"
            path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
            container = open_container(path, KIND, VERSION)
            with pytest.raises(ArtefactError, match=f"'{name}' is damaged"):
                container.verify()


@pytest.mark.parametrize(("name", "item"), [("absent", "B"), ("bytes", "I"), ("floats", "5s")])
def test_sections_that_do_not_fit_are_refused(tmp_path: Path, name: str, item: str) -> None:
    container: Container = open_container(write(tmp_path / "good"), KIND, VERSION)
    with pytest.raises(ArtefactError, match=name):
        container.section(name, item)


class Unplugged(BaseException):
    """Something worse than an Exception, as KeyboardInterrupt is."""


@pytest.mark.parametrize("failing", ["replace", "fsync", "chmod"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good: bytes, failing: str) -> None:
    path = write(tmp_path / "file")

    def fail(*args: Any) -> None:
        raise Unplugged

    monkeypatch.setattr(restore.container.os, failing, fail)
    with pytest.raises(Unplugged):
        write(path, {"new": b"content"})
    assert os.listdir(tmp_path) == ["file"]
    assert path.read_bytes() == good


@pytest.mark.parametrize(("sections", "meta"), [({"new": "no buffer"}, {}), ({"new": b""}, {"set": {1}})])
def test_content_that_cannot_be_written_leaves_nothing(tmp_path: Path, sections: dict[str, Any], meta: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        write(tmp_path / "file", sections, meta)
    assert os.listdir(tmp_path) == []


def test_a_file_is_replaced_while_it_is_open(tmp_path: Path) -> None:
    path = write(tmp_path / "file")
    before = open_container(path, KIND, VERSION)
    write(path, {"new": b"content"})
    assert bytes(before.section("bytes")) == SECTIONS["bytes"]
    assert bytes(open_container(path, KIND, VERSION).section("new")) == b"content"
    assert os.listdir(tmp_path) == ["file"]


def test_shipped_model_has_its_checksums() -> None:
    open_container(data_path() / "en.model", "language-model", 1).verify()
