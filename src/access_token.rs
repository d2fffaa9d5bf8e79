//! Access tokens of a realm, as somebody presents them: told from every other token, and whether
//! they still hold. Every endpoint that takes one asks here.

use serde_json::{Map, Value};

use crate::client::{Client, ClientId};
use crate::confirmation::Confirmation;
use crate::context::Context;
use crate::dialect::Source;
use crate::error::{Failure, Rejection};
use crate::family::FamilyId;
use crate::family::act::{Show, Shown};
use crate::jose::verify;
use crate::realm::Realm;
use crate::replay::{Holder, Mark};
use crate::scope::ScopeSet;
use crate::store::Store;
use crate::time::UnixTime;

/// An access token that the realm signed and that has not expired. It may have been revoked.
#[derive(Debug)]
pub struct AccessToken {
    /// Its random name.
    pub jti: String,
    /// The client that got it.
    pub client_id: ClientId,
    /// Whom it is about; the client itself where the dialect names nobody.
    pub subject: String,
    /// What it allows.
    pub scope: ScopeSet,
    /// Whom it is for.
    pub audience: Vec<String>,
    /// Who alone can use it.
    pub confirmation: Confirmation,
    /// The family that it belongs to, if any.
    pub family: Option<FamilyId>,
    /// When it began.
    pub issued_at: UnixTime,
    /// When it ends.
    pub expiration: UnixTime,
    /// All claims but `exp`.
    pub claims: Map<String, Value>,
}

/// What storage knows of an access token that holds.
pub struct Standing {
    /// The record of its client.
    pub client: Client,
    /// What its family grants, if it belongs to one.
    pub family: Option<Shown>,
}

impl AccessToken {
    /// Reads an access token. It has the header `typ` of the dialect and a `jti`, which no ID token
    /// has.
    ///
    /// # Errors
    /// [`Rejection::InvalidAccessToken`].
    pub fn verify(realm: &Realm, token: &str, now: UnixTime) -> Result<Self, Rejection> {
        let token = verify(&realm.keys, token)
            .filter(|token| token.text("iss") == Some(realm.iss()))
            .filter(|token| token.token_type.as_deref() == realm.dialect.access_token_typ)
            .and_then(|token| Self::read(realm, token.claims, token.expiration))
            .ok_or(Rejection::InvalidAccessToken("not one of this realm"))?;
        match now < token.expiration {
            true => Ok(token),
            false => Err(Rejection::InvalidAccessToken("expired")),
        }
    }

    /// Reads the claims, by the names that the dialect has for them.
    fn read(realm: &Realm, claims: Map<String, Value>, expiration: UnixTime) -> Option<Self> {
        let claim = |is_it: fn(&Source) -> bool| {
            let mut names = realm.dialect.claims.iter();
            names.find_map(|(name, source)| claims.get(*name).filter(|_| is_it(source)))
        };
        let text = |is_it| claim(is_it).and_then(Value::as_str);
        let client_id = ClientId::parse(text(|source| matches!(source, Source::ClientId))?)?;
        let subject = text(|source| matches!(source, Source::Subject | Source::Person));
        let scope = claim(|source| matches!(source, Source::Scope | Source::ScopeList));
        Some(Self {
            jti: text(|source| matches!(source, Source::JwtId))?.to_owned(),
            subject: subject.unwrap_or(client_id.as_str()).to_owned(),
            scope: ScopeSet::parse(&texts(scope).join(" ")).ok()?,
            audience: texts(claims.get("aud")),
            confirmation: Confirmation::of_claim(claims.get("cnf")),
            family: match text(|source| matches!(source, Source::Sid)) {
                Some(sid) => Some(FamilyId::parse(sid)?),
                None => None,
            },
            issued_at: UnixTime::from_seconds(claims.get("iat")?.as_u64()?),
            expiration,
            client_id,
            claims,
        })
    }

    /// Whether it is for somebody who answers for these audience values (RFC 9068 §4).
    #[must_use]
    pub fn is_for(&self, resources: &[String]) -> bool {
        self.audience.iter().any(|one| resources.contains(one))
    }

    /// Whether it is about the client that got it. In dialects that then name nobody, that is its id.
    #[must_use]
    pub fn is_of(&self, client: &Client) -> bool {
        self.subject == client.subject() || self.subject == client.client_id.as_str()
    }

    /// What remembers that it is revoked.
    #[must_use]
    pub fn mark(&self, realm: &Realm) -> Mark {
        Mark::new(&realm.name, Holder::Realm, &self.jti, self.expiration)
    }

    /// Whether it still holds: no operator ended it, its client is served, nobody revoked it, and its
    /// family lives.
    ///
    /// # Errors
    /// [`Rejection::InvalidAccessToken`], or a fault of the storage.
    pub async fn check<S: Store>(
        &self,
        realm: &Realm,
        context: &mut Context<'_, S>,
    ) -> Result<Standing, Failure> {
        let is_void = |why| Err(Rejection::InvalidAccessToken(why).into());
        // 1. What many requests share a copy of.
        let not_before = context.not_before(realm).await?;
        if not_before.is_past(self.issued_at, self.client_id.as_str(), &self.subject) {
            return is_void("issued before a not-before moment");
        }
        let client = context.store.client(&realm.name, &self.client_id).await?;
        let Some(client) = client.filter(|client| !client.disabled) else {
            return is_void("its client is disabled or gone");
        };
        // 2. What one object knows.
        if context
            .store
            .is_consumed(&self.mark(realm), context.now)
            .await?
        {
            return is_void("revoked");
        }
        let Some(family) = self.family else {
            let family = None;
            return Ok(Standing { client, family });
        };
        let shown = match context.act(realm, family, Show).await {
            Err(Failure::Rejection(_)) => return is_void("its family has ended"),
            shown => shown?,
        };
        // An exchanged token can belong to a family that another client began.
        let begun_at = shown.begun_at.unwrap_or_default();
        match not_before.is_past(begun_at, shown.client_id.as_str(), &self.subject) {
            true => is_void("its family began before a not-before moment"),
            false => Ok(Standing {
                client,
                family: Some(shown),
            }),
        }
    }
}

/// The texts of a claim that is one, or a list of them.
pub(crate) fn texts(claim: Option<&Value>) -> Vec<String> {
    match claim {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => {
            let texts = several.iter().filter_map(Value::as_str);
            texts.map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}
