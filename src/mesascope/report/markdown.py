"""Text that has formulas in it, written so that Markdown shows it as it is."""

import re

_CODE = re.compile(r"(`[^`]*`|^\*\*[A-Z][a-z ]*\.\*\*)", re.MULTILINE)  # and the bold head of a paragraph
_MARKUP = re.compile(r"[\\*_<>\[\]]")
_LINE_START = re.compile(r"^(\s*)([-+#]|\d+[.)])(?=\s)", re.MULTILINE)


def as_markdown(text: str) -> str:
    """The text with a backslash before all that would be markup, but for `code`, and a **Head.** at a line's start."""
    parts = _CODE.split(text)
    parts[::2] = (_MARKUP.sub(lambda found: f"\\{found[0]}", part) for part in parts[::2])
    return _LINE_START.sub(lambda found: f"{found[1]}{found[2][:-1]}\\{found[2][-1]}", "".join(parts))
