"""A tree without what only the surroundings need: decorators, annotations, torch.distributed."""

import ast

OWNED = ("self.", "args.", "config.", "cfg.")  # self.accelerator.device is none of an array
# what a function does depends on these
KEPT = {"staticmethod", "classmethod", "property", "dataclass", "no_grad", "inference_mode"}


def last_name(node):
    """The last part of a dotted name, called or not: dataclasses.dataclass(frozen=True)."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


class Strip(ast.NodeTransformer):
    def visit_FunctionDef(self, node):
        self.generic_visit(node)
        node.decorator_list = [d for d in node.decorator_list if last_name(d) in KEPT]
        node.returns, node.type_params = None, []
        return node

    def visit_arg(self, node):
        node.annotation = None
        return node

    def visit_ClassDef(self, node):
        self.generic_visit(node)
        node.decorator_list = [d for d in node.decorator_list if last_name(d) in KEPT]
        node.keywords, node.type_params = [], []
        return node

    def visit_AnnAssign(self, node):
        # a dataclass counts the annotated names
        value = self.visit(node.value) if node.value is not None else None
        return ast.AnnAssign(node.target, ast.Name("object", ast.Load()), value, node.simple)

    def visit_Assert(self, node):
        """Configs are stood in for: they are of no class of theirs."""
        return ast.Pass() if "isinstance" in ast.unparse(node.test) else node

    def visit_Attribute(self, node):
        self.generic_visit(node)
        if ast.unparse(node) == "torch.distributed":
            return ast.Name("alone", ast.Load())
        if node.attr == "device" and ast.unparse(node).startswith(OWNED):
            return ast.Constant("cpu")
        return node


def stripped(node):
    """A copy of the tree, stripped."""
    return ast.fix_missing_locations(Strip().visit(ast.parse(ast.unparse(node)).body[0]))


def names_used(node):
    """The names that a tree reads, and {name: attributes taken of it}."""
    names, taken = set(), {}
    for n in ast.walk(node):
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load):
            names.add(n.id)
        if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name):
            taken.setdefault(n.value.id, set()).add(n.attr)
    return names, taken


def keys_taken(node, name):
    """What a tree takes of a name by attribute or by key: batch.reward, batch["reward"]."""
    found = set()
    for n in ast.walk(node):
        if getattr(getattr(n, "value", None), "id", "") != name:
            continue
        if isinstance(n, ast.Attribute):
            found.add(n.attr)
        elif isinstance(n, ast.Subscript) and isinstance(n.slice, ast.Constant):
            found.add(str(n.slice.value))
    return found
