"""A function cut out of its file with the helpers that it calls, as a few small files."""

import ast
import builtins
import re

from tinyalign.laws.source.method_class import reduced_class
from tinyalign.laws.source.names import Hoist, find_import, is_available, names_of
from tinyalign.laws.source.strip import names_used, stripped

AT_MOST = 120  # definitions: a function that needs more is no loss by itself
QUIET = re.compile(r"log|logger|logging|tqdm|warn|print", re.IGNORECASE)
# whole words of a dotted name: distrax and distributions are nothing of the kind
TOGETHER = re.compile(
    r"(?<![a-z])(dist|distributed|world_size|ranks?|all_?gather|barrier|parallel|mpu|all_?reduce|reduce"
    r"|process_groups?)(?![a-z])"
)
# no loss needs these, and they can do harm
REFUSED = ("subprocess", "shutil", "ctypes", "pathlib", "tempfile")
# they only check what is given
CHECKERS = ("chex", "beartype", "jaxtyping", "typeguard")
HEAD = "from tinyalign.laws.source.stand_ins import Missing, alone, checks, silent, system\n"


class CannotCut(Exception):
    """Says why a function does not stand by itself."""


class Cut:
    """The files that hold a function and its helpers, by name, and where the function is."""

    def __init__(self, found, change):
        self.parts = {}  # file of theirs -> {name: source}
        self.names = {}  # file of theirs -> name of the small file
        self.seen = set()
        self.count = 0
        self.target = found.name
        source = names_of(found.path)
        if found.owner is None:
            self._write(source, found.node.name, change(stripped(found.node)))
        else:
            node = reduced_class(found, source, stripped, change)
            self._write(source, found.owner.name, node)

    def files(self):
        """{name: text} of the small files."""
        return {f"{self.names[path]}.py": self._text(path) for path in self.parts}

    def needs(self, package):
        """Whether any of it imports the package."""
        starts = f"import {package}", f"from {package}"
        return any(t.startswith(starts) for part in self.parts.values() for t in part.values())

    def module(self, path):
        return self.names.setdefault(path, f"cut_{len(self.names)}")

    def _text(self, path):
        source, parts = names_of(path), self.parts[path]
        # imports first, then definitions as they stand there
        ordered = sorted(parts, key=lambda n: source.order.get(n, -1))
        return HEAD + "\n".join(dict.fromkeys(parts[n] for n in ordered)) + "\n"

    def _write(self, source, name, node):
        """One definition, and all that it needs."""
        self.count += 1
        if self.count > AT_MOST:
            raise CannotCut("it needs more than a hundred other definitions")
        self.module(source.path)
        self.parts.setdefault(source.path, {})[name] = ""
        node = Hoist(source).visit(node)
        names, taken = names_used(node)
        for other in sorted(names - set(dir(builtins))):
            self._need(source, other, taken.get(other, ()))
        text = ast.unparse(node)
        if not isinstance(node, ast.FunctionDef) and name != self.target.partition(".")[0]:
            # what cannot be worked out here may never be used
            wrong = f"{name} = Missing({name!r})"
            lines = text.replace("\n", "\n    ")
            text = f"try:\n    {lines}\nexcept Exception:\n    {wrong}"
        self.parts[source.path][name] = text

    def _need(self, source, name, attributes):
        key = source.path, name, tuple(sorted(attributes))
        if key in self.seen:  # also what is being written: files import one another in circles
            return
        self.seen.add(key)
        if name in source.defined:
            if name in self.parts.get(source.path, {}):
                return
            node = stripped(source.defined[name])
            if isinstance(node, ast.ClassDef):
                node.bases = [b for b in node.bases if self._is_known(source, b)]
            self._write(source, name, node)
        elif name in source.imported:
            self._import(source, name, attributes)

    def _is_known(self, source, base):
        """Whether the base of a class is here too."""
        root = next((n.id for n in ast.walk(base) if isinstance(n, ast.Name)), "")
        module, _, dots = source.imported.get(root, ("", None, 0))
        here = root in source.defined or root in dir(builtins)
        return here or (not dots and is_available(module))

    def _import(self, source, name, attributes):
        module, attribute, dots = source.imported[name]
        parts = self.parts[source.path]
        if module == "os" and not dots:
            parts[name] = f"{name} = system.{attribute}" if attribute else f"{name} = system"
            return
        refused = not dots and module.partition(".")[0] in REFUSED
        full = f"{module}.{attribute}" if attribute else module
        if not dots and not refused and is_available(module) and is_available(full):
            line = f"from {module} import {attribute}" if attribute else f"import {module}"
            # `import a.b as c`, and `import a` for a.b
            parts[name] = line if line.endswith(f" {name}") else f"{line} as {name}"
            return
        where = None if refused else find_import(source.path, module, attribute, dots)
        if where is None or where[0] == source.path:
            parts[name] = f"{name} = {_stand_in(name, full)}"
            return
        self._import_cut(source, name, attributes, *where)

    def _import_cut(self, source, name, attributes, path, theirs):
        """From another file of theirs."""
        parts, there = self.parts[source.path], names_of(path)
        new = self.module(path)
        self.parts.setdefault(path, {})
        for needed in [theirs] if theirs else sorted(attributes):
            self._need(there, needed, attributes if theirs else ())
        parts[name] = (
            f"from {new} import {theirs} as {name}" if theirs else f"import {new} as {name}"
        )


def _stand_in(name, full):
    if full.partition(".")[0] in CHECKERS:
        return "checks" if full == name else "silent"
    if QUIET.search(name):
        return "silent"
    return "alone" if TOGETHER.search(f"{full} {name}") else f"Missing({full!r})"
