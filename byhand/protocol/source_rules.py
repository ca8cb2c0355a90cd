"""The course's rules that are read off a solution's text: no Python loops, NumPy and SciPy only."""

import ast
import linecache
import sys
from collections.abc import Iterator, Set
from dataclasses import dataclass
from functools import lru_cache
from types import FunctionType, ModuleType
from typing import Any

GRADED = frozenset(
    "compute_output compute_grad_input update_grad_parameters forward backward __call__".split()
)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
LOOP_FUNCTIONS = frozenset({"map", "filter", "reduce", "starmap"})
LOOP_METHODS = frozenset(
    "vectorize apply_along_axis apply_over_axes frompyfunc fromiter nditer ndindex ndenumerate "
    "starmap".split()
)
AUTOGRAD = frozenset("backward autograd func _functorch forward_ad jvp jacfwd".split())
ALLOWED = frozenset({"numpy", "scipy", "byhand", "given", "__main__", ""}) | sys.stdlib_module_names


@dataclass(frozen=True)
class Program:
    """The text of a student's cells and where the names in it come from (alias -> module)."""

    text: str
    origins: dict[str, str]


def broken_rules(
    program: Program, name: str, loops: bool = False, torch: bool = False, autograd: bool = True
) -> list[str]:
    """What in the graded methods of class (or in function) `name` breaks a rule, in words.

    loops, torch, autograd: whether loops, PyTorch and its autograd are allowed. A text that cannot
    be parsed breaks none: it has not run.
    """
    allowed = ALLOWED | {"torch"} if torch else ALLOWED
    try:
        definitions = _definitions(program.text)
    except SyntaxError:
        return []
    found: dict[str, None] = {}
    for function, node in _reached(definitions, name):
        if not loops and (what := _loop(node)):
            line = program.text.splitlines()[node.lineno - 1].strip()
            found[f"{function} loops with {what}: `{line}`; write it as array operations"] = None
        if not autograd and (what := _autograd(node, program.origins)):
            found[f"{function} uses autograd (`{what}`); here the gradient is yours"] = None
        if origin := _foreign(node, program.origins, allowed):
            libraries = "NumPy, SciPy and PyTorch" if torch else "NumPy and SciPy"
            found[f"{function} uses {origin}; a solution is {libraries} only"] = None
    return list(found)


def has_loop(program: Program, name: str) -> bool:
    """Whether there is a Python loop in the graded methods of class (or in function) `name`.

    In a text that cannot be parsed there may be one.
    """
    try:
        definitions = _definitions(program.text)
    except SyntaxError:
        return True
    return any(_loop(node) for _, node in _reached(definitions, name))


def program_of(subject: Any) -> Program:
    """The text of the cells that define a class or function and what it uses, read from memory."""
    files: dict[str, None] = {}
    origins: dict[str, str] = {}
    pending, seen = [subject], set()
    while pending:
        thing = pending.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        for function in _functions(thing):
            code, names = function.__code__, function.__globals__
            files[code.co_filename] = None
            for name in _names(code):
                value = names.get(name)
                if isinstance(value, ModuleType):
                    origins[name] = value.__name__
                elif isinstance(value, FunctionType | type):
                    if value.__module__ == function.__module__:
                        pending.append(value)
                    else:
                        origins[name] = value.__module__
    text = "\n".join("".join(linecache.getlines(file)) for file in files)
    return Program(text, origins)


def _functions(thing: Any) -> list[FunctionType]:
    if isinstance(thing, FunctionType):
        return [thing]
    members = [m for base in getattr(thing, "__mro__", ()) for m in vars(base).values()]
    members = [getattr(m, "fget", None) or getattr(m, "__func__", m) for m in members]
    home = getattr(thing, "__module__", None)
    return [m for m in members if isinstance(m, FunctionType) and m.__module__ == home]


def _names(code: Any) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if hasattr(constant, "co_names"):
            yield from _names(constant)


@lru_cache(maxsize=4)
def _definitions(text: str) -> dict[str, ast.AST]:
    """Top-level functions and classes by name, other names for them too; the last one counts."""
    definitions: dict[str, ast.AST] = {}
    for node in ast.parse(text).body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                definitions[node.name] = node
            case ast.Assign([ast.Name(alias)], ast.Name(name)) if name in definitions:
                definitions[alias] = definitions[name]
    return definitions


def _reached(definitions: dict[str, ast.AST], name: str) -> Iterator[tuple[str, ast.AST]]:
    """Every node of the graded methods and of the helpers that they call."""
    subject = definitions.get(name)
    methods = _methods(definitions, subject) if isinstance(subject, ast.ClassDef) else {}
    pending = [m for m in GRADED if m in methods]
    if isinstance(subject, ast.FunctionDef):
        pending.append(name)
    seen: set[str] = set()
    while pending:
        function = pending.pop()
        if function in seen:
            continue
        seen.add(function)
        body = methods.get(function) or definitions[function]
        for node in ast.walk(body):
            yield function, node
            if isinstance(node, ast.Attribute) and node.attr in methods:
                pending.append(node.attr)
            elif isinstance(node, ast.Name) and node.id in definitions and node.id != name:
                pending.append(node.id)


def _methods(definitions: dict[str, ast.AST], subject: ast.ClassDef) -> dict[str, ast.AST]:
    """A class's methods, those of its base classes in the same text included."""
    methods: dict[str, ast.AST] = {}
    for base in subject.bases:
        parent = definitions.get(base.id) if isinstance(base, ast.Name) else None
        if isinstance(parent, ast.ClassDef) and parent is not subject:
            methods |= _methods(definitions, parent)
    own = (n for n in subject.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return methods | {node.name: node for node in own}


def _loop(node: ast.AST) -> str | None:
    if isinstance(node, LOOPS):
        return "`while`" if isinstance(node, ast.While) else "`for`"
    if isinstance(node, COMPREHENSIONS):
        return "a comprehension"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        called = node.func.id
        return f"`{called}`" if called in LOOP_FUNCTIONS | LOOP_METHODS else None
    if isinstance(node, ast.Attribute) and node.attr in LOOP_METHODS:
        return f"`{node.attr}`"
    if isinstance(node, ast.Attribute) and node.attr == "reduce":
        owner = node.value
        return "`reduce`" if isinstance(owner, ast.Name) and owner.id == "functools" else None
    return None


def _autograd(node: ast.AST, origins: dict[str, str]) -> str | None:
    match node:
        case ast.Attribute(attr=used) if used in AUTOGRAD:
            return used
        case ast.Name(id=used) if AUTOGRAD & set(origins.get(used, "").split(".")):
            return used
        case ast.ImportFrom(module=str(module)) if AUTOGRAD & set(module.split(".")):
            return module
    return None


def _foreign(node: ast.AST, origins: dict[str, str], allowed: Set[str]) -> str | None:
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        modules = [node.module or ""]
    elif isinstance(node, ast.Name) and node.id in origins:
        modules = [origins[node.id]]
    else:
        return None
    return next((m for m in modules if m.split(".")[0] not in allowed), None)
