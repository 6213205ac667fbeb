"""Manual pages: mandoc has no warning, and sections have the names of mdoc(7)."""

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


def check(root):
    pages = []
    for path, text in source.files(root, "man/*"):
        pages.append(path)
        yield from sections(path, text)
    yield from warnings(root, pages)
