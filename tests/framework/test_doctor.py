"""What the doctor makes of values that systems give."""

import pytest
from wirebook import doctor
from wirebook._engine import build_info
from wirebook.doctor import State
from wirebook.plugins import Installed, Origin, Refused

ORIGIN = Origin("wirebook-demo", "1.0", "demo = demo", "/opt/demo.py")


@pytest.mark.parametrize(
    ("meminfo", "transparent", "state"),
    [
        ("HugePages_Total:     512\n", "always madvise [never]", State.OK),
        ("HugePages_Total:       0\n", "always [madvise] never", State.OK),
        ("HugePages_Total:       0\n", "[always] madvise never", State.OK),
        ("HugePages_Total:       0\n", "always madvise [never]", State.ADVICE),
        ("", "", State.ADVICE),
    ],
)
def test_huge_pages_are_fine_when_reserved_or_transparent(meminfo: str, transparent: str, state: State) -> None:
    finding = doctor.huge_pages(meminfo, transparent)
    assert finding.state is state
    assert (finding.remedy is None) == (state is State.OK)


def test_one_core_calls_for_a_second() -> None:
    assert doctor.cores(1, "").state is State.ADVICE
    assert doctor.cores(2, "").state is State.OK


def test_refused_plugin_is_a_problem_with_its_remedy() -> None:
    installed = Installed((), (), (Refused(ORIGIN, "demo-1.0", "built for decoder ABI 7", "rebuild it"),))
    refused, nothing = doctor.plugins(installed)
    assert (refused.state, refused.remedy) == (State.PROBLEM, "rebuild it")
    assert "demo-1.0: built for decoder ABI 7" in refused.detail
    assert nothing.detail == "no protocol can be decoded"


def test_debug_build_calls_for_a_release_build() -> None:
    build = build_info()
    for profile, state in (("debug", State.ADVICE), ("release", State.OK)):
        build["profile"] = profile
        (built, _) = doctor.engine(build)
        assert built.state is state


def test_everything_missing_says_what_to_do() -> None:
    for finding in doctor.examine(Installed((), (), ())):
        assert finding.remedy or finding.state is State.OK, finding


def test_source_that_is_missing_is_no_problem_and_says_what_to_do() -> None:
    assert doctor.source("io_uring", True, "multishot recvmsg", None).state is State.OK
    missing = doctor.source("dpdk", False, "librte_eal.so.23 is not there", "apt-get install libdpdk-dev")
    assert (missing.state, missing.remedy) == (State.MISSING, "apt-get install libdpdk-dev")


def test_every_source_is_looked_at() -> None:
    findings = {each.name: each for each in doctor.examine(Installed((), (), ())) if each.topic == "sources"}
    assert list(findings) == ["socket", "io_uring", "af_xdp", "dpdk", "receive buffer"]
    assert findings["socket"].state is State.OK


@pytest.mark.parametrize(
    ("limit", "privileged", "state"),
    [("212992\n", True, State.OK), ("212992\n", False, State.ADVICE), ("16777216\n", False, State.OK)],
)
def test_short_receive_buffer_calls_for_a_longer_one(limit: str, privileged: bool, state: State) -> None:
    assert doctor.receive_buffer(limit, privileged=privileged).state is state
