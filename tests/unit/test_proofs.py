"""Every cause of the catalogue is provoked over real sockets, beside a control that must not get
it.

The table names both tests for each cause; what it says is held against the tests themselves.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from conntrace.catalogue import CAUSES

INTEGRATION = Path(__file__).parent.parent / "integration"

# Causes that need AWS Lambda have their tests where its platform is.
ELSEWHERE = {"sandbox_restored", "thaw_after_freeze"}

# Helpers that name a cause, or assert that it is proved, for the tests that call them.
HELPERS = {"first_use_of_destination": ("assert_only_first_use",)}
PROVING = ("assert_only_first_use", "assert_replaced")
# Causes that are never proved.
LIKELY = {"idle_in_flight_drop", "unexplained"}
# A counter, and what had a part in a set-up: neither is a verdict.
WITHOUT_CONFIDENCE = {
    "not_a_lookup",
    "proxy_tunnel",
    "tls_handshake_failed",
    *(name for name, cause in CAUSES.items() if cause.family == "Q"),
}

# cause -> module (without `test_causes_`), the test that provokes it, its control
PROOFS: dict[str, tuple[str, str, str]] = {
    "first_use_of_destination": ("no_pool", "test_first_use", "test_client_recreated"),
    "client_recreated": ("no_pool", "test_client_recreated", "test_one_boto3_client"),
    "parallel_client": ("no_pool", "test_parallel_client", "test_one_manager_in_two_places"),
    "one_shot_api": ("no_pool", "test_one_shot_requests", "test_one_session"),
    "pool_key_mismatch": ("lost_pool", "test_pool_key_mismatch", "test_same_pool_key"),
    "pool_evicted_lru": ("lost_pool", "test_pool_evicted", "test_pools_enough"),
    "pool_closed_explicitly": ("lost_pool", "test_pool_closed_explicitly", "test_pools_enough"),
    "redirect_other_origin": (
        "redirects",
        "test_redirect_to_another_origin",
        "test_redirect_within_the_origin",
    ),
    "sdk_endpoint_variation": (
        "lost_pool",
        "test_pool_evicted_with_boto3",
        "test_path_style_buckets",
    ),
    "forked_process": ("lost_pool", "test_forked_process", "test_own_client_after_fork"),
    "pool_overflow_concurrency": (
        "busy_pool",
        "test_pool_overflow",
        "test_pool_large_enough_with_boto3",
    ),
    "pool_growing_concurrency": (
        "busy_pool",
        "test_pool_growing",
        "test_threads_one_after_the_other",
    ),
    "discarded_pool_full": ("busy_pool", "test_discarded_pool_full", "test_waiting_pool"),
    "lease_leaked_unread": ("leaks_and_names", "test_lost_response", "test_read_response"),
    "client_closed_response_early": ("leaks_and_names", "test_lost_response", "test_read_response"),
    "placeholder_above_idle": (
        "busy_pool",
        "test_placeholder_above_idle",
        "test_no_placeholder_above_idle",
    ),
    "response_connection_close": (
        "dead_connection",
        "test_response_ends_connection",
        "test_response_keeps_connection",
    ),
    "request_connection_close": (
        "dead_connection",
        "test_request_asks_to_close",
        "test_request_asks_to_close_in_vain",
    ),
    "http10_no_keepalive": (
        "dead_connection",
        "test_response_ends_connection",
        "test_response_keeps_connection",
    ),
    "response_eof_delimited": (
        "dead_connection",
        "test_response_ends_connection",
        "test_response_keeps_connection",
    ),
    "server_closed_idle": (
        "dead_connection",
        "test_server_closed_idle",
        "test_pause_below_the_limit",
    ),
    "peer_reset_idle": ("dead_connection", "test_peer_reset_idle", "test_pause_below_the_limit"),
    "unsolicited_data": ("dead_connection", "test_unsolicited_data", "test_pause_below_the_limit"),
    "unread_body_released": (
        "leaks_and_names",
        "test_unread_body_released",
        "test_drained_body_released",
    ),
    "stale_reset_on_reuse": (
        "died_in_use",
        "test_stale_reset_on_reuse",
        "test_server_that_dies_of_the_request",
    ),
    "silent_drop_timeout": (
        "died_in_use",
        "test_silent_drop_timeout",
        "test_silent_drop_of_a_probed_connection",
    ),
    "slow_server_timeout": ("died_in_use", "test_slow_server_timeout", "test_fast_enough_server"),
    "idle_in_flight_drop": ("died_in_use", "test_idle_in_flight_drop", "test_idle_in_flight_drop"),
    "reset_mid_response": (
        "died_in_use",
        "test_reset_mid_response",
        "test_reset_before_the_response",
    ),
    "replaced_after_error": (
        "errors_and_lookups",
        "test_replaced_after_error",
        "test_nothing_to_replace",
    ),
    "address_fallback": ("errors_and_lookups", "test_address_fallback", "test_one_address"),
    "happy_eyeballs_race": (
        "errors_and_lookups",
        "test_happy_eyeballs_race",
        "test_addresses_one_after_the_other",
    ),
    "proxy_tunnel": ("side_traffic", "test_proxy_tunnel", "test_no_proxy"),
    "tls_handshake_failed": ("errors_and_lookups", "test_handshake_failed", "test_tls_versions"),
    "unpooled_socket": ("errors_and_lookups", "test_unpooled_socket", "test_no_network"),
    "explicit_lookup": ("errors_and_lookups", "test_explicit_lookup", "test_unpooled_socket"),
    "self_hostname_lookup": (
        "leaks_and_names",
        "test_own_address_lookup",
        "test_other_name_lookup",
    ),
    "datagram_hostname": ("leaks_and_names", "test_datagram_hostname", "test_datagram_hostname"),
    "implicit_connect_resolution": (
        "leaks_and_names",
        "test_implicit_connect_resolution",
        "test_connect_to_address",
    ),
    "not_a_lookup": ("errors_and_lookups", "test_not_a_lookup", "test_not_a_lookup"),
    "credential_fetch": ("side_traffic", "test_credential_fetch", "test_given_credentials"),
    "telemetry_export": ("side_traffic", "test_telemetry_export", "test_telemetry_export"),
    "unexplained": ("leaks_and_names", "test_withheld_evidence", "test_read_response"),
    "ca_bundle_load": ("delays", "test_ca_bundle_load", "test_loaded_context"),
    "syn_retransmit": ("delays", "test_syn_retransmit", "test_slow_answer"),
    "dns_retransmit": ("delays", "test_dns_retransmit", "test_no_query_lost"),
    "cpu_starved": ("delays", "test_cpu_starved", "test_slow_handshake"),
    "fd_exhausted": ("leaks_and_names", "test_fd_exhausted", "test_fd_exhausted"),
}


@cache
def read_tests(module: str) -> dict[str, str]:
    """The tests of a module: name -> source, decorators included."""
    source = (INTEGRATION / f"test_causes_{module}.py").read_text()
    found: dict[str, str] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            parts = [*node.decorator_list, node]
            found[node.name] = "\n".join(ast.unparse(part) for part in parts)
    return found


def test_the_table_is_complete() -> None:
    """Each cause that is decided has a row, and no other has one."""
    decided = {name for name, cause in CAUSES.items() if cause.decided}
    assert set(PROOFS) == decided - ELSEWHERE


@pytest.mark.parametrize("cause", PROOFS)
def test_provoked(cause: str) -> None:
    """The test is there and names the cause, and how sure it must be."""
    module, provoking, _ = PROOFS[cause]
    source = read_tests(module)[provoking]
    assert cause in source or any(helper in source for helper in HELPERS.get(cause, ()))
    if cause not in WITHOUT_CONFIDENCE:
        sure = "inferred" if cause in LIKELY else "proved"
        assert sure in source or any(helper in source for helper in PROVING)


@pytest.mark.parametrize("cause", PROOFS)
def test_controlled(cause: str) -> None:
    """The control is there and says that it is one."""
    module, _, control = PROOFS[cause]
    assert "ontrol" in read_tests(module)[control]
