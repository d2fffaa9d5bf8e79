//! Client secrets: as clients present them, and what is stored of them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::json::{Json, Object};
use crate::time::UnixTime;

/// A secret as a client presents it. Never shown, zeroed when dropped.
#[derive(Clone)]
pub struct ClientSecret(Zeroizing<String>);

impl ClientSecret {
    /// Takes a text as a secret.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Makes a secret of 256 random bits: 43 characters of base64url.
    #[must_use]
    pub fn generate(random: &[u8; 32]) -> Self {
        Self::new(URL_SAFE_NO_PAD.encode(random))
    }

    /// The text, for the one time that it is shown to its owner.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

/// The key under which imported secrets are hashed (the Worker secret `CLIENT_SECRETS_KEY`).
pub struct ClientSecretsKey(Hmac<Sha256>);

impl ClientSecretsKey {
    /// Takes the octets of a text as the key; `None` under 32 of them, which RFC 2104 §3
    /// "strongly discourages" for SHA-256.
    #[must_use]
    pub fn parse(text: String) -> Option<Self> {
        let text = Zeroizing::new(text);
        let key = (text.len() >= 32).then(|| Hmac::new_from_slice(text.as_bytes()))?;
        key.ok().map(Self)
    }
}

/// A secret as it is stored. In JSON `scheme$salt$digest`, both base64url, 16 and 32 octets.
///
/// Neither scheme is slow: a generated secret has 256 bits, which no search reaches, and an
/// imported one is protected by a key that does not lie where the hash lies.
#[derive(Clone, Eq, PartialEq)]
pub struct ClientSecretHash {
    scheme: HashScheme,
    salt: [u8; 16],
    digest: [u8; 32],
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum HashScheme {
    /// SHA-256 of salt and secret, for secrets generated here.
    Sha256,
    /// HMAC-SHA-256 of salt and secret under the [`ClientSecretsKey`], for imported ones.
    HmacSha256,
}

impl HashScheme {
    const ALL: [Self; 2] = [Self::Sha256, Self::HmacSha256];

    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::HmacSha256 => "hmac-sha256",
        }
    }
}

/// The hash is one under the [`ClientSecretsKey`], and there is none.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("CLIENT_SECRETS_KEY is missing or shorter than 32 octets")]
pub struct NoClientSecretsKey;

impl ClientSecretHash {
    /// A hash to compare with for nothing.
    pub(crate) const DECOY: Self = Self {
        scheme: HashScheme::Sha256,
        salt: [0; 16],
        digest: [0; 32],
    };

    /// Hashes a secret that was generated here.
    #[must_use]
    pub fn of_generated(secret: &ClientSecret, salt: [u8; 16]) -> Self {
        Self {
            scheme: HashScheme::Sha256,
            salt,
            digest: sha256(&salt, secret),
        }
    }

    /// Hashes a secret that was chosen elsewhere.
    #[must_use]
    pub fn of_imported(secret: &ClientSecret, salt: [u8; 16], key: &ClientSecretsKey) -> Self {
        Self {
            scheme: HashScheme::HmacSha256,
            salt,
            digest: hmac_sha256(&salt, secret, key),
        }
    }

    /// Whether `secret` is the one that was hashed, in constant time.
    ///
    /// # Errors
    /// [`NoClientSecretsKey`].
    pub fn matches(
        &self,
        secret: &ClientSecret,
        key: Option<&ClientSecretsKey>,
    ) -> Result<Choice, NoClientSecretsKey> {
        let digest = match self.scheme {
            HashScheme::Sha256 => sha256(&self.salt, secret),
            HashScheme::HmacSha256 => {
                hmac_sha256(&self.salt, secret, key.ok_or(NoClientSecretsKey)?)
            }
        };
        Ok(digest.ct_eq(&self.digest))
    }

    /// Whether nobody can tell a good secret without the [`ClientSecretsKey`].
    #[must_use]
    pub fn needs_key(&self) -> bool {
        self.scheme == HashScheme::HmacSha256
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('$');
        let scheme = parts.next()?;
        let scheme = HashScheme::ALL
            .into_iter()
            .find(|known| known.name() == scheme)?;
        let salt = URL_SAFE_NO_PAD
            .decode(parts.next()?)
            .ok()?
            .try_into()
            .ok()?;
        let digest = URL_SAFE_NO_PAD
            .decode(parts.next()?)
            .ok()?
            .try_into()
            .ok()?;
        parts.next().is_none().then_some(Self {
            scheme,
            salt,
            digest,
        })
    }
}

fn sha256(salt: &[u8; 16], secret: &ClientSecret) -> [u8; 32] {
    Sha256::new()
        .chain_update(salt)
        .chain_update(secret.0.as_bytes())
        .finalize()
        .into()
}

fn hmac_sha256(salt: &[u8; 16], secret: &ClientSecret, key: &ClientSecretsKey) -> [u8; 32] {
    let mac = key
        .0
        .clone()
        .chain_update(salt)
        .chain_update(secret.0.as_bytes());
    mac.finalize().into_bytes().into()
}

impl fmt::Debug for ClientSecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientSecretHash({}, …)", self.scheme.name())
    }
}

impl Serialize for ClientSecretHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl Json for ClientSecretHash {
    fn to_json(&self) -> Value {
        let (salt, digest) = (
            URL_SAFE_NO_PAD.encode(self.salt),
            URL_SAFE_NO_PAD.encode(self.digest),
        );
        format!("{}${salt}${digest}", self.scheme.name()).into()
    }

    fn from_json(value: Value) -> Option<Self> {
        Self::parse(value.as_str()?)
    }
}

/// One of a client's secrets. Several may be valid at once, so that they can be rotated.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct StoredSecret {
    /// Its name in logs.
    pub id: String,
    /// What is left of it.
    pub hash: ClientSecretHash,
    /// From when it is valid, if not from ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<UnixTime>,
    /// From when it is valid no more, if ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<UnixTime>,
}

impl Json for StoredSecret {
    fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    fn from_json(value: Value) -> Option<Self> {
        let mut members = Object::from_json(value)?;
        let secret = Self {
            id: members.require("id", "").ok()?,
            hash: members.require("hash", "").ok()?,
            not_before: members.take("not_before", "").ok()?,
            expires_at: members.take("expires_at", "").ok()?,
        };
        members.finish().is_ok().then_some(secret)
    }
}

impl StoredSecret {
    /// Whether its time has come and is not over.
    #[must_use]
    pub fn is_valid(&self, now: UnixTime) -> bool {
        self.not_before.is_none_or(|not_before| not_before <= now)
            && self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_hash_is_read_as_it_is_written_and_is_of_its_secret_alone(
            text: String, other: String, salt: [u8; 16],
        ) {
            let key = ClientSecretsKey::parse("0123456789abcdef0123456789abcdef".to_owned());
            let [secret, other_secret] = [&text, &other].map(|text| ClientSecret::new(text.clone()));
            for hash in [
                ClientSecretHash::of_generated(&secret, salt),
                ClientSecretHash::of_imported(&secret, salt, key.as_ref().unwrap()),
            ] {
                let read = ClientSecretHash::from_json(hash.to_json()).unwrap();
                assert_eq!(read, hash);
                let matches = |secret| bool::from(read.matches(secret, key.as_ref()).unwrap());
                assert!(matches(&secret));
                assert_eq!(matches(&other_secret), text == other);
            }
        }
    }
}
