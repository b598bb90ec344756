"""What is found in a store: its results by their headers, what is damaged and how, what nothing uses."""

import fcntl
import json
import os
import re

import numpy as np
import pytest
import safetensors.numpy

from mesascope.arrays import HEADER, load_arrays, read_header, save_arrays
from mesascope.runs.archive import Archive, Result, name_of
from mesascope.runs.catalogue import LOCK, SET_ASIDE, TEMPORARY, UNFINISHED, catalogue
from mesascope.runs.folder import Folder
from mesascope.runs.unused import UNUSED, remove, unused
from mesascope.runs.verify import verify
from mesascope.study.cell import PlacedCell

ARRAYS = {"losses": np.linspace(0, 1, 50), "steps": np.arange(3), "rates": np.array([1 + 2j])}


def cell(letter, owner="study"):
    return PlacedCell(f"part {letter}", {"letter": letter}, owner, letter * 64, 2, {"seeds": 2})


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path)


def put(archive, letter, owner="study"):
    placed = cell(letter, owner)
    archive.write(placed, Result(ARRAYS, {"seconds": 1.0, "finished": f"2026-01-{int(letter, 16) + 1:02}"}))
    return archive.path(placed)


def change(path, place, byte):
    content = bytearray(path.read_bytes())
    content[place] ^= byte
    path.write_bytes(content)


def rewrite(path, arrays=None, **changes):
    """Other arrays or another header, with a checksum that is right."""
    found, header = load_arrays(path)
    header = {name: value for name, value in {**header, **changes}.items() if value is not None}
    save_arrays(path, found if arrays is None else arrays, header)


def under_another_study(path):
    other = path.parents[1] / "other" / path.name
    other.parent.mkdir(exist_ok=True)
    path.rename(other)
    return other


DAMAGES = {  # ten ways and more, each with what is said of it
    "0": (lambda path: path.write_bytes(path.read_bytes()[:-7]), "damaged"),
    "1": (lambda path: path.write_bytes(b""), "damaged"),
    "2": (lambda path: path.write_bytes(path.read_bytes().replace(b"part 2", b"part 7")), "altered"),
    "3": (lambda path: change(path, -1, 4), "altered"),
    "4": (lambda path: path.write_bytes(bytes(range(256)) * 9), "damaged"),
    "5": (lambda path: rewrite(path, key="e" * 64), "result of another key, eeeeeeeeeeee"),
    "6": (lambda path: rewrite(path, {name: ARRAYS[name] for name in ("losses", "steps")}), "lacks the array 'rates'"),
    "7": (lambda path: rewrite(path, {**ARRAYS, "steps": np.arange(3)[:, None]}), r"'steps' as int64 \[3, 1\], where"),
    "8": (under_another_study, "belongs to 'study', not to the folder"),
    "9": (lambda path: rewrite(path, provenance=None), "no provenance"),
    "a": (lambda path: rewrite(path, {**ARRAYS, "steps": np.arange(3.0)}), r"'steps' as float64 \[3\], where it lists"),
    "b": (lambda path: rewrite(path, {**ARRAYS, "more": np.ones(1)}), "an array 'more' that it does not list"),
    "c": (lambda path: change(path, 0, 255), "damaged"),
    "d": (lambda path: rewrite(path, format=1), "of format 1, not 2"),
}


def test_every_kind_of_damage_is_named_and_nothing_else(archive):
    put(archive, "f")
    for letter, (damage, _) in DAMAGES.items():
        damage(put(archive, letter))
    found = verify(archive.place)
    assert found.num_results == len(DAMAGES) + 1
    named = {each.file.name.partition("/")[2][0]: each.what for each in found.damaged}
    assert named.keys() == DAMAGES.keys()
    for letter, (_, told) in DAMAGES.items():
        assert re.search(told, named[letter]), (letter, named[letter])
    assert found.left_over == found.without_checksum == found.without_list == []


def test_a_flipped_byte_is_found_wherever_it_is(archive):
    path = put(archive, "0")
    whole = path.read_bytes()
    for place in (*range(40), *range(40, len(whole), 17)):
        change(path, place, 1)
        damaged = verify(archive.place).damaged
        path.write_bytes(whole)
        assert len(damaged) == 1, place
    assert verify(archive.place).damaged == []


def test_what_older_files_do_not_keep_is_no_damage(archive):
    without_list, without_checksum = put(archive, "0"), put(archive, "1")
    found, header = load_arrays(without_list)
    save_arrays(without_list, found, {name: value for name, value in header.items() if name != "arrays"})
    found, header = load_arrays(without_checksum)
    real = {name: array for name, array in found.items() if array.dtype.kind != "c"}
    without_checksum.write_bytes(safetensors.numpy.save(real, metadata={HEADER: json.dumps(header)}))
    found = verify(archive.place)
    assert (found.damaged, found.num_results) == ([], 2)
    assert [each.file.name[6] for each in found.without_list] == ["0"]
    assert [each.file.name[6] for each in found.without_checksum] == ["1"]


@pytest.fixture
def left(archive):
    """One whole result, and what processes left that ended; some more that a living one holds."""
    path = put(archive, "0")
    folder = path.parent
    names = {
        f".{path.name}.0123abcd.tmp": TEMPORARY,
        f"{'1' * 64}.lock": LOCK,
        f"{'2' * 64}.partial": UNFINISHED,
        f"{'3' * 64}.safetensors.damaged-1": SET_ASIDE,
        f"{'4' * 64}.partial.damaged-12": SET_ASIDE,
    }
    for name in (*names, ".mine.tmp", "notes.txt", "my.lock", "thesis.partial"):
        (folder / name).write_text("some")
    held = [folder / f".{path.name}.deadbeef.tmp", folder / f"{'5' * 64}.lock"]
    handles = [os.open(each, os.O_CREAT | os.O_RDWR) for each in held]
    for handle in handles:
        fcntl.flock(handle, fcntl.LOCK_EX)
    (folder / f"{'5' * 64}.partial").write_text("some")
    yield {f"study/{name}": what for name, what in names.items()}
    for handle in handles:
        os.close(handle)


def test_what_is_left_over_is_told_apart_from_damage_and_from_what_lives(archive, left):
    found = verify(archive.place)
    assert (found.num_results, found.damaged) == (1, [])
    assert {each.file.name: each.what for each in found.left_over} == left


def test_what_nothing_uses_is_named_and_only_that_is_removed(archive, left):
    """The result that is used, an unfinished cell of it, what a living process writes and what is not ours stay."""
    path = put(archive, "6")
    being_written = put(archive, "5")
    (path.parent / f"{'0' * 64}.partial").write_text("half")
    before = {file.name for file in archive.place.files()}
    used = {name_of(cell("0"))}
    found = unused(archive.place, used, {"study", "shared"})
    assert {each.file.name: each.what for each in found.removable} == {**left, name_of(cell("6")): UNUSED}
    assert found.kept == []
    assert {file.name for file in archive.place.files()} == before
    gone = remove(archive.place, found.removable)
    assert gone == found.removable
    assert before - {file.name for file in archive.place.files()} == {each.file.name for each in gone}
    assert being_written.exists()


def test_what_a_process_has_begun_to_write_since_stays(archive):
    path = put(archive, "6")
    found = unused(archive.place, set(), {"study"})
    with archive.place.lock(f"study/{'6' * 64}.lock", pytest.fail):
        assert remove(archive.place, found.removable) == []
    assert path.exists()
    assert remove(archive.place, found.removable) == found.removable
    assert not path.exists()


def test_results_of_unknown_studies_and_what_they_may_share_stay(archive):
    for letter, owner in (("0", "mine"), ("1", "shared"), ("2", "study")):
        put(archive, letter, owner)
    found = unused(archive.place, set(), {"study", "shared"})
    assert [each.file.name for each in found.removable] == [name_of(cell("2"))]
    assert {each.file.name for each in found.kept} == {name_of(cell("0", "mine")), name_of(cell("1", "shared"))}
    named = unused(archive.place, set(), {"study", "shared", "mine"})
    assert (len(named.removable), named.kept) == (3, [])


def test_a_catalogue_is_in_order_and_names_what_cannot_be_read(archive):
    for letter, owner in (("3", "b"), ("2", "b"), ("1", "a")):
        put(archive, letter, owner)
    empty, foreign = put(archive, "4"), put(archive, "5")
    empty.write_bytes(b"")
    foreign.write_bytes(safetensors.numpy.save(ARRAYS | {"rates": np.ones(1)}))
    found = catalogue(archive.place)
    assert [(each.owner, each.key[0]) for each in found.entries] == [("a", "1"), ("b", "2"), ("b", "3")]
    assert {each.file.name[6] for each in found.unreadable} == {"4", "5"}


def test_a_header_is_read_without_the_arrays_however_long_it_is(tmp_path):
    read = []

    def first(num_bytes):
        read.append(num_bytes)
        return (tmp_path / "file").read_bytes()[:num_bytes]

    for text in ("short", "long" * 50_000):
        save_arrays(tmp_path / "file", {"many": np.zeros(100_000)}, {"text": text})
        assert read_header(first) == ({"text": text}, True)
    assert max(read) < 300_000
    for content in (b"", b"12345678", b"\xff" * 100, b"\x02" + bytes(7) + b"[]"):
        with pytest.raises(ValueError, match="header"):
            read_header(lambda num_bytes, content=content: content[:num_bytes])


def test_a_place_that_is_not_there_holds_nothing(tmp_path):
    place = Folder(tmp_path / "nowhere")
    assert catalogue(place) == ([], [])
    assert verify(place) == (0, [], [], [], [])
    assert unused(place, set(), set()) == ([], [])
