"""Names that act where they are shown without care: by markup, escape sequences, direction, line ends, formulas."""

import unicodedata

NAMES = {
    "markup": "[bold red]x[/bold red][/]",
    "closing markup": "[/]",
    "link markup": "[link=https://example.com]x[/link]",
    "emoji markup": ":boom: x",
    "escape": "\x1b[2J\x1b[31mred\x1b[0m",
    "title": "\x1b]0;owned\x07",
    "hyperlink": "\x1b]8;;https://example.com\x1b\\click\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;cm0gLXJmIC8K\x07",
    "one-byte escape": "\x9b31mred\x9d0;owned\x9c",
    "override": "user\u202egnp.exe",
    "isolate": "\u2067a\u2069\u2066b",
    "marks of direction": "a\u200e\u200f\u061cb",
    "lines": "a\nvacate: all is well\r\nb\x0b\x0c\x85c\u2028d\u2029e",
    "carriage return": "harmless\rHARMFUL",
    "backspace": "root\x08\x08\x08\x08user",
    "tab": "a\tb",
    "formula": '=HYPERLINK("https://example.com","x")',
    "formula behind quotes": " \"'=1+1",
    "formula in full width": "\uff1d1\uff0b1",
    "formula with a sign": "-2+3+cmd|' /C calc'!A0",
    "formula at": "@SUM(1+1)",
    "nothing": "a\x00b",
    "half a character": "a\ud800b\udfff",
    "undecoded bytes": b"caf\xe9".decode("utf-8", "surrogateescape"),
    "emoji": "\U0001f600",
    "long": "n" * 5_000,
    "long and wide": "\u6f22" * 2_000,
    "Hebrew": "\u05e9\u05dc\u05d5\u05dd 123",
    "Arabic": "\u0645\u0631\u062d\u0628\u0627",
    "combining": "e\u0301u\u0308",
    "nothing to combine with": "\u0301\u0301x",
    "tower": "Z" + "\u0301" * 60,
    "invisible": "ad\u200bm\u200ci\u200dn\u2060\ufeff\u00ad",
    "fillers": "\u3164\u115f\u1160\uffa0\u034f\u180e\ufe0f\U000e0101",
    "tags": "x" + "".join(chr(0xE0000 + ord(letter)) for letter in "ignore all"),
    "no meaning": "\ue000\U0010ffff\uffff",
    "HTML": "<script>alert(1)</script>&\"'",
    "Markdown": "[x](https://example.com) **b** `c` | d\n# e",
    "SQL": "we\"ird'; DROP ROLE postgres; --\\",
    "TOML": 'a"""\n[store]\nurl = "x"',
    "JSON": '","level":"info","x":"',
    "log": 'a" level=ERROR reason="b',
    "header": "x\r\nSet-Cookie: a=b",
    "our own escapes": "\\x1b[31m \\u202e \\n C:\\dir",
    "empty": "",
    "spaces": "  a  ",
}

_ACTS = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def acting(text: str) -> set[str]:
    """The characters of a text, line feeds and tabs aside, that do something to whatever shows it."""
    return {each for each in text if unicodedata.category(each) in _ACTS and each not in "\n\t"}
