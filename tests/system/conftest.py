"""Limits every test's time, so that one that hangs fails by name."""

import pytest


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: measures a rate or a time: nothing else may run beside it")


def pytest_collection_modifyitems(items):
    for item in items:
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(300))
