//! Client certificates of mutual TLS (RFC 8705), as the network before the Worker tells of them: it
//! made the handshake, in which the client proved to have the certificate's key.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A connection that can be asked for its certificate. Only clients whose records want one cause
/// that: to ask costs more than most of what a request needs.
pub trait Connection: fmt::Debug {
    /// The certificate that the caller showed, if any.
    fn certificate(&self) -> Option<ClientCertificate<'_>>;
}

/// A connection of which all is known.
impl Connection for ClientCertificate<'_> {
    fn certificate(&self) -> Option<ClientCertificate<'_>> {
        Some(*self)
    }
}

/// What is told of the certificate of a connection (`request.cf.tlsClientAuth`).
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientCertificate<'a> {
    /// `certVerified`: `SUCCESS` if a trusted authority vouches for it.
    pub verified: &'a str,
    /// `certRevoked`: `1` if it was revoked.
    pub revoked: &'a str,
    /// `certSubjectDNRFC2253`: its subject, as RFC 4514 writes it.
    pub subject_dn: &'a str,
    /// `certFingerprintSHA256`: the SHA-256 of its DER, in hexadecimal.
    pub fingerprint: &'a str,
}

impl ClientCertificate<'_> {
    /// Whether it can be believed.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.verified == "SUCCESS" && self.revoked != "1"
    }

    /// Its SHA-256 thumbprint in base64url (RFC 8705 §3.1), if it can be believed.
    #[must_use]
    pub fn thumbprint(&self) -> Option<String> {
        let mut digest = [0; 32];
        let digits = self.fingerprint.get(..64)?;
        // `from_str_radix` takes a sign too.
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        for (octet, position) in digest.iter_mut().zip((0..64_usize).step_by(2)) {
            let pair = digits.get(position..)?.get(..2)?;
            *octet = u8::from_str_radix(pair, 16).ok()?;
        }
        let is_whole = self.fingerprint.len() == digits.len();
        (is_whole && self.is_good()).then(|| URL_SAFE_NO_PAD.encode(digest))
    }
}
