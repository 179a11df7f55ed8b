"""The suite: each test is one promise that a decoder makes. docs/conformance.md says what to do where one is broken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

import hypothesis
from hypothesis import HealthCheck, Phase

from wirebook import _engine, plugins
from wirebook.testing import findings
from wirebook.testing.books import INSTRUMENT, SYMBOL, Stream, has_queues, is_crossed, unsound
from wirebook.testing.coverage import coverage
from wirebook.testing.events import Event, comparable
from wirebook.testing.findings import BUDGETS, Budget, Findings, Rate
from wirebook.testing.messages import messages
from wirebook.testing.reporter import Reporter
from wirebook.testing.subject import PACKET_MESSAGES, Subject, in_words, same_events, session_of, values_of
from wirebook.testing.vectors import Vector, load_vectors

if TYPE_CHECKING:
    import pytest

LARGEST = 2**63 - 1
"""A record's value that did not fit: the message cannot come back."""

NOBODY = b"\xff" * 4
"""The instrument key that means none, as 32 bits of it stand on the wire."""

SECOND_NS = 1_000_000_000
"""Times that count from a second are behind it by less."""

ORDER_KINDS = ("delete", "execute", "reduce")
"""What can happen to an order, for books."""

LEVEL_KINDS = ("level_set", "level_delete")
"""What makes a book one of levels that the venue gives."""


class DecoderConformance:
    """What every decoder must keep to, for one protocol.

    A subclass names the protocol and its vectors; pytest then runs all of it. What the plugin does not declare in its
    :class:`wirebook.Capabilities` is not asked of it, and there are no tests of it.
    """

    protocol: ClassVar[str]
    """Name of the protocol, as ``--protocol`` takes it."""
    vectors: ClassVar[Path]
    """A file of vectors, or a folder with files ``*.yaml``; those of other protocols are left alone."""
    also_vectors_of: ClassVar[tuple[str, ...]] = ()
    """Protocols whose vectors in the folder hold for this one too, but for types that it does not have."""
    exact: ClassVar[bool] = False
    """Events of a vector encode to its very bytes; else to a message of the same events."""
    every_type: ClassVar[bool] = False
    """Every message type must have a vector; else the report says which have none."""
    examples: ClassVar[int] = 100
    """Messages of each type that are generated for the round trip."""
    budget: ClassVar[Budget | None] = None
    """What decoding may take; that of the family where it is None."""

    _subject: ClassVar[Subject | None] = None

    @classmethod
    def subject(cls) -> Subject:
        """Gives the protocol under test; loaded once a class."""
        if "_subject" not in vars(cls) or cls._subject is None:
            installed = plugins.installed().find(cls.protocol)
            vectors = tuple(each for each in load_vectors(cls.vectors) if each.protocol == cls.protocol)
            subject = Subject(installed, vectors)
            lent = tuple(
                each
                for each in load_vectors(cls.vectors)
                if each.protocol in cls.also_vectors_of and subject.type_of(each.message) is not None
            )
            cls._subject = Subject(installed, vectors + lent)
        return cls._subject

    @classmethod
    def findings(cls) -> Findings:
        """Gives what this class has found out so far."""
        return findings.ALL.setdefault(f"{cls.__module__}.{cls.__qualname__}", Findings(cls.protocol))

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Makes a test of each vector, message type and framing; pytest calls it."""
        Reporter.register(metafunc.config)
        subject = self.subject()
        choices: dict[str, Callable[[], list[tuple[str, object]]]] = {
            "vector": lambda: [(str(each), each) for each in subject.vectors],
            "encoded_vector": lambda: [(str(each), each) for each in _encodable(subject)],
            "message_type": lambda: [(name, name) for name in subject.described] if subject.has_encoder else [],
            "book_encoder": lambda: [(subject.name, subject)] if _encodes_orders(subject) else [],
            "framing": lambda: [(each, each) for each in subject.framings],
            "packed_framing": lambda: [(each, each) for each in subject.framings if subject.can_pack(each)],
            "shared_framing": lambda: [(each, each) for each in subject.framings if _is_shared(subject, each)],
            "versioned_framing": lambda: [(each, each) for each in subject.framings if _has_older(subject, each)],
            "numbered_framing": lambda: [(each, each) for each in subject.framings if _is_numbered(subject, each)],
            "heartbeat_framing": lambda: [(each, each) for each in subject.framings if _has_heartbeats(subject, each)],
            "named_framing": lambda: [(each, each) for each in subject.framings if _names_sessions(subject, each)],
        }
        for name, give in choices.items():
            if name in metafunc.fixturenames:
                found = give()
                # Of an empty list pytest makes a test that is skipped; the reporter takes it out.
                metafunc.parametrize(name, [value for _, value in found], ids=[each for each, _ in found])

    # Vectors.

    def test_there_are_vectors(self) -> None:
        """A suite without vectors would prove nothing."""
        subject = self.subject()
        assert subject.vectors, f"no vectors of {subject.name} in {self.vectors}"
        assert subject.messages or all(each.packet for each in subject.vectors)

    def test_vector_decodes_to_its_events(self, vector: Vector) -> None:
        """Bytes mean the events that were written down for them, in every framing alike."""
        subject = self.subject()
        if vector.packet:
            runs = {vector.framing: subject.rig(vector.framing).run(vector.packet)}
        else:
            packed = [each for each in subject.framings if subject.can_pack(each)]
            assert packed, "no framing has an encoder: write the vector as packet and framing"
            runs = {each: subject.decode(vector.message, before=vector.before, framing=each) for each in packed}
        for framing, run in runs.items():
            assert not run["failed"], f"{framing}: the decoder panicked or overran"
            assert comparable(run["events"], like=vector.events) == list(vector.events), f"{framing}: {vector}"
            assert [each["status"] for each in run["faults"]] == list(vector.faults), f"{framing}: {vector}"

    def test_vector_comes_back_from_its_events(self, encoded_vector: Vector) -> None:
        """The encoder writes a message of the same events, or with ``exact`` the very bytes."""
        subject = self.subject()
        vector = encoded_vector
        status, message = subject.encode(vector.events, before=vector.before)
        assert status == "ok", f"encode: {status!r} for the events of {vector}"
        if self.exact:
            assert message.hex(" ") == vector.message.hex(" "), str(vector)
        run = subject.decode(message, before=vector.before)
        assert comparable(run["events"], like=vector.events) == list(vector.events), f"by way of {message.hex()}"

    def test_messages_declared_unencoded_are_so(self) -> None:
        """``Capabilities.unencoded`` names messages of the protocol, and the encoder indeed never writes them."""
        subject = self.subject()
        for name in subject.installed.protocol.capabilities.unencoded:
            assert name in subject.described, f"capabilities.unencoded: {subject.name} has no message {name}"
            for vector in subject.vectors:
                if vector.events and subject.type_of(vector.message) == name:
                    status, message = subject.encode(vector.events, before=vector.before)
                    is_written = status == "ok" and subject.type_of(message) == name
                    assert not is_written, f"capabilities.unencoded: {name} is written for {vector}"

    def test_every_message_type_has_a_vector(self) -> None:
        """The report names what no vector exercises; with ``every_type`` a type without one fails."""
        covered = coverage(self.subject())
        self.findings().coverage = covered
        assert not (self.every_type and covered.missing_messages), f"no vector: {', '.join(covered.missing_messages)}"

    # Round trips.

    def test_messages_of_any_content_come_back(self, message_type: str) -> None:
        """decode(encode(decode(x))) is decode(x) for generated x of every message type."""
        subject = self.subject()

        @hypothesis.settings(
            max_examples=self.examples,
            deadline=None,
            database=None,
            derandomize=True,
            phases=(Phase.explicit, Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(messages(subject, message_type))
        def comes_back(message: bytes) -> None:
            _comes_back(subject, message_type, message)

        comes_back()

    # Damage.

    def test_every_truncation_is_survived(self, framing: str) -> None:
        """Cut after any byte: no panic, no read past the end, faults with their place."""
        self._survey(framing, "truncation")

    def test_every_bit_flip_is_survived(self, framing: str) -> None:
        """Any single bit wrong."""
        self._survey(framing, "bit_flip")

    def test_lying_lengths_are_survived(self, framing: str) -> None:
        """Any byte, and any two, set to ends of ranges: among them every count, length and type."""
        self._survey(framing, "lie")

    def test_any_bytes_are_survived(self, framing: str) -> None:
        """Random bytes, and random damage to packets cut at random."""
        self._survey(framing, "noise")

    def test_another_packet_than_the_framed_one_is_survived(self, framing: str) -> None:
        """Decode and split called for other bytes than frame was."""
        self._survey(framing, "mismatch")

    def test_cut_packet_gives_its_whole_messages(self, shared_framing: str) -> None:
        """What is whole is decoded, and the rest is said to be missing."""
        subject = self.subject()
        whole = _some_messages(subject)[:3]
        rig = subject.rig(shared_framing)
        packet = subject.pack(whole, framing=shared_framing)
        cut = rig.run(packet[:-1])
        if cut["framed"] != "ok":
            assert cut["framed"] == "truncated"
            return
        assert cut["messages"] == len(whole) - 1
        assert cut["status"] != "ok" or cut["faults"] or cut["message_count"] == len(whole) - 1
        expected = subject.rig(shared_framing).run(subject.pack(whole[:-1], framing=shared_framing))["events"]
        assert comparable(cut["events"]) == comparable(expected)

    def test_unknown_type_is_counted_and_the_rest_goes_on(self, shared_framing: str) -> None:
        """A message that this version does not know is skipped by its length, with a fault at its place."""
        subject = self.subject()
        known = _some_messages(subject)[0]
        unknown = _unknown(subject, known)
        run = subject.rig(shared_framing).run(subject.pack([known, unknown, known], framing=shared_framing))
        first = subject.rig(shared_framing).run(subject.pack([known], framing=shared_framing))["events"]
        if run["status"] == "bad header":
            # Messages of this framing say their sizes themselves: past an unknown one nobody finds the next.
            assert (run["messages"], comparable(run["events"])) == (1, comparable(first))
            return
        assert [each["status"] for each in run["faults"]] == ["unknown message type"]
        assert run["faults"][0]["sequence"] == _sequence(run, 1)
        assert (run["messages"], run["counted"]) == (3, 2)
        assert comparable(run["events"][: len(first)]) == comparable(first)
        expected = {_sequence(run, 0), _sequence(run, 2)} if first else set()
        assert {each["sequence"] for each in run["events"]} == expected

    def test_short_message_is_counted_and_the_rest_goes_on(self, shared_framing: str) -> None:
        """A message cut anywhere within a packet that says so is a fault or a message, and never more than it has."""
        subject = self.subject()
        for message in _one_of_each_type(subject).values():
            for short in _shortened(subject, message, shared_framing):
                self._short_message(subject, shared_framing, message, short)

    def _short_message(self, subject: Subject, framing: str, message: bytes, short: bytes) -> None:
        rig = subject.rig(framing)
        packet = subject.pack([short, message], framing=framing)
        run = rig.run(packet)
        _, split = rig.split(packet)
        if split != [short, message]:
            # The framing takes lengths from the messages themselves, so that what follows is elsewhere.
            # Or the framing pads messages with zeros, which may be just what was cut off.
            assert run["status"] != "ok" or run["faults"] or run["counted"] == 2, packet.hex()
            return
        assert run["messages"] == 2
        place = _sequence(run, 0)
        assert run["counted"] == 2 or [each for each in run["faults"] if each["sequence"] == place], packet.hex()

    # Versions.

    def test_newer_version_means_what_this_one_means(self, packed_framing: str) -> None:
        """Bytes that a later version adds at the end of a message or block change nothing of what is known."""
        subject = self.subject()
        for name, message in _one_of_each_type(subject).items():
            newer = subject.rig(packed_framing).newer(message)
            if newer is None:
                continue
            before = subject.before(name)
            now = subject.decode(message, before=before, framing=packed_framing)
            later = subject.decode(newer, before=before, framing=packed_framing)
            assert comparable(later["events"]) == comparable(now["events"]), f"{name}: {newer.hex()}"
            allowed = {"long message", *(each["status"] for each in now["faults"])}
            assert {each["status"] for each in later["faults"]} <= allowed, f"{name}: {newer.hex()}"

    def test_older_versions_are_taken_without_what_came_later(self, versioned_framing: str) -> None:
        """Blocks as short as those of earlier versions of the schema are messages, not faults."""
        subject = self.subject()
        for name, message in _one_of_each_type(subject).items():
            for version, older in subject.rig(versioned_framing).older(message):
                run = subject.decode(older, before=subject.before(name), framing=versioned_framing)
                what = f"{name} of version {version}: {older.hex()}"
                if [each["status"] for each in run["faults"]] == ["unknown message type"]:
                    # The description leaves versions as old as that to another protocol.
                    continue
                assert not run["faults"], what
                assert (run["status"], run["counted"]) == ("ok", 1), what

    # Packets, batches, skipping.

    def test_packets_split_into_their_messages(self, packed_framing: str) -> None:
        """``pack`` and ``split`` undo each other, and ``decode`` takes as many."""
        subject = self.subject()
        for packet, whole in _packets(subject, packed_framing):
            rig = subject.rig(packed_framing)
            run = rig.run(packet)
            assert rig.split(packet) == ("ok", whole)
            assert (run["status"], run["messages"], run["size_bytes"]) == ("ok", len(whole), len(packet))

    def test_batches_of_any_size_give_the_same_events(self, packed_framing: str) -> None:
        """A full batch stops before a message, and the next call goes on there."""
        subject = self.subject()
        for packet, _ in _packets(subject, packed_framing):
            roomy = subject.rig(packed_framing).run(packet)
            assert not roomy["stalled"], "the engine's own batch has no room for a message"
            for events, records in ((1, 1), (2, 1), (2, 2), (3, 2), (7, 3), (16, 8), (64, 32), (256, 256)):
                run = subject.rig(packed_framing, events=events, records=records).run(packet)
                # A batch may be too small for a message as a whole; then nothing of it may be written.
                whole = len(run["events"]) if run["stalled"] else len(roomy["events"])
                assert run["events"] == roomy["events"][:whole], f"room for {events} events and {records} records"
                assert run["stalled"] or run["messages"] == roomy["messages"]
                assert run["stalled"] or run["faults"] == roomy["faults"]

    def test_skipped_messages_are_left_out(self, shared_framing: str) -> None:
        """Of a packet whose first messages were seen before, only the others have events, as if they stood alone."""
        subject = self.subject()
        for packet, whole in _packets(subject, shared_framing):
            everything = subject.rig(shared_framing).run(packet)
            if everything["numbering"] == "packets":
                continue
            for skip in (0, 1, len(whole) // 2, len(whole) - 1, len(whole), len(whole) + 9):
                rig = subject.rig(shared_framing)
                if skip:
                    rig.run(subject.pack(whole[:skip], framing=shared_framing))
                run = rig.run(packet, skip)
                first = everything["first_sequence"] + skip
                expected = [each for each in everything["events"] if each["sequence"] >= first]
                assert run["messages"] == max(len(whole) - skip, 0)
                assert comparable(run["events"]) == comparable(expected), f"messages from {skip} on"

    def test_what_a_framing_cannot_say_is_refused(self, packed_framing: str) -> None:
        """Messages that are too long, and too many of them, give a status and no packet."""
        subject = self.subject()
        status, _ = subject.rig(packed_framing).pack(
            [bytes(70_000)], session=session_of(packed_framing), first_sequence=1
        )
        assert status != "ok"

    # Sequences.

    def test_each_message_is_taken_once(self, numbered_framing: str) -> None:
        """A repeated packet, and the repeated part of one, change nothing."""
        subject = self.subject()
        parts = _parts(subject)
        channel, plain = subject.channel(numbered_framing), subject.channel(numbered_framing)
        for index, packet in enumerate(_sequenced(subject, numbered_framing, parts)):
            plain.packet(packet)
            channel.packet(packet)
            if index == 1:
                channel.packet(packet)
        for packet in _sequenced(subject, numbered_framing, parts)[:2]:
            channel.packet(packet)
        counts, expected = channel.counts(), plain.counts()
        assert counts["messages"] == expected["messages"] == sum(map(len, parts))
        assert counts["duplicates"] > 0
        assert (counts["gaps"], expected["gaps"]) == (0, 0)
        assert channel.books() == plain.books()

    def test_gap_is_counted_and_marks_the_books(self, numbered_framing: str) -> None:
        """What is missing is known by its sequence, and no book that it may concern is called valid."""
        subject = self.subject()
        parts = _parts(subject)
        packets = _sequenced(subject, numbered_framing, parts)
        channel = subject.channel(numbered_framing)
        channel.packet(packets[0])
        named = {each["key"] for each in channel.books()}
        # What follows may start a book afresh, which ends the doubt.
        cleared = {each.get("instrument") for each in channel.packet(packets[2]) if each["kind"] == "clear"}
        counts = channel.counts()
        is_by_message = subject.rig(numbered_framing).run(packets[0])["numbering"] == "messages"
        assert (counts["gaps"], counts["missing"]) == (1, len(parts[1]) if is_by_message else 1)
        doubtful = named - cleared if None not in cleared else set()
        trusted = [each for each in channel.books() if each["key"] in doubtful and each["state"] == "valid"]
        assert not trusted, "books from before a gap are still called valid"

    def test_late_packets_fill_nothing_in(self, numbered_framing: str) -> None:
        """A packet that comes after a later one is old: its events are not applied out of order."""
        subject = self.subject()
        packets = _sequenced(subject, numbered_framing, _parts(subject))
        channel = subject.channel(numbered_framing)
        for packet in (packets[0], packets[2]):
            channel.packet(packet)
        before = channel.books()
        assert channel.packet(packets[1]) == []
        assert channel.books() == before

    def test_new_session_empties_the_books(self, named_framing: str) -> None:
        """Numbers and instrument keys start anew: what an old session said is void, and names come again."""
        subject = self.subject()
        parts = _parts(subject)
        channel = subject.channel(named_framing)
        for packet in _sequenced(subject, named_framing, parts):
            channel.packet(packet)
        fresh = subject.channel(named_framing)
        events, expected = (
            [each.packet(packet) for packet in _sequenced(subject, named_framing, parts, following=True)]
            for each in (channel, fresh)
        )
        assert events == expected
        assert channel.counts()["sessions"] == 2
        assert [_levels(each) for each in channel.books()] == [_levels(each) for each in fresh.books()]

    def test_heartbeat_shows_a_gap(self, heartbeat_framing: str) -> None:
        """A packet without messages says which sequence comes next."""
        subject = self.subject()
        channel = subject.channel(heartbeat_framing)
        channel.packet(subject.pack(_parts(subject)[0], framing=heartbeat_framing))
        following = channel.counts()["next_sequence"] + 2
        channel.packet(subject.pack([], framing=heartbeat_framing, first_sequence=following, kind="heartbeat"))
        assert (channel.counts()["heartbeats"], channel.counts()["missing"]) == (1, 2)

    # Books.

    def test_books_are_sound_after_every_message(self) -> None:
        """Whatever comes in whatever order: levels in order, quantities the sums of their queues, never negative."""
        subject = self.subject()
        known = subject.plain_messages
        channel = subject.channel()
        ids_per_side = subject.installed.decoder.order_ids == "per_side"
        given: set[int | None] = set()
        for sequence, message in enumerate((*known, *reversed(known), *known), 1):
            events = channel.packet(subject.pack([message], first_sequence=sequence))
            given |= {event.get("instrument") for event in events if event["kind"] in LEVEL_KINDS}
            # Within a group a book may be anything; it is judged when the group has ended.
            is_settled = bool(events) and events[-1].get("last", True)
            for book in channel.books():
                is_given = book["key"] in given
                is_valid = is_settled and book["state"] == "valid"
                # A list that the venue dictates is as the venue has it; only what is called valid must make sense.
                if is_valid or not is_given:
                    assert list(unsound(book, ids_per_side=ids_per_side, given=is_given)) == [], message.hex()
                assert not (is_crossed(book) and is_valid and has_queues(book)), "a crossed book is called valid"
        assert not channel.counts()["failed"]

    def test_books_come_to_what_the_events_say(self, book_encoder: Subject) -> None:
        """A stream of encoded events makes the book that a plain list of orders makes, and never crosses it."""
        subject = book_encoder
        stream = Stream(seed=1, tick=subject.installed.decoder.price_scale // 100 or 1, ts=_a_time(subject))
        encoder = subject.rig()
        kinds = [kind for kind in ORDER_KINDS if _writes(subject, stream, kind)]
        assert kinds, "the encoder writes no message about an order: declare encoder=False, or order_books=False"
        channel = subject.channel()
        for sequence in range(1, 1_001):
            group = stream.group(kinds)
            status, message = encoder.encode(group)
            assert status == "ok", f"encode: {status!r} for {group}"
            channel.packet(subject.pack([message], first_sequence=sequence))
            book = next(
                each for each in channel.books() if SYMBOL in (each["symbol"], None) or each["key"] == INSTRUMENT
            )
            assert book["bids"] == stream.book.levels("B"), message.hex()
            assert book["asks"] == stream.book.levels("A"), message.hex()
            assert book["state"] == "valid", book["reason"]
        assert channel.counts()["unknown_orders"] == 0

    # Cost.

    def test_decoding_takes_no_memory(self, framing: str) -> None:
        """Decoders take memory when they are made, and never again."""
        subject = self.subject()
        packets = subject.packets(framing)
        counted = _engine.count_allocations(subject.installed.decoder, framing, packets)
        self.findings().allocations = counted
        if counted is None:
            self.findings().remarks.append("calls for memory were not counted: not known for this machine")
            return
        assert counted["messages"] > 0
        assert counted["decoding"] == 0, f"{counted['decoding']} calls for memory in {counted['messages']} messages"

    def test_decode_rate_is_reported(self) -> None:
        """Decoding is timed and held against the family's budget in the report; time fails no test."""
        subject = self.subject()
        budget = self.budget or BUDGETS.get(subject.installed.protocol.family)
        unit = budget.unit if budget else "message"
        packets = subject.packets(subject.framing)
        measured = _engine.measure_rate(subject.installed.decoder, subject.framing, packets, messages=200_000, runs=5)
        assert measured["messages"] >= 200_000
        self.findings().rate = Rate(
            ns=measured[f"ns_per_{unit}"],
            unit=unit,
            budget_ns=budget.ns if budget else None,
            method=(
                f"processor time of one thread for {measured['messages']:,} messages of the vectors in turn, up to "
                f"{PACKET_MESSAGES} a {subject.framing} packet, events dropped, no books; the middle of 5 runs"
            ),
        )

    def _survey(self, framing: str, damage: str) -> None:
        subject = self.subject()
        packets = subject.packets(framing)
        assert packets, f"no packet in {framing}: write vectors as packet and framing, or do not declare it"
        if damage == "mismatch":
            packets = packets[:8]
        tried, broken = _engine.survey(subject.installed.decoder, framing, packets, damage)
        tally = self.findings().packets
        tally[damage] = tally.get(damage, 0) + tried
        assert not broken, in_words(broken)


def _encodable(subject: Subject) -> list[Vector]:
    """Vectors that an encoder must write; none where none is declared."""
    if not subject.has_encoder:
        return []
    unwritten = subject.installed.protocol.capabilities.unencoded
    vectors = [each for each in subject.vectors if each.message and each.events and not each.faults]
    return [each for each in vectors if subject.type_of(each.message) not in unwritten]


def _encodes_orders(subject: Subject) -> bool:
    """Whether the plugin declares that it writes events of orders."""
    capabilities = subject.installed.protocol.capabilities
    return capabilities.encoder and capabilities.order_books


def _has_older(subject: Subject, framing: str) -> bool:
    """Whether earlier versions of a vector's message had shorter blocks."""
    rig = subject.rig(framing)
    return subject.can_pack(framing) and any(rig.older(each) for each in subject.messages)


def _is_numbered(subject: Subject, framing: str) -> bool:
    """Whether packets of a framing have a number each: all datagrams but bare messages do."""
    return framing != "message" and subject.can_pack(framing) and not subject.rig(framing).is_stream


def _is_shared(subject: Subject, framing: str) -> bool:
    """Whether several messages can share a packet."""
    return subject.can_pack(framing) and subject.most_messages(framing) > 1


def _has_heartbeats(subject: Subject, framing: str) -> bool:
    """Whether a framing has packets that only say which sequence comes next."""
    if not _is_numbered(subject, framing):
        return False
    status, packet = subject.rig(framing).pack([], session=session_of(framing), first_sequence=9, kind="heartbeat")
    return status == "ok" and bool(packet)


def _names_sessions(subject: Subject, framing: str) -> bool:
    """Whether packets of a framing say which session they are of."""
    if not subject.plain_messages or not _is_numbered(subject, framing):
        return False
    session = session_of(framing, following=True)
    packet = subject.pack(_some_messages(subject)[:1], framing=framing, session=session)
    return subject.rig(framing).run(packet)["session"] != ""


def _comes_back(subject: Subject, name: str, message: bytes) -> None:
    before = subject.before(name)
    run = subject.decode(message, before=before)
    assert not run["failed"]
    assert run["messages"] == 1
    if not run["events"]:
        assert run["faults"] or run["counted"] == 1
        return
    status, again = subject.encode(run["events"], before=before)
    if status != "ok":
        is_declared = name in subject.installed.protocol.capabilities.unencoded
        is_saturated = LARGEST in values_of(run["events"])
        # The key that means no instrument: the events say nothing of the one that the message names.
        is_nobody = NOBODY in message and not any("instrument" in event for event in run["events"])
        assert is_declared or is_saturated or is_nobody, f"encode: {status!r} for {run['events']} of {name}"
        return
    back, there = subject.decode(again, before=before)["events"], run["events"]
    if _is_past_its_second(subject, name, message):
        back, there = _within_seconds(back), _within_seconds(there)
    assert same_events(back, there), f"{name}: {message.hex()} came back as {again.hex()}"


def _is_past_its_second(subject: Subject, name: str, message: bytes) -> bool:
    """Whether a message's offset from the second under way is more than one: what is written counts from its own."""
    offsets = [field for field in subject.described[name]["fields"] if str(field["unit"]).startswith("ns_since_last")]
    parts = [message[field["offset"] : field["offset"] + field["bytes"]] for field in offsets]
    orders = [field["byte_order"] == "big" for field in offsets]
    return any(
        int.from_bytes(part, "big" if is_big else "little") >= SECOND_NS
        for part, is_big in zip(parts, orders, strict=True)
    )


def _within_seconds(events: list[Event]) -> list[Event]:
    """Events whose times say nothing but their place in the second."""
    return [{**event, "ts": event["ts"] % SECOND_NS} if event.get("ts") else event for event in events]


def _some_messages(subject: Subject) -> tuple[bytes, ...]:
    """Messages to fill packets with: vectors' own, at least nine; those that mean an event, where any does."""
    known = subject.plain_messages or tuple(subject.messages)
    assert known, "no vector has a message"
    return known * (9 // len(known) + 1)


def _one_of_each_type(subject: Subject) -> dict[str, bytes]:
    """A message of each type that vectors have."""
    examples = {name: subject.example(name) for name in subject.described}
    return {name: message for name, message in examples.items() if message}


def _parts(subject: Subject) -> list[tuple[bytes, ...]]:
    """Messages of three packets that follow one another."""
    some = _some_messages(subject)
    return [some[0:3], some[3:6], some[6:9]]


def _sequenced(
    subject: Subject, framing: str, parts: list[tuple[bytes, ...]], *, following: bool = False
) -> list[bytes]:
    """A packet of each part, numbered on from 1 as the framing numbers."""
    session = session_of(framing, following=following)
    packets: list[bytes] = []
    sequence = 1
    for part in parts:
        packets.append(subject.pack(part, framing=framing, first_sequence=sequence, session=session))
        by_message = subject.rig(framing).run(packets[-1])["numbering"] == "messages"
        sequence += len(part) if by_message else 1
    return packets


def _packets(subject: Subject, framing: str) -> list[tuple[bytes, list[bytes]]]:
    """Packets of all messages of the vectors, each with what it was made of."""
    some, most = list(subject.messages), min(subject.most_messages(framing), PACKET_MESSAGES // 2)
    shares = [some[at : at + most] for at in range(0, len(some), most)]
    return [(subject.pack(share, framing=framing), share) for share in shares]


def _sequence(run: _engine.Run, index: int) -> int:
    """Sequence of the message at an index of a packet."""
    return run["first_sequence"] + (index if run["numbering"] == "messages" else 0)


def _unknown(subject: Subject, known: bytes) -> bytes:
    """A message of a type that the description does not list, as long as one that it does."""
    name = subject.type_of(known)
    fields = subject.described[name]["fields"] if name else []
    place = next((each for each in fields if each["name"] in ("message_type", "template_id")), None)
    start, size = (place["offset"], place["bytes"]) if place else (0, 1)
    for at in range(start, start + size):
        for value in range(256):
            candidate = known[:at] + bytes([value]) + known[at + 1 :]
            if subject.type_of(candidate) is None:
                return candidate
    raise AssertionError("every type is taken")


def _shortened(subject: Subject, message: bytes, framing: str) -> list[bytes]:
    """A message without its end, its own length corrected, as far as the framing can carry it."""
    cuts = {len(message) - 1, len(message) // 2, 3, 1}
    found = []
    name = subject.type_of(message)
    lengths = [each for each in subject.described[name]["fields"] if each["name"] == "message_length"] if name else []
    for size in sorted(cut for cut in cuts if 0 < cut < len(message)):
        short = bytearray(message[:size])
        for field in lengths:
            if field["offset"] + field["bytes"] <= size:
                corrected = subject.build(cast("str", name), {"message_length": size})
                end = field["offset"] + field["bytes"]
                short[field["offset"] : end] = corrected[field["offset"] : end]
        status, _ = subject.rig(framing).pack([bytes(short), message], session=session_of(framing), first_sequence=1)
        if status == "ok":
            found.append(bytes(short))
    return found


def _levels(book: _engine.BookFacts) -> tuple[object, ...]:
    return (book["symbol"], book["bids"], book["asks"])


def _a_time(subject: Subject) -> int:
    """A time of day that the protocol can say: that of a vector."""
    return next((event["ts"] for vector in subject.vectors for event in vector.events if event["ts"]), 0)


def _writes(subject: Subject, stream: Stream, kind: str) -> bool:
    """Whether the encoder has a message for a kind of event about an order."""
    event = {"kind": kind, "instrument": INSTRUMENT, "order_id": 1, "quantity": 100, "ts": stream.ts}
    if kind == "delete":
        del event["quantity"]
    status, _ = subject.encode([event])
    return status == "ok"
