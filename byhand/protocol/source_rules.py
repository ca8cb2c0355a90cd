"""The course's rules that are read off a solution's text: no Python loops, NumPy and SciPy only."""

import ast
import dis
import sys
from collections import ChainMap
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from types import CodeType

import numpy as np

from byhand.protocol.source_text import UNREADABLE, Program, imported

GRADED = (
    "forward backward compute_output compute_grad_input update_grad_parameters __call__".split()
)
# Anything else that has a name may be data, unless it is called.
FOLLOWED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.Name, ast.Attribute)
LOOPS = dict.fromkeys(
    (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp), "a comprehension"
) | {ast.For: "`for`", ast.AsyncFor: "`for`", ast.While: "`while`"}
LOOP_FUNCTIONS = frozenset(
    "map imap starmap filter reduce vectorize frompyfunc fromiter apply_along_axis nditer ndindex "
    "apply_over_axes ndenumerate generic_filter generic_filter1d".split()
)
AUTOGRAD = tuple(
    f".{name}." for name in "backward autograd torch.func _functorch forward_ad jvp jacfwd".split()
)
ALLOWED = frozenset({"numpy", "scipy", "byhand", "given", "__main__", ""}) | sys.stdlib_module_names
MOST_BASES = 100  # of a class: one that inherits from itself, defined again and again, has many
MOST_SCOPES = 1_000  # each copies the names so far

Names = ChainMap[str, ast.AST]


def broken_rules(
    program: Program, name: str, loops: bool = False, torch: bool = False, autograd: bool = True
) -> list[str]:
    """What in the graded methods of class (or in function) `name` breaks a rule, in words.

    loops, torch, autograd: whether loops, PyTorch and its autograd are allowed. A text that cannot
    be parsed breaks none: it has not run.
    """
    allowed = ALLOWED | {"torch"} if torch else ALLOWED
    found: dict[str, None] = {}
    name = program.name or name
    for function, node, sources in _judged(program, name):
        if not loops and (what := _loop(node, sources)):
            line = program.text.splitlines()[node.lineno - 1].strip()
            own = function in (name, *GRADED)
            here = "; write it" if own else f", and {name} uses it; write that"
            found[f"{function} loops with {what}: `{line}`{here} as array operations"] = None
        used = [source for source in sources if any(part in f".{source}." for part in AUTOGRAD)]
        if used and not autograd:
            what = used[0].lstrip(".")
            found[f"{function} uses autograd (`{what}`); here the gradient is yours"] = None
        if origin := next((s for s in sources if s.split(".")[0] not in allowed), None):
            libraries = "NumPy, SciPy and PyTorch" if torch else "NumPy and SciPy"
            found[f"{function} uses {origin}; a solution is {libraries} only"] = None
    return list(found)


def has_loop(program: Program, name: str) -> bool:
    """Whether there is a Python loop in the graded methods of class (or in function) `name`.

    Where the text cannot be parsed or does not define it, there may be one.
    """
    name = program.name or name
    judged = _judged(program, name)
    return name not in _Text(program.text).names or any(_loop(*found) for _, *found in judged)


def _judged(program: Program, name: str) -> Iterator[tuple[str, ast.AST, list[str]]]:
    """The nodes that count, with their functions' names and where what they use comes from.

    An attribute is not judged by its name where a function or an argument among them has it: the
    object may be the student's.
    """
    reached = [*_Text(program.text).reached(name)]
    own = {f".{node.name}" for _, node in reached if isinstance(node, ast.FunctionDef)}
    own |= {f".{node.arg}" for _, node in reached if isinstance(node, ast.keyword)}
    for function, node in reached:
        sources = _sources(node, program.origins)
        yield function, node, [source for source in sources if source not in own]


@lru_cache(maxsize=4)  # the same text is asked about many times
class _Text:
    """What a text defines; of several definitions of a name the last one counts.

    bases: of a class, itself and all its bases; members: those of the class's own, the newest
    first; scopes: what the names in an assigned value stand for.
    """

    def __init__(self, text: str):
        self.names: Names = ChainMap()
        self.bases: dict[ast.AST | None, list[ast.AST]] = {}
        self.members: dict[ast.AST | None, list[dict[str, ast.AST]]] = {}
        self.scopes: dict[ast.AST, Names] = {}
        with suppress(*UNREADABLE):
            self.define(ast.parse(text).body, self.names)

    def define(self, body: list, names: Names) -> None:
        """Note what statements define, those inside `if`, `try`, `with` and the like included."""
        pending = [(node, names) for node in reversed(body)]
        while pending:  # no recursion: a long chain of `elif` would end it
            node, names = pending.pop()
            inner, scope = [], names
            match node:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    names[node.name] = node
                case ast.ClassDef():
                    bases = [_named(base, names) for base in node.bases]
                    inherited = [c for base in bases for c in self.bases.get(base, [])]
                    lineage = [*dict.fromkeys([node, *inherited])][:MOST_BASES]
                    names[node.name], self.bases[node] = node, lineage
                    self.members[node] = [{}]
                    inner, scope = node.body, names.new_child(self.members[node][0])
                case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                    for target in getattr(node, "targets", None) or [node.target]:
                        self._assign(target, value, names)
                case ast.Import() | ast.ImportFrom():
                    for name, _ in imported(node):
                        names.pop(name, None)
                case ast.If(ast.Constant(value)):
                    inner = node.body if value else node.orelse
                case _:
                    parts = ("body", "handlers", "cases", "orelse", "finalbody")
                    inner = [child for part in parts for child in getattr(node, part, [])]
            pending += [(child, scope) for child in reversed(inner)]

    def _assign(self, target: ast.expr, value: ast.expr, names: Names) -> None:
        """A value, another name for what it names, or the class that it is an instance of."""
        known = _named(value, names)
        if isinstance(value, ast.Call):
            same = [a for a in value.args if getattr(a, "id", 0) == getattr(target, "id", 1)]
            called = [_named(part, names) for part in [value.func, *same]]
            known = next((c for c in called if c in self.members), None)
        if not isinstance(value, ast.Lambda) and len(self.scopes) < MOST_SCOPES:
            self.scopes[value] = ChainMap(dict(names.maps[0]), *self.names.maps)
        match target:
            case ast.Name(name):
                names[name] = known or value
            case ast.Attribute(owner, name) if _named(owner, names) in self.members:
                self.members[_named(owner, names)].insert(0, {name: known or value})

    def reached(self, name: str) -> Iterator[tuple[str, ast.AST]]:
        """The nodes of the graded methods and of what they use, each with its function's name.

        Without the names that a function binds itself or the text defines, and without the
        attributes of the object itself.
        """
        subject = self.names.get(name)
        bases = self.bases.get(subject, [])

        def members(name: str) -> list[ast.AST]:
            return [own[name] for c in bases for own in self.members[c] if name in own]

        pending = [(m, found, True) for m in GRADED for found in members(m)[:1]]
        pending = pending if bases else [(name, subject, False)]
        seen: set[ast.AST | None] = {None}
        for function, definition, is_method in pending:
            if definition in seen:
                continue
            seen.add(definition)
            nodes, used, called = list(ast.walk(definition)), _globals(definition), set()
            names = self.scopes.get(definition, self.names)
            scope = {name: names[name] for name in used & names.keys()}
            first = next((node.arg for node in nodes if isinstance(node, ast.arg)), "")
            me = {"cls", first} if is_method and "staticmethod" not in used else set()  # self
            for node in nodes:
                found, own = [], False
                match node:
                    case ast.Call(func, more):  # a wrapped function comes first, data later
                        called.update([func, *(more[:1] if definition in self.scopes else [])])
                    case ast.FunctionDef(decorator_list=more) | ast.ClassDef(bases=more):
                        called.update(more)
                    case ast.Name(name):
                        found, own = [scope.get(name)], name in scope or name not in used
                    case ast.Attribute(ast.Call(ast.Name("super")), name):
                        found, own = members(name), True
                    case ast.Attribute(owner, name):
                        if (kin := _named(owner, scope)) in self.bases:
                            called.add(owner)
                        for given in getattr(kin, "keywords", []):  # of a namespace
                            if given.arg == name:
                                yield function, given
                                pending.append((name, given.value, False))
                        own = kin in bases or getattr(owner, "id", "") in me
                        if own or not hasattr(np.ndarray, name):
                            found = members(name)[: None if kin in bases else 1]
                if not own:
                    yield function, node
                for hit in found:
                    if hit not in bases and (isinstance(hit, FOLLOWED) or node in called):
                        pending.append((name, hit, isinstance(node, ast.Attribute)))


def _named(node: ast.AST, names: Mapping[str, ast.AST]) -> ast.AST | None:
    """The definition of a name; None if the node is not a name or the text does not define it."""
    return names.get(getattr(node, "id", ""))


def _sources(node: ast.AST, origins: dict[str, str]) -> list[str]:
    """Where what a node uses comes from, in full; of an attribute only its own name is known."""
    match node:
        case ast.Name(name):
            return [origins.get(name, f"builtins.{name}")]
        case ast.Attribute(ast.Name(owner), "reduce") if origins.get(owner, owner) == "functools":
            return ["functools.reduce"]
        case ast.Attribute(ast.Name(owner), "autograd" | "func" as name) if (
            origins.get(owner, owner) == "torch"
        ):
            return [f"torch.{name}"]
        case ast.Attribute(_, name):
            return [f".{name}"]
    return [origin for _, origin in imported(node)]


def _loop(node: ast.AST, sources: list[str]) -> str | None:
    names = [s.split(".")[-1] for s in sources if s not in (".filter", ".reduce")]  # np.add.reduce
    called = next((f"`{name}`" for name in names if name in LOOP_FUNCTIONS), None)
    return LOOPS.get(type(node), called)


def _globals(definition: ast.AST) -> set[str]:
    """The names that a definition takes from outside itself, as Python's compiler resolves them."""
    statement = definition if isinstance(definition, ast.stmt) else ast.Expr(definition)
    tree = ast.fix_missing_locations(ast.Module([statement], []))
    try:
        codes = [compile(tree, "", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)]
    except UNREADABLE:
        return set()
    for code in codes:
        codes += [inner for inner in code.co_consts if isinstance(inner, CodeType)]
    steps = (step for code in codes for step in dis.get_instructions(code))
    return {step.argval for step in steps if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
