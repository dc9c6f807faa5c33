"""An uplink that was required and is configured no more goes on holding back retention: it is said."""

from stored import stored_events, stored_readings
from support import Daemon, ModbusServer, certificates, configuration, float_registers, needs_daemon, wait_until

pytestmark = [needs_daemon]


def test_a_required_uplink_that_is_configured_no_more_is_said(tmp_path):
    where, data = certificates(tmp_path / "certificates"), tmp_path / "data"
    uplink = {"name": "old-centre", "broker": "mqtts://127.0.0.1:1", "ca": str(where / "ca.pem"),
              "certificate": str(where / "gw-01.pem"), "key": str(where / "gw-01.key"), "receipts": "none"}
    with ModbusServer(tmp_path, {1: dict(enumerate(float_registers(230.0)))}) as meter:
        bus = {"name": "b", "tcp": f"127.0.0.1:{meter.port}"}
        instrument = {"name": "meter", "bus": "b", "unit": 1, "driver": "eastron-sdm630", "every": "200ms",
                      "quantities": ["voltage-l1"]}
        for uplinks, said in (([{**uplink, "required": True}], 0), ([], 1), ([{**uplink, "required": False}], 1),
                              ([], 1)):
            before = len(stored_readings(data))
            with Daemon(configuration(tmp_path, [bus], [instrument], uplinks)) as daemon:
                wait_until(lambda before=before: len(stored_readings(data)) > before, daemon.said)
                assert daemon.stop() == 0
            assert len(stored_events(data, "uplink.orphaned")) == said
    assert "old-centre is configured no more" in daemon.said()
