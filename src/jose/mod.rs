//! JOSE: ES256 signatures (RFC 7518 §3.4), keys (RFC 7517) and signed tokens (RFC 7515, 7519).
//!
//! No OAuth word may stand here, and nothing of this crate but `time` and `json` is used.

pub mod es256;
pub mod fixed_base;
mod jwk;
mod jwt;
mod mac;
mod public_keys;
mod signing_keys;

pub use jwk::{Jwk, JwkSet, KeyError, KeyId, KeySetError, PrivateJwk, PublicKey, SigningKey};
pub use jwt::{
    Claims, SignError, TokenError, UntrustedToken, Verified, numeric_date, sign, verify,
};
pub use mac::hmac_sha256;
pub use public_keys::{IgnoredKey, PublicKeys};
pub use signing_keys::SigningKeys;
