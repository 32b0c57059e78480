"""What people paste finds the scenario that it is from."""

from pathlib import Path

import pytest

from emulator.scenarios.reading import catalogue
from emulator.scenarios.search import ranked, texts_of, words_of
from tests.scenarios.files import scenario

CATALOGUE = catalogue()
PASTED = [
    # what somebody pastes, what must be among the first three
    ("context deadline exceeded", "nsg-denies-build-vm"),
    (
        'WinRM connection err: unknown error Post "https://10.9.8.7:5986/wsman": context deadline exceeded',
        "nsg-denies-build-vm",
    ),
    ("Communicator ended with: 16001", "winrm-closed-mid-command"),
    ("Communicator ended with: 2300218", "exit-status-withheld"),
    ("==> azure-arm: Timeout waiting for SSH.", "wait-names-no-hop"),
    ("0x803381A6", "winrm-operation-quota"),
    ("debug1: expecting SSH2_MSG_KEX_ECDH_REPLY", "mtu-black-hole"),
    ("ssh: unable to authenticate, attempted methods [none publickey]", "ssh-key-algorithm-rejected"),
    ("subnet PrivateLinkServiceNetworkPolicies must be disabled", "subnet-policies-enabled"),
    ("tls: first record does not look like a TLS handshake", "winrm-plaintext-on-tls-port"),
    ("UNREACHABLE! port=5986 [Errno 110] Connection timed out", "syn-dropped-at-proxy"),
    ("client_loop: send disconnect: Broken pipe", "balancer-idle-timeout"),
]


@pytest.mark.parametrize(("text", "name"), PASTED)
def test_pasted_texts_find_their_scenario(text: str, name: str) -> None:
    """The right one is among the first three."""
    assert name in [each.scenario.name for each in ranked(CATALOGUE, text)[:3]]


@pytest.mark.parametrize("name", [each.name for each in CATALOGUE if each.texts])
def test_each_text_finds_its_own_scenario(name: str) -> None:
    """Whatever text a scenario lists finds it; some texts are those of many."""
    (found,) = (each for each in CATALOGUE if each.name == name)
    for text in found.texts:
        assert name in [each.scenario.name for each in ranked(CATALOGUE, text)[:12]], text


def test_a_run_of_words_weighs_more_than_the_words(tmp_path: Path) -> None:
    """The words in their order are what a message is known by, whatever address stands in it."""
    right = scenario(tmp_path, "right", texts=["dial tcp 10.0.0.1:22: connection refused by peer"])
    wrong = scenario(tmp_path, "wrong", texts=["peer refused", "by connection", "tcp", "dial"])

    first, *_ = ranked([wrong, right], "dial tcp 192.168.7.9:22: connection refused by peer")
    assert first.scenario is right
    assert first.text == right.texts[0]


def test_nothing_in_common_finds_nothing() -> None:
    """Words that no scenario has, and no words, have no candidates."""
    assert ranked(CATALOGUE, "xyzzy plugh") == []
    assert ranked(CATALOGUE, "") == []


def test_addresses_and_identities_say_nothing() -> None:
    """They are another's."""
    assert words_of("Post https://10.4.21.11:5986/wsman 0123456789abcdef: EOF") == ["post", "wsman", "eof"]


def test_what_a_script_says_is_searched_too(tmp_path: Path) -> None:
    """A text that a client of the script must print counts, unless it is one of success."""
    sees = [{"outcome": "refused", "says": ["strange"]}, {"outcome": "works", "says": ["fine"]}]
    found = scenario(tmp_path, texts=[], script=[{"tcp": {"sees": each}} for each in sees])

    assert texts_of(found) == ["strange"]
