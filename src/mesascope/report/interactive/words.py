"""Text as matplotlib has it, with formulas between dollars, as HTML that plotly understands as browsers do."""

import html
import re
import unicodedata

_SIGNS = {
    **{"cdot": "·", "times": "×", "leq": "≤", "le": "≤", "geq": "≥", "ge": "≥", "approx": "≈", "neq": "≠", "pm": "±"},
    **{"infty": "∞", "sum": "∑", "prod": "∏", "to": "→", "in": "∈", "ell": "ℓ", "nabla": "∇", "partial": "∂"},
    **{"sqrt": "√", "log": "log", "exp": "exp", "|": "‖", ",": " ", ";": " ", " ": " ", "quad": " ", "ldots": "…"},
    **{"varepsilon": "ε", "varphi": "φ", "langle": "⟨", "rangle": "⟩", "left": "", "right": "", "dots": "…"},
}
_FONTS = ("mathrm", "mathbf", "mathit", "mathcal", "text", "operatorname", "mathdefault", "bf", "rm", "it")
_TOKEN = re.compile(r"\\([A-Za-z]+|.)|([_^{}])|(.)", re.DOTALL)
_LEVEL = {"_": "sub", "^": "sup"}


def as_html(text: str) -> str:
    """The text, escaped, with indices and exponents of its formulas in <sub> and <sup>, and <br> for a new line."""
    parts = re.split(r"(?<!\\)\$", text)
    if len(parts) % 2 == 0:  # a dollar that opens nothing
        parts = [text]
    told = "".join(_formula(part) if i % 2 else html.escape(part.replace(r"\$", "$")) for i, part in enumerate(parts))
    return told.replace("\n", "<br>")


def as_plain(told: str) -> str:
    """What `as_html` gave, in one line without tags, not escaped: for names that are read aloud."""
    return " ".join(html.unescape(re.sub(r"</?su[bp]>", "", told.replace("<br>", " "))).split())


def _formula(source: str) -> str:
    found, rest = _until(source, "")
    return found + html.escape(rest)


def _until(source: str, end: str) -> tuple[str, str]:
    """What stands before a closing brace, or all of it, as HTML; and what is left behind it."""
    told = ""
    while source:
        part, source, closed = _next(source)
        if closed and end:
            return told, source
        told += part
    return told, ""


def _next(source: str) -> tuple[str, str, bool]:
    """The first part of a formula, what is left, and whether the part is a closing brace."""
    token = _TOKEN.match(source)
    assert token is not None
    command, mark, letter = token.groups()
    rest = source[token.end() :]
    if command is not None:
        return *_command(command, rest), False
    if mark in _LEVEL:
        inner, rest, _ = _next(rest) if rest else ("", "", False)
        return f"<{_LEVEL[mark]}>{inner}</{_LEVEL[mark]}>", rest, False
    if mark == "{":
        return *_until(rest, "}"), False
    return ("" if mark else html.escape(letter)), rest, mark == "}"


def _command(name: str, rest: str) -> tuple[str, str]:
    if name in _FONTS:
        return "", rest
    if name in _SIGNS:
        return _SIGNS[name], rest
    return _greek(name) or html.escape(name), rest


def _greek(name: str) -> str:
    """A letter by its name, "" where there is none of it."""
    size = "CAPITAL" if name[:1].isupper() else "SMALL"
    try:
        return unicodedata.lookup(f"GREEK {size} LETTER {name.upper().replace('LAMBDA', 'LAMDA')}")
    except KeyError:
        return ""
