//! The client record: who may ask for what, and the secrets that prove it.
//!
//! Members have the names of RFC 7591 §2 where it has one. `docs/storage.md` writes the format
//! down for those who write records by other means than the tool.

pub mod registration;
mod secret;

use std::ops::RangeInclusive;

use serde::Serialize;
use serde_json::{Map, Value};

pub use self::secret::{
    ClientSecret, ClientSecretHash, ClientSecretsKey, NoClientSecretsKey, StoredSecret,
};
use crate::auth_method::AuthMethod;
use crate::jose::{KeySetError, PublicKeys};
use crate::json::{JsonError, Object};
use crate::name::ClientId;
use crate::person::{SUB, is_sub};
use crate::scope::ScopeSet;
use crate::time::{Seconds, UnixTime};
use crate::uri::{is_page_url, is_redirect_uri};

/// The only version of a record's format so far.
const VERSION: u32 = 1;

/// The longest token lifetime a record or realm may ask for: 30 days.
pub const MAX_ACCESS_TOKEN_TTL: Seconds = Seconds(30 * 24 * 60 * 60);

/// Claims that say who issued a token, to whom, when and for what (RFC 7519 §4.1, RFC 9068 §2.2,
/// RFC 8693 §4, RFC 7800 §3.1, OpenID Connect Core §2): no record may set them.
const RESERVED_CLAIMS: [&str; 25] = [
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
    "exchanged_from",
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
    /// A scope that tokens would both show and hide.
    #[error("member `hidden_scope` has a scope of `scope` too")]
    HiddenScope,
    /// A static claim that only the service may set.
    #[error("member `claims` sets the reserved claim `{0}`")]
    ReservedClaim(String),
    /// A moment that is none.
    #[error("member `{0}` must be an object of whole seconds since 1970")]
    Moments(&'static str),
    /// The keys of its assertions are none.
    #[error("member `jwks`: {0}")]
    Keys(#[from] KeySetError),
    /// A name that shows as another than it is.
    #[error("member `client_name` must be {PLAIN_TEXT}")]
    Name,
    /// An invalid `sub`.
    #[error("member `subject` must be {SUB}")]
    Subject,
    /// Static claims that no token can carry.
    #[error("member `claims` must be at most 8 KiB, and 8 deep: tokens go into header fields")]
    Claims,
    /// A page for people that is none of the web.
    #[error("member `{0}` must be {PAGE_URL}")]
    Page(&'static str),
    /// No key for ES256, or more keys than anybody rotates.
    #[error("member `jwks`: 1 to {MAX_KEYS} keys for ES256 must be in it")]
    NumberOfKeys,
    /// The method is `tls_client_auth`, and no name is registered.
    #[error("member `tls_client_auth_subject_dn` is missing or empty")]
    SubjectDn,
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

/// What text must be that people see.
pub(crate) const PLAIN_TEXT: &str =
    "text without control characters and those that change its direction";

/// What the pages must be that people are led to.
pub(crate) const PAGE_URL: &str = "https, or http on loopback, in at most 2048 octets";

/// Whether a character shows as nothing, or lets others show elsewhere than they are: the control
/// characters, and those of bidirectional text, lines and paragraphs (Unicode Standard Annex 9).
fn is_misleading(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// The most keys a client may have.
const MAX_KEYS: usize = 10;

/// A record of nobody.
const DECOY: &str = r#"{"version":1,"client_id":"decoy","client_name":"Nobody","grant_types":["client_credentials"],"scope":"read write","default_scope":"read","token_endpoint_auth_method":"client_secret_basic","secrets":[{"id":"00000000","hash":"sha256$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}],"disabled":false,"trusted":false,"updated_at":0,"updated_by":"nobody"}"#;

/// A registered client.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Client {
    version: u32,
    /// Its id.
    pub client_id: ClientId,
    /// Its name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// Where people read what it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// Its logo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    /// Where people read what becomes of their data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    /// Where people read its terms of service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    /// The grants it may use.
    pub grant_types: Vec<String>,
    /// All it may ask for.
    pub scope: ScopeSet,
    /// What it gets when it asks for nothing; without it, all of `scope`. In dialects that add it,
    /// it also gets this besides what it asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_scope: Option<ScopeSet>,
    /// What it may ask for besides, without a trace in its tokens.
    #[serde(skip_serializing_if = "ScopeSet::is_empty")]
    pub hidden_scope: ScopeSet,
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
    /// The subject of its certificate, as RFC 4514 writes it (RFC 8705 §2.1.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_subject_dn: Option<String>,
    /// Whether its tokens are for the holder of its certificate alone (RFC 8705 §3.4).
    #[serde(skip_serializing_if = "is_false")]
    pub tls_client_certificate_bound_access_tokens: bool,
    /// Whether it may have no tokens but those for the holder of a key (RFC 9449 §5.2).
    #[serde(skip_serializing_if = "is_false")]
    pub dpop_bound_access_tokens: bool,
    /// Whether it must push its authorization requests (RFC 9126 §6).
    #[serde(skip_serializing_if = "is_false")]
    pub require_pushed_authorization_requests: bool,
    /// Whether it must use PKCE though it is confidential (RFC 7636).
    #[serde(skip_serializing_if = "is_false")]
    pub require_pkce: bool,
    /// Whether it may have no bearer tokens: a key or a certificate, as it likes.
    #[serde(skip_serializing_if = "is_false")]
    pub require_bound_tokens: bool,
    /// For how long a used refresh token may be tried again, if not as the realm has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token_grace: Option<Seconds>,
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
    /// Whom tokens may be for that it exchanges, besides what those were for that it had.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exchange_audience: Vec<String>,
    /// Whether tokens that it exchanges may hide that it acts (RFC 8693 §1.1).
    #[serde(skip_serializing_if = "is_false")]
    pub may_impersonate: bool,
    /// The realm's trusted issuers whose tokens it may present, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trusted_issuers: Vec<String>,
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
            client_uri: None,
            logo_uri: None,
            policy_uri: None,
            tos_uri: None,
            grant_types: Vec::new(),
            scope: ScopeSet::default(),
            default_scope: None,
            hidden_scope: ScopeSet::default(),
            token_endpoint_auth_method: AuthMethod::ClientSecretBasic,
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            jwks: None,
            tls_client_auth_subject_dn: None,
            tls_client_certificate_bound_access_tokens: false,
            dpop_bound_access_tokens: false,
            require_pushed_authorization_requests: false,
            require_pkce: false,
            require_bound_tokens: false,
            refresh_token_grace: None,
            subject: None,
            audience: Vec::new(),
            resources: Vec::new(),
            secrets: Vec::new(),
            access_token_ttl: None,
            disabled: false,
            trusted: false,
            exchange_audience: Vec::new(),
            may_impersonate: false,
            trusted_issuers: Vec::new(),
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
            client_uri: members.take("client_uri", TEXT)?,
            logo_uri: members.take("logo_uri", TEXT)?,
            policy_uri: members.take("policy_uri", TEXT)?,
            tos_uri: members.take("tos_uri", TEXT)?,
            grant_types: members.require("grant_types", TEXTS)?,
            scope: members.take("scope", SCOPE)?.unwrap_or_default(),
            default_scope: members.take("default_scope", SCOPE)?,
            hidden_scope: members.take("hidden_scope", SCOPE)?.unwrap_or_default(),
            token_endpoint_auth_method: members.require(
                "token_endpoint_auth_method",
                "a method that this version knows",
            )?,
            redirect_uris: members.take("redirect_uris", TEXTS)?.unwrap_or_default(),
            post_logout_redirect_uris: members
                .take("post_logout_redirect_uris", TEXTS)?
                .unwrap_or_default(),
            jwks: members.take("jwks", "a JWK Set")?,
            tls_client_auth_subject_dn: members.take("tls_client_auth_subject_dn", TEXT)?,
            tls_client_certificate_bound_access_tokens: members
                .take("tls_client_certificate_bound_access_tokens", BOOLEAN)?
                .unwrap_or_default(),
            dpop_bound_access_tokens: members
                .take("dpop_bound_access_tokens", BOOLEAN)?
                .unwrap_or_default(),
            require_pushed_authorization_requests: members
                .take("require_pushed_authorization_requests", BOOLEAN)?
                .unwrap_or_default(),
            require_pkce: members.take("require_pkce", BOOLEAN)?.unwrap_or_default(),
            require_bound_tokens: members
                .take("require_bound_tokens", BOOLEAN)?
                .unwrap_or_default(),
            refresh_token_grace: refresh_token_grace(&mut members)?,
            subject: members.take("subject", TEXT)?,
            audience: members.take("audience", TEXTS)?.unwrap_or_default(),
            resources: members.take("resources", TEXTS)?.unwrap_or_default(),
            secrets: members
                .take("secrets", "a list of secrets' hashes")?
                .unwrap_or_default(),
            access_token_ttl: access_token_ttl(&mut members)?,
            disabled: members.take("disabled", BOOLEAN)?.unwrap_or_default(),
            trusted: members.take("trusted", BOOLEAN)?.unwrap_or_default(),
            exchange_audience: members
                .take("exchange_audience", TEXTS)?
                .unwrap_or_default(),
            may_impersonate: members
                .take("may_impersonate", BOOLEAN)?
                .unwrap_or_default(),
            trusted_issuers: members.take("trusted_issuers", TEXTS)?.unwrap_or_default(),
            claims: members.take("claims", "an object")?.unwrap_or_default(),
            updated_at: members.require("updated_at", "whole seconds since 1970")?,
            updated_by: members.require("updated_by", TEXT)?,
        };
        members.finish()?;
        client.check()?;
        Ok(client)
    }

    /// Reads the record of a client that does not exist: it takes as long as with most that do.
    #[must_use]
    pub fn parse_decoy() -> Option<Self> {
        Self::parse(DECOY, &ClientId::parse("decoy")?).ok()
    }

    /// Checks what no single member can show.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn check(&self) -> Result<(), RecordError> {
        if !self.default_scope().is_subset(&self.scope) {
            return Err(RecordError::DefaultScope);
        }
        if !self.scope.intersection(&self.hidden_scope).is_empty() {
            return Err(RecordError::HiddenScope);
        }
        let uris = self
            .redirect_uris
            .iter()
            .chain(&self.post_logout_redirect_uris);
        if let Some((_, position)) = uris.zip(1..).find(|(uri, _)| !is_redirect_uri(uri)) {
            return Err(RecordError::RedirectUri { position });
        }
        for (member, uri) in self.pages() {
            if uri.is_some_and(|uri| !is_page_url(uri)) {
                return Err(RecordError::Page(member));
            }
        }
        match self.token_endpoint_auth_method {
            AuthMethod::PrivateKeyJwt => drop(self.keys()?),
            // A certificate may have no subject at all.
            AuthMethod::TlsClientAuth
                if self
                    .tls_client_auth_subject_dn
                    .as_deref()
                    .unwrap_or_default()
                    .is_empty() =>
            {
                return Err(RecordError::SubjectDn);
            }
            _ => (),
        }
        match reserved_claim(&self.claims) {
            Some(claim) => Err(RecordError::ReservedClaim(claim.to_owned())),
            None => Ok(()),
        }
    }

    /// Checks a record that is to be written: besides, that its name shows as what it is, that its
    /// subject can be one, and that its claims fit a token. Records that were written before are read
    /// without these checks.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn check_written(&self) -> Result<(), RecordError> {
        let name = self.client_name.as_deref().unwrap_or_default();
        if name.chars().any(is_misleading) {
            return Err(RecordError::Name);
        }
        if self.subject.as_deref().is_some_and(|sub| !is_sub(sub)) {
            return Err(RecordError::Subject);
        }
        if !fit_a_token(&self.claims) {
            return Err(RecordError::Claims);
        }
        self.check()
    }

    /// What people can look at before they trust it (RFC 7591 §2).
    #[must_use]
    pub fn pages(&self) -> [(&'static str, Option<&str>); 4] {
        [
            ("client_uri", self.client_uri.as_deref()),
            ("logo_uri", self.logo_uri.as_deref()),
            ("policy_uri", self.policy_uri.as_deref()),
            ("tos_uri", self.tos_uri.as_deref()),
        ]
    }

    /// The keys of its assertions, and those of its set that are ignored (RFC 7517 §5).
    ///
    /// # Errors
    /// [`RecordError::Keys`], [`RecordError::NumberOfKeys`].
    pub fn keys(&self) -> Result<PublicKeys, RecordError> {
        let set = self.jwks.as_ref().ok_or(RecordError::NumberOfKeys)?;
        let keys = PublicKeys::from_value(set)?;
        match keys.usable.len() {
            1..=MAX_KEYS => Ok(keys),
            _ => Err(RecordError::NumberOfKeys),
        }
    }

    /// What is to be told of the keys of its assertions that are ignored.
    #[must_use]
    pub fn ignored_keys(&self) -> Option<String> {
        let uses_keys = self.token_endpoint_auth_method == AuthMethod::PrivateKeyJwt;
        uses_keys.then(|| self.keys().ok()?.told()).flatten()
    }

    /// Gives it the keys of a set that somebody sends, without those that cannot be used. Tells
    /// what these are.
    ///
    /// # Errors
    /// [`RecordError::Keys`], also for a private key; [`RecordError::NumberOfKeys`].
    pub fn set_keys(&mut self, set: &Value) -> Result<Option<String>, RecordError> {
        let (written, read) = PublicKeys::without_ignored(set)?;
        self.jwks = Some(written);
        self.keys()?;
        Ok(read.told())
    }

    /// Whether it can keep a secret (RFC 6749 §2.1).
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        self.token_endpoint_auth_method != AuthMethod::None
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

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it by reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}

/// A claim among static ones that only the service may set.
pub(crate) fn reserved_claim(claims: &Map<String, Value>) -> Option<&str> {
    claims
        .keys()
        .map(String::as_str)
        .find(|name| is_reserved(name))
}

/// How deep values may be within each other in claims that others choose: what is stored has a limit
/// of 128.
const MAX_CLAIMS_DEPTH: usize = 8;

/// The most octets of claims that others choose, as they are stored and go into tokens: with them a
/// token still fits a header field, and the 16 KiB of a request that asks about it.
const MAX_CLAIMS: usize = 8 * 1024;

/// Whether claims that others choose are within these bounds.
pub(crate) fn fit_a_token(claims: &Map<String, Value>) -> bool {
    is_nested_at_most(claims.values(), MAX_CLAIMS_DEPTH)
        && Value::Object(claims.clone()).to_string().len() <= MAX_CLAIMS
}

fn is_nested_at_most<'v>(values: impl IntoIterator<Item = &'v Value>, depth: usize) -> bool {
    let mut values = values.into_iter();
    values.all(|value| match (value, depth.checked_sub(1)) {
        (Value::Array(_) | Value::Object(_), None) => false,
        (Value::Array(items), Some(depth)) => is_nested_at_most(items, depth),
        (Value::Object(members), Some(depth)) => is_nested_at_most(members.values(), depth),
        _ => true,
    })
}

/// Whether only the service may set a claim.
pub(crate) fn is_reserved(claim: &str) -> bool {
    RESERVED_CLAIMS.contains(&claim)
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

/// Takes `refresh_token_grace` of a record.
fn refresh_token_grace(members: &mut Object) -> Result<Option<Seconds>, JsonError> {
    let (member, expected) = ("refresh_token_grace", GRACE);
    match members.take(member, expected)? {
        Some(Seconds(grace)) if !GRACES.contains(&grace) => {
            Err(JsonError::Invalid { member, expected })
        }
        grace => Ok(grace),
    }
}

/// For how many seconds a realm or a record may let a used refresh token be tried again.
pub const GRACES: RangeInclusive<u32> = 0..=300;

/// The same in words.
pub(crate) const GRACE: &str = "0 to 300 seconds";

const BOOLEAN: &str = "true or false";
const SCOPE: &str = "scope tokens with one space between";
const TEXT: &str = "a text";
const TEXTS: &str = "a list of texts";
