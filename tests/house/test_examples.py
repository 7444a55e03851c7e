"""What the documents show is true: their examples load, parse or run, and the reference names what there is.

The word after a fence says what is done with a block. `toml` is loaded as a whole configuration, `toml fragment` as a
part of one. `sh` is run, page by page, in a folder with the example configuration; of `console` only the commands are
checked. `python` is compiled here and run by the contract tests; `sql` is run by the tests of the servers.
"""

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from tests.house.checkout import ROOT, files, modules
from vacate.cli import main
from vacate.domain.audit.event import AuditAction
from vacate.domain.judging.criteria import Criterion
from vacate.domain.judging.guards import GUARDS
from vacate.domain.judging.settings import GuardName
from vacate.domain.sweeps.report import FAILURES, Outcome, Signal
from vacate.settings import file as shapes
from vacate.settings.loading import load_settings
from vacate.telemetry.metrics import Metrics

EXAMPLE = ROOT / "src" / "vacate" / "settings" / "example.toml"
GLOSSARY = ROOT / "docs" / "glossary.md"
REFERENCE = ROOT / "docs" / "reference"
AUDIT = REFERENCE / "audit.md"
OUTCOMES = REFERENCE / "outcomes-and-guards.md"
CONFIGURATION = REFERENCE / "configuration.md"

FENCE = re.compile(r"^```(?P<info>[^\n]*)\n(?P<body>.*?)^```\s*$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(?P<code>(?:vacate|make) [^`\n]+)`")
TARGET = re.compile(r"^(?P<name>[a-z-]+):", re.MULTILINE)
ASSIGNMENT = re.compile(r"[A-Z_]+=.*")

# What a fragment is a part of.
SURROUNDINGS = """
[[projects]]
id = "0611f1bd8b00d5d32f17c017f15b599f"
name = "production"
[[projects.instances]]
id = "3d39c18788b54a919bab633874c159dfin14"
name = "shop"
[[projects.instances.nodes]]
id = "52c25e148a4a48c293b66ca95565719cno14"
[[projects.instances.nodes.components]]
id = "cn_5001"
kind = "CN"
role = "primary"
dsn = "postgresql://vacate@127.0.0.1/postgres"
"""
SECTIONS: dict[str, type[msgspec.Struct]] = {
    "[service]": shapes.ServiceSection,
    "[access]": shapes.AccessSection,
    "[store]": shapes.StoreSection,
    "[audit]": shapes.AuditSection,
    "[plans]": shapes.PlansSection,
    "[sweep]": shapes.SweepSection,
    "[watch]": shapes.WatchSection,
    "[owners]": shapes.OwnersSection,
    "[[webhooks]]": shapes.WebhookSection,
    "[[regions]]": shapes.RegionSection,
    "[[projects]]": shapes.ProjectSection,
    "[[projects.instances]]": shapes.InstanceSection,
    "[projects.instances.labels]": shapes.LabelsSection,
    "[projects.instances.criteria]": shapes.CriteriaSection,
    "[projects.instances.guards]": shapes.GuardsSection,
    "[[projects.instances.nodes]]": shapes.NodeSection,
    "[[projects.instances.nodes.components]]": shapes.ComponentSection,
}


# --- reading the pages -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block of a page."""

    page: Path
    line: int
    info: tuple[str, ...]
    body: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(language: str) -> tuple[Block, ...]:
    """Every block of that language in every page."""
    return tuple(block for page in files("*.md") for block in blocks_of(page) if block.info[:1] == (language,))


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for fence in FENCE.finditer(text):
        line = text.count("\n", 0, fence.start()) + 1
        yield Block(page=page, line=line, info=tuple(fence["info"].split()), body=fence["body"])


def rows(text: str) -> list[list[str]]:
    """The cells of every table row, without heads and rulers."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def section(page: Path, title: str) -> str:
    """What stands below a heading, down to the next one of its rank or above."""
    text = page.read_text(encoding="utf-8")
    match = re.search(rf"^(?P<rank>#+) {re.escape(title)}$", text, re.MULTILINE)
    assert match, f"{page.relative_to(ROOT)} has no heading {title!r}"
    rank = len(match["rank"])
    return re.split(rf"^#{{1,{rank}}} ", text[match.end() :], maxsplit=1, flags=re.MULTILINE)[0]


def named(cell: str) -> str:
    return cell.strip("`")


def commands(block: Block) -> Iterator[list[str]]:
    """The commands of a block as words: one for each part of a pipeline, without what only surrounds it."""
    text = block.body.replace("\\\n", " ")
    shown = [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ") or block.info[0] == "sh"]
    for line in shown:
        for part in line.split(" | "):
            words = shlex.split(part, comments=True)
            if words[:2] == ["sudo", "-u"]:
                words = words[3:]
            while words and (words[0] == "env" or ASSIGNMENT.fullmatch(words[0])):
                words = words[1:]
            if words:
                yield words


def check_command(words: Sequence[str], *, whole: bool) -> None:
    """That there is such a command of ours, and that it takes these arguments."""
    command: click.Command = main
    name, rest = Path(words[0]).name, list(words[1:])
    while isinstance(command, click.Group) and rest:
        name = rest.pop(0)
        assert name in command.commands, f"there is no command {name!r}"
        command = command.commands[name]
    if whole:
        assert not isinstance(command, click.Group), f"{name!r} wants a command"
        command.make_context(name, rest)


def check_target(words: Sequence[str]) -> None:
    """That make has such a target."""
    targets = set(TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    for word in words[1:]:
        assert ASSIGNMENT.fullmatch(word) or word in targets, f"make has no target {word!r}"


# --- the configuration -----------------------------------------------------------------------------------------------


def test_the_example_configuration_loads(tmp_path: Path) -> None:
    settings = load_settings(Path(shutil.copy(EXAMPLE, tmp_path / "vacate.toml")))
    assert {component.id for component in settings.servers()} == {"cn_5001", "dn_6001", "dn_6002"}


def test_the_example_configuration_shows_every_key() -> None:
    words = set(re.findall(r"[a-z_]+", EXAMPLE.read_text(encoding="utf-8")))
    missing = [key for shape in SECTIONS.values() for key in shape.__struct_fields__ if key not in words]
    assert not missing


@pytest.mark.parametrize("block", blocks("toml"), ids=str)
def test_a_configuration_in_a_page_loads(block: Block, tmp_path: Path) -> None:
    config = tmp_path / "vacate.toml"
    surroundings = SURROUNDINGS if "fragment" in block.info else ""
    config.write_text(surroundings + block.body, encoding="utf-8")
    load_settings(config)


@pytest.mark.parametrize("title", SECTIONS)
def test_the_reference_has_every_key_with_its_default(title: str) -> None:
    documented = {named(key): default for key, _, default, _ in rows(section(CONFIGURATION, f"`{title}`"))}
    fields = {field.name: field for field in msgspec.structs.fields(SECTIONS[title])}
    assert documented.keys() == fields.keys()
    for name, field in fields.items():
        default: Any = field.default
        if field.required:
            assert documented[name] == "required", name
        elif default is None:
            assert documented[name] == "none", name
        elif isinstance(default, str | int):
            assert documented[name] == f"`{json.dumps(default)}`", name


def test_the_reference_has_every_variable_of_the_environment() -> None:
    spoken = {
        variable
        for path in modules()
        for variable in re.findall(r"\"(VACATE_[A-Z_]+)\"", path.read_text(encoding="utf-8"))
    }
    documented = {named(row[0]) for row in rows(section(CONFIGURATION, "Environment"))}
    assert documented == spoken


# --- commands and programs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [*blocks("console"), *blocks("sh")], ids=str)
def test_a_command_in_a_page_exists(block: Block) -> None:
    found = list(commands(block))
    assert found, "A block without a command: begin its line with `$ `."
    for words in found:
        if Path(words[0]).name == "vacate":
            check_command(words, whole=True)
        if words[0] == "make":
            check_target(words)


def test_a_command_within_a_sentence_exists() -> None:
    found = 0
    for page in files("*.md"):
        for match in INLINE.finditer(FENCE.sub("", page.read_text(encoding="utf-8"))):
            words = shlex.split(match["code"])
            if words[0] == "make":
                check_target(words)
            else:
                check_command(words, whole=False)
            found += 1
    assert found


def test_the_two_commands_of_the_readme_exist() -> None:
    lines = [line.split() for block in blocks_of(ROOT / "README.md") for line in block.body.splitlines()]
    made = [words[1] for words in lines if words[:1] == ["make"]]
    assert made == ["demo", "test"]
    check_target(["make", *made])


@pytest.mark.parametrize("page", sorted({block.page for block in blocks("sh")}), ids=lambda page: page.stem)
def test_the_commands_of_a_page_work(page: Path, tmp_path: Path) -> None:
    script = "\n".join(block.body for block in blocks_of(page) if block.info[:1] == ("sh",))
    if "vacate config example" not in script:
        shutil.copy(EXAMPLE, tmp_path / "vacate.toml")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("VACATE_")}
    path = os.pathsep.join([str(Path(sys.executable).parent), inherited["PATH"]])
    done = subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=tmp_path,
        env={**inherited, "PATH": path, "HOME": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^access_key=[A-Z0-9]{20}\nsecret_key=\S{40}$", done.stdout, re.MULTILINE), done.stdout


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_a_program_in_a_page_is_python(block: Block) -> None:
    compile(block.body, str(block), "exec")


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json_in_a_page_is_json(block: Block) -> None:
    assert json.loads(block.body)


@pytest.mark.parametrize("block", blocks("ini"), ids=str)
def test_a_unit_in_a_page_starts_a_command_of_ours(block: Block) -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.read_string(block.body)
    check_command(shlex.split(unit["Service"]["ExecStart"]), whole=True)


# --- the reference and the glossary ----------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [GLOSSARY, OUTCOMES], ids=lambda page: page.stem)
def test_a_page_names_every_criterion_guard_signal_and_outcome(page: Path) -> None:
    names: list[str] = [*Criterion, *GuardName, *Signal, *Outcome]
    text = page.read_text(encoding="utf-8")
    assert not [name for name in names if f"`{name}`" not in text]


def test_the_reference_has_the_guards_in_their_order() -> None:
    documented = [named(row[0]) for row in rows(section(OUTCOMES, "Guards"))]
    assert documented == [*GUARDS]


def test_the_reference_says_which_outcomes_count_as_failed() -> None:
    documented = {named(outcome): failed == "yes" for outcome, _, failed in rows(section(OUTCOMES, "Outcomes"))}
    assert documented == {outcome: outcome in FAILURES for outcome in Outcome}


def test_the_reference_has_every_event_of_the_audit() -> None:
    assert {named(row[0]) for row in rows(section(AUDIT, "Events"))} == set(AuditAction)


def test_the_reference_has_every_metric_with_its_type() -> None:
    metrics = Metrics("1")
    metrics.watch_components(tuple)
    metrics.watch_audit(lambda: 0)
    declared = dict(re.findall(r"^# TYPE (\S+) (\S+)$", metrics.exposition().decode(), re.MULTILINE))
    page = REFERENCE / "metrics.md"
    titles = (
        "Sweeps",
        "Sessions and slots",
        "Plans and the freeze switch",
        "Servers and store",
        "Requests",
        "Webhooks",
    )
    documented = {named(row[0]): row[1] for title in titles for row in rows(section(page, title))}
    assert documented == {name: kind for name, kind in declared.items() if not name.endswith("_created")}
