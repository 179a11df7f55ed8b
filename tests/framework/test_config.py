"""Configurations of venues: what is wrong is told by its path, with the value and what would do."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from wirebook import config, plan, plugins
from wirebook.daemon import machine
from wirebook.doctor import State
from wirebook.venue import Venue

ROOT = Path(__file__).parents[2]

GOOD: dict[str, Any] = {
    "venue": "simulated",
    "loops": [{"name": "one", "core": 0, "idle": "block"}, {"name": "two"}],
    "feeds": [
        {
            "name": "totalview",
            "protocol": "nasdaq-totalview-5.0",
            "channels": [
                {
                    "name": "all",
                    "loop": "two",
                    "lines": [{"group": "239.1.1.1", "port": 26400}, {"group": "239.1.2.1", "port": 26400}],
                    "recovery": {"moldudp64": {"servers": ["127.0.0.1:26401"]}},
                },
                {"name": "more", "lines": [{"group": "239.1.1.2", "port": 26400, "sender": "10.0.0.1"}]},
            ],
        }
    ],
}


def faults(change: Callable[[Any], object]) -> list[str]:
    """What is wrong with a configuration that was good."""
    given = copy.deepcopy(GOOD)
    change(given)
    try:
        plan.make(config.parse(given), plugins.installed())
    except ValueError as error:
        return str(error).split("\n")
    return []


def channel(given: Any) -> Any:
    return given["feeds"][0]["channels"][0]


def test_a_good_one_is_good() -> None:
    assert faults(lambda given: given) == []
    venue = config.parse(GOOD)
    assert venue.feeds[0].channels[0].lines[0].text == "239.1.1.1:26400"
    assert venue.feeds[0].channels[1].lines[0].text == "239.1.1.2:26400@10.0.0.1"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            lambda given: channel(given)["lines"][1].update(port=70000),
            "feeds[0].channels[0].lines[1].port: 70000 is not 1-65535",
        ),
        (
            lambda given: channel(given)["lines"][1].update(port="26400"),
            "feeds[0].channels[0].lines[1].port: '26400' is not a whole number",
        ),
        (
            lambda given: channel(given)["lines"][0].update(group="239.1.1"),
            "feeds[0].channels[0].lines[0].group: '239.1.1' is no IPv4 address",
        ),
        (
            lambda given: channel(given).update(windw_us=5),
            "feeds[0].channels[0].windw_us: there is no such setting; do you mean window_us?",
        ),
        (lambda given: channel(given).pop("lines"), "feeds[0].channels[0].lines: is missing"),
        (lambda given: channel(given).update(lines=[]), "feeds[0].channels[0].lines: it is empty; give at least one"),
        (lambda given: channel(given).update(lines="no"), "feeds[0].channels[0].lines: 'no' is not a list"),
        (
            lambda given: channel(given).update(held_packets=2),
            "feeds[0].channels[0].held_packets: 2 is less than window_packets, 256",
        ),
        (
            lambda given: channel(given)["recovery"]["moldudp64"].update(servers=["here:1"]),
            "feeds[0].channels[0].recovery.moldudp64.servers[0]: 'here:1': here is no IPv4 address",
        ),
        (
            lambda given: channel(given).update(recovery={"spin": {"servers": ["127.0.0.1:1"]}}),
            "feeds[0].channels[0].recovery.spin: it does not speak of moldudp64; what does: moldudp64, glimpse",
        ),
        (lambda given: channel(given).update(name="more"), "feeds[0].channels[1].name: 'more' is there twice"),
        (
            lambda given: channel(given).update(loop="three"),
            "feeds[0].channels[0].loop: 'three' is not one of one, two",
        ),
        (
            lambda given: given["loops"].append({"name": "idle"}),
            "loops[2].name: no channel has 'idle'; leave the loop out, or give it one",
        ),
        (lambda given: given["loops"][0].update(core=True), "loops[0].core: True is not a whole number"),
        (
            lambda given: given["loops"][0].update(source={"kind": "carrier pigeon"}),
            "loops[0].source.kind: 'carrier pigeon' is not one of socket, io_uring, af_xdp, dpdk",
        ),
        (
            lambda given: given["loops"][0].update(source={"kind": "dpdk"}),
            "loops[0].source.device: dpdk needs a card's PCI address, or a virtual device",
        ),
        (lambda given: given["feeds"][0].update(protocol="morse"), "feeds[0].protocol: morse is not installed"),
        (
            lambda given: given["feeds"][0].update(framing="soupbintcp"),
            "feeds[0].framing: soupbintcp has no live packets; nasdaq-totalview-5.0 has moldudp64",
        ),
        (
            lambda given: given["feeds"][0]["channels"][1].update(lines=channel(given)["lines"]),
            "feeds[0].channels[1].lines[0]: 239.1.1.1:26400 is feeds[0].channels[0].lines[0], too; give both channels",
        ),
        (
            lambda given: channel(given)["lines"].append(channel(given)["lines"][0]),
            "feeds[0].channels[0].lines[2]: 239.1.1.1:26400 is feeds[0].channels[0].lines[0], too; a line",
        ),
        (lambda given: channel(given).update(session="x" * 17), "feeds[0].channels[0].session: "),
        (lambda given: given.pop("venue"), "venue: is missing"),
        (lambda given: given.update(venue="a/b"), "venue: 'a/b' is no name"),
    ],
)
def test_faults_name_path_value_and_what_would_do(change: Callable[[Any], object], fault: str) -> None:
    found = faults(change)
    assert any(each.startswith(fault) for each in found), found


def test_every_fault_is_told_at_once() -> None:
    def change(given: Any) -> None:
        channel(given)["lines"][0]["port"] = 0
        given["feeds"][0]["channels"][1]["window_us"] = -1

    assert len(faults(change)) == 2


@pytest.mark.parametrize("given", [None, [], "venue", 5])
def test_what_is_no_mapping_is_no_venue(given: object) -> None:
    with pytest.raises(ValueError, match="a venue is a mapping"):
        config.parse(given)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("venue: [", "expected the node content"),
        ("venue: a\nvenue: b\n", "line 2: 'venue' is there twice"),
        ("venue: !!python/name:os.system\n", "could not determine a constructor"),
    ],
)
def test_files_that_cannot_be_read_say_why(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "venue.yaml"
    path.write_text(text)
    with pytest.raises(config.ConfigError, match=fault) as caught:
        config.load(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_examples_can_run(path: Path) -> None:
    venue = config.load(path)
    assert plan.make(venue, plugins.installed()).decoders
    findings = machine.examine(venue)
    assert [each for each in findings if each.state is State.PROBLEM] == []


def test_there_are_examples() -> None:
    assert list((ROOT / "examples").glob("*.yaml"))


def venue(**loop: Any) -> Venue:
    """A venue whose loops are changed."""
    given = copy.deepcopy(GOOD)
    given["loops"] = [{"name": "one", **loop}]
    channel(given)["loop"] = "one"
    return config.parse(given)


def test_what_a_machine_lacks_is_told_with_its_cost() -> None:
    there = {"lo", "eth0"}
    (absent, *_) = machine.loops(venue(core=0, source={"interface": "eth7"}), there, {0, 1})
    assert (absent.state, absent.detail, absent.remedy) == (
        State.PROBLEM,
        "eth7 is not there",
        "this machine has eth0, lo",
    )
    (core,) = machine.loops(venue(core=7), there, {0, 1})
    assert (core.state, core.remedy) == (State.ADVICE, "usable are 0, 1")
    (core,) = machine.loops(venue(core=1), there, {0, 1})
    assert core.state is State.OK
    found = list(machine.loops(venue(core=0, idle="spin"), there, {0}))
    assert "nothing is left" in found[-1].detail
    (buffer,) = machine.buffers(venue(), 212_992, privileged=False)
    assert (buffer.state, buffer.remedy) == (State.ADVICE, "sysctl net.core.rmem_max=16777216, as root")
    (buffer,) = machine.buffers(venue(), 212_992, privileged=True)
    assert buffer.state is State.OK
    told = [(each.topic, each.name) for each in machine.lines(venue())]
    assert told == [("more", "recovery"), ("more", "lines")]


def test_the_model_writes_as_yaml_that_reads_as_it() -> None:
    assert config.parse(yaml.safe_load(yaml.safe_dump(GOOD))) == config.parse(GOOD)
