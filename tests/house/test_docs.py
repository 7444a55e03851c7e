"""The documents tell the truth: links lead somewhere, and ARCHITECTURE.md draws what is there."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from tests.house.checkout import PACKAGE, ROOT, files, modules

ARCHITECTURE = ROOT / "ARCHITECTURE.md"
FENCE = re.compile(r"^(?P<fence>```+|~~~+)[^\n]*\n(?P<body>.*?)^(?P=fence)\s*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\]\(\s*<?(?P<target>[^)>\s]+)>?[^)]*\)|^\[[^\]]+\]:\s*(?P<reference>\S+)", re.MULTILINE)
HEADING = re.compile(r"^#{1,6}\s+(?P<title>.+?)\s*#*$", re.MULTILINE)
ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
BRANCH = re.compile(r"^(?P<stem>[│|\s]*)[├└]─+\s*(?P<name>\S+)")


def links(path: Path) -> Iterator[str]:
    prose = CODE.sub("", FENCE.sub("", path.read_text(encoding="utf-8")))
    for match in LINK.finditer(prose):
        target = match["target"] or match["reference"]
        if not ABSOLUTE.match(target):
            yield unquote(target)


def anchors(path: Path) -> set[str]:
    prose = FENCE.sub("", path.read_text(encoding="utf-8"))
    titles = (re.sub(r"[`*]|\]\([^)]*\)|\[", "", match["title"]) for match in HEADING.finditer(prose))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def leads_somewhere(page: Path, link: str) -> bool:
    place, _, anchor = link.partition("#")
    target = (page.parent / place).resolve() if place else page
    if not target.exists() or not target.is_relative_to(ROOT):
        return False
    return not anchor or target.suffix != ".md" or anchor in anchors(target)


def drawn() -> dict[str, Path]:
    """What ARCHITECTURE.md draws: a branch opens with the name of a file, or of a folder with a slash."""
    assert ARCHITECTURE.is_file(), "ARCHITECTURE.md, which draws the tree, is missing."
    bodies = (match["body"] for match in FENCE.finditer(ARCHITECTURE.read_text(encoding="utf-8")))
    tree = next((body for body in bodies if "├─" in body), "")
    found: dict[str, Path] = {}
    folders: list[tuple[int, Path]] = []
    for line in tree.splitlines():
        branch = BRANCH.match(line)
        if not branch:
            continue
        depth = len(branch["stem"])
        while folders and folders[-1][0] >= depth:
            folders.pop()
        path = (folders[-1][1] if folders else ROOT) / branch["name"]
        if branch["name"].endswith("/"):
            folders.append((depth, path))
        found[line.strip()] = path
    return found


def test_every_relative_link_leads_somewhere() -> None:
    pages = files("*.md")
    assert pages, "No document was found, so no link was followed."
    dead = [
        f"{page.relative_to(ROOT)}: {link}" for page in pages for link in links(page) if not leads_somewhere(page, link)
    ]
    assert not dead, "\n".join(dead)


def test_everything_drawn_in_the_architecture_exists() -> None:
    tree = drawn()
    assert tree, "ARCHITECTURE.md holds no fenced tree with branches (├─)."
    absent = [line for line, path in tree.items() if not path.exists()]
    assert not absent, "\n".join(absent)


def test_every_room_is_drawn_in_the_architecture() -> None:
    rooms = {module.parent for module in modules()} - {PACKAGE}
    absent = sorted(str(room.relative_to(ROOT)) for room in rooms - set(drawn().values()))
    assert not absent, f"Draw these in ARCHITECTURE.md: {absent}"
