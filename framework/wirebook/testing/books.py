"""Books: what always holds of them, and a stream of events with plain books beside that tell what they must come to."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wirebook._engine import BookFacts, LevelFacts
    from wirebook.testing.events import Event

SYMBOL = "WIRE"
"""Symbol of the one instrument."""

INSTRUMENT = 7
"""Its key, where messages carry it."""


def unsound(book: BookFacts, *, ids_per_side: bool = False, given: bool = False) -> Iterator[str]:
    """What is wrong with a book whatever the venue sent, in words.

    With ``ids_per_side`` the venue's order ids are unique only within a side. A ``given`` book is a list that the venue
    dictates entry by entry: whether an id comes again in it is the venue's.
    """
    ids: set[int] = set()
    for side, levels, direction in (("bids", book["bids"], -1), ("asks", book["asks"], 1)):
        if ids_per_side:
            ids = set()
        prices = [price * direction for price, *_ in levels]
        if prices != sorted(set(prices)):
            yield f"{side}: prices are not in order, each once: {[level[0] for level in levels]}"
        for level in levels:
            yield from (f"{side} at {level[0]}: {what}" for what in _unsound_level(level, ids, given=given))


def _unsound_level(level: LevelFacts, ids: set[int], *, given: bool) -> Iterator[str]:
    _, quantity, count, orders = level
    if not orders:
        return
    if count != len(orders):
        yield f"counts {count} orders and queues {len(orders)}"
    if quantity != sum(each for _, each in orders):
        yield f"quantity {quantity} is not the sum of its queue {orders}"
    for order_id, each in orders:
        if each < 0:
            yield f"order {order_id} has quantity {each}"
        if order_id in ids and not given:
            yield f"order {order_id} rests twice"
        ids.add(order_id)


def has_queues(book: BookFacts) -> bool:
    """Whether the book is made of orders, and not of levels that the venue gives."""
    return all(orders for *_, orders in (*book["bids"], *book["asks"]))


def is_crossed(book: BookFacts) -> bool:
    """Whether the best bid is not below the best ask."""
    return bool(book["bids"] and book["asks"]) and book["bids"][0][0] >= book["asks"][0][0]


@attrs.define
class PlainBook:
    """Orders of one instrument in the simplest form that can be right: a list in the order of their arrival."""

    orders: list[tuple[int, str, int, int]] = attrs.field(factory=list)
    """Id, side, price and quantity of each."""

    def add(self, order_id: int, side: str, price: int, quantity: int) -> None:
        """A new order at the back."""
        self.orders.append((order_id, side, price, quantity))

    def take(self, order_id: int, quantity: int | None) -> None:
        """Takes a quantity off an order, all of it where it is None."""
        for at, (each, side, price, left) in enumerate(self.orders):
            if each == order_id:
                rest = 0 if quantity is None else left - quantity
                self.orders[at : at + 1] = [(each, side, price, rest)] if rest > 0 else []
                return

    def levels(self, side: str) -> list[LevelFacts]:
        """Levels of a side, best first, each with its queue."""
        prices = sorted({price for _, each, price, _ in self.orders if each == side}, reverse=side == "B")
        return [self._level(side, price) for price in prices]

    def _level(self, side: str, price: int) -> LevelFacts:
        queue = [(order_id, left) for order_id, each, at, left in self.orders if (each, at) == (side, price)]
        return (price, sum(left for _, left in queue), len(queue), queue)


@attrs.define
class Stream:
    """Event groups of a plausible market, one at a time, with the plain book that they make.

    Prices of bids are below those of asks, so that nothing that is right ever crosses.
    """

    seed: int
    tick: int
    """Distance of prices, in the protocol's scale."""
    ts: int
    book: PlainBook = attrs.field(factory=PlainBook)
    next_id: int = 1
    _random: random.Random = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def group(self, kinds: Iterable[str]) -> list[Event]:
        """Gives the next group: an add, or one of the kinds about an order that rests."""
        rest = self.book.orders
        kind = self._random.choice(sorted(kinds)) if len(rest) > 8 or (rest and self._random.random() < 0.4) else "add"
        return self._add() if kind == "add" else self._about_order(kind)

    def _add(self) -> list[Event]:
        side = self._random.choice("BA")
        distance = self._random.randint(1, 5) * self.tick
        price = 1_000 * self.tick + (distance if side == "A" else -distance)
        quantity = 100 * self._random.randint(1, 9)
        order_id, self.next_id = self.next_id, self.next_id + 1
        self.book.add(order_id, side, price, quantity)
        add: Event = {"kind": "add", "order_id": order_id, "side": side, "price": price, "quantity": quantity}
        return [definition(self.ts), self._completed(add)]

    def _about_order(self, kind: str) -> list[Event]:
        order_id, _, _, left = self._random.choice(self.book.orders)
        if kind == "delete":
            self.book.take(order_id, None)
            return [self._completed({"kind": "delete", "order_id": order_id})]
        quantity = self._random.choice([left, 100])
        self.book.take(order_id, quantity)
        event: Event = {"kind": kind, "order_id": order_id, "quantity": quantity}
        if kind == "execute":
            event["match_id"] = 1_000_000 + self.next_id
        return [self._completed(event)]

    def _completed(self, event: Event) -> Event:
        return {**event, "instrument": INSTRUMENT, "ts": self.ts}


def definition(ts: int) -> Event:
    """Names the instrument, which encoders need where messages carry symbols."""
    return {"kind": "definition", "instrument": INSTRUMENT, "last": False, "ts": ts, "record": {"text": SYMBOL}}
