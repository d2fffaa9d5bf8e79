//! The grants: from an authenticated client and its request to tokens. Never HTTP.

mod authorization_code;
mod client_credentials;
mod refresh_token;

use crate::client::{AuthMethod, Client};
use crate::confirmation::Confirmation;
use crate::context::Context;
use crate::dialect::DefaultAudience;
use crate::error::{Failure, Rejection};
use crate::family::act::Granted;
use crate::family::{FamilyId, Grant, RefreshPolicy};
use crate::form::Form;
use crate::realm::Realm;
use crate::scope::ScopeSet;
use crate::store::Store;
use crate::time::Seconds;
use crate::tokens::Tokens;

/// The grant types that this service has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GrantType {
    /// RFC 6749 §4.1.
    AuthorizationCode,
    /// RFC 6749 §4.4.
    ClientCredentials,
    /// RFC 6749 §6.
    RefreshToken,
}

impl GrantType {
    /// All of them.
    pub const ALL: [Self; 3] = [
        Self::AuthorizationCode,
        Self::ClientCredentials,
        Self::RefreshToken,
    ];

    /// Its value of `grant_type`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::ClientCredentials => "client_credentials",
            Self::RefreshToken => "refresh_token",
        }
    }

    /// The grant type of that value.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }
}

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
    if !client.may_use(request.grant_type.name()) {
        return Err(Rejection::GrantNotRegistered.into());
    }
    match request.grant_type {
        GrantType::AuthorizationCode => {
            authorization_code::run(request, client, realm, context).await
        }
        GrantType::ClientCredentials => {
            client_credentials::run(request, client, realm, context).await
        }
        GrantType::RefreshToken => refresh_token::run(request, client, realm, context).await,
    }
}

/// The scope to grant (RFC 6749 §3.3): what is asked for, if the client may ask for it, else the
/// client's default, within what exists in the realm.
pub(crate) fn scope(
    form: &Form<'_>,
    client: &Client,
    realm: &Realm,
) -> Result<ScopeSet, Rejection> {
    let exists = |scope: &ScopeSet| realm.scopes.as_ref().is_none_or(|all| scope.is_subset(all));
    match form.value("scope") {
        Some(requested) => {
            let requested = ScopeSet::parse(requested).map_err(|_| Rejection::MalformedScope)?;
            match requested.is_subset(&client.scope) && exists(&requested) {
                true => Ok(requested),
                false => Err(Rejection::ExcessScope),
            }
        }
        None => Ok(existing(client.default_scope(), realm)),
    }
}

/// What of a scope exists in the realm.
fn existing(scope: &ScopeSet, realm: &Realm) -> ScopeSet {
    match &realm.scopes {
        Some(all) => scope.intersection(all),
        None => scope.clone(),
    }
}

/// Whom the token may be for: the client's record says it, else the realm, else the dialect.
fn allowed_audience<'a>(client: &'a Client, realm: &'a Realm) -> Vec<&'a str> {
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
    let mut requested = Vec::new();
    for target in form.values("resource").chain(form.values("audience")) {
        if !allowed.contains(&target) {
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
        .then_some(realm.refresh)
}

/// Issues what is granted, by a family or without one: within what the client may still have, since
/// its record can have lost a scope.
fn issue<S>(
    request: &TokenRequest<'_>,
    family: Option<FamilyId>,
    granted: Granted,
    client: &Client,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<TokenResponse, Failure> {
    let Grant {
        scope,
        audience,
        person,
    } = granted.grant;
    let mut audience = audience.iter().map(String::as_str).collect::<Vec<_>>();
    if audience.is_empty() {
        audience = allowed_audience(client, realm);
    }
    let tokens = Tokens {
        audience,
        scope: existing(&scope.intersection(&client.scope), realm),
        lifetime: lifetime(client, realm),
        person: person.as_ref(),
        family,
        refresh: granted.refresh,
        nonce: granted.nonce,
        confirmation: &request.confirmation,
    };
    Ok(TokenResponse(tokens.issue(realm, client, context)?))
}

/// Whether a client can keep a secret (RFC 6749 §2.1).
fn is_confidential(client: &Client) -> bool {
    client.token_endpoint_auth_method != AuthMethod::None
}
