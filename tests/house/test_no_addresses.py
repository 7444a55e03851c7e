"""The checkout works on any machine: it names no package index and no folder of one machine."""

import re

from tests.house.checkout import ROOT, files

# Each pattern is written so that it does not find itself.
FORBIDDEN = {
    "a package index": re.compile(
        r"\bpypi\.(?:org|python)|pythonhosted\.(?:org)|\bnpmjs\.(?:org|com)|\byarnpkg\.(?:com)"
        r"|\b(?:deb|ftp|security|snapshot|archive)[.\w]*\.(?:debian|ubuntu)\.(?:org|com)"
        r"|\bproxy\.(?:golang)\.org|\bcrates\.(?:io)|\brubygems\.(?:org)|\bmaven\.(?:org|apache)",
        re.IGNORECASE,
    ),
    "an option that names an index": re.compile(r"--(?:extra-|default-)?(?:index)-url|--(?:find)-links"),
    "a folder of one machine": re.compile(r"(?<![\w.}/-])/(?:root|home|Users|work)(?:/\w|\b(?!/))"),
}


def test_no_file_names_an_index_or_a_folder_of_one_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number} names {what}: {line.strip()}"
        for path in files()
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), start=1)
        for what, pattern in FORBIDDEN.items()
        if pattern.search(line)
    ]
    assert not found, "\n".join(found)
