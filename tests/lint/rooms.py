"""What source may not have where: netlink connections outside the engine, `unsafe` outside three crates."""

import re

import source

CONNECTIONS = ("crates/engine/", "crates/xfrm/", "tests/", "benches/", "fuzz/")
UNSAFE = ("crates/sys/", "crates/preload/", "crates/libipsec/")

_XFRM = re.compile(r"\bxfrm\s*::\s*(\{[^{}]*\}|\w+)")
_CONNECTION = re.compile(r"\b(Connection|Monitor)\b")
_UNSAFE = re.compile(r"\bunsafe(_code)?\b")


def connections(path, text):
    if path.startswith(CONNECTIONS) or "/tests/" in path or "/benches/" in path:
        return
    blanked = source.code(source.without_tests(text))
    for match in _XFRM.finditer(blanked):
        for name in _CONNECTION.finditer(match.group(1)):
            line = source.line_of(blanked, match.start(1) + name.start())
            yield source.Finding(path, line, "connection", f"`xfrm::{name.group()}` is opened by the engine alone")


def unsafe(path, text):
    if path.startswith(UNSAFE):
        return
    blanked = source.code(text)
    for match in _UNSAFE.finditer(blanked):
        line = source.line_of(blanked, match.start())
        yield source.Finding(path, line, "unsafe", f"`{match.group()}` outside crates/{{sys,preload,libipsec}}")


def check(root):
    for path, text in source.files(root, "*.rs"):
        yield from connections(path, text)
        yield from unsafe(path, text)
