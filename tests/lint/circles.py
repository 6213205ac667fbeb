"""Circles among the modules of a crate: a module that uses another, which uses the first. A module uses its submodules;
that these use it is no circle."""

import re

import source

_USE = re.compile(r"\buse\s+((?:crate|super|self)\s*::[^;]+);")
_PATH = re.compile(r"\b((?:crate|super)(?:::\w+)+)")


def module(path):
    """The crate's folder and the module of a file: `crates/a`, `b::c` for `crates/a/src/b/c.rs`."""
    folder, _, name = path.partition("/src/")
    name = re.sub(r"(::mod|^mod|^lib|^main)$", "", name.removesuffix(".rs").replace("/", "::"))
    return folder, name


def paths(tree, prefix=""):
    """The paths of a use tree: `a::{b, c::d}` is `a::b` and `a::c::d`."""
    head, brace, rest = tree.strip().partition("{")
    if not brace:
        yield re.sub(r"\s+as\s+\w+|\s", "", prefix + tree)
        return
    depth, item = 0, ""
    for letter in rest.rsplit("}", 1)[0] + ",":
        depth += (letter == "{") - (letter == "}")
        if letter == "," and depth == 0:
            if item.strip():
                yield from paths(item, prefix + head.strip())
            item = ""
        else:
            item += letter


def target(name, path, modules):
    """The module that a path in module `name` leads to, if it is another one."""
    first, *rest = path.split("::")
    base = name.split("::") if name else []
    if first == "crate":
        base = []
    elif first == "super":
        base = base[:-1]
    while rest and rest[0] == "super":
        base, rest = base[:-1], rest[1:]
    full = base + rest
    while full and "::".join(full) not in modules:
        full.pop()
    found = "::".join(full)
    is_around = found == name or name.startswith(found + "::")
    return None if not found or not name or is_around else found


def uses(name, text, modules):
    """The modules that the source of a module uses, with the line of the first use."""
    blanked = source.code(source.without_tests(text))
    found = {}
    for match in _USE.finditer(blanked):
        for path in paths(match.group(1)):
            found.setdefault(target(name, path, modules), source.line_of(blanked, match.start()))
    for match in _PATH.finditer(blanked):
        found.setdefault(target(name, match.group(1), modules), source.line_of(blanked, match.start()))
    found.pop(None, None)
    return found


def reachable(graph, start):
    seen, waiting = set(), [start]
    while waiting:
        for name in graph[waiting.pop()]:
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return seen


def circles(files):
    """Findings for files, (path, text) of one crate: each use that closes a circle."""
    modules = {module(path)[1]: (path, text) for path, text in files}
    graph = {name: uses(name, text, modules) for name, (_, text) in modules.items()}
    for name in filter(None, modules):
        parent = name.rpartition("::")[0]
        if parent in graph and parent:
            graph[parent].setdefault(name, 1)
    reach = {name: reachable(graph, name) for name in graph}
    for name, used in graph.items():
        for other, line in used.items():
            if name in reach[other]:
                text = f"`{name}` uses `{other}`, which uses `{name}`"
                yield source.Finding(modules[name][0], line, "circle", text)


def check(root):
    crates = {}
    for path, text in source.files(root, "*.rs"):
        if "/src/" in path and not path.startswith(("tests/", "fuzz/")) and not path.endswith("/tests.rs"):
            crates.setdefault(module(path)[0], []).append((path, text))
    for files in crates.values():
        yield from circles(files)
