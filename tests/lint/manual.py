"""Manual pages: mandoc has no warning, sections have the names of mdoc(7), and every member of JSON is described."""

import re
import shutil
import subprocess

import source

SECTIONS = (
    "NAME", "LIBRARY", "SYNOPSIS", "DESCRIPTION", "CONTEXT", "IMPLEMENTATION NOTES", "RETURN VALUES", "ENVIRONMENT",
    "FILES", "EXIT STATUS", "EXAMPLES", "DIAGNOSTICS", "ERRORS", "SEE ALSO", "STANDARDS", "HISTORY", "AUTHORS", "CAVEATS",
    "BUGS", "SECURITY CONSIDERATIONS",
)

_WARNING = re.compile(r"mandoc: ([^:]+):(\d+):\d+: (.*)")


def sections(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(".Sh ") and line[4:].strip() not in SECTIONS:
            yield source.Finding(path, number, "manual", f"the section \"{line[4:]}\" is none of mdoc(7): take .Ss")


def warnings(root, pages):
    if shutil.which("mandoc") is None:
        yield source.Finding("man", 1, "manual", "mandoc is not installed")
        return
    run = subprocess.run(["mandoc", "-Tlint", "-Wwarning", *pages], cwd=root, capture_output=True, text=True)
    for line in (run.stdout + run.stderr).splitlines():
        if match := _WARNING.match(line):
            yield source.Finding(match.group(1), int(match.group(2)), "manual", match.group(3))


def members(text):
    """Members of JSON that the types of crates/cli/src/json have: (line, name)."""
    name = None
    for number, line in enumerate(re.split(r"^impl ", text, flags=re.MULTILINE)[0].splitlines(), 1):
        if "serde(flatten)" in line:
            name = ""
        elif match := re.search(r'#\[serde\(.*rename = "(\w+)"', line):
            name = match.group(1)
        elif match := re.match(r"\s+(?:pub )?(?:r#)?([a-z]\w*): \S+,?$", line):
            if name != "":
                yield number, name or match.group(1)
            name = None


def schema(path, text, pages):
    """Every member of JSON is in a manual page, as .Va."""
    written = set()
    for page in pages:
        for line in re.findall(r"^\.(?:It )?Va (.*)$|\bVa (\w+)", page, re.MULTILINE):
            written.update(re.findall(r"\w+", " ".join(line)))
    for number, name in members(text):
        if name not in written:
            yield source.Finding(path, number, "manual", f"the member `{name}` is in no manual page")


def check(root):
    pages = []
    written = [text for _, text in source.files(root, "man/*.8")]
    for path, text in source.files(root, "crates/cli/src/json/*.rs"):
        if not path.endswith("tests.rs"):
            yield from schema(path, text, written)
    for path, text in source.files(root, "man/*"):
        pages.append(path)
        yield from sections(path, text)
    yield from warnings(root, pages)
