//! The client record: who may ask for what, and the secrets that prove it.
//!
//! Members have the names of RFC 7591 §2 where it has one. `docs/storage.md` writes the format
//! down for those who write records by other means than the tool.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::json::{JsonError, Object};
use crate::realm::RealmName;
use crate::redirect_uri::is_redirect_uri;
use crate::scope::ScopeSet;
use crate::time::{Seconds, UnixTime};

/// The only version of a record's format so far.
const VERSION: u32 = 1;

/// The longest token lifetime a record or realm may ask for: 30 days.
pub const MAX_ACCESS_TOKEN_TTL: Seconds = Seconds(30 * 24 * 60 * 60);

/// Claims that say who issued a token, to whom, when and for what (RFC 7519 §4.1, RFC 9068 §2.2,
/// RFC 8693 §4, RFC 7800 §3.1, OpenID Connect Core §2): no record may set them.
const RESERVED_CLAIMS: [&str; 24] = [
    "acr",
    "act",
    "amr",
    "at_hash",
    "aud",
    "auth_time",
    "azp",
    "c_hash",
    "client_id",
    "cnf",
    "events",
    "exp",
    "iat",
    "iss",
    "jti",
    "may_act",
    "nbf",
    "nonce",
    "scope",
    "scp",
    "sid",
    "sub",
    "sub_id",
    "typ",
];

/// A client's name: 1 to 255 printable ASCII characters (RFC 6749 appendix A.1).
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(try_from = "String")]
pub struct ClientId(String);

impl ClientId {
    /// Reads an id; `None` for a text that can be no client's.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let printable = text.bytes().all(|byte| matches!(byte, 0x20..=0x7e));
        (printable && !text.is_empty() && text.len() <= 255).then(|| Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of this client's record in a key-value store, at most 327 octets.
    #[must_use]
    pub fn record_key(&self, realm: &RealmName) -> String {
        format!("{}{}", Self::record_prefix(realm), self.0)
    }

    /// What the keys of all records of a realm begin with.
    #[must_use]
    pub fn record_prefix(realm: &RealmName) -> String {
        format!("client/{realm}/")
    }
}

impl TryFrom<String> for ClientId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a client id")
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

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
        let (salt, digest) = (
            URL_SAFE_NO_PAD.encode(self.salt),
            URL_SAFE_NO_PAD.encode(self.digest),
        );
        serializer.collect_str(&format_args!("{}${salt}${digest}", self.scheme.name()))
    }
}

impl<'de> Deserialize<'de> for ClientSecretHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not a secret's hash"))
    }
}

/// One of a client's secrets. Several may be valid at once, so that they can be rotated.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StoredSecret {
    /// Its name in logs.
    pub id: String,
    /// What is left of it.
    pub hash: ClientSecretHash,
    /// From when it is valid, if not from ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<UnixTime>,
    /// From when it is valid no more, if ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<UnixTime>,
}

impl StoredSecret {
    /// Whether its time has come and is not over.
    #[must_use]
    pub fn is_valid(&self, now: UnixTime) -> bool {
        self.not_before.is_none_or(|not_before| not_before <= now)
            && self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

/// How a client authenticates (RFC 7591 §2, `token_endpoint_auth_method`).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// HTTP Basic (RFC 6749 §2.3.1).
    ClientSecretBasic,
    /// `client_id` and `client_secret` in the form (RFC 6749 §2.3.1).
    ClientSecretPost,
    /// A signed assertion (RFC 7523 §2.2).
    PrivateKeyJwt,
    /// Not at all: a public client.
    None,
}

impl AuthMethod {
    /// All methods that a record may name.
    pub const ALL: [Self; 4] = [
        Self::ClientSecretBasic,
        Self::ClientSecretPost,
        Self::PrivateKeyJwt,
        Self::None,
    ];

    /// The method of a registered name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    /// The method's registered name (RFC 7591 §4.2).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::None => "none",
        }
    }
}

/// Why a record cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RecordError {
    /// A member is missing, unknown or not what it must be.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A format that this version does not know.
    #[error("record version {0} is not 1")]
    Version(u32),
    /// The record of another client.
    #[error("member `client_id` is another client's")]
    ClientId,
    /// The default scope has what the scope has not.
    #[error("member `default_scope` exceeds `scope`")]
    DefaultScope,
    /// A static claim that only the service may set.
    #[error("member `claims` sets the reserved claim `{0}`")]
    ReservedClaim(String),
    /// A URI to which no browser may be sent.
    #[error(
        "redirect URI {position} must be https, http on loopback, or a scheme with a dot in it, \
         without a fragment"
    )]
    RedirectUri {
        /// Which, from 1, those after sign-out last.
        position: usize,
    },
}

/// A registered client.
#[derive(Clone, Debug, Serialize)]
pub struct Client {
    version: u32,
    /// Its id.
    pub client_id: ClientId,
    /// Its name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// The grants it may use.
    pub grant_types: Vec<String>,
    /// All it may ask for.
    pub scope: ScopeSet,
    /// What it gets when it asks for nothing; without it, all of `scope`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_scope: Option<ScopeSet>,
    /// How it authenticates; no other way is accepted.
    pub token_endpoint_auth_method: AuthMethod,
    /// Where codes may be sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redirect_uris: Vec<String>,
    /// Where browsers may be sent after signing out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<String>,
    /// The public keys of its assertions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
    /// `sub` of the tokens it gets for itself, if not its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What its tokens may be for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<String>,
    /// The audience values that it answers for itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// Its secrets, new and old.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<StoredSecret>,
    /// How long its access tokens live, if not as long as the realm's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_ttl: Option<Seconds>,
    /// Whether it is refused everything.
    pub disabled: bool,
    /// Whether it may use the grants of trusted clients.
    pub trusted: bool,
    /// Static claims of its tokens.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub claims: Map<String, Value>,
    /// When the record was written.
    pub updated_at: UnixTime,
    /// By whom.
    pub updated_by: String,
}

impl Client {
    /// A client that may do nothing yet, for whoever registers one.
    #[must_use]
    pub fn new(client_id: ClientId, updated_at: UnixTime, updated_by: String) -> Self {
        Self {
            version: VERSION,
            client_id,
            client_name: None,
            grant_types: Vec::new(),
            scope: ScopeSet::default(),
            default_scope: None,
            token_endpoint_auth_method: AuthMethod::ClientSecretBasic,
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            jwks: None,
            subject: None,
            audience: Vec::new(),
            resources: Vec::new(),
            secrets: Vec::new(),
            access_token_ttl: None,
            disabled: false,
            trusted: false,
            claims: Map::new(),
            updated_at,
            updated_by,
        }
    }

    /// Reads the record of the client `id`. What is not understood is an error and not ignored:
    /// it could be a restriction.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn parse(record: &str, id: &ClientId) -> Result<Self, RecordError> {
        let mut members = Object::parse(record)?;
        let version = members.require("version", "a number")?;
        if version != VERSION {
            return Err(RecordError::Version(version));
        }
        if members.require::<String>("client_id", TEXT)? != id.as_str() {
            return Err(RecordError::ClientId);
        }
        let client = Self {
            version,
            client_id: id.clone(),
            client_name: members.take("client_name", TEXT)?,
            grant_types: members.require("grant_types", TEXTS)?,
            scope: members.take("scope", SCOPE)?.unwrap_or_default(),
            default_scope: members.take("default_scope", SCOPE)?,
            token_endpoint_auth_method: members.require(
                "token_endpoint_auth_method",
                "a method that this version knows",
            )?,
            redirect_uris: members.take("redirect_uris", TEXTS)?.unwrap_or_default(),
            post_logout_redirect_uris: members
                .take("post_logout_redirect_uris", TEXTS)?
                .unwrap_or_default(),
            jwks: members.take("jwks", "a JWK Set")?,
            subject: members.take("subject", TEXT)?,
            audience: members.take("audience", TEXTS)?.unwrap_or_default(),
            resources: members.take("resources", TEXTS)?.unwrap_or_default(),
            secrets: members
                .take("secrets", "a list of secrets' hashes")?
                .unwrap_or_default(),
            access_token_ttl: access_token_ttl(&mut members)?,
            disabled: members.take("disabled", BOOLEAN)?.unwrap_or_default(),
            trusted: members.take("trusted", BOOLEAN)?.unwrap_or_default(),
            claims: members.take("claims", "an object")?.unwrap_or_default(),
            updated_at: members.require("updated_at", "whole seconds since 1970")?,
            updated_by: members.require("updated_by", TEXT)?,
        };
        members.finish()?;
        client.check()?;
        Ok(client)
    }

    /// Checks what no single member can show.
    ///
    /// # Errors
    /// [`RecordError::DefaultScope`], [`RecordError::RedirectUri`], [`RecordError::ReservedClaim`].
    pub fn check(&self) -> Result<(), RecordError> {
        if !self.default_scope().is_subset(&self.scope) {
            return Err(RecordError::DefaultScope);
        }
        let uris = self
            .redirect_uris
            .iter()
            .chain(&self.post_logout_redirect_uris);
        if let Some((_, position)) = uris.zip(1..).find(|(uri, _)| !is_redirect_uri(uri)) {
            return Err(RecordError::RedirectUri { position });
        }
        match reserved_claim(&self.claims) {
            Some(claim) => Err(RecordError::ReservedClaim(claim.to_owned())),
            None => Ok(()),
        }
    }

    /// Whether it is registered for a grant.
    #[must_use]
    pub fn may_use(&self, grant_type: &str) -> bool {
        self.grant_types
            .iter()
            .any(|registered| registered == grant_type)
    }

    /// What it gets when it asks for no scope (RFC 6749 §3.3).
    #[must_use]
    pub fn default_scope(&self) -> &ScopeSet {
        self.default_scope.as_ref().unwrap_or(&self.scope)
    }

    /// `sub` of the tokens it gets for itself (RFC 9068 §2.2).
    #[must_use]
    pub fn subject(&self) -> &str {
        self.subject.as_deref().unwrap_or(self.client_id.as_str())
    }
}

/// A claim among static ones that only the service may set.
pub(crate) fn reserved_claim(claims: &Map<String, Value>) -> Option<&str> {
    claims
        .keys()
        .map(String::as_str)
        .find(|claim| RESERVED_CLAIMS.contains(claim))
}

/// Takes `access_token_ttl`, the same member in a record and in a realm.
pub fn access_token_ttl(members: &mut Object) -> Result<Option<Seconds>, JsonError> {
    let (member, expected) = ("access_token_ttl", "1 to 2592000 seconds");
    match members.take(member, expected)? {
        Some(ttl) if ttl == Seconds(0) || ttl > MAX_ACCESS_TOKEN_TTL => {
            Err(JsonError::Invalid { member, expected })
        }
        ttl => Ok(ttl),
    }
}

const BOOLEAN: &str = "true or false";
const SCOPE: &str = "scope tokens with one space between";
const TEXT: &str = "a text";
const TEXTS: &str = "a list of texts";
