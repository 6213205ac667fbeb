"""Circles among the modules of a crate: a module that uses another, which uses the first. A module uses its submodules;
that these use it is no circle. A name that the root or another module only imports is followed to where it is from."""

import re

import source

_USE = re.compile(r"\buse\s+((?:crate|super|self)\s*::[^;]+);")
_ANY_USE = re.compile(r"\buse\s+([^;]+);")
_ITEM = re.compile(r"\b(?:fn|struct|enum|union|trait|type|const|static|mod|macro_rules!)\s+(\w+)")
_PATH = re.compile(r"\b((?:crate|super)(?:::\w+)+)")


def module(path):
    """The crate's folder and the module of a file: `crates/a`, `b::c` for `crates/a/src/b/c.rs`."""
    folder, _, name = path.partition("/src/")
    name = re.sub(r"(::mod|^mod|^lib|^main)$", "", name.removesuffix(".rs").replace("/", "::"))
    return folder, name


def paths(tree, prefix="", keep_names=False):
    """The paths of a use tree: `a::{b, c::d}` is `a::b` and `a::c::d`; with `keep_names`, `a as b` is as it was."""
    head, brace, rest = tree.strip().partition("{")
    if not brace:
        path, renamed, other = re.sub(r"\s+", " ", (prefix + tree).strip()).partition(" as ")
        yield path.replace(" ", "") + (renamed + other if keep_names else "")
        return
    depth, item = 0, ""
    for letter in rest.rsplit("}", 1)[0] + ",":
        depth += (letter == "{") - (letter == "}")
        if letter == "," and depth == 0:
            if item.strip():
                yield from paths(item, prefix + head.strip(), keep_names)
            item = ""
        else:
            item += letter


def imports(name, text):
    """What a module has of others by `use`: each name with its path from the crate's root, and the paths of `*`."""
    named, globs = {}, []
    for match in _ANY_USE.finditer(source.code(source.without_tests(text))):
        for path in paths(match.group(1), keep_names=True):
            path, _, other = path.partition(" as ")
            full = absolute(name, path)
            if full[-1:] == ["*"]:
                globs.append(full[:-1])
            elif full:
                named[other or full[-1]] = full
    return named, globs


def absolute(name, path):
    """The segments of a path in module `name`, from the crate's root."""
    first, *rest = path.split("::")
    base = name.split("::") if name else []
    if first == "crate":
        base = []
    elif first == "super":
        base = base[:-1]
    elif first != "self":
        rest = [first, *rest]
    while rest and rest[0] == "super":
        base, rest = base[:-1], rest[1:]
    return base + [one for one in rest if one != "self"]


class Crate:
    """The modules of a crate with what each has of its own and by `use`."""

    def __init__(self, modules):
        self.modules = modules
        self.imports = {name: imports(name, text) for name, (_, text) in modules.items()}
        self.own = {name: set(_ITEM.findall(source.code(text))) for name, (_, text) in modules.items()}

    def places(self, full, seen=()):
        """The modules that a path leads through: the one that it names, and those that its name is imported from."""
        last = len(full)
        while last and "::".join(full[:last]) not in self.modules:
            last -= 1
        found, rest = "::".join(full[:last]), full[last:]
        yield found
        if not rest or rest[0] in self.own.get(found, ()) or (found, rest[0]) in seen:
            return
        seen = (*seen, (found, rest[0]))
        named, globs = self.imports.get(found, ({}, []))
        if rest[0] in named:
            yield from self.places(named[rest[0]] + rest[1:], seen)
        elif rest[0] != "*":
            for glob in globs:
                inner = list(self.places(glob + rest, seen))
                if rest[0] in self.own.get(inner[-1], ()):
                    yield from inner

    def uses(self, name):
        """The modules that a module uses, with the line of the first use."""
        if not name:
            return {}
        text = source.code(source.without_tests(self.modules[name][1]))
        found = {}
        for match in _USE.finditer(text):
            for path in paths(match.group(1)):
                self._add(found, name, path, source.line_of(text, match.start()))
        for match in _PATH.finditer(text):
            self._add(found, name, match.group(1), source.line_of(text, match.start()))
        return found

    def _add(self, found, name, path, line):
        for other in self.places(absolute(name, path)):
            if other and other != name and not name.startswith(other + "::"):
                found.setdefault(other, line)


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
    crate = Crate(modules)
    graph = {name: crate.uses(name) for name in modules}
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
