//! What a request is served with: the moment, randomness, storage, and the notes for its audit
//! line. The core has no other source of any of them.

use serde::Serialize;

use crate::client::ClientSecretsKey;
use crate::error::Fault;
use crate::time::UnixTime;

/// Fills a slice with random octets.
pub type FillRandom<'a> = &'a dyn Fn(&mut [u8]) -> Result<(), getrandom::Error>;

/// What one request is served with.
pub struct Context<'a, S> {
    /// When it arrived.
    pub now: UnixTime,
    /// Where randomness comes from.
    pub fill_random: FillRandom<'a>,
    /// Storage.
    pub store: &'a S,
    /// The address that the request came from.
    pub client_address: Option<&'a str>,
    /// The key of imported secrets' hashes, if there is one.
    pub client_secrets_key: Option<&'a ClientSecretsKey>,
    /// What became known on the way.
    pub audit: Audit,
}

impl<S> Context<'_, S> {
    /// Random octets.
    ///
    /// # Errors
    /// [`Fault::Random`].
    pub fn random<const N: usize>(&self) -> Result<[u8; N], Fault> {
        let mut octets = [0; N];
        (self.fill_random)(&mut octets).map_err(Fault::Random)?;
        Ok(octets)
    }
}

/// Writes random octets as a UUID (RFC 9562 §5.4).
#[must_use]
pub fn uuid(random: [u8; 16]) -> String {
    let bits = u128::from_be_bytes(random);
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    let part = |range| hex.get(range).unwrap_or_default();
    [
        part(0..8),
        part(8..12),
        part(12..16),
        part(16..20),
        part(20..32),
    ]
    .join("-")
}

/// What becomes known of a request while it is served, for the log. It has no room for a secret:
/// of the client only a registered id stands here, never what somebody typed.
#[derive(Debug, Default, Serialize)]
#[allow(missing_docs, reason = "the members are the words of the audit line")]
pub struct Audit {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
}
