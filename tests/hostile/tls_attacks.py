"""What hostile TLS ports do: one talk a connection, each in a thread of the farm."""

import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from OpenSSL import SSL

from tests.hostile.slow_signatures import endless_signatures
from tests.servers.tls_servers import Talk, speak_tls, tls_context
from watcher.demo.authority import Authority

_HELD = 20.0  # seconds
_HELLO = 4000


class Attack(NamedTuple):
    """One way to harm whoever shakes hands."""

    what: str  # for docs/reliability.md
    talk: Talk


def _flood(record: bytes) -> Talk:
    def talk(connection: socket.socket) -> None:
        connection.recv(_HELLO)
        while True:
            connection.sendall(record * 1000)

    return talk


def _say(words: bytes, held: float = _HELD) -> Talk:
    def talk(connection: socket.socket) -> None:
        connection.recv(_HELLO)
        connection.sendall(words)
        time.sleep(held)

    return talk


def _unasked(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9\r\n")
    time.sleep(1)


def _hang_up(connection: socket.socket) -> None:
    connection.recv(_HELLO)


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.recv(10)


def _drip(connection: socket.socket) -> None:
    connection.recv(_HELLO)
    for byte in b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03" + bytes(16_000):
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def _within(context: Callable[[], ssl.SSLContext], then: Talk) -> Talk:
    made = context()

    def talk(connection: socket.socket) -> None:
        with made.wrap_socket(connection, server_side=True) as secured:
            secured.recv(_HELLO)
            then(secured)

    return talk


def _answer(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def _pour(words: bytes) -> Talk:
    def talk(connection: socket.socket) -> None:
        while True:
            connection.sendall(words)

    return talk


def _mute(connection: socket.socket) -> None:
    del connection
    time.sleep(_HELD)


def _renegotiate(certificate: Path) -> Talk:
    def talk(connection: socket.socket) -> None:
        context = SSL.Context(SSL.TLS_METHOD)
        context.use_certificate_file(str(certificate))
        context.use_privatekey_file(str(certificate))
        context.set_options(SSL.OP_NO_TLSv1_3)
        connection.settimeout(None)
        secured = SSL.Connection(context, connection)
        secured.set_accept_state()
        secured.do_handshake()
        secured.recv(_HELLO)
        for _ in range(1000):
            secured.renegotiate()
            secured.do_handshake()

    return talk


class Certificates:
    """Certificates that cost whoever reads them, each with its key in one file."""

    def __init__(self, home: Path, authority: Authority) -> None:
        self._home, self._authority = home, authority

    def plain(self) -> Path:
        """As any agent has it."""
        return self._written("plain", authority=self._authority)

    def chained(self, links: int) -> Path:
        """Behind so many intermediates."""
        authority = self._authority
        for _ in range(links):
            authority = authority.intermediate(time.time())
        return self._written(f"chain{links}", authority=authority)

    def named(self, hosts: int) -> Path:
        """With so many names beside its SPIFFE ID."""
        return self._written(f"names{hosts}", [f"h{number}.example.org" for number in range(hosts)], self._authority)

    def of_rsa(self, bits: int) -> Path:
        """With a key of so many bits, signed by itself."""
        key = rsa.generate_private_key(65537, bits)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "big")])
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        now = datetime.now(UTC)
        later = now + timedelta(days=1)
        signed = builder.serial_number(1).not_valid_before(now).not_valid_after(later).sign(key, hashes.SHA256())
        path = self._home / f"rsa{bits}.pem"
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(pem + signed.public_bytes(Encoding.PEM))
        return path

    def _written(self, name: str, hosts: list[str] | None = None, authority: Authority | None = None) -> Path:
        now = time.time()
        by = authority or self._authority
        svid = by.issue("spiffe://example.org/agent/x", not_before=now - 60, not_after=now + 3600, hosts=hosts or ())
        path = self._home / f"{name}.pem"
        path.write_bytes(svid.key_pem + svid.chain_pem)
        return path


def _serving(certificate: Path) -> Callable[[], ssl.SSLContext]:
    def context() -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.set_ciphers("ALL:@SECLEVEL=0")
        made.load_cert_chain(certificate)
        return made

    return context


def _finite_field(certificate: Path, home: Path) -> Callable[[], ssl.SSLContext]:
    def context() -> ssl.SSLContext:
        made = _serving(certificate)()
        made.maximum_version = ssl.TLSVersion.TLSv1_2
        made.set_ciphers("DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0")
        # The 8192-bit group of RFC 3526: larger ones take minutes to make, and cost the same kind of time.
        path = home / "dh.pem"
        path.write_text(ssl.DER_cert_to_PEM_cert(_dh_parameters(_GROUP_18)).replace("CERTIFICATE", "DH PARAMETERS"))
        made.load_dh_params(str(path))
        return made

    return context


def _dh_parameters(prime: int) -> bytes:
    """PKCS #3 DHParameter, in DER, with the generator 2."""
    encoded = prime.to_bytes(prime.bit_length() // 8 + 1)
    numbers = b"\x02\x82%b%b\x02\x01\x02" % (len(encoded).to_bytes(2), encoded)
    return b"\x30\x82%b%b" % (len(numbers).to_bytes(2), numbers)


def _tickets(certificate: Path) -> Callable[[], ssl.SSLContext]:
    def context() -> ssl.SSLContext:
        made = _serving(certificate)()
        made.num_tickets = 65_535
        return made

    return context


def attacks(home: Path, authority: Authority) -> Iterator[Attack]:
    """All of them, with certificates of this authority."""
    made = Certificates(home, authority)
    plain, rsa_key = made.plain(), made.of_rsa(2048)
    yield Attack("half a handshake", _say(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03"))
    yield Attack("empty handshake records without an end", _flood(b"\x16\x03\x03\x00\x00"))
    yield Attack("empty data records without an end", _flood(b"\x17\x03\x03\x00\x00"))
    yield Attack("ChangeCipherSpec without an end", _flood(b"\x14\x03\x03\x00\x01\x01"))
    yield Attack("an alert", _say(b"\x15\x03\x03\x00\x02\x02\x28", 0.1))
    yield Attack("warnings without an end", _flood(b"\x15\x03\x03\x00\x02\x01\x5a"))
    yield Attack("no word after the hello", _hang_up)
    yield Attack("a reset", _reset)
    yield Attack("silence", _mute)
    yield Attack("a handshake that drips", _drip)
    yield Attack("SSH", _unasked)
    yield Attack("HTTP headers without an end", _flood(b"HTTP/1.1 400 Bad\r\nX: y\r\n"))
    yield Attack("data without an end", _within(_serving(plain), _pour(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 16_000)))
    yield Attack("data of one byte without an end", _within(_serving(plain), _pour(b"a")))
    yield Attack("silence after the handshake", _within(_serving(plain), _mute))
    yield Attack("finite-field Diffie-Hellman of 8192 bits", _within(_finite_field(rsa_key, home), _answer))
    yield Attack("2,000 names in the certificate", _within(_serving(made.named(2_000)), _answer))
    yield Attack("a chain of 9 certificates", _within(_serving(made.chained(8)), _answer))
    yield Attack("a chain of 60 certificates", _within(_serving(made.chained(59)), _answer))
    yield Attack("a chain of slow signatures", speak_tls(tls_context(endless_signatures(8))))
    yield Attack("65,535 session tickets", _within(_tickets(plain), _mute))
    yield Attack("renegotiation without an end", _renegotiate(plain))


_GROUP_18 = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B"
    "302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE6"
    "49286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB9ED529077096966D"
    "670C354E4ABC9804F1746C08CA18217C32905E462E36CE3BE39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"
    "3995497CEA956AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7D"
    "B3970F85A6E1E4C7ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C"
    "BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A92108011A723C12A787E6D788719A10BDBA5B26"
    "99C327186AF4E23C1A946834B6150BDA2583E9CA2AD44CE8DBBBC2DB04DE8EF92E8EFC141FBECAA6287C59474E6BC05D99B2964FA090C3A2"
    "233BA186515BE7ED1F612970CEE2D7AFB81BDD762170481CD0069127D5B05AA993B4EA988D8FDDC186FFB7DC90A6C08F4DF435C934028492"
    "36C3FAB4D27C7026C1D4DCB2602646DEC9751E763DBA37BDF8FF9406AD9E530EE5DB382F413001AEB06A53ED9027D831179727B0865A8918"
    "DA3EDBEBCF9B14ED44CE6CBACED4BB1BDB7F1447E6CC254B332051512BD7AF426FB8F401378CD2BF5983CA01C64B92ECF032EA15D1721D03"
    "F482D7CE6E74FEF6D55E702F46980C82B5A84031900B1C9E59E7C97FBEC7E8F323A97A7E36CC88BE0F1D45B7FF585AC54BD407B22B4154AA"
    "CC8F6D7EBF48E1D814CC5ED20F8037E0A79715EEF29BE32806A1D58BB7C5DA76F550AA3D8A1FBFF0EB19CCB1A313D55CDA56C9EC2EF29632"
    "387FE8D76E3C0468043E8F663F4860EE12BF2D5B0B7474D6E694F91E6DBE115974A3926F12FEE5E438777CB6A932DF8CD8BEC4D073B931BA"
    "3BC832B68D9DD300741FA7BF8AFC47ED2576F6936BA424663AAB639C5AE4F5683423B4742BF1C978238F16CBE39D652DE3FDB8BEFC848AD9"
    "22222E04A4037C0713EB57A81A23F0C73473FC646CEA306B4BCBC8862F8385DDFA9D4B7FA2C087E879683303ED5BDD3A062B3CF5B3A278A6"
    "6D2A13F83F44F82DDF310EE074AB6A364597E899A0255DC164F31CC50846851DF9AB48195DED7EA1B1D510BD7EE74D73FAF36BC31ECFA268"
    "359046F4EB879F924009438B481C6CD7889A002ED5EE382BC9190DA6FC026E479558E4475677E9AA9E3050E2765694DFC81F56E880B96E71"
    "60C980DD98EDD3DFFFFFFFFFFFFFFFFF",
    16,
)
