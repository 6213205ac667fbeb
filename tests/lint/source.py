"""Files of the repository, Rust cut into tokens, and what a check returns."""

import re
import subprocess
from collections import namedtuple
from pathlib import Path

# Where a rule is broken: the path below the root of the repository, the line, the rule, a sentence.
Finding = namedtuple("Finding", "path line rule text")

# What a piece of a Rust file is.
IDENTIFIER, STRING, COMMENT = "identifier", "string", "comment"

Token = namedtuple("Token", "kind line text")

_TOKEN = re.compile(
    r"""
      (?P<comment> //[^\n]* | /\*.*?\*/ )
    | (?P<string> \b[bc]?r(?P<fence>\#*)".*?"(?P=fence) | \b[bc]?"(?:\\.|[^"\\])*" | "(?:\\.|[^"\\])*" )
    | (?P<char> b?'(?:\\(?:u\{[0-9a-fA-F_]*\}|x[0-9a-fA-F]{2}|.)|[^'\\\n])' )
    | (?P<lifetime> '[A-Za-z_]\w* )
    | (?P<identifier> (?:r\#)?[A-Za-z_]\w* )
    | (?P<number> [0-9]\w* )
    """,
    re.VERBOSE | re.DOTALL,
)


def tokens(text):
    """Identifiers, strings and comments of Rust or pest source, with the line each begins at."""
    line, seen = 1, 0
    for match in _TOKEN.finditer(text):
        line += text.count("\n", seen, match.start())
        seen = match.start()
        kind = match.lastgroup if match.lastgroup != "fence" else "string"
        if kind in (IDENTIFIER, STRING, COMMENT):
            yield Token(kind, line, match.group())


def code(text):
    """Rust source with comments and strings blanked, every line in its place."""
    return _TOKEN.sub(
        lambda match: match.group()
        if match.group("identifier") or match.group("number") or match.group("lifetime")
        else re.sub(r"[^\n]", " ", match.group()),
        text,
    )


def without_tests(text):
    """Source up to its unit tests, which are at the end of a file."""
    match = re.search(r"^#\[cfg\((all\()?test\b", text, re.MULTILINE)
    return text[: match.start()] if match else text


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def files(root, *patterns):
    """Paths of the files that git knows or would add, as (relative path, text)."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=root,
        check=True,
        capture_output=True,
    ).stdout.decode()
    for name in sorted(set(filter(None, listed.split("\0")))):
        path = Path(root, name)
        if path.is_file():
            yield name, path.read_text(errors="replace")


def room(path):
    """The folder whose exceptions a file counts among: a crate, or a folder at the top."""
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] == "crates" else parts[0]
