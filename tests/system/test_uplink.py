"""The uplink of the real daemon: against Mosquitto, with a paho consumer and a pymodbus server, none of them ours."""

import json
import sqlite3
import subprocess

import pytest

from support import (ROOT, SITE, Broker, Daemon, ModbusServer, Process, Subscriber, certificates, configuration, free_port,
                     needs_broker, needs_daemon, readings, wait_until, without_repeats)
from stored import ledger_blocks

pytestmark = [needs_daemon, needs_broker]

DRIVER = """\
maker: Test
model: Meter
source: this test
defaults: {function: 3, type: uint16, order: AB}
quantities:
  - {name: one, unit: "V", address: 0, kind: voltage, typical: 230}
  - {name: two, unit: "V", address: 1, kind: voltage, typical: 230}
"""
NAMED = "gw-01=" + SITE + "/gw-01"  # as a gateway's certificate names it
ACL = (ROOT / "config" / "mosquitto" / "tally.acl").read_text()


@pytest.fixture(name="lab")
def make_lab(tmp_path):
    """A Modbus server with one meter, and what a configuration needs of it."""
    (tmp_path / "drivers").mkdir()
    (tmp_path / "drivers" / "meter.yaml").write_text(DRIVER)
    with ModbusServer(tmp_path, {1: {0: 230, 1: 231}}) as server:
        yield {"folder": tmp_path, "buses": [{"name": "line", "tcp": f"127.0.0.1:{server.port}"}],
               "instruments": [{"name": "meter", "bus": "line", "unit": 1, "driver": "meter", "every": "50ms"}]}


def daemon(lab, *uplinks, **gateway):
    return Daemon(configuration(lab["folder"], lab["buses"], lab["instruments"], uplinks,
                                drivers=str(lab["folder"] / "drivers"), **gateway))


def stored(lab):
    """Blocks in the ledger of a daemon that has stopped."""
    with sqlite3.connect(lab["folder"] / "data" / "ledger.db") as db:
        return db.execute("SELECT count(*) FROM blocks").fetchone()[0]


def assert_all_arrived(lab, subscriber):
    """After the daemon has stopped: all blocks of the ledger came, in order, whole."""
    count = stored(lab)
    assert count > 0
    subscriber.wait(lambda s: {json.loads(b)["n"] for b in s.blocks()} >= set(range(count)), "all blocks arrive")
    blocks = without_repeats(subscriber.blocks())
    assert [block["n"] for block in blocks] == list(range(count))
    assert readings(blocks) > 0
    return blocks


def events(blocks, kind):
    return [event["text"] for block in blocks for event in block["events"] if event["kind"] == kind]


def more_than(subscriber, count, seconds=30):
    subscriber.wait(lambda s: len(s.blocks()) > count, f"more than {count} blocks", seconds)


def test_blocks_and_what_explains_them_arrive(lab):
    with Broker(lab["folder"] / "broker", acl=ACL) as broker, Subscriber(broker) as centre:
        with daemon(lab, broker.uplink()) as gateway:
            more_than(centre, 5)
            assert gateway.stop() == 0
        blocks = assert_all_arrived(lab, centre)
        assert all(m.properties.ContentType == "application/vnd.tally.block+json" for m in centre.on("block"))
        assert not any(m.retain for m in centre.on("block"))
        definitions = json.loads(centre.on("definitions")[0].payload)
        assert {point["instrument"] for point in definitions["points"].values()} == {"meter"}
        # The files came before the first block that needs them.
        topics = [m.topic.split("/", 5)[5] for m in centre.messages]
        first = topics.index("block")
        for name in {blocks[0]["defs"], definitions["config"],
                     *(point["driver"] for point in definitions["points"].values())}:
            assert f"file/{name}" in topics[:first]


def file_of(centre, name):
    """A file put together from its chunks, and how many there were."""
    chunks = {}
    for message in centre.on(name):
        properties = dict(message.properties.UserProperty)
        chunks[int(properties["offset"])] = bytes(message.payload)
        total = int(properties["total"])
    data = b"".join(chunks[offset] for offset in sorted(chunks))
    assert len(data) == total
    return data, len(chunks)


def test_a_large_file_comes_in_chunks(lab):
    import hashlib
    path = lab["folder"] / "drivers" / "meter.yaml"
    path.write_text(DRIVER + "# a long comment\n" * 10000)
    with Broker(lab["folder"] / "broker") as broker, Subscriber(broker) as centre:
        with daemon(lab, broker.uplink()):
            more_than(centre, 2)
        name = hashlib.sha256(path.read_bytes()).hexdigest()
        data, count = file_of(centre, name)
        assert data == path.read_bytes()
        assert count == 3
        assert all(len(m.payload) <= 65536 for m in centre.messages)


def test_a_packed_block_is_zstd(lab):
    with Broker(lab["folder"] / "broker") as broker, Subscriber(broker) as centre:
        with daemon(lab, broker.uplink(compress=True)):
            more_than(centre, 3)
        message = centre.on("block")[0]
        assert message.properties.ContentType == "application/vnd.tally.block+zstd"
        unpacked = subprocess.run(["zstd", "-dcq"], input=bytes(message.payload), capture_output=True, check=True)
        assert json.loads(unpacked.stdout)["n"] == 0


def test_broker_that_goes_and_comes_back_loses_nothing(lab):
    broker = Broker(lab["folder"] / "broker").start()
    with broker, Subscriber(broker) as centre:
        with daemon(lab, broker.uplink()) as gateway:
            for how in (broker.stop, broker.kill, broker.stop):
                more_than(centre, len(centre.blocks()) + 3)
                how()
                gateway.wait_said("Connection refused")
                before = len(centre.blocks())
                wait_until(lambda: gateway.uplink()["size"] > before + 5, "blocks are stored without a broker")
                broker.start()
                more_than(centre, before + 5)
            wait_until(lambda: gateway.uplink().get("connected"), "connected")
            assert gateway.stop() == 0
        blocks = assert_all_arrived(lab, centre)
        assert len(events(blocks, "uplink.down")) == 3
        assert len(events(blocks, "uplink.up")) >= 3


def test_a_backlog_of_many_windows_arrives_byte_for_byte(lab):
    lab["instruments"][0]["every"] = "20ms"
    broker = Broker(lab["folder"] / "broker")
    with daemon(lab, broker.uplink(), prompt=True) as gateway:
        wait_until(lambda: gateway.uplink().get("size", 0) > 300, "a backlog")
        with broker, Subscriber(broker) as centre:
            wait_until(lambda: gateway.uplink()["acknowledged"] > 320, "the backlog and more is acknowledged", 60)
            uplink = gateway.uplink()
            assert uplink["connected"] and uplink["fault"] == ""
            assert gateway.stop() == 0
            assert_all_arrived(lab, centre)
            blocks = ledger_blocks(lab["folder"] / "data")
            assert {json.loads(block)["n"]: block for block in centre.blocks()} == blocks


def test_starts_polls_and_stores_without_any_broker(lab):
    uplink = {**Broker(lab["folder"] / "broker").uplink(), "broker": f"mqtts://localhost:{free_port()}"}
    with daemon(lab, uplink) as gateway:
        wait_until(lambda: gateway.uplink().get("size", 0) > 5, "blocks are stored")
        assert gateway.uplink()["acknowledged"] == 0
        assert gateway.uplink()["fault"].startswith("broker cannot be reached at 127.0.0.1 port ")
        assert "Connection refused" in gateway.uplink()["fault"]
        assert gateway.stop() == 0
    assert stored(lab) > 5


WRONG = {
    "expired": (["--only", "broker", "--expired"], "broker's certificate has expired (not after "),
    "host": (["--only", "broker", "--host", "elsewhere.invalid"],
             "broker's host name does not match (asked for localhost, certificate is for elsewhere.invalid)"),
    "address": (["--only", "broker", "--host", "192.0.2.1"],
                "broker's host name does not match (asked for 127.0.0.1, certificate is for 192.0.2.1)"),
    "authority": (["--authority", "Another"],
                  "broker's certificate is signed by an unknown authority (/CN=Another is not in the ca file)"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_wrong_broker_is_refused_named_and_retried(lab, fault):
    options, words = WRONG[fault]
    broker = Broker(lab["folder"] / "broker")
    if fault != "authority":
        options = options + ["--ca", broker.certificates]
    wrong = certificates(lab["folder"] / "wrong", *options)
    host = "127.0.0.1" if fault == "address" else "localhost"
    with broker, Subscriber(broker) as centre:
        with daemon(lab, broker.uplink(host=host)) as gateway:
            more_than(centre, 3)
            broker.stop()
            broker.start(own=wrong)
            gateway.wait_said(words)
            log = broker.process.said()
            wait_until(lambda: broker.process.said().count("New connection") > log.count("New connection") + 1,
                       "it is tried again")
            assert words in gateway.uplink()["fault"]
            assert "as tally-" not in broker.process.said().split("starting")[-1], "the gateway gave itself away"
            broker.stop()
            before = len(centre.blocks())
            broker.start()
            more_than(centre, before + 3)
            wait_until(lambda: gateway.uplink().get("fault") == "", "the fault is forgotten")
            assert gateway.stop() == 0
        blocks = assert_all_arrived(lab, centre)
        said = events(blocks, "uplink.refused")
        assert [words in text for text in said].count(True) == 1, said


def test_our_certificate_refused_by_the_broker_is_named(lab):
    other = certificates(lab["folder"] / "other", "--authority", "Another authority")
    with Broker(lab["folder"] / "broker") as broker:
        uplink = broker.uplink(certificate=str(other / "gw-01.pem"), key=str(other / "gw-01.key"))
        with daemon(lab, uplink) as gateway:
            gateway.wait_said("the broker refuses our certificate: unknown CA")


def test_our_expired_certificate_is_named(lab):
    broker = Broker(lab["folder"] / "broker")
    certificates(broker.certificates, "--ca", broker.certificates, "--only", "clients", "--client", NAMED, "--expired")
    with broker, daemon(lab, broker.uplink()) as gateway:
        gateway.wait_said("gw-01.pem has expired (not after ")
        gateway.wait_said("the broker refuses our certificate: certificate expired")


def test_certificates_are_renewed_without_a_restart(lab):
    broker = Broker(lab["folder"] / "broker", acl=ACL)
    folder = broker.certificates
    certificates(folder, "--ca", folder, "--only", "clients", "--client", NAMED, "--expired")
    with broker, Subscriber(broker) as centre:
        with daemon(lab, broker.uplink()) as gateway:
            gateway.wait_said("has expired")
            certificates(folder, "--ca", folder, "--only", "clients", "--client", NAMED)
            more_than(centre, 3)
            certificates(folder, "--ca", folder, "--only", "clients", "--client", NAMED, "--days", "300")
            wait_until(lambda: gateway.said().count("certificate files read again") == 2, gateway.said)
            more_than(centre, len(centre.blocks()) + 3)
            assert gateway.stop() == 0
        blocks = assert_all_arrived(lab, centre)
        assert events(blocks, "uplink.down") == []


def test_a_faulty_new_certificate_leaves_the_old_in_use(lab):
    broker = Broker(lab["folder"] / "broker")
    with broker, Subscriber(broker) as centre:
        with daemon(lab, broker.uplink()) as gateway:
            more_than(centre, 2)
            (broker.certificates / "gw-01.pem").write_text("not a certificate\n")
            gateway.wait_said("the certificate read before stays in use")
            more_than(centre, len(centre.blocks()) + 3)
            broker.stop()
            gateway.wait_said("Connection refused")
            broker.start()
            more_than(centre, len(centre.blocks()) + 3)  # on a new connection, with the old certificate
            assert gateway.stop() == 0
        blocks = assert_all_arrived(lab, centre)
        assert len(events(blocks, "uplink.certificate-fault")) == 1


def test_without_a_subscriber_blocks_are_kept(lab):
    with Broker(lab["folder"] / "broker") as broker:
        with daemon(lab, broker.uplink()) as gateway:
            gateway.wait_said("nobody subscribes to the blocks")
            wait_until(lambda: gateway.uplink().get("size", 0) > 5, "blocks are stored")
            assert gateway.uplink()["acknowledged"] == 0
            with Subscriber(broker) as centre:
                more_than(centre, 5)
                assert gateway.uplink()["fault"] == ""
                assert gateway.stop() == 0
                blocks = assert_all_arrived(lab, centre)
                assert len(events(blocks, "uplink.no-subscribers")) == 1


def test_without_a_subscriber_the_cursor_moves_where_that_is_accepted(lab):
    with Broker(lab["folder"] / "broker") as broker:
        with daemon(lab, broker.uplink(no_subscribers="accept")) as gateway:
            wait_until(lambda: gateway.uplink().get("acknowledged", 0) > 5, "the cursor moves")
            assert gateway.uplink()["fault"] == ""
            assert "nobody subscribes" not in gateway.said()


def test_a_block_beyond_the_brokers_packet_holds_the_cursor(lab):
    with Broker(lab["folder"] / "broker", more="max_packet_size 300") as broker:
        with daemon(lab, broker.uplink()) as gateway:
            gateway.wait_said("the broker takes packets of at most 300 bytes, and ")
            wait_until(lambda: gateway.uplink().get("size", 0) > 5, "blocks are stored")
            assert gateway.uplink()["acknowledged"] == 0


def test_a_refusal_by_the_acl_holds_the_cursor(lab):
    acl = ACL.replace("pattern write tally/1/%u/+/block\n", "")
    assert acl != ACL
    broker = Broker(lab["folder"] / "broker", acl=acl)
    with broker, Subscriber(broker) as centre:
        with daemon(lab, broker.uplink()) as gateway:
            gateway.wait_said("the broker does not take blocks: Not authorized (0x87)")
            wait_until(lambda: gateway.uplink().get("size", 0) > 5, "blocks are stored")
            assert gateway.uplink()["acknowledged"] == 0
            assert centre.blocks() == []
            broker.stop()
            broker.acl = ACL
            broker.start()
            more_than(centre, 5)
            assert gateway.stop() == 0
        assert_all_arrived(lab, centre)


def test_two_uplinks_have_cursors_of_their_own(lab):
    for name in ("one", "two"):
        (lab["folder"] / name).mkdir()
    one, two = Broker(lab["folder"] / "one"), Broker(lab["folder"] / "two")
    with one, two, Subscriber(one) as first, Subscriber(two) as second:
        with daemon(lab, one.uplink("one"), two.uplink("two")) as gateway:
            more_than(first, 3)
            more_than(second, 3)
            two.stop()
            more_than(first, len(first.blocks()) + 5)
            wait_until(lambda: gateway.uplink("one")["acknowledged"] > gateway.uplink("two")["acknowledged"] + 2,
                       "one goes on without the other")
            two.start()
            more_than(second, len(first.blocks()))
            assert gateway.stop() == 0
        assert_all_arrived(lab, first)
        assert_all_arrived(lab, second)


def test_cursor_lasts_over_a_restart(lab):
    with Broker(lab["folder"] / "broker") as broker, Subscriber(broker) as centre:
        with daemon(lab, broker.uplink()) as gateway:
            more_than(centre, 5)
            assert gateway.stop() == 0
        count = stored(lab)
        assert_all_arrived(lab, centre)
        with daemon(lab, broker.uplink()) as gateway:
            centre.wait(lambda s: json.loads(s.blocks()[-1])["n"] > count + 3, "blocks of the second run")
            assert gateway.stop() == 0
        assert_all_arrived(lab, centre)
        numbers = [json.loads(block)["n"] for block in centre.blocks()]
        assert numbers == sorted(set(numbers)), "an orderly restart repeats nothing"


def test_kill_and_restart_lose_nothing(lab):
    with Broker(lab["folder"] / "broker") as broker, Subscriber(broker) as centre:
        for _ in range(3):
            with daemon(lab, broker.uplink()) as gateway:
                more_than(centre, len(centre.blocks()) + 3)
                gateway.kill()
        with daemon(lab, broker.uplink()) as gateway:
            more_than(centre, len(centre.blocks()) + 3)
            assert gateway.stop() == 0
        assert_all_arrived(lab, centre)


def test_status_is_retained_and_the_last_will_says_offline(lab):
    with Broker(lab["folder"] / "broker") as broker, Subscriber(broker) as centre:
        with daemon(lab, broker.uplink()) as gateway:
            more_than(centre, 2)
            assert json.loads(centre.on("status")[-1].payload)["online"] is True
            gateway.kill()
            centre.wait(lambda s: json.loads(s.on("status")[-1].payload)["online"] is False, "the last will")
            assert json.loads(centre.on("status")[-1].payload)["why"] == "connection lost"
        with daemon(lab, broker.uplink()) as gateway:
            centre.wait(lambda s: json.loads(s.on("status")[-1].payload)["online"], "online again")
            assert gateway.stop() == 0
        centre.wait(lambda s: json.loads(s.on("status")[-1].payload).get("why") == "stopped", "the farewell")
        with Subscriber(broker, client_id="late") as late:
            late.wait(lambda s: s.on("status") and s.on("definitions"), "what is retained")
            assert late.on("status")[0].retain and late.on("definitions")[0].retain
            assert late.blocks() == []


def test_a_server_without_tls_is_refused(lab):
    port = free_port()
    (lab["folder"] / "plain.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    broker = Broker(lab["folder"] / "broker")
    with Process(["/usr/sbin/mosquitto", "-v", "-c", lab["folder"] / "plain.conf"], lab["folder"] / "plain.log") as plain:
        plain.wait_said("running")
        with daemon(lab, {**broker.uplink(), "broker": f"mqtts://localhost:{port}"}) as gateway:
            wait_until(lambda: "TLS" in gateway.uplink().get("fault", ""), lambda: str(gateway.uplink()))
        assert "Received CONNECT" not in plain.said()


@pytest.mark.parametrize("version", ["tlsv1.2", "tlsv1.3"])
def test_tls_versions_in_use(lab, version):
    with Broker(lab["folder"] / "broker", more=f"tls_version {version}") as broker, Subscriber(broker) as centre:
        with daemon(lab, broker.uplink()):
            more_than(centre, 2)
