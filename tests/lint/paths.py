"""Documents name files and tests that are there, and files have names that a shell and make(1) take as they are."""

import itertools
import re

import source

QUIRKS = "docs/quirks.md"

_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
_NAME = re.compile(r"[\w.+/@-]+")
_PATH = re.compile(r"[\w.{},*@+-]+(/[\w.{},*@+-]+)*/?(::\w+)*")


def braces(path):
    """`a/{b,c}` is a/b and a/c."""
    match = re.search(r"\{([^{}]*)\}", path)
    if not match:
        return [path]
    alternatives = match.group(1).split(",")
    return list(itertools.chain.from_iterable(
        braces(path[: match.start()] + part + path[match.end() :]) for part in alternatives))


def missing(root, path):
    """What of a path is not there, or None. `file.rs::name` is a function of the file; a recording needs no ending."""
    path, *names = path.split("::")
    found = list(root.glob(path.rstrip("/"))) or list(root.glob(path + ".*"))
    if not found:
        return path
    text = "".join(file.read_text(errors="replace") for file in found if file.is_file()) if names else ""
    for name in names:
        if not re.search(rf"\b(fn|mod) {name}\b", text):
            return f"{path}::{name}"
    return None


def document(root, path, text, folders):
    """Findings for a document; `folders` are the names at the top of the repository."""
    for number, line in enumerate(text.splitlines(), 1):
        for match in _CODE.finditer(line):
            word = match.group(1)
            if _PATH.fullmatch(word) and "/" in word and word.split("/")[0] in folders:
                for each in braces(word):
                    gone = missing(root, each)
                    if gone and missing((root / path).parent, each):
                        yield source.Finding(path, number, "path", f"`{gone}` is not there")
        for match in _LINK.finditer(line):
            target = match.group(1)
            if "://" not in target and not (root / path).parent.joinpath(target).exists():
                yield source.Finding(path, number, "path", f"`{target}` is not there")


def held_by(path, text, folders):
    """Every row of a table with a column *held by* names a file or test there."""
    column = None
    for number, line in enumerate(text.splitlines(), 1):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            column = None
        elif "held by" in cells:
            column = cells.index("held by")
        elif column is not None and not set(cells[0]) <= set("- "):
            named = _CODE.findall(cells[column])
            if not any("/" in word and word.split("/")[0] in folders for word in named):
                yield source.Finding(path, number, "path", "the column *held by* names no file")


def named(paths):
    """Findings for names of files that a redirection by mistake has made."""
    for path in paths:
        if not _NAME.fullmatch(str(path)):
            yield source.Finding(path, 1, "path", "the name of a file has other characters than letters, digits and .+-_@")


def check(root):
    yield from named(path for path, _ in source.files(root, "*"))
    folders = {name.split("/")[0] for name, _ in source.files(root, "*/*")}
    for path, text in source.files(root, "*.md"):
        yield from document(root, path, text, folders)
        if path == QUIRKS:
            yield from held_by(path, text, folders)
