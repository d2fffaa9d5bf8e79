//! The random values of a family, and what is kept of them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::id::FamilyId;
use super::refusal::Refusal;
use crate::jose::hmac_sha256;
use crate::json::{Json, impl_json};

/// 256 bits that only its holder knows. Never shown, zeroed when dropped, compared in constant
/// time.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    /// Takes octets as a secret.
    #[must_use]
    pub fn new(octets: [u8; 32]) -> Self {
        Self(Zeroizing::new(octets))
    }

    /// Reads 43 characters of base64url.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let octets = URL_SAFE_NO_PAD.decode(text).map(Zeroizing::new).ok()?;
        octets.as_slice().try_into().ok().map(Self::new)
    }

    /// The secret as text, for its holder.
    #[must_use]
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(*self.0)
    }

    /// What may be stored of it.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(*self.0).into())
    }

    /// Another secret that follows from this one for those who know `self` alone: HMAC-SHA-256
    /// under it (RFC 2104) of a purpose and of what `input` has.
    pub(super) fn derive(&self, purpose: &str, input: &[&[u8]]) -> Self {
        let mut parts = vec![purpose.as_bytes()];
        for part in input {
            parts.extend([[0].as_slice(), part]);
        }
        Self::new(hmac_sha256(&self.0, &parts))
    }

    pub(super) fn octets(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&*other.0).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Json for Secret {
    fn to_json(&self) -> Value {
        self.reveal().into()
    }

    fn from_json(value: Value) -> Option<Self> {
        Self::parse(value.as_str()?)
    }
}

/// The SHA-256 of a [`Secret`]; 256 random bits need no salt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// Whether it is the hash of `secret`.
    pub(super) fn is_of(&self, secret: &Secret) -> bool {
        self.0.ct_eq(&secret.hash().0).into()
    }
}

impl Json for SecretHash {
    fn to_json(&self) -> Value {
        URL_SAFE_NO_PAD.encode(self.0).into()
    }

    fn from_json(value: Value) -> Option<Self> {
        let octets = URL_SAFE_NO_PAD.decode(value.as_str()?).ok()?;
        octets.try_into().ok().map(Self)
    }
}

/// A secret of a family with the family's id, as codes, tickets and request URIs carry it: 64
/// characters of base64url.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Handle {
    /// Which family.
    pub family: FamilyId,
    /// What shows that its holder may speak to it.
    pub secret: Secret,
}

impl Handle {
    /// Reads a handle.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] for any other text, [`Refusal::LaterFormat`].
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        read(text, |octets| {
            let (family, secret) = octets.split_first_chunk()?;
            Some(Self {
                family: FamilyId::from_octets(*family),
                secret: Secret::new(secret.try_into().ok()?),
            })
        })
    }

    /// The handle as text, for its holder.
    #[must_use]
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode([self.family.octets().as_slice(), self.secret.octets()].concat())
    }
}

/// A refresh token: 112 characters of base64url.
///
/// The seed is one for the whole family and stored as its hash alone; the proof follows from the
/// family's key, the seed and the generation. So a family needs neither the tokens nor their
/// hashes to tell which generation a token is, however old, and that it is no forgery; and what it
/// stores is not enough to make one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RefreshToken {
    /// Which family.
    pub family: FamilyId,
    /// What the family decides on.
    pub part: RefreshPart,
}

/// What is in a refresh token besides the family's id.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RefreshPart {
    pub(super) seed: Secret,
    pub(super) generation: u32,
    pub(super) proof: Secret,
}

impl_json!(struct RefreshPart { seed, generation, proof });

impl RefreshPart {
    pub(super) fn derive(key: &Secret, seed: &Secret, generation: u32) -> Self {
        let input = [seed.octets().as_slice(), &generation.to_be_bytes()];
        Self {
            seed: seed.clone(),
            generation,
            proof: key.derive("refresh", &input),
        }
    }
}

impl RefreshToken {
    /// Reads a refresh token.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] for any other text, [`Refusal::LaterFormat`].
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        read(text, |octets| {
            let (family, octets) = octets.split_first_chunk()?;
            let (seed, octets) = octets.split_first_chunk()?;
            let (generation, proof) = octets.split_first_chunk()?;
            Some(Self {
                family: FamilyId::from_octets(*family),
                part: RefreshPart {
                    seed: Secret::new(*seed),
                    generation: u32::from_be_bytes(*generation),
                    proof: Secret::new(proof.try_into().ok()?),
                },
            })
        })
    }

    /// The token as text, for its holder.
    #[must_use]
    pub fn reveal(&self) -> String {
        let parts = [
            self.family.octets().as_slice(),
            self.part.seed.octets(),
            &self.part.generation.to_be_bytes(),
            self.part.proof.octets(),
        ];
        URL_SAFE_NO_PAD.encode(Zeroizing::new(parts.concat()))
    }
}

/// Reads what was handed out in format 1, which is base64url alone and does not say which format
/// it is. Later formats begin with their number and a dot, which base64url does not have.
fn read<T>(text: &str, parse: impl Fn(&[u8]) -> Option<T>) -> Result<T, Refusal> {
    let octets = URL_SAFE_NO_PAD.decode(text).map(Zeroizing::new).ok();
    let read = octets.and_then(|octets| parse(&octets));
    read.ok_or_else(|| match is_later(text) {
        true => Refusal::LaterFormat,
        false => Refusal::Unknown,
    })
}

/// Whether a text begins with the number of a format from 2 to 999 and a dot.
fn is_later(text: &str) -> bool {
    let Some((format, rest)) = text.split_once('.') else {
        return false;
    };
    let is_number = format.len() <= 3 && format.bytes().all(|byte| byte.is_ascii_digit());
    is_number && !format.starts_with('0') && !matches!(format, "" | "1") && !rest.is_empty()
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac};

    use super::*;

    #[test]
    fn what_is_read_is_what_was_written_and_nothing_else_is_read() {
        let family = FamilyId::from_random([1; 16]);
        let handle = Handle {
            family,
            secret: Secret::new([2; 32]),
        };
        let key = Secret::new([3; 32]);
        let token = RefreshToken {
            family,
            part: RefreshPart::derive(&key, &handle.secret, 7),
        };
        let (code, refresh) = (handle.reveal(), token.reveal());
        assert_eq!((code.len(), refresh.len()), (64, 112));
        assert_eq!(Handle::parse(&code), Ok(handle));
        assert_eq!(RefreshToken::parse(&refresh), Ok(token));
        for text in [
            "",
            "x",
            &format!("{code}="),
            &format!("{code}AAAA"),
            &refresh,
        ] {
            assert_eq!(Handle::parse(text), Err(Refusal::Unknown), "{text}");
        }
        for text in ["", "x", &code, &format!("{refresh}AAAA"), &refresh[..108]] {
            assert_eq!(RefreshToken::parse(text), Err(Refusal::Unknown), "{text}");
        }
    }

    #[test]
    fn later_formats_are_told_from_what_was_never_handed_out() {
        for (text, refusal) in [
            ("2.AAAA", Refusal::LaterFormat),
            ("2.not base64url", Refusal::LaterFormat),
            ("10.AAAA.AAAA", Refusal::LaterFormat),
            ("999.x", Refusal::LaterFormat),
            ("1.AAAA", Refusal::Unknown),
            ("0.AAAA", Refusal::Unknown),
            ("02.AAAA", Refusal::Unknown),
            ("1000.AAAA", Refusal::Unknown),
            ("+2.AAAA", Refusal::Unknown),
            ("2.", Refusal::Unknown),
            ("2", Refusal::Unknown),
            (".AAAA", Refusal::Unknown),
            ("eyJhbGciOiJFUzI1NiJ9.e30.AAAA", Refusal::Unknown),
        ] {
            assert_eq!(Handle::parse(text), Err(refusal), "{text}");
            assert_eq!(RefreshToken::parse(text), Err(refusal), "{text}");
        }
    }

    #[test]
    fn secrets_are_derived_as_docs_storage_says() {
        let (key, ticket) = (Secret::new([3; 32]), Secret::new([2; 32]));
        let hmac = |text: &[u8]| {
            let mut mac = Hmac::<Sha256>::new_from_slice(&[3; 32]).unwrap();
            mac.update(text);
            Secret::new(mac.finalize().into_bytes().into())
        };
        let text = [b"resume\0".as_slice(), &[2; 32]].concat();
        assert_eq!(key.derive("resume", &[ticket.octets()]), hmac(&text));
        let text = [b"refresh\0".as_slice(), &[2; 32], b"\0", &[0, 0, 0, 7]].concat();
        let part = RefreshPart::derive(&key, &ticket, 7);
        assert_eq!(part.proof, hmac(&text));
    }

    #[test]
    fn secrets_are_not_shown() {
        let secret = Secret::new([2; 32]);
        assert!(!format!("{secret:?}").contains(&secret.reveal()));
        assert!(!format!("{:?}", secret.hash()).contains(&secret.reveal()));
    }

    proptest::proptest! {
        #[test]
        fn any_handle_and_token_is_read_as_it_is_revealed(
            family: [u8; 16], one: [u8; 32], two: [u8; 32], generation: u32,
        ) {
            let family = FamilyId::from_octets(family);
            let (secret, proof) = (Secret::new(one), Secret::new(two));
            assert_eq!(Secret::parse(&secret.reveal()), Some(secret.clone()));
            assert_eq!(SecretHash::from_json(secret.hash().to_json()), Some(secret.hash()));
            let handle = Handle { family, secret: secret.clone() };
            assert_eq!(Handle::parse(&handle.reveal()), Ok(handle));
            let part = RefreshPart { seed: secret, generation, proof };
            assert_eq!(RefreshPart::from_json(part.to_json()).as_ref(), Some(&part));
            let token = RefreshToken { family, part };
            assert_eq!(RefreshToken::parse(&token.reveal()), Ok(token));
        }
    }
}
