"""One call to the REST API: its route, its parameters, and what a handler may ask of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.adobe_commerce import search
from sandbox.adobe_commerce.places import BY_CODE, StoreView
from sandbox.adobe_commerce.wire import Refused, internal_error, required, wrong_type

Record = dict[str, Any]


@dataclass
class Call:
    """``scope`` is the store code of the path or of the Store header: "all", or a view's code."""

    method: str
    params: dict[str, str]
    query: str
    body: Any
    scope: str
    limits: search.Limits
    past_last_page: str
    base_url: str
    bulk: bool = False

    @property
    def view(self) -> StoreView | None:
        """The store view of the call; none for "all"."""
        return BY_CODE.get(self.scope)

    def search(
        self,
        rows: Sequence[Record],
        columns: Collection[str],
        *,
        unknown: Callable[[str], Refused] = lambda name: internal_error(),
    ) -> Record:
        return search.apply(
            rows,
            search.read(self.query, self.limits),
            columns=columns,
            limits=self.limits,
            past_last_page=self.past_last_page,
            unknown=unknown,
        )

    def criteria(self) -> search.Criteria:
        return search.read(self.query, self.limits)

    def need(self, name: str) -> Record:
        """A parameter of the body that must be an object."""
        if not isinstance(self.body, dict) or self.body.get(name) is None:
            raise required(name)
        value = self.body[name]
        if not isinstance(value, dict):
            raise wrong_type(value, "array", name)
        return value

    def need_array(self, name: str) -> list[Record]:
        if not isinstance(self.body, dict) or self.body.get(name) is None:
            raise required(name)
        rows = array(self.body[name], name)
        self.limits.check_array(name, len(rows), bulk=self.bulk)
        return rows


@dataclass(frozen=True)
class Route:
    """``path`` is what follows V1, with {names} for parameters."""

    method: str
    path: str
    resource: str
    handler: Callable[[Call], Any]
    public: bool = False
    parts: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.path.split("/")))

    @property
    def async_path(self) -> str:
        """The path of its asynchronous twin: parameters become "by" and their name."""
        return "/".join(
            f"by{part[1:2].upper()}{part[2:-1]}" if part.startswith("{") else part
            for part in self.parts
        )

    def match(self, given: Sequence[str]) -> dict[str, str] | None:
        if len(given) != len(self.parts):
            return None
        found = {}
        for part, value in zip(self.parts, given, strict=True):
            if part.startswith("{"):
                found[part[1:-1]] = value
            elif part != value:
                return None
        return found


def check_names(given: Record, known: Iterable[str], interface: str) -> None:
    """Refuse a property that the interface has no accessor for."""
    allowed = set(known)
    for name in given:
        if name not in allowed:
            camel = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
            raise Refused(
                400,
                f'Property "{camel}" does not have accessor method "get{camel}" in class '
                f'"{interface}".',
            )


def array(value: Any, name: str) -> list[Record]:
    if value is None:
        return []
    if not isinstance(value, list) or any(not isinstance(row, dict) for row in value):
        raise wrong_type(value if isinstance(value, str) else "", "array", name)
    return value


def flag(value: Any, name: str) -> bool:
    if value in (None, False, 0, "0", "false", ""):
        return False
    if value in (True, 1, "1", "true"):
        return True
    raise wrong_type(value, "bool", name)
