"""config/mosquitto/tally.acl on the real broker, against clients with good certificates and bad intentions."""

import threading

import pytest
from support import ROOT, SITE, Broker, certificates, mqtt_client, needs_broker, wait_until

pytestmark = needs_broker
LOG = "5f0c2a9d4be84f31a7c06d1e93b25f70"
OWN = f"tally/1/{SITE}/gw-01/{LOG}"
NOT_AUTHORISED = 0x87


class Client:
    """One connection: publish and subscribe give the broker's reason."""

    def __init__(self, broker, user, client_id):
        self.reasons, self.granted, self.heard = {}, {}, []
        self.client = mqtt_client(broker, client_id, user)
        self.client.on_publish = self._on_publish
        self.client.on_subscribe = self._on_subscribe
        self.client.on_message = lambda _c, _u, message: self.heard.append((message.topic, bytes(message.payload)))
        up = threading.Event()
        self.client.on_connect = lambda *_: up.set()
        self.client.connect("localhost", broker.port, keepalive=30)
        self.client.loop_start()
        assert up.wait(20)

    def _on_publish(self, _client, _context, mid, *rest):  # paho 1.6 gives no reason
        self.reasons[mid] = rest[0].value if rest and hasattr(rest[0], "value") else 0

    def _on_subscribe(self, _client, _context, mid, reasons, *_):
        self.granted[mid] = [getattr(reason, "value", reason) for reason in reasons]

    def publish(self, topic, payload=b"x", retain=False):
        mid = self.client.publish(topic, payload, qos=1, retain=retain).mid
        return wait_until(lambda: mid in self.reasons and [self.reasons[mid]], f"an answer for {topic}")[0]

    def subscribe(self, topic):
        _, mid = self.client.subscribe(topic, 1)
        return wait_until(lambda: self.granted.get(mid), f"an answer for {topic}")[0]

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def room(tmp_path):
    """connect(user, name): a client with that user's certificate; a broker with the rules of config/."""
    with Broker(tmp_path / "broker", acl=(ROOT / "config" / "mosquitto" / "tally.acl").read_text()) as broker:
        where = broker.certificates
        clients = []

        def connect(file, common=None, client_id=None):
            if common:
                certificates(where, "--ca", where, "--only", "clients", "--client", f"{file}={common}")
            clients.append(Client(broker, file, client_id or f"client-{len(clients)}"))
            return clients[-1]

        yield connect
        for client in clients:
            client.close()


@pytest.fixture
def centre(room):
    client = room("centre")
    assert client.subscribe("tally/1/#") < 0x80
    return client


def settled(sender, centre):
    """What the centre has heard, once all that went before has come through."""
    sender.publish(f"{OWN}/status", b"end")
    wait_until(lambda: (f"{OWN}/status", b"end") in centre.heard, "the last message")
    return [topic for topic, payload in centre.heard if payload != b"end"]


def test_a_gateway_writes_its_own_topics(room, centre):
    gateway = room("gw-01")
    topics = [f"{OWN}/{kind}" for kind in ("block", "definitions", "checkpoint", "hello", "status", "event",
                                         "file/" + "0" * 64)]
    for topic in topics:
        gateway.publish(topic)
    assert settled(gateway, centre) == topics


@pytest.mark.parametrize("file, common", [
    ("other-site", "11320000MB151840XJ/gw-01"),  # the same gateway name at another site
    ("other-name", f"{SITE}/gw-02"),
    ("site-alone", SITE),
    ("name-alone", "gw-01"),
    ("deeper", f"{SITE}/gw-01/{LOG}"),
    ("plus", "+/+"),
    ("hash", "#"),
    ("no-centre", "centre2"),
])
def test_nobody_writes_or_reads_for_a_gateway_but_itself(room, centre, file, common):
    hostile, gateway = room(file, common), room("gw-01")
    for kind in ("block", "definitions", "checkpoint", "hello", "status", "event", "receipt", "resume", "file/" + "0" * 64):
        hostile.publish(f"{OWN}/{kind}", retain=True)
    assert settled(gateway, centre) == []
    for kind in ("block", "receipt", "resume", "#"):
        hostile.subscribe(f"{OWN}/{kind}")
    hostile.subscribe("tally/#")
    hostile.subscribe("#")
    centre.publish(f"{OWN}/receipt", b"r", retain=True)
    gateway.subscribe(f"{OWN}/receipt")
    wait_until(lambda: (f"{OWN}/receipt", b"r") in gateway.heard, "the gateway hears its receipt")
    assert not [topic for topic, _ in hostile.heard if topic.startswith("tally/")]


def test_a_gateway_cannot_write_what_a_centre_says_nor_read_others(room, centre):
    gateway, other = room("gw-01"), room("other-site", "11320000MB151840XJ/gw-01")
    theirs = f"tally/1/11320000MB151840XJ/gw-01/{LOG}"
    for topic in (f"{OWN}/receipt", f"{OWN}/resume", f"{theirs}/block", f"{theirs}/receipt", "tally/1/x", "other"):
        gateway.publish(topic, retain=True)
    assert settled(gateway, centre) == []
    gateway.subscribe("tally/1/+/+/+/receipt")
    gateway.subscribe("tally/1/#")
    other.publish(f"{theirs}/block")
    centre.publish(f"{theirs}/receipt")
    centre.publish(f"{OWN}/receipt")
    wait_until(lambda: [t for t, _ in gateway.heard if t == f"{OWN}/receipt"], "its own receipt")
    assert {topic for topic, _ in gateway.heard} == {f"{OWN}/receipt"}


def test_the_centre_cannot_speak_for_a_gateway(room, centre):
    gateway = room("gw-01")
    for kind in ("block", "checkpoint", "hello", "status", "event", "definitions"):
        centre.publish(f"{OWN}/{kind}", retain=True)
    assert settled(gateway, centre) == []
