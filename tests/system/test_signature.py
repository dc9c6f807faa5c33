"""The XML signature of a certificate: made by xmlsec1, tampered with by hand, and what `tally certificate` says of it."""

import subprocess
from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from support import ROOT, TALLY, needs_daemon

pytestmark = needs_daemon
DCC = ROOT / "tests" / "golden" / "certificates" / "dcc-3.1.2-temperature.xml"
DS = "http://www.w3.org/2000/09/xmldsig#"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = f'<ds:Transform Algorithm="{DS}enveloped-signature"/>'
END = "</dcc:digitalCalibrationCertificate>"


def template(method=MORE + "ecdsa-sha256", uri="", transforms=ENVELOPED + f'<ds:Transform Algorithm="{EXCLUSIVE}"/>', inside=""):
    return (f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"/>'
            f'<ds:SignatureMethod Algorithm="{method}"/><ds:Reference URI="{uri}"><ds:Transforms>{transforms}</ds:Transforms>'
            f'<ds:DigestMethod Algorithm="{SHA256}"/><ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/>'
            f"<ds:KeyInfo><ds:X509Data><ds:X509Certificate/></ds:X509Data></ds:KeyInfo>{inside}</ds:Signature>")


class Signers:
    """A laboratory whose certificate an authority issued, and others; and files signed by them."""

    def __init__(self, folder):
        self.folder, self.keys, self.made = folder, {}, {}
        self.make("authority", authority=True)
        self.make("lab", issuer="authority")
        self.make("old", issuer="authority", days=(-30, -1))
        self.make("next", issuer="authority", days=(1, 30))
        self.make("encrypts", issuer="authority", signs=False)
        self.make("rsa", issuer="authority", key=rsa.generate_private_key(65537, 2048))
        self.make("stranger")

    def make(self, name, issuer=None, authority=False, days=(-2, 30), signs=True, key=None):
        key = key or ec.generate_private_key(ec.SECP256R1())
        self.keys[name] = key
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(timezone.utc)
        usage = x509.KeyUsage(signs, False, not signs, False, False, authority, authority, False, False)
        made = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.made[issuer].subject if issuer else subject)
                .public_key(key.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(now + timedelta(days=days[0])).not_valid_after(now + timedelta(days=days[1]))
                .add_extension(x509.BasicConstraints(authority, None), True).add_extension(usage, True)
                .sign(self.keys[issuer or name], hashes.SHA256()))
        self.made[name] = made
        self.path(name).write_bytes(made.public_bytes(serialization.Encoding.PEM))
        self.path(name, "key").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                             serialization.NoEncryption()))

    def path(self, name, ending="pem"):
        return self.folder / f"{name}.{ending}"

    def sign(self, name="lab", text=None, **form):
        """The golden certificate, or that text, with a signature in it."""
        text = text or DCC.read_text()
        unsigned, signed = self.folder / "template.xml", self.folder / "signed.xml"
        unsigned.write_text(text.replace(END, template(**form) + END))
        subprocess.run(["xmlsec1", "--sign", "--privkey-pem", f"{self.path(name, 'key')},{self.path(name)}", "--id-attr:Id", "Object",
                        "--id-attr:Id", "administrativeData", "--output", signed, unsigned], check=True, capture_output=True)
        return signed.read_text()

    def show(self, text, trusted=None):
        path = self.folder / "shown.xml"
        path.write_text(text)
        done = subprocess.run([TALLY, "certificate", "show", path, *(("--trusted", trusted) if trusted else ())], capture_output=True,
                              text=True, timeout=60, check=False)
        said = [line for line in done.stdout.splitlines() if line.startswith("signature ")]
        return done.returncode, said[0].removeprefix("signature    ") if said else done.stderr.strip()


@pytest.fixture(scope="module", name="signers")
def make_signers(tmp_path_factory):
    return Signers(tmp_path_factory.mktemp("signers"))


def test_who_signed_and_whether_they_are_trusted(signers, tmp_path):
    signed = signers.sign()
    assert signers.show(signed) == (0, "not verified: signed by CN=lab; nobody is said to be trusted")
    (tmp_path / "authority.pem").write_bytes(signers.path("stranger").read_bytes() + signers.path("authority").read_bytes())
    (tmp_path / "README").write_text("whom we trust\n")
    for trusted in (signers.path("authority"), signers.path("lab"), tmp_path):
        status, said = signers.show(signed, trusted)
        assert status == 0 and said.startswith("verified: signed by CN=lab, certificate sha256 "), said
        assert said.split()[-1] == signers.made["lab"].fingerprint(hashes.SHA256()).hex()[:16]
    assert signers.show(signers.sign("rsa", method=MORE + "rsa-sha512"), tmp_path)[1].startswith("verified: signed by CN=rsa, ")
    status, said = signers.show(signed, signers.path("stranger"))
    assert status == 0 and said.startswith("not verified: signed by CN=lab, not trusted: "), said
    # Signed anew by someone else: whole, and nobody's whom we know.
    assert signers.show(signers.sign("stranger"), signers.path("authority"))[1].startswith("not verified: signed by CN=stranger, not trusted")
    for name, why in (("old", "not trusted: certificate has expired"), ("next", "not trusted: certificate is not yet valid"),
                      ("encrypts", "by a key that is not for it")):
        assert signers.show(signers.sign(name), signers.path("authority")) == (0, f"not verified: signed by CN={name}, {why}")
    for trusted, why in ((tmp_path / "README", "no certificate in it"), (tmp_path / "none", "No such file")):
        status, said = signers.show(signed, trusted)
        assert status == 1 and why in said


@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "nobody"])
def test_what_was_altered_is_refused(signers, trusted):
    signed = signers.sign()
    wrong = "its signature is wrong: the file is not as it was signed"
    for before, after in (("0.040 0.118", "0.040 0.117"), ("2026-03-03", "2026-03-02"), ("K1250012", "K1250013"), ('3.1.2"', '3.1.1"'),
                          ("</dcc:coreData>", "<dcc:issueDate>2026-03-04</dcc:issueDate></dcc:coreData>"), ("</dcc:items>", "</dcc:items>\n"),
                          ('refType="gp_measuringResult1"', 'refType="gp_measuringResult1" id="x"')):
        assert before in signed
        status, said = signers.show(signed.replace(before, after, 1), signers.path("authority") if trusted else None)
        assert status == 1 and said.endswith(wrong), (before, said)
    value = signed[signed.index("<ds:SignatureValue>") + 19:][:86]
    status, said = signers.show(signed.replace(value, value[::-1]), signers.path("authority"))
    assert status == 1 and said.endswith(wrong)
    # A comment is no part of what was signed, nor of what is read.
    assert signers.show(signed.replace(END, "<!-- seen -->" + END), signers.path("authority"))[1].startswith("verified")


def test_a_signature_that_does_not_cover_all_of_it_verifies_nothing(signers):
    """Each would verify for a program that asks no more than whether the signature is good."""
    trusted = signers.path("authority")
    whole = signers.sign()
    partly = DCC.read_text().replace("<dcc:administrativeData>", '<dcc:administrativeData Id="a">')
    keep = f'<ds:Transform Algorithm="{EXCLUSIVE}"/>'
    xpath = ('<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116">'
             "<ds:XPath>not(ancestor-or-self::ds:Signature)</ds:XPath></ds:Transform>")
    wrapped = signers.sign(uri="#o", transforms=keep, inside='<ds:Object Id="o"><x/></ds:Object>')
    moved = whole[whole.index("<ds:Signature "):whole.index("</ds:Signature>") + 15]
    cases = {
        "a part": (signers.sign(text=partly, uri="#a", transforms=keep), "it is of a part of the document"),
        "itself": (wrapped, "it does not cover the document once"),
        "xpath": (signers.sign(transforms=xpath), "it takes something else out of the document than itself"),
        "xpath beside": (signers.sign(transforms=ENVELOPED + xpath), "an algorithm that is not taken"),
        "two": (whole.replace(END, moved + END), "more than one signature"),
        "below": (whole.replace("</dcc:items>", f"</dcc:items>{moved}"), "more than one signature"),
        "sha1": (whole.replace(SHA256, DS + "sha1"), f"an algorithm that is not taken, {DS}sha1"),
        "rsa-sha1": (whole.replace(MORE + "ecdsa-sha256", DS + "rsa-sha1"), "an algorithm that is not taken"),
        "hmac": (whole.replace(MORE + "ecdsa-sha256", MORE + "hmac-sha256"), "an algorithm that is not taken"),
        "a file": (whole.replace('URI=""', 'URI="file:///etc/passwd"'), "something else"),
        "the net": (whole.replace('URI=""', 'URI="http://127.0.0.1:9/"'), "something else"),
        "xpointer": (whole.replace('URI=""', "URI=\"#xpointer(id('a'))\""), "something else"),
        "no reference": (whole.replace("ds:Reference", "ds:Other"), "it does not cover the document once"),
        "no certificate": (whole.replace("X509Certificate", "X509Other"), "no certificate of the signer in it"),
        "no certificate, really": (whole.replace("<ds:X509Certificate>MII", "<ds:X509Certificate>AAA"), "no certificate of the signer in it"),
    }
    for name, (text, why) in cases.items():
        status, said = signers.show(text, trusted)
        assert status == 0 and said.startswith("not verified: ") and why in said, (name, said)
    # Elsewhere than in the root it is not there at all.
    assert "signature" not in signers.show(whole.replace(moved, "").replace("</dcc:items>", f"</dcc:items>{moved}"), trusted)[1]
