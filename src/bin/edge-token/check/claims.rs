//! An access token's header, signature and claims (RFC 9068 §2, RFC 7515, RFC 7519).

use edge_token::time::UnixTime;
use serde_json::{Map, Value};

use super::jwks::Keys;
use super::jwt::Jwt;
use super::metadata::text;
use super::report::{Objection, Row, Verdict, fail, skip, warn};
use super::token::Issued;
use super::url::Url;

/// The fewest characters of a `jti`: 96 random bits in base64url.
const MIN_JTI: usize = 16;

/// What access tokens say of themselves (RFC 9068 §2.2).
const REQUIRED: [&str; 7] = ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"];

/// An access token, and what it must agree with.
pub(super) struct AccessToken {
    token: Jwt,
    /// Another one, issued next to the same client.
    second: Option<Jwt>,
    received: Option<UnixTime>,
    expires_in: Option<u64>,
    keys: Option<Keys>,
    issuer: Url,
    has_metadata: bool,
}

impl AccessToken {
    pub(super) fn read(
        issued: Issued,
        keys: Option<Keys>,
        issuer: &Url,
        has_metadata: bool,
    ) -> Result<Self, Objection> {
        let jwt = |members: &Map<String, Value>| Jwt::parse(text(members, "access_token")?);
        let second = issued.second.ok().and_then(|answer| answer.object());
        Ok(Self {
            token: jwt(&issued.members)
                .ok_or_else(|| Objection::Skip("the access token is no JWT".into()))?,
            second: second.as_ref().and_then(jwt),
            received: issued.first.received,
            expires_in: issued.members.get("expires_in").and_then(Value::as_u64),
            keys,
            issuer: issuer.clone(),
            has_metadata,
        })
    }

    /// The published key that the header names.
    fn key(&self) -> Result<&Value, Objection> {
        let Some(keys) = &self.keys else {
            return skip("there is no JWK Set");
        };
        let kid = text(&self.token.header, "kid");
        match kid.and_then(|kid| keys.named(kid)) {
            Some(key) => Ok(key),
            None => fail(format!("no published key is `{}`", kid.unwrap_or_default())),
        }
    }
}

pub(super) const ROWS: [Row<AccessToken>; 9] = [
    ("alg", "RFC 7518 §3.4", |it| {
        match text(&it.token.header, "alg") {
            Some("ES256") => Ok("ES256".into()),
            other => fail(format!("{}, not ES256", other.unwrap_or("none"))),
        }
    }),
    ("kid", "RFC 7515 §4.1.4", |it| {
        it.key().map(|_| "names a published key".into())
    }),
    ("signature", "RFC 7515 §5.2", |it| {
        let Ok(key) = it.key() else {
            return skip("there is no key to verify it with");
        };
        match it.token.is_signed_by(key) {
            true => Ok("verifies by the published key".into()),
            false => fail("does not verify by the published key"),
        }
    }),
    ("typ", "RFC 9068 §2.1", |it| {
        match text(&it.token.header, "typ") {
            Some("at+jwt") => Ok("at+jwt".into()),
            other => warn(format!(
                "{}, not at+jwt, as some dialects have it",
                other.unwrap_or("none")
            )),
        }
    }),
    ("iss", "RFC 9068 §4", |it| {
        let issuer = it.issuer.as_str();
        let iss = text(&it.token.claims, "iss").unwrap_or_default();
        let detail = format!("`{iss}`, not `{issuer}`");
        match iss == issuer {
            true => Ok(iss.to_owned()),
            false if it.has_metadata => fail(detail),
            false => warn(detail),
        }
    }),
    ("claims", "RFC 9068 §2.2", |it| {
        let missing = |name: &&str| !it.token.claims.contains_key(*name);
        let missing = REQUIRED
            .into_iter()
            .filter(missing)
            .collect::<Vec<_>>()
            .join(", ");
        match missing.is_empty() {
            true => Ok(REQUIRED.join(", ")),
            false => warn(format!("without {missing}, as some dialects have it")),
        }
    }),
    ("exp", "RFC 9068 §2.2", |it| {
        let (Some(iat), Some(exp)) = (it.token.seconds("iat"), it.token.seconds("exp")) else {
            return fail("exp or iat is missing or no number");
        };
        let Some(expires_in) = it.expires_in else {
            return skip("there is no expires_in");
        };
        let lifetime = exp.saturating_sub(iat);
        match lifetime.abs_diff(expires_in) {
            0 | 1 => Ok(format!("{lifetime} s after iat, as expires_in")),
            _ => fail(format!(
                "{lifetime} s after iat, but expires_in is {expires_in}"
            )),
        }
    }),
    ("iat", "RFC 7519 §4.1.6", |it| {
        clock(
            it.received,
            it.token.seconds("iat").map(UnixTime::from_seconds),
        )
    }),
    ("jti", "RFC 7519 §4.1.7", |it| {
        let next = it
            .second
            .as_ref()
            .and_then(|token| text(&token.claims, "jti"));
        match (text(&it.token.claims, "jti"), next) {
            (None, _) => warn("none: tokens cannot be told apart"),
            (_, None) => skip("there was no second token to compare with"),
            (Some(jti), Some(next)) if jti == next => fail("two tokens have one"),
            (Some(jti), _) if jti.len() < MIN_JTI => {
                fail(format!("{} characters: others can guess it", jti.len()))
            }
            (Some(jti), _) => Ok(format!("{} characters, the next differs", jti.len())),
        }
    }),
];

/// Judges how far a moment of the deployment is from this machine's clock.
pub(super) fn clock(here: Option<UnixTime>, there: Option<UnixTime>) -> Verdict {
    const GOOD: u64 = 5;
    const BAD: u64 = 60;
    let (Some(here), Some(there)) = (here, there) else {
        return warn("missing, or no moment");
    };
    let apart = here.seconds().abs_diff(there.seconds());
    let detail = format!("{apart} s from the clock here");
    match (apart <= GOOD, apart <= BAD) {
        (true, _) => Ok(detail),
        (_, true) => warn(detail),
        _ => fail(format!("{detail}: which of the two is wrong?")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_compared() {
        for (there, expected) in [
            (1000, Some(true)),
            (995, Some(true)),
            (1005, Some(true)),
            (994, None),
            (1060, None),
            (1061, Some(false)),
            (400, Some(false)),
        ] {
            let moment = |seconds| Some(UnixTime::from_seconds(seconds));
            let seen = match clock(moment(1000), moment(there)) {
                Ok(_) => Some(true),
                Err(Objection::Warn(_)) => None,
                Err(_) => Some(false),
            };
            assert_eq!(seen, expected, "{there}");
        }
    }
}
