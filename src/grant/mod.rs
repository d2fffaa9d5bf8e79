//! The grants: from an authenticated client and its request to tokens. Never HTTP.

mod authorization_code;
mod client_authenticated_user;
mod client_credentials;
mod jwt_bearer;
mod refresh_token;
mod token_exchange;
mod trusted_assertion;

use serde_json::{Map, Value};

use crate::client::Client;
use crate::context::Context;
use crate::dialect::DefaultAudience;
use crate::error::{Failure, Rejection};
use crate::family::act::{Act, End, Granted};
use crate::family::{FamilyId, Grant, IssuedRefresh, RefreshPolicy};
use crate::form::Form;
use crate::grant_type::GrantType;
use crate::proof::confirmation::Confirmation;
use crate::realm::Realm;
use crate::scope::ScopeSet;
use crate::store::Store;
use crate::time::{Seconds, UnixTime};
use crate::token::issue::Tokens;

/// A request for a token (RFC 6749 §4), without what authenticates the client.
pub struct TokenRequest<'a> {
    /// Which grant.
    pub grant_type: GrantType,
    /// The parameters of the grant.
    pub form: &'a Form<'a>,
    /// The key and certificate that the client shows, to which its tokens are bound.
    pub confirmation: Confirmation,
}

/// The body of a token response (RFC 6749 §5.1), as the realm's dialect writes it.
pub struct TokenResponse(pub String);

/// Runs the grant that the request asks for.
///
/// # Errors
/// [`Failure`].
pub async fn run<S: Store>(
    request: &TokenRequest<'_>,
    client: &Client,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<TokenResponse, Failure> {
    context.audit.grant_type = Some(request.grant_type.name());
    // RFC 6749 §5.2: "not authorized to use this authorization grant type".
    let lacks_credentials = request.grant_type.needs_credentials() && !client.is_confidential();
    if lacks_credentials || !client.may_use(request.grant_type.name()) {
        return Err(Rejection::GrantNotRegistered.into());
    }
    // What the response tells besides, whatever the grant.
    if realm.dialect.tells_not_before() {
        context.not_before(realm).await?;
    }
    match request.grant_type {
        GrantType::AuthorizationCode => {
            authorization_code::run(request, client, realm, context).await
        }
        GrantType::ClientCredentials => {
            client_credentials::run(request, client, realm, context).await
        }
        GrantType::RefreshToken => refresh_token::run(request, client, realm, context).await,
        GrantType::TokenExchange => token_exchange::run(request, client, realm, context).await,
        GrantType::JwtBearer => jwt_bearer::run(request, client, realm, context).await,
        GrantType::ClientAuthenticatedUser => {
            client_authenticated_user::run(request, client, realm, context)
        }
    }
}

/// The scope to grant (RFC 6749 §3.3): what is asked for, if the client may ask for it, and what the
/// dialect adds to that, else the client's default, within what exists in the realm.
pub(crate) fn scope(
    form: &Form<'_>,
    client: &Client,
    realm: &Realm,
) -> Result<ScopeSet, Rejection> {
    Ok(granted_scope(
        requested_scope(form, client, realm)?,
        client,
        realm,
    ))
}

/// What of a request's `scope` tokens show, if it has one: the client may ask for all of it, and all
/// of it exists in the realm.
fn requested_scope(
    form: &Form<'_>,
    client: &Client,
    realm: &Realm,
) -> Result<Option<ScopeSet>, Rejection> {
    let Some(requested) = form.value("scope") else {
        return Ok(None);
    };
    let requested = ScopeSet::parse(requested).map_err(|_| Rejection::MalformedScope)?;
    let all = realm.scopes.as_ref();
    let exists = all.is_none_or(|all| requested.is_subset(all));
    let shown = requested.without(&client.hidden_scope);
    match exists && shown.is_subset(&client.scope) {
        true => Ok(Some(shown)),
        false => Err(Rejection::ExcessScope),
    }
}

/// What is granted to a client that may have what it asks for.
fn granted_scope(requested: Option<ScopeSet>, client: &Client, realm: &Realm) -> ScopeSet {
    match requested {
        Some(requested) => requested.with(&added_scope(client, realm)),
        None => existing(client.default_scope(), realm),
    }
}

/// What a request gets besides what it asks for: in some dialects, the default scope of the record.
/// A record that names none has no other than what it may ask for.
fn added_scope(client: &Client, realm: &Realm) -> ScopeSet {
    let default = client.default_scope.as_ref();
    let added = default.filter(|_| realm.dialect.adds_default_scope);
    added.map_or_else(ScopeSet::default, |added| existing(added, realm))
}

/// What a request may ask for of an older grant, without a trace in its tokens.
fn hidden_scope(client: &Client, realm: &Realm) -> ScopeSet {
    existing(&client.hidden_scope, realm)
}

/// What of a scope exists in the realm.
fn existing(scope: &ScopeSet, realm: &Realm) -> ScopeSet {
    match &realm.scopes {
        Some(all) => scope.intersection(all),
        None => scope.clone(),
    }
}

/// Whom the token may be for: the client's record says it, else the realm, else the dialect.
pub(crate) fn allowed_audience<'a>(client: &'a Client, realm: &'a Realm) -> Vec<&'a str> {
    let own = match client.audience.is_empty() {
        true => &realm.audience,
        false => &client.audience,
    };
    if own.is_empty() {
        return vec![match realm.dialect.default_audience {
            DefaultAudience::Issuer => realm.issuer.as_str(),
            DefaultAudience::Client => client.client_id.as_str(),
        }];
    }
    own.iter().map(String::as_str).collect()
}

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

/// Whom a request says that tokens shall be for, by `resource` (RFC 8707 §2) and `audience` (RFC
/// 8693 §2.1), within what is allowed; empty when it does not say.
pub(crate) fn requested_audience(
    form: &Form<'_>,
    client: &Client,
    realm: &Realm,
) -> Result<Vec<String>, Rejection> {
    let allowed = allowed_audience(client, realm);
    targets(form, |target| allowed.contains(&target))
}

/// The same, within what `is_allowed`.
fn targets(form: &Form<'_>, is_allowed: impl Fn(&str) -> bool) -> Result<Vec<String>, Rejection> {
    let mut requested = Vec::new();
    for target in form.values("resource").chain(form.values("audience")) {
        if !is_allowed(target) {
            return Err(Rejection::UnknownTarget);
        }
        if !requested.iter().any(|known| known == target) {
            requested.push(target.to_owned());
        }
    }
    Ok(requested)
}

/// How long an access token of the client lives.
fn lifetime(client: &Client, realm: &Realm) -> Seconds {
    client.access_token_ttl.unwrap_or(realm.access_token_ttl)
}

/// Whether the client gets refresh tokens, and how long those live.
fn refresh_policy(client: &Client, realm: &Realm) -> Option<RefreshPolicy> {
    client
        .may_use(GrantType::RefreshToken.name())
        .then(|| realm.refresh_policy(client))
}

/// What a grant decided.
struct Outcome {
    grant: Grant,
    family: Option<FamilyId>,
    refresh: Option<IssuedRefresh>,
    /// Whether a person signed in for it.
    is_sign_in: bool,
    nonce: Option<String>,
    /// When at the latest its token ends.
    until: Option<UnixTime>,
    /// Who acts for the person.
    actor: Option<Value>,
    issued_token_type: Option<&'static str>,
    /// Claims besides.
    claims: Map<String, Value>,
}

impl Outcome {
    /// A grant, and nothing besides.
    fn of(grant: Grant) -> Self {
        Self {
            grant,
            family: None,
            refresh: None,
            is_sign_in: false,
            nonce: None,
            until: None,
            actor: None,
            issued_token_type: None,
            claims: Map::new(),
        }
    }

    /// What a family granted.
    fn by_family(family: FamilyId, granted: Granted) -> Self {
        Self {
            family: Some(family),
            refresh: granted.refresh,
            is_sign_in: true,
            nonce: granted.nonce,
            ..Self::of(granted.grant)
        }
    }
}

/// Lets a family grant something, unless an operator ended all that began when it did: then it ends
/// now.
async fn ask_family<S: Store>(
    family: FamilyId,
    act: impl Act<Answer = Granted>,
    client: &Client,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Granted, Failure> {
    // First what could fail: a use that cannot be judged should not count.
    let not_before = context.not_before(realm).await?;
    let granted = context.act(realm, family, act).await?;
    let person = granted.grant.person.as_ref();
    let subject = person.map_or(client.subject(), |person| &person.sub);
    let begun_at = granted.begun_at.unwrap_or_default();
    if not_before.is_past(begun_at, client.client_id.as_str(), subject) {
        let client_id = client.client_id.clone();
        context.act(realm, family, End { client_id }).await?;
        return Err(Rejection::NotBefore.into());
    }
    Ok(granted)
}

/// Issues what is granted: within what the client may still have, since its record can have lost a
/// scope.
fn issue<S>(
    request: &TokenRequest<'_>,
    outcome: Outcome,
    client: &Client,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<TokenResponse, Failure> {
    let Grant {
        scope,
        audience,
        person,
    } = outcome.grant;
    let mut audience = audience.iter().map(String::as_str).collect::<Vec<_>>();
    if audience.is_empty() {
        audience = allowed_audience(client, realm);
    }
    let mut lifetime = lifetime(client, realm);
    if let Some(until) = outcome.until {
        lifetime = lifetime.min(until.since(context.now));
    }
    let tokens = Tokens {
        audience,
        scope: existing(&scope.intersection(&client.scope), realm),
        lifetime,
        person: person.as_ref(),
        family: outcome.family,
        refresh: outcome.refresh,
        is_sign_in: outcome.is_sign_in,
        nonce: outcome.nonce,
        actor: outcome.actor,
        issued_token_type: outcome.issued_token_type,
        claims: outcome.claims,
        confirmation: &request.confirmation,
    };
    Ok(TokenResponse(tokens.issue(realm, client, context)?))
}

/// The same for a person whom the client or another issuer names, and nobody signed in: the log tells
/// who.
fn issue_for<S>(
    request: &TokenRequest<'_>,
    outcome: Outcome,
    client: &Client,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<TokenResponse, Failure> {
    let person = outcome.grant.person.as_ref();
    context.audit.sub = person.map(|person| person.sub.clone());
    issue(request, outcome, client, realm, context)
}
