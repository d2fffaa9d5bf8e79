//! Access tokens: JWTs in the profile of RFC 9068, whatever grant they come from.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::client::Client;
use crate::context::Context;
use crate::error::{Failure, Fault};
use crate::jose::{Claims, sign};
use crate::realm::Realm;
use crate::scope::ScopeSet;
use crate::time::Seconds;

/// What a grant decided that a token says.
pub struct AccessToken<'a> {
    /// Whom it speaks of.
    pub subject: &'a str,
    /// Whom it is for.
    pub audience: Vec<&'a str>,
    /// What it allows.
    pub scope: &'a ScopeSet,
    /// How long it lives.
    pub lifetime: Seconds,
}

/// The claims of RFC 9068 §2.2 but `exp` and `iat`.
#[derive(Serialize)]
struct AccessTokenClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: Audience<'a>,
    jti: &'a str,
    client_id: &'a str,
    #[serde(skip_serializing_if = "ScopeSet::is_empty")]
    scope: &'a ScopeSet,
    #[serde(flatten)]
    of_record: &'a Map<String, Value>,
}

/// One text, or a list of several (RFC 7519 §4.1.3).
struct Audience<'a>(Vec<&'a str>);

impl Serialize for Audience<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => serializer.serialize_str(one),
            several => serializer.collect_seq(several),
        }
    }
}

impl AccessToken<'_> {
    /// Signs the token with the realm's key of the hour.
    ///
    /// # Errors
    /// [`Fault`] when no key may sign, or signing fails.
    pub fn issue<S>(
        self,
        realm: &Realm,
        client: &Client,
        context: &mut Context<'_, S>,
    ) -> Result<String, Failure> {
        let key = realm.signing_key(context.now, self.lifetime)?;
        let jti = URL_SAFE_NO_PAD.encode(context.random::<16>()?);
        let claims = Claims {
            issued_at: context.now,
            expiration: context.now.plus(self.lifetime),
            custom: AccessTokenClaims {
                iss: realm.issuer.as_str(),
                sub: self.subject,
                aud: Audience(self.audience),
                jti: &jti,
                client_id: client.client_id.as_str(),
                scope: self.scope,
                of_record: &client.claims,
            },
        };
        let token = sign(key, realm.dialect.access_token_typ, claims).map_err(Fault::from)?;
        context.audit.kid = Some(key.kid().as_str().to_owned());
        context.audit.jti = Some(jti);
        Ok(token)
    }
}
