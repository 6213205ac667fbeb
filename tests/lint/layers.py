"""What may import what: ARCHITECTURE.md's table, bottom first, against `cargo metadata`."""

import json
import re
import subprocess

import source

TABLE = "ARCHITECTURE.md"

# Only the engine speaks netlink; what tests and measures may. sockpolicy takes the bytes of a socket option
# (docs/adr/0013-sockpolicy-imports-xfrm.md); rooms.py forbids it a connection.
NETLINK = "xfrm"
MAY_IMPORT_NETLINK = ("engine", "sockpolicy", "scenarios", "benches")

# The programs and libraries that nothing imports but tests.
TOP = ("setkey", "sysctl-shim", "ipsecctl", "ipsecd", "libipsec", "preload", "scenarios", "benches")


def rows(text):
    """Rows `| folder | crate | what | imports |` of the table, as (line, folder, crate, imports)."""
    for number, line in enumerate(text.splitlines(), 1):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) == 4 and re.fullmatch(r"`[\w-]+`", cells[1]):
            yield number, cells[0].strip("`/"), cells[1].strip("`"), set(re.findall(r"`([\w-]+)`", cells[3]))


def packages(metadata, root):
    """The crates of the workspace: name to (manifest, normal imports, imports of tests and builds)."""
    known = {package["name"] for package in metadata["packages"]}
    found = {}
    for package in metadata["packages"]:
        normal, other = set(), set()
        for dependency in package["dependencies"]:
            if dependency.get("path") and dependency["name"] in known:
                (other if dependency["kind"] else normal).add(dependency["name"])
        manifest = package["manifest_path"].removeprefix(f"{root}/")
        found[package["name"]] = manifest, normal, other
    return found


def compare(table, crates):
    """Findings for a table (text) and the crates (see `packages`)."""
    order, described = {}, {}
    for position, (line, folder, crate, imports) in enumerate(rows(table)):
        order[crate], described[crate] = position, line
        if crate not in crates:
            yield source.Finding(TABLE, line, "architecture", f"there is no crate `{crate}`")
            continue
        manifest, normal, _ = crates[crate]
        if manifest != f"{folder}/Cargo.toml":
            yield source.Finding(TABLE, line, "architecture", f"`{crate}` is not in `{folder}`: {manifest}")
        for name in sorted(normal - imports):
            yield source.Finding(TABLE, line, "architecture", f"`{crate}` imports `{name}`, which its row does not name")
        for name in sorted(imports - normal):
            yield source.Finding(TABLE, line, "architecture", f"`{crate}` does not import `{name}`")
    for crate, (manifest, normal, other) in sorted(crates.items()):
        if crate not in order:
            yield source.Finding(manifest, 1, "architecture", f"`{crate}` has no row in {TABLE}")
            continue
        for name in sorted(normal):
            if order.get(name, -1) >= order[crate]:
                yield source.Finding(manifest, 1, "import", f"`{crate}` imports upwards: `{name}`")
            if name in TOP and crate not in ("scenarios", "benches"):
                yield source.Finding(manifest, 1, "import", f"`{crate}` imports `{name}`, which is a program or a C library")
        if NETLINK in normal and crate not in MAY_IMPORT_NETLINK:
            yield source.Finding(manifest, 1, "import", f"`{crate}` imports `{NETLINK}`: only the engine does")


def check(root):
    metadata = json.loads(
        subprocess.run(
            ["cargo", "metadata", "--format-version", "1", "--no-deps", "--offline", "--locked"],
            cwd=root,
            check=True,
            capture_output=True,
        ).stdout
    )
    yield from compare((root / TABLE).read_text(), packages(metadata, root))
