import pytest

from chat_server.sessions.origin import Origin


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", "unix"])
def test_a_program_on_this_machine_is_local_and_needs_no_encryption(address: str) -> None:
    assert Origin(address).is_local
    assert Origin(address).is_confidential


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "::", "::ffff:192.0.2.127", "127::1"])
def test_from_elsewhere_only_an_encrypted_line_is_confidential(address: str) -> None:
    assert not Origin(address).is_local
    assert not Origin(address).is_confidential
    assert Origin(address, is_encrypted=True).is_confidential


def test_whoever_comes_by_a_proxy_is_not_local_whatever_address_it_tells() -> None:
    assert not Origin("127.0.0.1", is_proxied=True).is_local
    assert not Origin("::1", is_proxied=True).is_confidential
    assert not Origin("unix", is_proxied=True).is_local
    assert Origin("::1", is_proxied=True, is_encrypted=True).is_confidential
