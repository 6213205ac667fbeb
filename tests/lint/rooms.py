"""What source may not have where: netlink connections outside the engine, `unsafe` outside three crates, two types
of one name, words of a table of the model in quotes, numbers and words of upper-layer protocols."""

import re

import source

CONNECTIONS = ("crates/engine/", "crates/xfrm/", "tests/", "benches/", "fuzz/")
UNSAFE = ("crates/sys/", "crates/preload/", "crates/libipsec/")

MODEL = "crates/model/"
# The syntax tree and the extensions of PF_KEY have the words of the model for their forms of the same things.
FORMS = ("grammar/src/tree/", "crates/pfkey/src/ext/", "crates/pfkey/src/wire/")
# One a crate.
EVERYWHERE = ("Error",)
# What no crate imports types from: their types may have the names of one another's.
PROGRAMS = ("crates/ipsecd/", "crates/libipsec/", "crates/preload/", "setkey/", "sysctl-shim/", "ipsecctl/")
# No part of a program or library.
APART = ("tests/", "fuzz/", "benches/")

# The tables of levels, modes, actions, directions and flags, and those of their words that have no other meaning.
TABLES = ("level.rs", "mode.rs", "action.rs", "direction.rs", "flags.rs", "policy_flags.rs")
EVERYDAY = ("default", "use", "require", "in", "out", "none", "discard", "icmp", "ipsec", "iptfs")
# What other programs' scripts may have in their place, and the names in the format of a file.
OWN_WORDS = ("grammar/src/parse/", "crates/engine/src/state/store/details.rs")

# The table of upper-layer protocols, and that of the protocols of SAs.
PROTOCOLS = ("upper.rs", "proto.rs")
# Words of them that have another meaning as well: a transport of services, an option, a word of ip-xfrm(8).
SEVERAL_MEANINGS = ("icmp", "tcp", "udp", "ipv6", "any", "esp", "ah", "ipcomp", "route2", "hao")
# Words of elsewhere in the place of a protocol.
OWN_PROTOCOLS = ("grammar/src/lower/upper_words.rs",)

_NUMBER = re.compile(r"\b(?:number|ip): (\d+)")
_PROTOCOL = re.compile(
    r"""
      Upper::Number\((\d+)\)
    | \bconst\ \w*(?:ICMP|TCP|UDP|SCTP|DCCP|GRE|ESP|IPCOMP|IPIP|IPV4|IPV6|IPPROTO)\w*:\ (?:u8|u16|u32|i32)\ =\ (\d+);
    | \b(?:upper|proto|protocol):\ (?:Some\()?(\d+)\b
    | \b(?:upper|proto|protocol)\b[^;{}\n]*Some\((\d+)\b
    | \bmatch\ [\w.]*\b(?:upper|proto|protocol)\b\ \{\s*(?:Some\()?(\d+)\b
    | \bPROTOCOL,[^;\n]*&\[(\d+)\]
    """,
    re.VERBOSE,
)

_ROW = re.compile(r'(?:\bword: |[A-Z0-9)], )"([a-z][\w-]*)"')
_PUBLIC = re.compile(r"^\s*pub (?:struct|enum|trait|type|union)\s+(\w+)", re.MULTILINE)
_TYPE = re.compile(r"^(?:pub(?:\([^)]*\))?\s+)?(?:struct|enum|trait|type|union)\s+(\w+)", re.MULTILINE)
_VISIBLE = re.compile(r"^(pub(?:\([^)]*\))?)\s+(?:struct|enum|trait|type|union)\s+(\w+)", re.MULTILINE)
_XFRM = re.compile(r"\bxfrm\s*::\s*(\{[^{}]*\}|\w+)")
_CONNECTION = re.compile(r"\b(Connection|EventSocket)\b")
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


def types(text):
    """Types that a file defines, apart from its tests: (line, name)."""
    blanked = source.code(source.without_tests(text))
    for match in _TYPE.finditer(blanked):
        yield source.line_of(blanked, match.start(1)), match.group(1)


def same_names(files):
    """Types that have the name of one of the model; `files` are (path, text)."""
    files = [(path, text) for path, text in files if "/tests/" not in path]
    model = {name for path, text in files if path.startswith(MODEL) for name in _PUBLIC.findall(source.code(text))}
    for path, text in files:
        if path.startswith((MODEL, "tests/", *FORMS)):
            continue
        for line, name in types(text):
            if name in model and name not in EVERYWHERE:
                yield source.Finding(path, line, "type", f"`{name}` is a type of the model")


def libraries_names(files):
    """Types that other files see, and that have the name of a public one of a library; `files` are (path, text)."""
    places = {}
    for path, text in files:
        if path.startswith((*APART, *FORMS)) or re.search(r"/(tests|examples)/|/tests\.rs$", path):
            continue
        blanked = source.code(source.without_tests(text))
        for match in _VISIBLE.finditer(blanked):
            is_public = match.group(1) == "pub" and not path.startswith(PROGRAMS)
            places.setdefault(match.group(2), []).append((path, source.line_of(blanked, match.start()), is_public))
    for name, found in places.items():
        if name in EVERYWHERE or not any(is_public for _, _, is_public in found):
            continue
        for (path, line, _), (other, *_) in zip(found[1:], found):
            yield source.Finding(path, line, "type", f"`{name}` is a type of {other}, too")


def quoted(files):
    """Words of a table of the model that a program or library writes itself; `files` are (path, text)."""
    tables = [source.without_tests(text) for path, text in files if path in {f"{MODEL}src/{name}" for name in TABLES}]
    words = {word for text in tables for word in _ROW.findall(text)} - set(EVERYDAY)
    for path, text in files:
        if path.startswith((MODEL, *APART, *OWN_WORDS)) or re.search(r"/(tests|examples)/|/(tests|testing)\.rs$", path):
            continue
        for token in source.tokens(source.without_tests(text)):
            if token.kind == source.STRING and token.text.strip('"').rstrip(":") in words:
                yield source.Finding(path, token.line, "quoted", f"{token.text} is a word of a table of the model")


def protocols(files):
    """Numbers and words of upper-layer protocols outside their tables; `files` are (path, text)."""
    tables = [source.without_tests(text) for path, text in files if path in {f"{MODEL}src/{name}" for name in PROTOCOLS}]
    words = {word for text in tables for word in _ROW.findall(text)} - set(SEVERAL_MEANINGS)
    numbers = {number for text in tables for number in _NUMBER.findall(text)}
    for path, text in files:
        if path.startswith((MODEL, *APART, *OWN_PROTOCOLS)) or re.search(r"/(tests|examples)/|/(tests|testing)\.rs$", path):
            continue
        own = source.without_tests(text)
        for token in source.tokens(own):
            if token.kind == source.STRING and token.text.strip('"') in words:
                yield source.Finding(path, token.line, "protocol", f"{token.text} is a word of a table of protocols")
        blanked = source.code(own)
        for match in _PROTOCOL.finditer(blanked):
            number = next(filter(None, match.groups()))
            if number in numbers:
                line = source.line_of(blanked, match.start(match.lastindex))
                yield source.Finding(path, line, "protocol", f"{number} is a number of a table of protocols")


def check(root):
    files = list(source.files(root, "*.rs"))
    yield from protocols(files)
    yield from quoted(files)
    yield from same_names(files)
    yield from libraries_names(files)
    for path, text in files:
        yield from connections(path, text)
        yield from unsafe(path, text)
