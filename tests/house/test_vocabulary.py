"""The words of the glossary are the words of the code."""

import re

from tests.house.checkout import PACKAGE, files, modules

# A room with such a name says what nobody could place, not what it is for.
SHAPELESS = {"utils", "util", "common", "helpers", "helper", "core", "manager", "managers", "misc"}
FREE_SESSION = re.compile(r"free[ _-]?session", re.IGNORECASE)


def test_no_module_has_a_shapeless_name() -> None:
    names = {
        str(path.relative_to(PACKAGE))
        for path in modules()
        if SHAPELESS.intersection(path.relative_to(PACKAGE).with_suffix("").parts)
    }
    assert not names


def test_free_session_is_the_compatible_doors_word_alone() -> None:
    speakers = {
        path.relative_to(PACKAGE)
        for path in files()
        if path.is_relative_to(PACKAGE)
        and path.suffix in {".py", ".sql"}
        and FREE_SESSION.search(path.relative_to(PACKAGE).as_posix() + path.read_text(encoding="utf-8"))
    }
    doors = {("http", "gaussdb_v3"), ("api", "gaussdb_v3"), ("client", "sessions.py")}
    outside = {path for path in speakers if path.parts[:2] not in doors}
    callers = {path for path in outside if path.parts[0] == "demo"}
    assert outside == callers, "Inside the house it is an idle session."
    assert len(callers) <= 1, "The demo makes the call in one place."
