//! Access tokens of a realm, as somebody presents them: told from every other token, and whether
//! they still hold. Every endpoint that takes one asks here.

use std::rc::Rc;

use serde_json::{Map, Value};

use crate::client::Client;
use crate::context::Context;
use crate::dialect::Source;
use crate::error::{Failure, Rejection};
use crate::family::FamilyId;
use crate::family::act::{Show, Shown};
use crate::jose::verify;
use crate::json::put;
use crate::name::ClientId;
use crate::proof::confirmation::Confirmation;
use crate::proof::replay::{Holder, Mark};
use crate::realm::Realm;
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
    /// Whom it is about; nobody but the client in dialects that then name no subject.
    pub subject: Option<String>,
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
    /// The tokens that it came from by exchange, the first of them first; none if it was not
    /// exchanged.
    pub origins: Vec<Origin>,
    /// When it ends.
    pub expiration: UnixTime,
    /// All claims but `exp`.
    pub claims: Map<String, Value>,
}

/// A token that another one came from by exchange: what ends it ends that too.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    /// The client that got it.
    pub client_id: ClientId,
    /// When it began.
    pub issued_at: UnixTime,
}

/// The claim of exchanged tokens that tells what they came from: the first of those tokens, and
/// those between in the member [`THROUGH`]. Earlier versions wrote and read the first alone.
pub const EXCHANGED_FROM: &str = "exchanged_from";

/// The member of the claim that tells the tokens after the first.
const THROUGH: &str = "through";

/// Adds origins to others: of those of one client the oldest, which every not-before time that ends
/// another of them ends too.
pub fn add_origins(origins: &mut Vec<Origin>, more: impl IntoIterator<Item = Origin>) {
    for origin in more {
        let mut known = origins.iter_mut();
        match known.find(|known| known.client_id == origin.client_id) {
            Some(known) => known.issued_at = known.issued_at.min(origin.issued_at),
            None => origins.push(origin),
        }
    }
}

/// The value of the claim [`EXCHANGED_FROM`]; `None` for no origins.
#[must_use]
pub fn origins_claim(origins: &[Origin]) -> Option<Value> {
    let (first, through) = origins.split_first()?;
    let mut claim = first.to_members();
    if !through.is_empty() {
        let through = through.iter().map(|origin| origin.to_members().into());
        let through = through.collect::<Vec<Value>>();
        put(&mut claim, THROUGH, through.into());
    }
    Some(claim.into())
}

/// Reads that claim; `None` for what it cannot be.
fn origins_of(claim: &Value) -> Option<Vec<Origin>> {
    let mut origins = vec![Origin::of_members(claim)?];
    if let Some(through) = claim.get(THROUGH) {
        for origin in through.as_array()? {
            origins.push(Origin::of_members(origin)?);
        }
    }
    Some(origins)
}

impl Origin {
    fn to_members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        put(&mut members, "client_id", self.client_id.as_str().into());
        put(&mut members, "iat", self.issued_at.seconds().into());
        members
    }

    fn of_members(value: &Value) -> Option<Self> {
        Some(Self {
            client_id: ClientId::parse(value.get("client_id")?.as_str()?)?,
            issued_at: UnixTime::from_seconds(value.get("iat")?.as_u64()?),
        })
    }
}

/// What storage knows of an access token that holds.
pub struct Standing {
    /// The record of its client.
    pub client: Rc<Client>,
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
        let issued_at = UnixTime::from_seconds(claims.get("iat")?.as_u64()?);
        let origins = match claims.get(EXCHANGED_FROM) {
            Some(claim) => origins_of(claim)?,
            None => Vec::new(),
        };
        Some(Self {
            jti: text(|source| matches!(source, Source::JwtId))?.to_owned(),
            subject: subject.map(str::to_owned),
            scope: ScopeSet::parse(&texts(scope).join(" ")).ok()?,
            audience: texts(claims.get("aud")),
            confirmation: Confirmation::of_claim(claims.get("cnf")),
            family: match text(|source| matches!(source, Source::Sid)) {
                Some(sid) => Some(FamilyId::parse(sid)?),
                None => None,
            },
            issued_at,
            origins,
            expiration,
            client_id,
            claims,
        })
    }

    /// What it is to the tokens that come from it.
    #[must_use]
    pub fn as_origin(&self) -> Origin {
        Origin {
            client_id: self.client_id.clone(),
            issued_at: self.issued_at,
        }
    }

    /// Whether it is for somebody who answers for these audience values (RFC 9068 §4).
    #[must_use]
    pub fn is_for(&self, resources: &[String]) -> bool {
        self.audience.iter().any(|one| resources.contains(one))
    }

    /// Whether it is about the client that got it.
    #[must_use]
    pub fn is_of(&self, client: &Client) -> bool {
        let subject = self.subject.as_deref();
        subject.is_none_or(|subject| subject == client.subject())
    }

    /// What remembers that it is revoked.
    #[must_use]
    pub fn mark(&self, realm: &Realm) -> Mark {
        Mark::new(&realm.name, Holder::Realm, &self.jti, self.expiration)
    }

    /// Whether it still holds: no operator ended it or what it came from, its client and those
    /// before are served, it was not revoked, and its family lives.
    ///
    /// # Errors
    /// [`Rejection::InvalidAccessToken`], [`Rejection::VoidByRecord`], or a fault of the storage.
    pub async fn check<S: Store>(
        &self,
        realm: &Realm,
        context: &mut Context<'_, S>,
    ) -> Result<Standing, Failure> {
        let is_void = |why| Err(Rejection::InvalidAccessToken(why).into());
        // 1. What many requests share a copy of.
        let not_before = context.not_before(realm).await?;
        let client = served_client(&self.client_id, realm, context).await?;
        let subject = self.subject.as_deref().unwrap_or(client.subject());
        for Origin {
            client_id,
            issued_at,
        } in self.origins.iter().chain([&self.as_origin()])
        {
            if not_before.is_past(*issued_at, client_id.as_str(), subject) {
                return is_void("issued before a not-before moment");
            }
            // Every client that had it before must still be served as well.
            if *client_id != self.client_id {
                served_client(client_id, realm, context).await?;
            }
        }
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
        // An exchanged token can belong to a family that another client began, and one that an
        // earlier version exchanged says no more of that.
        if shown.client_id != self.client_id {
            served_client(&shown.client_id, realm, context).await?;
        }
        let begun_at = shown.begun_at.unwrap_or_default();
        if not_before.is_past(begun_at, shown.client_id.as_str(), subject) {
            return is_void("its family began before a not-before moment");
        }
        let family = Some(shown);
        Ok(Standing { client, family })
    }
}

/// The record of a client, unless it is served no more.
async fn served_client<S: Store>(
    id: &ClientId,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Rc<Client>, Failure> {
    let client = context.client(realm, id).await?;
    let client = client.filter(|client| !client.disabled);
    let gone = Rejection::VoidByRecord("its client is disabled or gone");
    Ok(client.ok_or(gone)?)
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
