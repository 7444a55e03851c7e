"""Decodes the configuration's text, and says every mistake of its shape in words: the key, and what belongs there."""

import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import msgspec
from msgspec.inspect import (
    CustomType,
    DictType,
    EnumType,
    Field,
    IntType,
    ListType,
    LiteralType,
    Metadata,
    StrType,
    StructType,
    Type,
    UnionType,
    VarTupleType,
)
from msgspec.inspect import type_info as shape_of

from vacate.domain.texts import for_json
from vacate.operations.wanted import advised
from vacate.settings.file import Settings

_PLACED = re.compile(r"(?P<words>.*?) - at `(?:key in )?\$(?P<place>[^`]*)`", re.DOTALL)
_STEP = re.compile(r"\.(?P<name>[^.\[\]]+)|\[(?P<number>\d+|\.\.\.)\]")
_BARE = re.compile(r"[0-9A-Za-z_-]+")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>.*)`", re.DOTALL)
_OTHER_TYPE = re.compile(r"Expected `(?P<wanted>[^`]*)`, got `(?P<got>[^`]*)`")
_LENGTH = re.compile(r"Expected `(?P<what>[^`]*)` of length (?P<sign><=|>=) (?P<length>\d+)")
_RANGE = re.compile(r"Expected `int` (?P<sign><=|>=) (?P<bound>-?\d+)")
_NOT_ALLOWED = re.compile(r"Invalid (?:enum )?value '(?P<got>.*)'", re.DOTALL)
# More than anybody makes; each takes one more look at the whole.
_MOST = 100
# What the patterns of the shapes ask for, by how each begins, with a text that fits; `{}` is a number.
_PATTERNS = {
    "^[0-9a-zA-Z]{32}": ("it must have exactly 32 letters and digits", "{:032d}"),
    "^[0-9a-zA-Z]{36}": ("it must have exactly 36 letters and digits", "{:036d}"),
    "^(cn|dn)_": (
        "it must begin with cn_ or dn_, followed by up to 61 letters, digits and underscores, as in dn_6001",
        "dn_{}",
    ),
    "^[0-9a-zA-Z][0-9a-zA-Z_-]": (
        "it must have up to 64 letters, digits, - and _, and begin with a letter or a digit",
        "x{}",
    ),
    "^[0-9a-z][0-9a-z_-]": (
        "it must have up to 64 small letters, digits, - and _, and begin with a letter or a digit",
        "x{}",
    ),
    "^[0-9]{0,20}": ("it must have digits only, at most 20", "1"),
    "^[0-9a-f]{16}": ("it must be a fingerprint: 16 digits and letters from a to f", "{:016d}"),
    "^([A-Z_]": (
        "it must be the name of an environment variable, in capitals, digits and underscores, and not the secret",
        "X",
    ),
    "^[^\\s=": ("it must have up to 32 characters, without spaces and without any of = , ; / ( ) [ ] { } < >", "x"),
}
_TYPES = {
    "str": "a text in quotes",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "null": "nothing",
}
# What is checked beyond its shape needs a sample that passes.
_SAMPLES = {"dsn": "postgresql://user@host/database", "url": "https://host/", "clients": "10.0.0.1", "states": "0s"}

_Step = str | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What a text decodes to. With mistakes, `settings` are what it would be without them, if that can be told."""

    settings: Settings | None
    mistakes: tuple[str, ...] = ()


def decode(text: bytes) -> Decoded:
    """Decode a configuration and find every mistake of its shape; each begins with its key."""
    try:
        raw: Any = tomllib.loads(text.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        return Decoded(settings=None, mistakes=(str(error),))
    mistakes: list[str] = []
    for _ in range(_MOST):
        try:
            settings = msgspec.convert(raw, Settings, dec_hook=_path)
        except msgspec.ValidationError as error:
            words, place = _taken_apart(str(error))
            steps = _with_names(raw, str(error), _steps(place))
            mistakes.append(_in_words(words, steps))
            if not _mended(raw, words, steps, len(mistakes)):
                break
        else:
            return Decoded(settings=settings, mistakes=tuple(mistakes))
    return Decoded(settings=None, mistakes=tuple(mistakes))


def _path(kind: type, value: object) -> object:
    """TOML knows no paths: they are written as text."""
    if kind is not Path or not isinstance(value, str) or not value:
        raise ValueError("it must be the path of a file, as a text in quotes")
    return Path(value)


def _with_names(raw: Any, error: str, steps: Sequence[_Step]) -> list[_Step]:  # noqa: ANN401 - TOML as it was read
    """The same way with the name of each key that the decoder writes as `...`.

    The key is the one that brings the same complaint when its table holds nothing else.
    """
    found: list[_Step] = []
    above = raw
    for step in steps:
        name = step
        if step == "...":
            name = next((key for key in above if _complaint_with_only(raw, found, key) == error), step)
        found.append(name)
        if name == "...":
            return [*found, *steps[len(found) :]]
        above = above[name]
    return found


def _complaint_with_only(raw: Any, steps: Sequence[_Step], key: str) -> str:  # noqa: ANN401
    """What the decoder says when the table at a place holds one key alone."""
    *way, last = steps
    above = raw
    for step in way:
        above = above[step]
    table = above[last]
    above[last] = {key: table[key]}
    try:
        msgspec.convert(raw, Settings, dec_hook=_path)
    except msgspec.ValidationError as error:
        return str(error)
    finally:
        above[last] = table
    return ""


def _in_words(words: str, steps: Sequence[_Step]) -> str:
    """A decoder's complaint as a sentence: the key, and what belongs there."""
    shape = _shape_at(steps)
    key = _written(steps)
    if unknown := _UNKNOWN.fullmatch(words):
        return f"{_join(key, unknown['name'])}: {_unknown(unknown['name'], shape)}"
    if missing := _MISSING.fullmatch(words):
        return f"{_join(key, missing['name'])}: it is missing"
    said = _what_belongs_there(words, shape)
    return f"{key}: {said}" if key else said


def _what_belongs_there(words: str, shape: Type | None) -> str:
    if (refused := _NOT_ALLOWED.match(words)) and (allowed := _allowed(shape)):
        near = get_close_matches(refused["got"], allowed, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"it must be one of {', '.join(map(repr, allowed))}, and is {refused['got']!r}{hint}"
    if "matching regex" in words:
        pattern = next((kind.pattern or "" for kind in _kinds(shape) if isinstance(kind, StrType)), "")
        return in_words_of_pattern(pattern) or words
    if found := _LENGTH.match(words):
        bound = "at least" if found["sign"] == ">=" else "at most"
        what = "entries" if found["what"] == "array" else "characters"
        return f"it must have {bound} {found['length']} {what}"
    if found := _RANGE.match(words):
        number = next((kind for kind in _kinds(shape) if isinstance(kind, IntType)), None)
        if number is not None and number.ge is not None and number.le is not None:
            return f"it must be a whole number from {number.ge} to {number.le}"
        return f"it must be a whole number {'from' if found['sign'] == '>=' else 'up to'} {found['bound']}"
    if other := _OTHER_TYPE.match(words):
        wanted = " or ".join(_TYPES.get(name, name) for name in other["wanted"].split(" | "))
        return f"it must be {wanted}, and is {_TYPES.get(other['got'], other['got'])}"
    return words


def _unknown(name: str, shape: Type | None) -> str:
    known = [field.encode_name for kind in _kinds(shape) if isinstance(kind, StructType) for field in kind.fields]
    advice = advised(f"unknown field `{name}`").partition("; ")[2]
    if advice:
        return f"there is no such key; {advice}"
    near = get_close_matches(name, known, n=1)
    return "there is no such key; " + (f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}")


def _taken_apart(error: str) -> tuple[str, str]:
    placed = _PLACED.fullmatch(error)
    return (placed["words"], placed["place"]) if placed else (error, "")


def _written(steps: Sequence[_Step]) -> str:
    """A place as TOML names it: `projects[0].instances[0].name`; unusual keys are quoted."""
    key = ""
    for step in steps:
        if isinstance(step, int):
            key += f"[{step}]"
        elif step != "...":
            key = _join(key, step if _BARE.fullmatch(step) else for_json(json.dumps(step, ensure_ascii=False), "utf-8"))
    return key


def _steps(place: str) -> list[_Step]:
    """The way to a place. Which key of a table of the writer's own is meant, the decoder does not tell: `...`."""
    found = _STEP.finditer(place)
    return [step["name"] or ("..." if step["number"] == "..." else int(step["number"])) for step in found]


@cache
def _whole() -> Type:
    return shape_of(Settings)


def _shape_at(steps: Sequence[_Step]) -> Type | None:
    shape: Type | None = _whole()
    for step in steps:
        shape = _inside(shape, step)
    return shape


def _inside(shape: Type | None, step: _Step) -> Type | None:
    for kind in _kinds(shape):
        match kind:
            case StructType():
                found = _field(kind, step)
                if found is not None:
                    return found.type
            case DictType():
                return kind.value_type
            case ListType() | VarTupleType():
                return kind.item_type
            case _:
                continue
    return None


def _field(shape: StructType, name: _Step) -> Field | None:
    return next((field for field in shape.fields if field.encode_name == name), None)


def _kinds(shape: Type | None) -> tuple[Type, ...]:
    """What a shape may be, without what is only said about it."""
    match shape:
        case None:
            return ()
        case Metadata():
            return _kinds(shape.type)
        case UnionType():
            return tuple(kind for each in shape.types for kind in _kinds(each))
        case _:
            return (shape,)


def _allowed(shape: Type | None) -> list[str]:
    for kind in _kinds(shape):
        match kind:
            case EnumType():
                return [str(member.value) for member in kind.cls]
            case LiteralType():
                return [str(value) for value in kind.values]
            case _:
                continue
    return []


def in_words_of_pattern(pattern: str) -> str:
    """What a pattern of the shapes asks for, as a sentence."""
    return next((said for begins, (said, _) in _PATTERNS.items() if pattern.startswith(begins)), "")


def _mended(raw: Any, words: str, place: Sequence[_Step], number: int) -> bool:  # noqa: ANN401 - TOML as it was read
    """Put something right in the place of what is wrong, so that the rest is looked at; whether that could be done."""
    # What the decoder does not tell apart is taken away together.
    steps = list(takewhile(lambda step: step != "...", place))
    unknown = _UNKNOWN.fullmatch(words)
    if named := unknown or _MISSING.fullmatch(words):
        steps.append(str(named["name"]))
    if not steps:
        return False
    for step in steps[:-1]:
        raw = raw[step]
    above, last = _shape_at(steps[:-1]), steps[-1]
    field = next((f for kind in _kinds(above) if isinstance(kind, StructType) and (f := _field(kind, last))), None)
    # Leaving out one of two that go together would be a mistake too.
    paired = field is not None and (_holds_paths(field.type) or last == "secret_env")
    if unknown or (field is not None and not field.required and not paired):
        del raw[last]
        return True
    special = next((_SAMPLES[step] for step in reversed(steps) if isinstance(step, str) and step in _SAMPLES), None)
    sample = _sample(_shape_at(steps), number, special)
    if sample is None:
        return False
    raw[last] = sample
    return True


def _holds_paths(shape: Type) -> bool:
    """Whether it is the name of a file."""
    return any(isinstance(kind, CustomType) for kind in _kinds(shape))


def _sample(shape: Type | None, number: int, special: str | None) -> object:
    """A value that fits a shape; none where there is no simple one."""
    for kind in _kinds(shape):
        match kind:
            case StrType():
                fits = (right for begins, (_, right) in _PATTERNS.items() if (kind.pattern or "").startswith(begins))
                return special or next(fits, "x{}").format(number)
            case IntType():
                return kind.ge or 1
            case ListType() | VarTupleType():
                return []
            case CustomType():
                return "x"
            case _:
                continue
    return next(iter(_allowed(shape)), None)


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
