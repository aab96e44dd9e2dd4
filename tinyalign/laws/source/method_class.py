"""The class of a method, reduced to what the method reads of it."""

import ast
import builtins
import copy


def reduced_class(found, source, stripped, change):
    """Its class with the method, the methods that this one calls, and what __init__ fixes."""
    classes = _with_bases(found.owner, source)
    methods = {}
    for owner in reversed(classes):
        methods |= {n.name: n for n in owner.body if isinstance(n, ast.FunctionDef)}
    wanted = _called(found.node, methods)
    body = [stripped(n) for owner in reversed(classes) for n in owner.body if _is_plain(n)]
    body += [change(stripped(methods[name])) for name in wanted]
    node = ast.ClassDef(found.owner.name, [], [], body, [], type_params=[])
    if "__init__" in methods:
        node.body += _attributes_from_init(stripped(methods["__init__"]), _read_of_self(node))
    return ast.fix_missing_locations(node)


def _with_bases(owner, source):
    """The class, and those of its bases that stand in the same file."""
    classes = [owner]
    for base in owner.bases:
        node = source.defined.get(getattr(base, "id", ""))
        if isinstance(node, ast.ClassDef) and node is not owner:
            classes += _with_bases(node, source)
    return classes


def _is_plain(node):
    """Whether a statement of a class sets something that needs nothing else."""
    value = getattr(node, "value", None)
    simple = isinstance(node, ast.Assign | ast.AnnAssign) and value is not None
    return simple and not any(isinstance(n, ast.Name | ast.Call) for n in ast.walk(value))


def _called(node, methods):
    """The names of the methods that one calls, itself the first."""
    names, queue = [], [node.name]
    while queue:
        name = queue.pop(0)
        if name in names or name not in methods or name == "__init__":
            continue
        names.append(name)
        queue += sorted(_read_of_self(methods[name]))
    return names


def _read_of_self(node):
    """The attributes that a tree takes of self."""
    return {
        n.attr
        for n in ast.walk(node)
        if isinstance(n, ast.Attribute)
        and isinstance(n.value, ast.Name)
        and n.value.id in ("self", "cls")
    }


def _attributes_from_init(init, wanted):
    """What __init__ sets without being told, as attributes of the class."""
    defaults = _defaults(init)
    required = {q.arg for q in (*init.args.args, *init.args.kwonlyargs)} - set(defaults)
    attributes = []
    for node in ast.walk(init):
        if not isinstance(node, ast.Assign) or len(node.targets) != 1:
            continue
        name = _of_self(node.targets[0])
        value = _Fill(defaults).visit(copy.deepcopy(node.value))
        used = {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}
        if name in wanted and not used & (required | {"self"}) and not _is_none(value):
            attributes.append(_attempt(name, value))
    return attributes


def _is_none(value):
    """A config that may be left out is none that can be read."""
    return isinstance(value, ast.Constant) and value.value is None


def _attempt(name, value):
    """name = value in a class, if it can be worked out; a function stays one, and no method."""
    kept = ast.Call(ast.Name("staticmethod", ast.Load()), [value], [])
    passing = ast.ExceptHandler(ast.Name("Exception", ast.Load()), None, [ast.Pass()])
    return ast.Try([ast.Assign([ast.Name(name, ast.Store())], kept)], [passing], [], [])


def set_by_default(found, source):
    """The attributes that __init__ of its class sets without being told."""
    inits = [n for n in getattr(found.owner, "body", []) if getattr(n, "name", "") == "__init__"]
    if not inits:
        return set()
    known = {*_defaults(inits[0]), *source.defined, *source.imported, *dir(builtins)}
    return {
        _of_self(n.targets[0])
        for n in ast.walk(inits[0])
        if isinstance(n, ast.Assign)
        and {m.id for m in ast.walk(n.value) if isinstance(m, ast.Name)} <= known
    }


def _of_self(node):
    owner = getattr(node, "value", None)
    is_self = isinstance(node, ast.Attribute) and getattr(owner, "id", "") == "self"
    return node.attr if is_self else None


def _defaults(init):
    """{parameter: its default} of a function."""
    a = init.args
    pairs = [*zip(reversed(a.args), reversed(a.defaults), strict=False)]
    pairs += [(q, d) for q, d in zip(a.kwonlyargs, a.kw_defaults, strict=True) if d]
    return {q.arg: d for q, d in pairs}


class _Fill(ast.NodeTransformer):
    """Parameters replaced by their defaults."""

    def __init__(self, values):
        self.values = values

    def visit_Name(self, node):
        return copy.deepcopy(self.values.get(node.id, node))
