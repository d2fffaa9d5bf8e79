//! HMAC-SHA-256 (RFC 2104, RFC 7518 §3.2).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The MAC of `parts`, one after the other, under a key of 256 bits.
#[must_use]
pub fn hmac_sha256(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // A key shorter than a block is one with zeros after it (RFC 2104 §2).
    let octet = |i| key.get(i).copied().unwrap_or_default();
    let block = Zeroizing::new(std::array::from_fn::<u8, 64, _>(octet));
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
