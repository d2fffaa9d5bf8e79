//! Assertions (RFC 7521, RFC 7523 §3): signed tokens by which a client says who it is, or a trusted
//! issuer whom a request is about. What they share is here: how they are read, by which key they are
//! signed, and when they are good.

use serde_json::{Map, Value};

use crate::jose::{PublicKey, TokenError, UntrustedToken, numeric_date};
use crate::json::Object;
use crate::proof::confirmation::Confirmation;
use crate::time::{MAX_AHEAD, MAX_BEHIND, Seconds, UnixTime};

/// The most keys of one name that are tried.
const MAX_TRIES: usize = 8;

/// What is asked of one kind of assertions.
#[derive(Debug)]
pub struct Profile {
    /// What `typ` may say, if it says anything.
    pub types: &'static [&'static str],
    /// How far ahead `exp` may be, if there is a bound.
    pub max_lifetime: Option<Seconds>,
    /// Whether there must be a `jti`.
    pub needs_jti: bool,
}

/// Why an assertion is not accepted. Never told.
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
    /// `iss` is nobody whose word counts, in this realm for this client.
    #[error("its `iss` is no trusted issuer of the realm and client")]
    Issuer,
    /// `aud` is not the realm's issuer alone.
    #[error("its `aud` is not the issuer alone")]
    Audience,
    /// `exp` is over.
    #[error("expired at {0}, now {1}")]
    Expired(UnixTime, UnixTime),
    /// `exp` is further ahead than it may be.
    #[error("expires at {0}, more than {2} s ahead of {1}")]
    TooLong(UnixTime, UnixTime, u32),
    /// `nbf` or `iat` is ahead.
    #[error("begins at {0}, now {1}")]
    NotYetValid(UnixTime, UnixTime),
    /// None of the signer's keys has the `kid`; or there is none, and more than one key.
    #[error("its `kid` names none of the signer's keys")]
    UnknownKey,
    /// The `jti` was used before.
    #[error("its `jti` was used before")]
    Replayed,
    /// It is for the holder of a key or certificate, who did not show it.
    #[error("bound to a key or certificate that was not shown")]
    Confirmation,
    /// An operator ended all that began when it did.
    #[error("issued before a not-before moment")]
    NotBefore,
    /// It says who acts or may act, which only token exchange can tell.
    #[error("its `act` or `may_act` needs token exchange")]
    Delegated,
}

/// An assertion, read and not believed.
pub struct Assertion<'a> {
    token: UntrustedToken<'a>,
    /// Who says it.
    pub issuer: String,
    /// Whom it is about.
    pub subject: String,
    /// Whom alone it is for.
    pub audience: String,
    /// Its name among those of its issuer.
    pub jti: Option<String>,
    /// When it ends.
    pub expiration: UnixTime,
    /// The later of `nbf` and `iat`.
    pub beginning: Option<UnixTime>,
    max_lifetime: Option<Seconds>,
}

impl<'a> Assertion<'a> {
    /// Reads an assertion, as far as it can be without its signer.
    ///
    /// # Errors
    /// [`AssertionError`].
    pub fn parse(text: &'a str, profile: &Profile) -> Result<Self, AssertionError> {
        let mut token = UntrustedToken::parse(text)?;
        let is_of = |typ: &String| {
            let mut types = profile.types.iter();
            types.any(|known| known.eq_ignore_ascii_case(typ))
        };
        if token.token_type.as_ref().is_some_and(|typ| !is_of(typ)) {
            return Err(AssertionError::TokenType);
        }
        if token.jwk.is_some() {
            return Err(AssertionError::EmbeddedKey);
        }
        let claims = &mut token.claims;
        let mut text = |claim| {
            let value = claims.take::<String>(claim, "a text");
            let value = value.map_err(|_| AssertionError::Claim(claim))?;
            match value {
                Some(value) if !(1..=255).contains(&value.len()) => {
                    Err(AssertionError::Claim(claim))
                }
                value => Ok(value),
            }
        };
        let issuer = text("iss")?.ok_or(AssertionError::Claim("iss"))?;
        let subject = text("sub")?.ok_or(AssertionError::Claim("sub"))?;
        let jti = text("jti")?;
        if profile.needs_jti && jti.is_none() {
            return Err(AssertionError::Claim("jti"));
        }
        let audience = claims.take::<Value>("aud", "one").ok().flatten();
        let audience = audience.and_then(only_audience);
        let audience = audience.ok_or(AssertionError::Audience)?;
        let mut moment =
            |claim| numeric_date(claims, claim).map_err(|_| AssertionError::Claim(claim));
        Ok(Self {
            issuer,
            subject,
            audience,
            jti,
            expiration: moment("exp")?.ok_or(AssertionError::Claim("exp"))?,
            beginning: moment("nbf")?.max(moment("iat")?),
            max_lifetime: profile.max_lifetime,
            token,
        })
    }

    /// The key that signed it: one of those among `keys` that its header names (RFC 7515 §4.1.4),
    /// or the only one. Several of one name are tried one after the other, [`MAX_TRIES`] at most.
    /// Whatever is missing, one signature is verified.
    ///
    /// # Errors
    /// [`AssertionError::UnknownKey`], [`TokenError::Signature`].
    pub fn signed_by<'k>(&self, keys: &'k [PublicKey]) -> Result<&'k PublicKey, AssertionError> {
        let candidates = match (self.token.kid.as_deref(), keys) {
            (None, [_]) => keys.iter().collect(),
            (None, _) => Vec::new(),
            (Some(kid), keys) => {
                let named = keys.iter().filter(|key| key.name() == kid);
                named.take(MAX_TRIES).collect()
            }
        };
        if candidates.is_empty() {
            // Verify all the same: the time must not tell whether a key was found.
            _ = self.token.is_signed_by(None);
            return Err(AssertionError::UnknownKey);
        }
        let mut candidates = candidates.into_iter();
        let key = candidates.find(|key| self.token.is_signed_by(Some(key)));
        key.ok_or(TokenError::Signature.into())
    }

    /// Until when it is good, which it must be `now` (RFC 7523 §3, 4 to 6).
    ///
    /// # Errors
    /// [`AssertionError::Expired`], [`AssertionError::TooLong`], [`AssertionError::NotYetValid`].
    pub fn until(&self, now: UnixTime) -> Result<UnixTime, AssertionError> {
        let until = self.expiration.plus(MAX_BEHIND);
        if until <= now {
            return Err(AssertionError::Expired(self.expiration, now));
        }
        match self.max_lifetime {
            Some(max) if self.expiration > now.plus(max).plus(MAX_AHEAD) => {
                return Err(AssertionError::TooLong(self.expiration, now, max.0));
            }
            _ => (),
        }
        match self.beginning {
            Some(beginning) if beginning > now.plus(MAX_AHEAD) => {
                Err(AssertionError::NotYetValid(beginning, now))
            }
            _ => Ok(until),
        }
    }

    /// Who alone can use it; `None` if it says so in a way that is not known here.
    #[must_use]
    pub fn confirmation(&self) -> Option<Confirmation> {
        let claim = self.token.claims.get("cnf");
        let confirmation = Confirmation::of_claim(claim);
        (confirmation.to_claim().as_ref() == claim).then_some(confirmation)
    }

    /// What else it says, to be looked at.
    #[must_use]
    pub fn claims(&self) -> &Object {
        &self.token.claims
    }

    /// What else it says.
    #[must_use]
    pub fn into_claims(self) -> Map<String, Value> {
        self.token.claims.into_members()
    }
}

/// The audience of a token for one alone, as a string or as an array of one (RFC 7519 §4.1.3).
/// Others of an array could pass it on (RFC 7523 §3, as it is revised).
fn only_audience(claim: Value) -> Option<String> {
    let only = match claim {
        Value::Array(mut several) if several.len() == 1 => several.pop()?,
        claim => claim,
    };
    let only = only.as_str().filter(|only| (1..=255).contains(&only.len()));
    only.map(str::to_owned)
}
