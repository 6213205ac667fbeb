"""The words of docs/glossary.md: none of those in a column *not* is used."""

import re

import source

GLOSSARY = "docs/glossary.md"


class Words:
    """Words that are not to be used: in identifiers, and in text that is read."""

    def __init__(self, glossary):
        self.identifiers = {}
        self.texts = {}
        prose = False
        for line in glossary.splitlines():
            prose = prose or line.startswith("## Prose")
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if not line.startswith("|") or set(cells[0]) <= set("- "):
                continue
            wrong, right = (cells[0], cells[1]) if prose else (cells[-1], cells[0])
            if wrong != "not":
                self._add(wrong, right)

    def _add(self, wrong, right):
        for word in filter(None, (word.strip() for word in wrong.split(","))):
            if word.startswith("*"):
                word = word.strip("*")
                self._add_identifier(word, right, (word, word + "s"))
            else:
                forms = inflected(word)
                self._add_identifier(word, right, forms)
                for form in forms:
                    self.texts[form] = right

    def _add_identifier(self, word, right, forms):
        for form in forms:
            parts = tuple(re.split(r"[ _]", form))
            known = self.identifiers.setdefault(parts, [])
            if right not in known:
                known.append(right)


def inflected(word):
    """The word, and the endings that English gives it."""
    stem = word[:-1] if word.endswith("e") else word
    return (word, word + "s", word + "es", stem + "ed", stem + "ing")


def parts(identifier):
    """`set_right` and `SetRight` are set, right."""
    return [part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", identifier)]


def stands_for(word, after):
    """Whether this is "stands for" or "stands in", which are right."""
    return word in ("stand", "stands") and re.match(r"(for|in)\b", after) is not None


def allowed(text):
    """Lines `WORD FOLDER...`: folders in which a word has another meaning, which is right there."""
    table = {}
    for line in text.splitlines():
        word, *folders = line.split("#")[0].split() or [""]
        if word:
            table.setdefault(word, []).extend(folders)
    return table


class Check:
    def __init__(self, glossary, exempt):
        self.words = Words(glossary)
        self.exempt = allowed(exempt)
        longest = sorted(self.words.texts, key=len, reverse=True)
        self.text = re.compile(r"(?<![\w-])(" + "|".join(map(re.escape, longest)) + r")(?![\w-])", re.I)
        self.first = {}
        for key in self.words.identifiers:
            self.first.setdefault(key[0], []).append(key)

    def is_allowed(self, word, path):
        for form in (word, word.removesuffix("s")):
            if any(folder == "*" or path.startswith(folder) for folder in self.exempt.get(form, ())):
                return True
        return False

    def identifier(self, path, token):
        """A word that the identifier has and should not, or None."""
        if token.text in self.exempt:
            return
        found = parts(token.text)
        for position, part in enumerate(found):
            for key in self.first.get(part, ()):
                after = found[position + len(key) :]
                if found[position : position + len(key)] != list(key) or stands_for(key[-1], " ".join(after)):
                    continue
                if not self.is_allowed("_".join(key), path):
                    right = " or ".join(self.words.identifiers[key])
                    yield source.Finding(path, token.line, "identifier", f"`{token.text}`: {'_'.join(key)} is {right}")
                    return

    def prose(self, path, line, text, rule):
        for match in self.text.finditer(text):
            word = match.group().lower()
            if stands_for(word, text[match.end() :].lstrip()):
                continue
            if not self.is_allowed(word, path):
                where = line + text.count("\n", 0, match.start())
                yield source.Finding(path, where, rule, f"\"{match.group()}\": say {self.words.texts[word]}")

    def rust(self, path, text):
        for token in source.tokens(text):
            if token.kind == source.IDENTIFIER:
                yield from self.identifier(path, token)
            else:
                rule = "message" if token.kind == source.STRING else "comment"
                yield from self.prose(path, token.line, token.text, rule)


def check(root):
    checker = Check((root / GLOSSARY).read_text(), (root / "tests/lint/allowed").read_text())
    for path, text in source.files(root, "*.rs", "*.pest"):
        yield from checker.rust(path, text)
    for path, text in source.files(root, "man/*", "*.md", "dist/*", "*.toml", "crates/libipsec/include/*"):
        if path != GLOSSARY:
            yield from checker.prose(path, 1, text, "prose")
