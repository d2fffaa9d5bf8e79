//! Client assertions, `private_key_jwt` (RFC 7523 §2.2, §3): a client signs who it is, for this
//! realm, for some minutes, once.

use crate::client::Client;
use crate::jose::{PublicKey, TokenError, UntrustedToken, numeric_date};
use crate::realm::Realm;
use crate::replay::{Holder, Mark};
use crate::time::{Seconds, UnixTime};

/// The only type of assertion (RFC 7523 §2.2).
pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How far ahead `exp` may be.
const MAX_LIFETIME: Seconds = Seconds(300);

/// How far the client's clock may be off.
const SKEW: Seconds = Seconds(8);

/// What `typ` may say, if it says anything.
const TYPES: [&str; 2] = ["JWT", "client-authentication+jwt"];

/// Why an assertion does not authenticate its client. Never told.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AssertionError {
    /// `client_assertion_type` is another, or one of the two parameters is missing.
    #[error("not an assertion of type jwt-bearer")]
    Type,
    /// No signed token, or not signed with the key that its header names.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// `typ` says that it is something else.
    #[error("its `typ` is another token's")]
    TokenType,
    /// The header brings a key of its own.
    #[error("its header has a key of its own")]
    EmbeddedKey,
    /// A claim is missing, or has another type than it must have.
    #[error("its claim `{0}` is missing or malformed")]
    Claim(&'static str),
    /// `iss` and `sub` are not both the client.
    #[error("its `iss` and `sub` are not both the client")]
    Subject,
    /// `aud` is not the realm's issuer, as one text.
    #[error("its `aud` is not the issuer as one text")]
    Audience,
    /// `exp` is over.
    #[error("expired at {0}, now {1}")]
    Expired(UnixTime, UnixTime),
    /// `exp` is more than five minutes ahead.
    #[error("expires at {0}, more than 300 s ahead of {1}")]
    TooLong(UnixTime, UnixTime),
    /// `nbf` or `iat` is ahead.
    #[error("begins at {0}, now {1}")]
    NotYetValid(UnixTime, UnixTime),
    /// None of the client's keys has the `kid`; or there is none, and more than one key.
    #[error("its `kid` names none of the client's keys")]
    UnknownKey,
    /// The `jti` was used before.
    #[error("its `jti` was used before")]
    Replayed,
}

/// An assertion, read and not believed.
pub(super) struct Assertion<'a> {
    token: UntrustedToken<'a>,
    issuer: String,
    pub(super) subject: String,
    audience: String,
    expiration: UnixTime,
    /// The later of `nbf` and `iat`.
    beginning: Option<UnixTime>,
    jti: String,
}

impl<'a> Assertion<'a> {
    /// Reads an assertion, as far as it can be without its client.
    pub(super) fn parse(text: &'a str) -> Result<Self, AssertionError> {
        let mut token = UntrustedToken::parse(text)?;
        let is_of = |typ: &String| TYPES.iter().any(|known| known.eq_ignore_ascii_case(typ));
        if token.token_type.as_ref().is_some_and(|typ| !is_of(typ)) {
            return Err(AssertionError::TokenType);
        }
        if token.jwk.is_some() {
            return Err(AssertionError::EmbeddedKey);
        }
        let claims = &mut token.claims;
        let mut text = |claim| {
            let value = claims.require::<String>(claim, "a text").ok();
            let value = value.filter(|value| (1..=255).contains(&value.len()));
            value.ok_or(AssertionError::Claim(claim))
        };
        let (issuer, subject, jti) = (text("iss")?, text("sub")?, text("jti")?);
        // One text: a list could name others, who could pass it on (RFC 7523 §3, as it is revised).
        let audience = text("aud").map_err(|_| AssertionError::Audience)?;
        let expiration = numeric_date(claims, "exp").map_err(|_| AssertionError::Claim("exp"))?;
        let mut beginning =
            |claim| numeric_date(claims, claim).map_err(|_| AssertionError::Claim(claim));
        Ok(Self {
            issuer,
            subject,
            audience,
            expiration: expiration.ok_or(AssertionError::Claim("exp"))?,
            beginning: beginning("nbf")?.max(beginning("iat")?),
            jti,
            token,
        })
    }

    /// Checks the assertion of a client that may not exist, at the moment `now`. Returns the name of
    /// the key that signed it, and the mark to make of it.
    ///
    /// Whatever is missing, one signature is verified.
    pub(super) fn verify(
        &self,
        client: Option<&Client>,
        realm: &Realm,
        now: UnixTime,
    ) -> Result<(String, Mark), AssertionError> {
        // 1. The key: the one among the client's own that the header names (RFC 7515 §4.1.4).
        let keys = client.and_then(|client| client.keys().ok());
        let keys = keys.unwrap_or_default();
        let named = |key: &&PublicKey| Some(key.name()) == self.token.kid.as_deref();
        let key = match (&self.token.kid, keys.as_slice()) {
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(_), keys) => keys.iter().find(named),
        };
        let is_signed = self.token.is_signed_by(key);
        let key = key.ok_or(AssertionError::UnknownKey)?;
        if !is_signed {
            return Err(TokenError::Signature.into());
        }
        // 2. Who it is, and for whom (RFC 7523 §3, 1 to 3).
        let is_client = client.is_some_and(|client| client.client_id.as_str() == self.subject);
        if !is_client || self.issuer != self.subject {
            return Err(AssertionError::Subject);
        }
        if !realm.is_assertion_audience(&self.audience) {
            return Err(AssertionError::Audience);
        }
        // 3. When (4 to 6).
        let until = self.expiration.plus(SKEW);
        if until <= now {
            return Err(AssertionError::Expired(self.expiration, now));
        }
        if self.expiration > now.plus(MAX_LIFETIME).plus(SKEW) {
            return Err(AssertionError::TooLong(self.expiration, now));
        }
        match self.beginning {
            Some(beginning) if beginning > now.plus(SKEW) => {
                return Err(AssertionError::NotYetValid(beginning, now));
            }
            _ => (),
        }
        // 4. Once (7).
        let holder = Holder::Client(&self.subject);
        let kid = key.name().to_owned();
        Ok((kid, Mark::new(&realm.name, holder, &self.jti, until)))
    }
}
