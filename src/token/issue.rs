//! The tokens of a response and what is told with them, whatever grant they come from: the members
//! that the realm's dialect names, with the values of the facts here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::client::Client;
use crate::context::Context;
use crate::dialect::{JwtIdForm, Source};
use crate::error::{Failure, Fault};
use crate::family::{FamilyId, IssuedRefresh, RefreshToken};
use crate::jose::{Claims, Verified, sign, verify};
use crate::person::{OPENID, Person};
use crate::proof::confirmation::Confirmation;
use crate::realm::Realm;
use crate::scope::ScopeSet;
use crate::time::{Seconds, UnixTime};

/// `typ` of ID tokens' JOSE header.
pub const ID_TOKEN_TYP: &str = "JWT";

/// What a grant decided that its tokens say.
pub struct Tokens<'a> {
    /// Whom they are for.
    pub audience: Vec<&'a str>,
    /// What they allow.
    pub scope: ScopeSet,
    /// How long the access token lives, and the ID token with it.
    pub lifetime: Seconds,
    /// In whose name, if not the client's own.
    pub person: Option<&'a Person>,
    /// Which family they belong to, if any.
    pub family: Option<FamilyId>,
    /// What the client can go on with.
    pub refresh: Option<IssuedRefresh>,
    /// Whether the person signed in for these very tokens, so that an ID token tells of it.
    pub is_sign_in: bool,
    /// What the ID token repeats.
    pub nonce: Option<String>,
    /// Who acts for the person (RFC 8693 §4.1).
    pub actor: Option<Value>,
    /// The type of token that was asked for, if it was exchanged.
    pub issued_token_type: Option<&'static str>,
    /// Claims besides, where neither the client nor the realm has others of their name.
    pub claims: Map<String, Value>,
    /// Who alone can use the access token.
    pub confirmation: &'a Confirmation,
}

impl Tokens<'_> {
    /// Signs the access token, and for `openid` the ID token, with the realm's key of the hour, and
    /// writes the response that tells them (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3).
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
            JwtIdForm::Uuid => context.uuid()?.to_string(),
        };
        let family = self.family.map(|family| family.to_string());
        let session_state = match &family {
            None if realm.session_state => Some(context.uuid()?.to_string()),
            family => family.clone(),
        };
        let mut facts = Facts {
            tokens: &self,
            realm,
            client,
            now: context.now,
            client_address: context.client_address,
            jti: &jti,
            not_before: context.not_before.as_ref().map(|known| known.realm),
            family: family.as_deref(),
            session_state: session_state.as_deref(),
            access_token: None,
            id_token: None,
        };
        let claims = Claims {
            issued_at: facts.now,
            not_before: realm.dialect.not_before.map(|span| facts.now.minus(span)),
            expiration: facts.now.plus(self.lifetime),
            custom: Members {
                named: realm.dialect.claims,
                facts: &facts,
                fixed: &[&client.claims, &realm.claims, &self.claims],
            },
        };
        let access_token =
            sign(key, realm.dialect.access_token_typ, claims).map_err(Fault::from)?;
        facts.access_token = Some(&access_token);
        let tells_person = self.is_sign_in && self.scope.contains(OPENID);
        let id_token = match self.person.filter(|_| tells_person) {
            Some(person) => Some(facts.id_token(person)?),
            None => None,
        };
        facts.id_token = id_token.as_deref();
        let response = Members {
            named: realm.dialect.response,
            facts: &facts,
            fixed: &[],
        };
        let response = serde_json::to_string(&response).map_err(Fault::from)?;
        context.audit.kid = Some(key.kid().as_str().to_owned());
        context.audit.scope = Some(self.scope.to_string());
        context.audit.jti = Some(jti);
        Ok(response)
    }
}

/// Reads an ID token of the realm that a client shows as a hint, expired or not (OpenID Connect
/// RP-Initiated Logout §2).
#[must_use]
pub fn verify_id_token_hint(realm: &Realm, token: &str) -> Option<Verified> {
    verify(&realm.keys, token)
        .filter(|token| token.text("iss") == Some(realm.iss()))
        .filter(|token| token.token_type.as_deref() == Some(ID_TOKEN_TYP))
        .filter(|token| token.text("jti").is_none())
}

/// All that a member's value can come from.
struct Facts<'a> {
    tokens: &'a Tokens<'a>,
    realm: &'a Realm,
    client: &'a Client,
    now: UnixTime,
    client_address: Option<&'a str>,
    jti: &'a str,
    not_before: Option<UnixTime>,
    family: Option<&'a str>,
    session_state: Option<&'a str>,
    access_token: Option<&'a str>,
    id_token: Option<&'a str>,
}

impl Facts<'_> {
    /// Signs the ID token (OpenID Connect Core §2) of a person.
    fn id_token(&self, person: &Person) -> Result<String, Fault> {
        let claims = Claims {
            issued_at: self.now,
            not_before: None,
            expiration: self.now.plus(self.tokens.lifetime),
            custom: Members {
                named: self.realm.dialect.id_token_claims,
                facts: self,
                fixed: &[&person.claims(&self.tokens.scope, self.realm.dialect)],
            },
        };
        let key = self.realm.signing_key(self.now, self.tokens.lifetime)?;
        Ok(sign(key, Some(ID_TOKEN_TYP), claims)?)
    }

    /// The value from a source; `None` leaves the member out.
    fn value(&self, source: Source) -> Option<Value> {
        let client_id = self.client.client_id.as_str();
        let person = self.tokens.person;
        // Only when the client asks for itself.
        let service = || person.is_none().then_some(());
        Some(match source {
            Source::Issuer => self.realm.iss().into(),
            Source::RefreshExpiresIn => match &self.tokens.refresh {
                None => self.realm.refresh_expires_in.0.into(),
                Some(refresh) if refresh.offline => 0.into(),
                Some(refresh) => refresh.expires_at.since(self.now).0.into(),
            },
            Source::NotBeforePolicy => self.not_before.unwrap_or_default().seconds().into(),
            Source::Subject => person.map_or(self.client.subject(), |p| &p.sub).into(),
            Source::Person => person?.sub.as_str().into(),
            Source::PersonClaim(name) => {
                let (scope, dialect) = (&self.tokens.scope, self.realm.dialect);
                person?.claim(name, scope, dialect)?.clone()
            }
            Source::AuthTime => person?.auth_time?.seconds().into(),
            Source::Acr => person?.acr.as_deref()?.into(),
            Source::Sid => self.family?.into(),
            Source::Actor => self.tokens.actor.clone()?,
            Source::IssuedTokenType => self.tokens.issued_token_type?.into(),
            Source::Nonce => self.tokens.nonce.as_deref()?.into(),
            Source::ClientId => client_id.into(),
            Source::ServiceClientId => service().map(|()| client_id)?.into(),
            Source::ServiceAccount => service()
                .map(|()| format!("service-account-{client_id}"))?
                .into(),
            Source::ServiceBoolean(truth) => service().map(|()| truth)?.into(),
            Source::ServiceAddress => service().and(self.client_address)?.into(),
            // One text, or a list of several (RFC 7519 §4.1.3).
            Source::Audience => match self.tokens.audience.as_slice() {
                [one] => (*one).into(),
                several => several.into(),
            },
            Source::Scope if self.tokens.scope.is_empty() => return None,
            Source::Scope => self.tokens.scope.to_string().into(),
            Source::ScopeList => self.tokens.scope.tokens().into(),
            Source::JwtId => self.jti.into(),
            Source::Lifetime => self.tokens.lifetime.0.into(),
            Source::AccessToken => self.access_token?.into(),
            Source::AccessTokenHash => {
                let digest = Sha256::digest(self.access_token?);
                let (half, _) = digest.split_first_chunk::<16>()?;
                URL_SAFE_NO_PAD.encode(half).into()
            }
            Source::IdToken => self.id_token?.into(),
            Source::RefreshToken => {
                let family = self.tokens.family?;
                let part = self.tokens.refresh.as_ref()?.part.clone();
                RefreshToken { family, part }.reveal().into()
            }
            Source::SessionState => self.session_state?.into(),
            Source::Confirmation => self.tokens.confirmation.to_claim()?,
            Source::TokenType(_) if self.tokens.confirmation.jkt.is_some() => "DPoP".into(),
            Source::TokenType(text) | Source::Text(text) => text.into(),
        })
    }
}

/// An object of members that a dialect names, and of fixed ones. Of those of one name the first
/// that has a value stands, and no fixed one takes the place of a name of the dialect.
struct Members<'a> {
    named: &'static [(&'static str, Source)],
    facts: &'a Facts<'a>,
    fixed: &'a [&'a Map<String, Value>],
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        let mut names = Vec::with_capacity(self.named.len());
        for (name, source) in self.named {
            if names.contains(name) {
                continue;
            }
            if let Some(value) = self.facts.value(*source) {
                object.serialize_entry(name, &value)?;
                names.push(*name);
            }
        }
        for (index, members) in self.fixed.iter().enumerate() {
            for (name, value) in *members {
                let is_named = self.is_named(name);
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

impl Members<'_> {
    /// Whether only the dialect's own sources may give a member of that name. What they have of
    /// people, a client's record may have of the client, in tokens for itself.
    fn is_named(&self, name: &str) -> bool {
        let is_free = |source: &Source| {
            self.facts.tokens.person.is_none() && matches!(source, Source::PersonClaim(_))
        };
        self.named
            .iter()
            .any(|(known, source)| *known == name && !is_free(source))
    }
}
