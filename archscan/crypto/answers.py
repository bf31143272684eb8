"""What each call of a catalogued function selects: an algorithm, several, or what only the running program knows.

``value`` and ``set``
    the selecting argument is known, as one value or as several that different ways bring.
``runtime``
    a function of another library, which is named, returned it or filled it in.
``forwarded``
    it is a parameter of the function around, which other objects may call.
``unknown``
    it could not be followed; the reason says why.
"""

from __future__ import annotations

import re
from itertools import takewhile

import msgspec

from archscan.crypto.answer import NULL, OWN_RESULT, SELECTS_NOTHING, Answer, all_of, names_one, together
from archscan.crypto.book import Book, count, handle_of, holding, holds, written
from archscan.crypto.catalogue import Use
from archscan.crypto.entries import Selector
from archscan.crypto.entries import Text as Passed
from archscan.crypto.selected import by_number, by_text, is_text
from archscan.crypto.sources import decided, is_sure, of_field, of_kept, of_parameter
from archscan.elf.call_sites import Site
from archscan.elf.texts import number_at, numbers_at, string_at
from archscan.elf.values.domain import (
    Along,
    Atom,
    Computed,
    Counted,
    Element,
    Field,
    FieldAddress,
    Filled,
    Kept,
    Memory,
    Number,
    Parameter,
    Result,
    Text,
    Unknown,
)
from archscan.model import Outcome

_UNLISTED = "not in the catalogue"
_NONE = ("-1", str((1 << 32) - 1))
_DEEP = 4  # calls that pass an algorithm on to each other
_SETTING = re.compile(r"[Ii]nit|_enable$|_set")  # names of functions that change what a handle is for, and ask nothing
_MOST_OF_HANDLE = 200  # calls of a function that are looked at for what they do with a handle


def answer(book: Book, site: Site, use: Use, library: str, depth: int, *, sure: bool = True) -> Answer:
    """What the selecting argument of a call selects; nobody knows where it is not ``sure`` that it does."""
    if not sure and use.when is not None and not use.when.words:
        return _on_condition(book, site, use, library, depth)
    if use.algorithm is not None:
        return Answer(Outcome.VALUE, ((use.algorithm, ""),))
    first = use.argument
    if first is None or not _selects(use):
        return _ofhandle_of(book, site, library, depth)
    if site.arguments is None:
        return Answer(Outcome.UNKNOWN, reason=site.reason)
    if use.count is not None:
        use = msgspec.structs.replace(use, count=count(book, site, use.count))
    answers = [_of_argument(book, site, use, library, argument, depth) for argument in (first, *use.also)]
    return answers[0] if len(answers) == 1 else all_of(answers)


def _of_argument(book: Book, site: Site, use: Use, library: str, argument: int, depth: int) -> Answer:
    """What one argument of a call selects."""
    if site.arguments is None or argument >= len(site.arguments):
        return Answer(Outcome.UNKNOWN, reason="stack-argument")
    value = site.arguments[argument]
    value = book.sites.followed(site, value if use.text == Passed.POINTER else book.sites.texts(site, value))
    if is_text(_selector(book, use, library)):
        value = frozenset[Atom]().union(*(written(book, site, one) for one in value))
    found = {one: _of_atom(book, use, library, one, depth) for one in sorted(value, key=_order)}
    sure = [one for one in found if is_sure(one, text=is_text(_selector(book, use, library)))]
    return decided(list(found.values()), [found[one] for one in sure])


def _order(one: Atom) -> tuple[bool, str]:
    """What is filled in comes last: that who is named was given the address is less sure than what others return."""
    return isinstance(one, Filled), repr(one)


def _on_condition(book: Book, site: Site, use: Use, library: str, depth: int) -> Answer:
    """What a call selects if another argument is as the use wants it, which it may be: that, or nothing.

    Nobody knows where further uses may hold instead, or where the other argument comes from. Where that is known, but
    no number, what the selecting argument means is not said.
    """
    unknown, when = Answer(Outcome.UNKNOWN, reason=site.reason or "condition"), use.when
    arguments = site.arguments
    if when is None or arguments is None or when.argument >= len(arguments):
        return unknown
    uses = book.whose[site.symbol][0].uses
    if any(_may_select(book, site, one, library, depth) for one in uses[uses.index(use) + 1 :]):
        return unknown
    found = answer(book, site, use, library, depth)
    if found.outcome == Outcome.UNKNOWN or not names_one(found):
        return found  # whether it holds or not, no algorithm is selected
    other = sorted(book.sites.followed(site, arguments[when.argument]), key=repr)
    sources = [_of_atom(book, _plain(use), library, one, depth) for one in other if not isinstance(one, Number)]
    if not sources:
        return together([found, Answer(Outcome.SET, reason=f"or nothing, by argument {when.argument}")])
    source = together(sources)
    if source.outcome not in (Outcome.RUNTIME, Outcome.FORWARDED):
        return unknown
    return Answer(source.outcome, reason=f"if argument {when.argument} says so: {source.reason}")


def _may_select(book: Book, site: Site, use: Use, library: str, depth: int) -> bool:
    """Whether a use may hold, and may select an algorithm then."""
    found = SELECTS_NOTHING if holds(book, use, site) is False else answer(book, site, use, library, depth)
    return found.outcome == Outcome.UNKNOWN or names_one(found)


def _plain(use: Use) -> Use:
    """The same of an argument that selects nothing itself: where it comes from is asked, not what it means."""
    return msgspec.structs.replace(use, selector=None, selectors=(), points=None)


def _selects(use: Use) -> bool:
    """Whether an argument says which algorithm."""
    return use.algorithm is None and use.argument is not None and bool(use.selector or use.points)


def _ofhandle_of(book: Book, site: Site, library: str, depth: int) -> Answer:
    """What was selected for the handle that a call gets first, by who made it and by others that get it.

    Nobody knows where something else may have made it, or an own function gets it, which may select more.
    """
    none = Answer(Outcome.UNKNOWN, reason="no-selector")
    handle, sites = handle_of(site), book.by_function.get(site.number, ())
    calls = {one.call for one in handle if isinstance(one, Filled | Result)}
    if not handle or len(calls) < len(handle) or depth >= _DEEP or len(sites) > _MOST_OF_HANDLE:
        return none
    if any(handle & value for value in book.sites.passed_on(site.number)):
        return none
    makers, others = dict[int, Answer](), list[Answer]()
    for other in sites:
        symbol, whose, _ = book.whose[other.symbol]
        sets = bool(_SETTING.search(other.symbol) and handle & handle_of(other))
        if whose != library or not (other.address in calls or sets):
            continue
        use, sure = holding(book, symbol, other)
        if use is None or not _selects(use):
            continue
        selected = answer(book, other, use, library, depth + 1, sure=sure)
        if other.address in calls:
            makers[other.address] = selected
        else:
            others.append(selected)
    if any(book.sites.called(call) is None for call in calls - makers.keys()):
        return none  # own functions made it
    found = [one for one in (*makers.values(), *others) if names_one(one) or one.outcome != Outcome.VALUE]
    return together(found) if found else none


def _of_atom(book: Book, use: Use, library: str, atom: Atom, depth: int) -> Answer:
    if isinstance(atom, Computed):
        return _of_computed(book, use, library, atom, depth)
    if isinstance(atom, Kept):
        return of_kept(atom, "")
    return _of_place_or_value(book, use, library, atom, depth)


def _of_place_or_value(book: Book, use: Use, library: str, atom: Atom, depth: int) -> Answer:
    if isinstance(atom, Number):
        return _of_number(book, use, library, atom.value)
    if isinstance(atom, Parameter):
        return of_parameter(atom, "")
    if isinstance(atom, Result):
        return _of_result(book, use, atom.call, depth)
    if isinstance(atom, Filled):
        filler = book.sites.called(atom.call)
        if filler is None:
            return Answer(Outcome.UNKNOWN, reason="filled in by an own function")
        where = f"field {atom.at:#x} of what is filled in by" if atom.at else "filled in by"
        return Answer(Outcome.RUNTIME, reason=f"{where} {filler}")
    if isinstance(atom, Memory):
        return _of_memory(book, use, library, atom)
    if isinstance(atom, Text):
        return _of_text(book, use, library, atom.text.decode("ascii", "replace"))
    if isinstance(atom, Along | Element):
        return _of_table(book, use, library, atom, depth)
    if isinstance(atom, FieldAddress) and not is_text(_selector(book, use, library)):
        return _of_computed(book, use, library, Computed(atom.of), depth)  # a number was added to another one
    if isinstance(atom, Field | FieldAddress):
        return of_field(book, atom)
    return Answer(Outcome.UNKNOWN, reason=atom.reason if isinstance(atom, Unknown) else "stack-address")


def _of_computed(book: Book, use: Use, library: str, atom: Computed, depth: int) -> Answer:
    """A number that is computed of what comes from elsewhere; of a string nobody knows whether it is that."""
    found = _of_atom(book, _plain(use), library, atom.of, depth)
    if is_text(_selector(book, use, library)) or found.outcome not in (Outcome.RUNTIME, Outcome.FORWARDED):
        return Answer(Outcome.UNKNOWN, reason="computed")
    return Answer(Outcome.RUNTIME, reason=f"computed of {found.reason}")


def _of_number(book: Book, use: Use, library: str, number: int) -> Answer:
    """A constant: a number of an enumeration, the address of a string, or none at all."""
    if use.list and number:
        return _of_list(book, use, library, number)
    selector = _selector(book, use, library)
    if selector is None and number in book.sites.named:
        found = _of_symbol(book, use, book.sites.named[number], "&")
        return found or Answer(Outcome.UNKNOWN, reason="address")
    if selector is None or (number == 0 and selector.kind not in ("number", "bits")):
        return NULL if number == 0 else Answer(Outcome.UNKNOWN, reason="address")
    if selector.kind in ("number", "bits"):
        values = by_number(selector, number)
        if values is None:
            passed = number if -(1 << 31) <= number < 1 << 32 else number % (1 << 32)  # an enumeration has 32 bits
            return Answer(Outcome.VALUE, (("none", str(passed)),), _UNLISTED)
        return Answer(Outcome.VALUE, tuple((one.algorithm, one.text) for one in values))
    text = string_at(book.image, number)
    return Answer(Outcome.UNKNOWN, reason="no-string") if text is None else _of_text(book, use, library, text)


def _of_list(book: Book, use: Use, library: str, address: int) -> Answer:
    """What the numbers of a list select that nobody changes."""
    numbers = numbers_at(book.image, address, 4, use.count)
    if numbers is None:
        return Answer(Outcome.UNKNOWN, reason="no-list")
    one_of = msgspec.structs.replace(use, list=False)
    return all_of([_of_number(book, one_of, library, number) for number in numbers]) if numbers else NULL


def _of_symbol(book: Book, use: Use, symbol: str, before: str = "", behind: str = "") -> Answer | None:
    """The algorithm for which a symbol stands that has the type that is asked for; None for any other."""
    known = book.whose.get(symbol)
    fixed = known[0].uses[0].algorithm if known and use.points and known[0].returns == use.points else None
    return Answer(Outcome.VALUE, ((fixed, f"{before}{symbol}{behind}"),)) if fixed else None


def _selector(book: Book, use: Use, library: str) -> Selector | None:
    return book.catalogue.selectors.get(dict(use.selectors).get(library, use.selector or ""))


def _of_text(book: Book, use: Use, library: str, text: str) -> Answer:
    """A string, which names an algorithm, lists some, or none that is known."""
    selector = _selector(book, use, library)
    if selector is None or not is_text(selector):
        return Answer(Outcome.UNKNOWN, reason="address")
    values = by_text(selector, text)
    reason = _UNLISTED if values is None else None
    algorithms = tuple((one.algorithm, f'"{text}"') for one in values or ())
    return Answer(Outcome.VALUE, algorithms or (("none", f'"{text}"'),), reason)


def _of_table(book: Book, use: Use, library: str, atom: Along | Element, depth: int) -> Answer:
    """What the entries of a table select, as many as a comparison lets be read, or up to a NULL at its end.

    Where another end is seen, nobody says that it is the table's; but who counts may be known.
    """
    as_text = is_text(_selector(book, use, library))
    if isinstance(atom, Along) and not as_text:
        # The numbers themselves, and nobody knows how many.
        return _counted_by(book, use, library, atom, depth, Answer(Outcome.UNKNOWN, reason="counted"))
    table, width = (atom.at, atom.width) if isinstance(atom, Element) else (atom, 0)
    addresses, found, left_out = book.sites.entries(table), list[Answer](), 0
    for address in addresses:
        if isinstance(atom, Element) and _is_unlike(book, atom, address):
            left_out += 1
            continue
        at = Memory(address, width)
        entry = _of_memory(book, use, library, at) if width else _of_number(book, use, library, address)
        if not entry.algorithms and not (table.end and entry.outcome == Outcome.VALUE):
            break
        if not (table.end or as_text) and _is_beyond(entry):
            break
        found.append(entry)
    nothing = [place for place, entry in enumerate(found) if entry.algorithms == NULL.algorithms]
    if table.end:
        known = len(found) + left_out == len(addresses)
    else:
        # Behind a NULL that is followed by more, entries may go on. What is counted by what was computed may be counted
        # in larger steps, so that the NULL is a part of an entry.
        steps = not isinstance(table.of, Unknown)
        known = steps and bool(nothing) and nothing[0] + len(nothing) == len(found)
        found = [entry for entry in found if entry.algorithms != NULL.algorithms]
    if not found or (not known and not any(map(names_one, found))):
        return Answer(Outcome.UNKNOWN, reason="indexed")
    every = together(found)
    if known:
        return every
    return _counted_by(book, use, library, table, depth, Answer(Outcome.UNKNOWN, every.algorithms, "indexed"))


def _is_beyond(entry: Answer) -> bool:
    """Whether an entry may lie behind the table: any bytes are a number. By -1 tables say that there is none."""
    return entry.reason == _UNLISTED and entry.algorithms[0][1] not in _NONE


def _counted_by(book: Book, use: Use, library: str, line: Along, depth: int, unknown: Answer) -> Answer:
    """Who decides which number or entry is taken: where what is counted by comes from elsewhere, that; else nobody.

    A result that was compared with 0 is a 0 at hand for the compiler, by which it then takes the first entry.
    """
    if isinstance(line.of, Counted | Result) or (unknown.reason == "indexed" and not line.table):
        return unknown  # without a table it is a pointer that was moved on
    source = _of_atom(book, _plain(use), library, line.of, depth)
    if source.outcome not in (Outcome.RUNTIME, Outcome.FORWARDED):
        return unknown
    how = "indexed by" if unknown.reason == "indexed" else "computed of"
    return Answer(Outcome.RUNTIME, unknown.algorithms, f"{how} {source.reason}")


def _is_unlike(book: Book, atom: Element, address: int) -> bool:
    """Whether an entry holds a number that a comparison has turned away; the address of another's symbol is none."""
    return address not in book.sites.slots and number_at(book.image, address, atom.width) in atom.unlike


def _of_result(book: Book, use: Use, call: int, depth: int) -> Answer:
    """What another call returned: an algorithm that it names, or something that the running program decides."""
    called = book.sites.called(call)
    if called is None:
        return _of_indirect(book, use, call)
    known = book.whose.get(called)
    if known is None or depth >= _DEEP or not (use.points and known[0].returns == use.points):
        return Answer(Outcome.RUNTIME, reason=f"result of {called}")
    site = book.by_address.get(call)
    if site is None:
        return Answer(Outcome.UNKNOWN, reason="left-out")
    lookup, sure = holding(book, known[0], site)
    found = answer(book, site, lookup, known[1], depth + 1, sure=sure) if lookup else SELECTS_NOTHING
    algorithms = tuple((algorithm, f"{called}({text})") for algorithm, text in found.algorithms)
    return Answer(found.outcome, algorithms, found.reason)


def _of_indirect(book: Book, use: Use, call: int) -> Answer:
    """What any of the functions of a table returns, each an algorithm; or the place that says which function it is."""
    found = [_of_function(book, use, one) for one in sorted(book.sites.leads_to(call), key=repr)]
    return together(found) if found else OWN_RESULT


def _of_function(book: Book, use: Use, leads_to: Atom) -> Answer:
    """What a function returns that is called where a value points; of a table, any as far as its end is known."""
    if isinstance(leads_to, Element):
        places = book.sites.entries(leads_to.at)
    elif isinstance(leads_to, Memory):
        places = [leads_to.address]
    elif isinstance(leads_to, Number) and leads_to.value in book.sites.named:
        return _of_symbol(book, use, book.sites.named[leads_to.value], behind="()") or OWN_RESULT
    else:
        return _of_place(book, leads_to)
    symbols = [one for one in takewhile(bool, (_symbol_at(book, place) for place in places)) if one]
    if not symbols:
        return _of_place(book, leads_to)
    found = [_of_symbol(book, use, symbol, behind="()") for symbol in symbols]
    if None in found:
        return OWN_RESULT
    whole = isinstance(leads_to, Memory) or (leads_to.at.end > 0 and len(symbols) == len(places))
    every = together([one for one in found if one])
    return every if whole else Answer(Outcome.UNKNOWN, every.algorithms, "indexed")


def _symbol_at(book: Book, place: int) -> str | None:
    """The symbol whose address stands at a place that nobody changes."""
    if place in book.sites.slots or not book.sites.named:
        return book.sites.slots.get(place)
    return book.sites.named.get(number_at(book.image, place, book.image.bits // 8) or 0)


def _of_place(book: Book, leads_to: Atom) -> Answer:
    """What is returned by a function whose address others keep, in a place that is known."""
    if isinstance(leads_to, Field | Parameter):
        found = of_field(book, leads_to) if isinstance(leads_to, Field) else of_parameter(leads_to, "")
        if found.outcome != Outcome.UNKNOWN:
            return Answer(Outcome.RUNTIME, reason=f"result of the function at {found.reason}")
    return OWN_RESULT


def _of_memory(book: Book, use: Use, library: str, place: Memory) -> Answer:
    """What stands in the object: the address of another library's data, a constant pointer, or a variable."""
    address, named = place.address, book.sites.slots.get(place.address)
    if found := _of_symbol(book, use, named or "", "&"):
        return found
    if named is not None and address not in book.sites.own:
        return Answer(Outcome.RUNTIME, reason=f"{named}, of another library")
    number = book.sites.own.get(address, number_at(book.image, address, place.width))
    return Answer(Outcome.UNKNOWN, reason="variable") if number is None else _of_number(book, use, library, number)
