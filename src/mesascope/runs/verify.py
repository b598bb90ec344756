"""Reading every file of a place, and saying which is damaged and how."""

from functools import partial
from typing import Any, NamedTuple

from mesascope.arrays import UnusableFile, read_header
from mesascope.runs.archive import FORMAT, Archive, is_provenance, is_result, listing
from mesascope.runs.catalogue import Finding, has_key, key_of, left_over
from mesascope.runs.place import AbstractPlace
from mesascope.study.cell import Arrays


class Verification(NamedTuple):
    """How many results were read, which are damaged, what cannot be told of some, and what is left over beside them."""

    num_results: int
    damaged: list[Finding]
    without_checksum: list[Finding]
    without_list: list[Finding]
    left_over: list[Finding]


def verify(place: AbstractPlace) -> Verification:
    """Read every result in full."""
    files = list(place.files())
    archive, results = Archive(place), [file for file in files if is_result(file.name)]
    found = Verification(len(results), [], [], [], left_over(place, files))
    for file in results:
        if file.size and _lacks_checksum(place, file.name):
            found.without_checksum.append(Finding(file, "keeps no checksum: it is computed again when it is asked for"))
            continue
        try:
            arrays, header = archive.load(file.name)
        except UnusableFile as error:
            found.damaged.append(Finding(file, error.reason))
            continue
        except FileNotFoundError:  # gone since it was listed
            continue
        if reason := _mistake(file.name, arrays, header):
            found.damaged.append(Finding(file, reason))
        elif "arrays" not in header:
            found.without_list.append(Finding(file, "does not list its arrays: one may be missing"))
    return found


def _lacks_checksum(place: AbstractPlace, name: str) -> bool:
    try:
        return not read_header(partial(place.read, name))[1]
    except (ValueError, FileNotFoundError, PermissionError):
        return False


def _mistake(name: str, arrays: Arrays, header: Any) -> str:
    """What is wrong with the content of a file that is whole; nothing if all is right."""
    owner = name.partition("/")[0]
    if not isinstance(header, dict) or not is_provenance(header.get("provenance")):
        return "does not say how it came about: it has no provenance"
    if header.get("format") != FORMAT:
        return f"is of format {header.get('format')!r}, not {FORMAT}"
    if not has_key(name):
        return "has a name that is no key"
    if header.get("key") != key_of(name):
        return f"holds the result of another key, {str(header.get('key'))[:12]}..."
    if header.get("study") != owner:
        return f"belongs to {header.get('study')!r}, not to the folder that it lies in"
    return _other_arrays(listing(arrays), header.get("arrays"))


def _other_arrays(found: dict[str, Any], listed: Any) -> str:
    """How arrays differ from those that a file lists; one that lists none may hold any."""
    if listed is None or listed == found:
        return ""
    if not isinstance(listed, dict):
        return "lists its arrays in a form that is not known"
    for name in listed.keys() | found.keys():
        if name not in found:
            return f"lacks the array {name!r}"
        if name not in listed:
            return f"holds an array {name!r} that it does not list"
        if listed[name] != found[name]:
            return f"holds {name!r} as {_in_words(found[name])}, where it lists {_in_words(listed[name])}"
    return ""


def _in_words(form: Any) -> str:
    return f"{form[0]} {form[1:]}" if isinstance(form, list) and form else repr(form)
