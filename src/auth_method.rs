//! Client authentication methods, by their names in client metadata.

use serde::Serialize;
use serde_json::Value;

use crate::json::Json;

/// How a client authenticates (RFC 7591 §2, `token_endpoint_auth_method`).
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// HTTP Basic (RFC 6749 §2.3.1).
    ClientSecretBasic,
    /// `client_id` and `client_secret` in the form (RFC 6749 §2.3.1).
    ClientSecretPost,
    /// By a secret in either of these ways. No registered name: only records say it.
    ClientSecret,
    /// A signed assertion (RFC 7523 §2.2).
    PrivateKeyJwt,
    /// A certificate that somebody else vouches for (RFC 8705 §2.1).
    TlsClientAuth,
    /// Not at all: a public client.
    None,
}

impl AuthMethod {
    /// All methods that a record may name.
    pub const ALL: [Self; 6] = [
        Self::ClientSecretBasic,
        Self::ClientSecretPost,
        Self::ClientSecret,
        Self::PrivateKeyJwt,
        Self::TlsClientAuth,
        Self::None,
    ];

    /// Those that are registered (RFC 7591 §4.2, RFC 8705 §6.2): metadata says no others, and clients
    /// register by no others.
    pub fn registered() -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .filter(|method| method.is_registered())
    }

    /// Whether its name is registered.
    #[must_use]
    pub fn is_registered(self) -> bool {
        self != Self::ClientSecret
    }

    /// Whether a client with this method may authenticate in that way.
    #[must_use]
    pub fn takes(self, way: Self) -> bool {
        match self {
            Self::ClientSecret => matches!(way, Self::ClientSecretBasic | Self::ClientSecretPost),
            method => method == way,
        }
    }

    /// The method of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    /// Whether a secret is what it takes.
    #[must_use]
    pub fn uses_secret(self) -> bool {
        matches!(
            self,
            Self::ClientSecretBasic | Self::ClientSecretPost | Self::ClientSecret
        )
    }

    /// The method's name, which for all but one is registered (RFC 7591 §4.2, RFC 8705 §6.2).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::ClientSecret => "client_secret",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::TlsClientAuth => "tls_client_auth",
            Self::None => "none",
        }
    }
}

impl Json for AuthMethod {
    fn to_json(&self) -> Value {
        self.name().into()
    }

    fn from_json(value: Value) -> Option<Self> {
        Self::parse(value.as_str()?)
    }
}
