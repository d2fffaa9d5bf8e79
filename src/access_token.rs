//! Access tokens and what is told with them, whatever grant they come from: the members that the
//! realm's dialect names, with the values of the facts here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::client::Client;
use crate::context::{Context, uuid};
use crate::dialect::{JwtIdForm, Source};
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
    pub scope: ScopeSet,
    /// How long it lives.
    pub lifetime: Seconds,
}

impl AccessToken<'_> {
    /// Signs the token with the realm's key of the hour, and writes the response that tells it
    /// (RFC 6749 §5.1).
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
        let jti = match realm.dialect.jti {
            JwtIdForm::Base64Url => URL_SAFE_NO_PAD.encode(context.random::<16>()?),
            JwtIdForm::Uuid => uuid(context.random()?),
        };
        let session_state = match realm.session_state {
            true => Some(uuid(context.random()?)),
            false => None,
        };
        let mut facts = Facts {
            token: &self,
            realm,
            client,
            client_address: context.client_address,
            jti: &jti,
            session_state: session_state.as_deref(),
            access_token: None,
        };
        let claims = Claims {
            issued_at: context.now,
            not_before: realm.dialect.not_before.map(|span| context.now.minus(span)),
            expiration: context.now.plus(self.lifetime),
            custom: Members {
                named: realm.dialect.claims,
                facts: &facts,
                fixed: [&client.claims, &realm.claims],
            },
        };
        let token = sign(key, realm.dialect.access_token_typ, claims).map_err(Fault::from)?;
        facts.access_token = Some(&token);
        let response = Members {
            named: realm.dialect.response,
            facts: &facts,
            fixed: [],
        };
        let response = serde_json::to_string(&response).map_err(Fault::from)?;
        context.audit.kid = Some(key.kid().as_str().to_owned());
        context.audit.scope = Some(self.scope.to_string());
        context.audit.jti = Some(jti);
        Ok(response)
    }
}

/// All that a member's value can come from.
struct Facts<'a> {
    token: &'a AccessToken<'a>,
    realm: &'a Realm,
    client: &'a Client,
    client_address: Option<&'a str>,
    jti: &'a str,
    session_state: Option<&'a str>,
    access_token: Option<&'a str>,
}

impl Facts<'_> {
    /// The value from a source; `None` leaves the member out.
    fn value(&self, source: Source) -> Option<Value> {
        let client_id = self.client.client_id.as_str();
        Some(match source {
            Source::Issuer => self.realm.iss().into(),
            Source::RefreshExpiresIn => self.realm.refresh_expires_in.0.into(),
            Source::NotBeforePolicy => 0.into(),
            Source::Subject => self.token.subject.into(),
            Source::ClientId => client_id.into(),
            Source::ServiceAccount => format!("service-account-{client_id}").into(),
            // One text, or a list of several (RFC 7519 §4.1.3).
            Source::Audience => match self.token.audience.as_slice() {
                [one] => (*one).into(),
                several => several.into(),
            },
            Source::Scope if self.token.scope.is_empty() => return None,
            Source::Scope => self.token.scope.to_string().into(),
            Source::ScopeList => self.token.scope.tokens().into(),
            Source::ClientAddress => self.client_address?.into(),
            Source::JwtId => self.jti.into(),
            Source::Lifetime => self.token.lifetime.0.into(),
            Source::AccessToken => self.access_token?.into(),
            Source::SessionState => self.session_state?.into(),
            Source::Text(text) => text.into(),
            Source::Boolean(truth) => truth.into(),
        })
    }
}

/// An object of members that a dialect names, and of fixed ones, none of which takes the place of
/// one that is named or of an earlier one.
struct Members<'a, const N: usize> {
    named: &'static [(&'static str, Source)],
    facts: &'a Facts<'a>,
    fixed: [&'a Map<String, Value>; N],
}

impl<const N: usize> Serialize for Members<'_, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        for (name, source) in self.named {
            if let Some(value) = self.facts.value(*source) {
                object.serialize_entry(name, &value)?;
            }
        }
        for (index, members) in self.fixed.iter().enumerate() {
            for (name, value) in *members {
                let is_named = self.named.iter().any(|(known, _)| known == name);
                let stands = self
                    .fixed
                    .iter()
                    .take(index)
                    .any(|earlier| earlier.contains_key(name));
                if !is_named && !stands {
                    object.serialize_entry(name, value)?;
                }
            }
        }
        object.end()
    }
}
