"""Units of systemd: `systemd-analyze security` finds little that they leave open."""

import re
import shutil
import subprocess

import source

# The exposure of a unit, in tenths.
MOST = {
    "ipsecd.service": 14,
    "ipsecd@.service": 14,
    "ipsecd-userns@.service": 14,
    "setkey.service": 29,
    "xfrm-sysctl.service": 29,
}

_LEVEL = re.compile(r"Overall exposure level for .*: (\d+)\.(\d)")


def exposure(text):
    """The level that systemd-analyze prints, in tenths."""
    match = _LEVEL.search(text)
    return match and int(match.group(1)) * 10 + int(match.group(2))


def finding(path, level):
    most = MOST.get(path.rsplit("/")[-1])
    if most is None:
        return source.Finding(path, 1, "units", "tests/lint/units.py has no limit for its exposure")
    if level is None:
        return source.Finding(path, 1, "units", "systemd-analyze cannot read it")
    if level > most:
        text = f"exposure {level / 10}, at most {most / 10}: systemd-analyze security --offline=true {path}"
        return source.Finding(path, 1, "units", text)
    return None


def check(root):
    if shutil.which("systemd-analyze") is None:
        yield source.Finding("dist/systemd", 1, "units", "systemd-analyze is not installed")
        return
    for path, _ in source.files(root, "dist/systemd/*.service"):
        command = ["systemd-analyze", "security", "--offline=true", "--no-pager", path]
        run = subprocess.run(command, cwd=root, capture_output=True, text=True)
        if found := finding(path, exposure(run.stdout)):
            yield found
