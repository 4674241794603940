"""What a mutant changes: small edits of a Solidity file, read off the compiler's syntax tree. Pure.

An edit is a span of bytes and what stands there instead. Edits that change nothing by rule (an unsigned number that is
compared with zero) are not made.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Node = dict[str, Any]

COMPARISONS = {"<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"), "==": ("!=",), "!=": ("==",)}
NEAR = {"==": ("<=", ">="), "!=": ("<", ">")}  # of numbers only
ARITHMETIC = {"+": "-", "-": "+", "*": "/", "/": "*", "%": "*", "<<": ">>", ">>": "<<", "&": "|", "|": "&", "^": "&"}
CONNECTIVES = {"&&": "||", "||": "&&"}
YUL = {
    "add": "sub", "sub": "add", "mul": "div", "div": "mul", "shl": "shr", "shr": "shl", "and": "or", "or": "and",
    "lt": "gt", "gt": "lt", "eq": "lt", "mod": "mul",
}  # fmt: skip
# What can be left out of a function: its effects.
EFFECTS = ("Assignment", "FunctionCall", "UnaryOperation")


@dataclass(frozen=True)
class Edit:
    """Bytes `start` to `end` of a file become `text`; `kind` is the sort of change."""

    kind: str
    start: int
    end: int
    text: str


def edits(tree: Node, source: bytes) -> Iterator[Edit]:
    """Every edit of the contracts and libraries of a file, in the tree's order."""
    masked = _without_comments(source)
    for node in _nodes(tree):
        make = MAKERS.get(node.get("nodeType", ""))
        if make:
            yield from make(node, masked)


def _nodes(node: object) -> Iterator[Node]:
    """The nodes below, without types, as `uint256[2]` is nothing to run, and without Yul's copies of them."""
    if isinstance(node, list):
        for one in node:
            yield from _nodes(one)
    elif isinstance(node, dict):
        if "nodeType" in node:
            yield node
        for name, child in node.items():
            if name not in ("typeName", "typeDescriptions", "externalReferences", "overrides", "documentation"):
                yield from _nodes(child)


def span(node: Node) -> tuple[int, int]:
    """Where a node starts and ends, in bytes."""
    start, length, _ = (int(part) for part in node["src"].split(":"))
    return start, start + length


def _without_comments(source: bytes) -> bytes:
    """As long as before; comments are blanks."""
    return re.sub(rb"//[^\n]*|/\*.*?\*/", lambda found: b" " * len(found[0]), source, flags=re.DOTALL)


def _operator(left: int, right: int, operator: str, source: bytes) -> tuple[int, int]:
    start = source.index(operator.encode(), left, right)
    return start, start + len(operator)


def _text(node: Node, source: bytes) -> str:
    start, end = span(node)
    return source[start:end].decode()


def _type(node: Node) -> str:
    return str(node["typeDescriptions"].get("typeString", ""))


def _is_zero(node: Node) -> bool:
    return bool(node["nodeType"] == "Literal" and node["value"] == "0")


# --------------------------------------------------------------------------------------------------- expressions


def _binary(node: Node, source: bytes) -> Iterator[Edit]:
    left, right, operator = node["leftExpression"], node["rightExpression"], node["operator"]
    place = _operator(span(left)[1], span(right)[0], operator, source)
    if operator in CONNECTIVES:
        yield Edit("connective", *place, CONNECTIVES[operator])
        yield Edit("connective", *span(node), _text(left, source))
        yield Edit("connective", *span(node), _text(right, source))
    elif operator in COMPARISONS:
        yield from (Edit("comparison", *place, other) for other in _neighbours(operator, left, right))
    elif operator in ARITHMETIC:
        yield Edit("arithmetic", *place, ARITHMETIC[operator])


def _neighbours(operator: str, left: Node, right: Node) -> Iterator[str]:
    """Operators that decide otherwise for some value."""
    number = re.match(r"u?int", _type(left)) is not None
    unsigned = not re.match(r"int\d", _type(left)) and _is_zero(right)
    for other in (*COMPARISONS[operator], *(NEAR.get(operator, ()) if number else ())):
        same = unsigned and (operator, other) in {("==", "<="), ("!=", ">"), (">", "!="), ("<=", "==")}
        if not same:
            yield other


def _assignment(node: Node, source: bytes) -> Iterator[Edit]:
    operator = node["operator"]
    place = _operator(span(node["leftHandSide"])[1], span(node["rightHandSide"])[0], operator, source)
    if operator[:-1] in ARITHMETIC:
        yield Edit("arithmetic", *place, f"{ARITHMETIC[operator[:-1]]}=")


def _unary(node: Node, source: bytes) -> Iterator[Edit]:
    start, end = span(node)
    operator = node["operator"]
    place = (start, start + len(operator)) if node["prefix"] else (end - len(operator), end)
    if operator in ("++", "--"):
        yield Edit("arithmetic", *place, "--" if operator == "++" else "++")
    elif operator in ("!", "~", "-"):
        yield Edit("connective" if operator == "!" else "arithmetic", *place, "")


def _literal(node: Node, source: bytes) -> Iterator[Edit]:
    if node["kind"] == "bool":
        yield Edit("literal", *span(node), "false" if node["value"] == "true" else "true")
    elif node["kind"] == "number" and not _type(node).startswith("address"):
        yield from (Edit("literal", *span(node), text) for text in _next_to(node["value"]))


def _next_to(literal: str) -> Iterator[str]:
    """One more and one less, written as a number that the compiler takes for one of the same kind."""
    digits = literal.replace("_", "")
    mantissa, _, exponent = digits.partition("e") if not digits.startswith("0x") else (digits, "", "")
    value = int(mantissa, 0) * 10 ** int(exponent or 0)
    write = hex if digits.startswith("0x") else str
    yield write(value + 1)
    if value > 0:
        yield write(value - 1)


def _condition(node: Node, source: bytes) -> Iterator[Edit]:
    """Negated, where no other edit says the same."""
    condition = node["condition"]
    if condition:
        yield from _negated("condition", condition, source)


def _negated(kind: str, condition: Node, source: bytes) -> Iterator[Edit]:
    compared = condition["nodeType"] == "BinaryOperation" and condition["operator"] in COMPARISONS
    inverted = condition["nodeType"] == "UnaryOperation" and condition["operator"] == "!"
    constant = condition["nodeType"] == "Literal"
    if not compared and not inverted and not constant:
        yield Edit(kind, *span(condition), f"!({_text(condition, source)})")


def _call(node: Node, source: bytes) -> Iterator[Edit]:
    called = node["expression"]
    if called.get("name") == "require":
        condition = node["arguments"][0]
        yield Edit("require", *span(condition), "true")
        yield from _negated("require", condition, source)
    elif called["nodeType"] == "MemberAccess" and called["memberName"] in ("min", "max"):
        _, end = span(called)
        other = "max" if called["memberName"] == "min" else "min"
        yield Edit("arithmetic", end - 3, end, other)


# ---------------------------------------------------------------------------------------------------- statements


def _statement(node: Node, source: bytes) -> Iterator[Edit]:
    """Left out. A `require` has edits of its own."""
    inner: Node = node.get("expression") or node["eventCall"]
    if inner["nodeType"] in EFFECTS and inner.get("expression", {}).get("name") not in ("require", "revert"):
        yield from _left_out(node, source)


def _left_out(node: Node, source: bytes) -> Iterator[Edit]:
    """The span of a statement may or may not have its semicolon."""
    start, end = span(node)
    semicolon = re.compile(rb"\s*;").match(source, end)
    yield Edit("statement", start, semicolon.end() if semicolon else end, "{}")


def _modifier(node: Node, source: bytes) -> Iterator[Edit]:
    if node.get("kind") == "modifierInvocation":
        yield Edit("modifier", *span(node), "")


# -------------------------------------------------------------------------------------------------------- assembly


def _yul_call(node: Node, source: bytes) -> Iterator[Edit]:
    name = node["functionName"]
    if name["name"] in YUL:
        yield Edit("assembly", *span(name), YUL[name["name"]])


def _yul_literal(node: Node, source: bytes) -> Iterator[Edit]:
    if node["kind"] == "number":
        yield from (Edit("assembly", *span(node), text) for text in _next_to(node["value"]))


def _yul_statement(node: Node, source: bytes) -> Iterator[Edit]:
    yield Edit("assembly", *span(node), "{}")


MAKERS = {
    "BinaryOperation": _binary,
    "Assignment": _assignment,
    "UnaryOperation": _unary,
    "Literal": _literal,
    "IfStatement": _condition,
    "WhileStatement": _condition,
    "ForStatement": _condition,
    "Conditional": _condition,
    "FunctionCall": _call,
    "ExpressionStatement": _statement,
    "EmitStatement": _statement,
    "Break": _left_out,
    "ModifierInvocation": _modifier,
    "YulFunctionCall": _yul_call,
    "YulLiteral": _yul_literal,
    "YulAssignment": _yul_statement,
    "YulExpressionStatement": _yul_statement,
}
