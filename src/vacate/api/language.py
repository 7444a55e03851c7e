"""In which language an error's documented text is given: the header `X-Language` chooses."""

from collections.abc import Iterable
from enum import StrEnum

LANGUAGE_HEADER = "X-Language"


class Language(StrEnum):
    """The languages of the documented texts, as clients spell them."""

    ENGLISH = "en-us"
    CHINESE = "zh-cn"


def language_of(headers: Iterable[tuple[bytes, bytes]]) -> Language:
    """What a request asks for. Whatever is no language of ours, or asked for twice, is English.

    Args:
        headers: As the server hands them on, in any case.
    """
    wanted = [value for name, value in headers if name.lower() == b"x-language"]
    if len(wanted) == 1 and wanted[0].strip().lower() == Language.CHINESE.value.encode():
        return Language.CHINESE
    return Language.ENGLISH
