"""The names of a file: what it defines, what it imports, and which file that comes from."""

import ast
import sys
from functools import cache

from tinyalign.laws.source.finding import parse

# what a function that was cut out may import; all else is left behind
AVAILABLE = {"numpy", "torch", "jax", "scipy", "einops", "autograd"} | set(sys.stdlib_module_names)
LEFT_BEHIND = ("torch.distributed", "multiprocessing", "subprocess", "socket")
CLIMB = 8  # folders above a file in which a package may begin


class Names:
    """What the names at the top of one file stand for."""

    def __init__(self, path):
        self.path = path
        self.defined = {}  # name -> its statement
        self.imported = {}  # name -> (module, attribute or None, dots before the module)
        self.order = {}  # name -> place in the file
        tree = parse(path)
        self._read(tree.body if tree else [])

    def _read(self, body):
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                self._define(node.name, node)
            elif isinstance(node, ast.Assign):
                # torch.backends.x = y defines nothing
                names = [n for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name)]
                for name in (n.id for n in names if isinstance(n.ctx, ast.Store)):
                    self._define(name, node)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                self._define(node.target.id, node)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                self.imported |= _imported_by(node)
            elif isinstance(node, ast.If | ast.Try):
                # the first one stands: HAS_FLASH = False where flash_attn is not here
                instead = node.handlers if lacks_import(node, self.path) else []
                self._read([n for h in instead for n in h.body])
                self._read([*node.body, *node.orelse])

    def _define(self, name, node):
        # the first one stands: what follows is an else
        self.defined.setdefault(name, node)
        self.order.setdefault(name, len(self.order))


def _imported_by(node):
    """{name: (module, attribute or None, dots before the module)} of one import."""
    if isinstance(node, ast.ImportFrom):
        return {a.asname or a.name: (node.module or "", a.name, node.level) for a in node.names}
    roots = {a.asname or a.name.split(".")[0]: a for a in node.names}
    return {n: (a.name if a.asname else n, None, 0) for n, a in roots.items()}


class Hoist(ast.NodeTransformer):
    """Imports inside a function, made imports of its file: there each is found, or stood in for."""

    def __init__(self, names):
        self.names = names

    def visit_Import(self, node):
        self.names.imported = _imported_by(node) | self.names.imported
        return ast.Pass()

    visit_ImportFrom = visit_Import

    def visit_Try(self, node):
        """An import that may fail, and does here, fails: what is done instead is judged."""
        if lacks_import(node, self.names.path):
            fails = ast.Raise(ast.Name("ImportError", ast.Load()))
            node.body = [fails if _is_absent(n, self.names.path) else n for n in node.body]
        return self.generic_visit(node)


def lacks_import(node, path):
    """Whether it is a try that does something else where an import fails, and it fails here."""
    handlers = getattr(node, "handlers", [])
    caught = {last for h in handlers for last in _names_in(h.type)}
    gives_up = any(isinstance(n, ast.Raise) for h in handlers for n in ast.walk(h))
    fits = not gives_up and caught & {"", "ImportError", "ModuleNotFoundError", "Exception"}
    return bool(fits) and any(_is_absent(n, path) for n in node.body)


def _names_in(caught):
    """The names of a handler's exceptions; "" where it catches all."""
    return [""] if caught is None else [n.id for n in ast.walk(caught) if isinstance(n, ast.Name)]


def _is_absent(node, path):
    """Whether it is an import of a package that is neither installed nor in the folders above."""
    if not isinstance(node, ast.Import | ast.ImportFrom):
        return False
    return any(
        (dots or module.partition(".")[0] not in AVAILABLE)
        and find_module(path, module, dots) is None
        for module, _, dots in _imported_by(node).values()
    )


@cache
def names_of(path):
    return Names(path)


def is_available(module):
    left = any(module == m or module.startswith(m + ".") for m in LEFT_BEHIND)
    return module.split(".")[0] in AVAILABLE and not left


def find_module(path, module, dots):
    """The file of a module that is imported in the file at path, or None."""
    parts = module.split(".") if module else []
    if dots:
        return _file_of(path.parents[dots - 1], parts) if dots <= len(path.parents) else None
    for folder in path.parents[:CLIMB]:
        if parts and ((folder / parts[0]).is_dir() or (folder / f"{parts[0]}.py").is_file()):
            found = _file_of(folder, parts)
            if found is not None:
                return found
    return None


def _file_of(folder, parts):
    base = folder.joinpath(*parts)
    for candidate in (base.with_suffix(".py") if parts else None, base / "__init__.py"):
        if candidate is not None and candidate.is_file():
            return candidate
    return None


def find_import(path, module, attribute, dots):
    """(file, name in it or None for the file itself) of something imported, or None."""
    if attribute is not None:
        # from package import module
        whole = find_module(path, f"{module}.{attribute}" if module else attribute, dots)
        holder = find_module(path, module, dots)
        if holder is not None and attribute in (names := names_of(holder)).defined | names.imported:
            return holder, attribute
        return (whole, None) if whole is not None else None
    whole = find_module(path, module, dots)
    return (whole, None) if whole is not None else None
