//! The grants: from an authenticated client and its request to a token. Never HTTP.

mod client_credentials;

use crate::client::Client;
use crate::context::Context;
use crate::dialect::DefaultAudience;
use crate::error::{Failure, Rejection};
use crate::form::Form;
use crate::realm::Realm;
use crate::scope::ScopeSet;
use crate::store::Store;

/// The grant types that this service has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GrantType {
    /// RFC 6749 §4.4.
    ClientCredentials,
}

impl GrantType {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::ClientCredentials];

    /// Its value of `grant_type`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
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
    let name = request.grant_type.name();
    context.audit.grant_type = Some(name);
    // RFC 6749 §5.2: "not authorized to use this authorization grant type".
    if !client
        .grant_types
        .iter()
        .any(|registered| registered == name)
    {
        return Err(Rejection::GrantNotRegistered.into());
    }
    match request.grant_type {
        GrantType::ClientCredentials => client_credentials::run(request, client, realm, context),
    }
}

/// The scope to grant (RFC 6749 §3.3): what is asked for, if the client may ask for it, else the
/// client's default, within what exists in the realm.
fn scope(
    request: &TokenRequest<'_>,
    client: &Client,
    realm: &Realm,
) -> Result<ScopeSet, Rejection> {
    let exists = |scope: &ScopeSet| realm.scopes.as_ref().is_none_or(|all| scope.is_subset(all));
    match request.form.value("scope") {
        Some(requested) => {
            let requested = ScopeSet::parse(requested).map_err(|_| Rejection::MalformedScope)?;
            match requested.is_subset(&client.scope) && exists(&requested) {
                true => Ok(requested),
                false => Err(Rejection::ExcessScope),
            }
        }
        None => Ok(match &realm.scopes {
            Some(all) => client.default_scope().intersection(all),
            None => client.default_scope().clone(),
        }),
    }
}

/// Whom the token is for: what is asked for by `resource` (RFC 8707 §2) and `audience` (RFC 8693
/// §2.1) within the client's record, else the record's, else the realm's, else the dialect's default.
fn audience<'a>(
    request: &TokenRequest<'_>,
    client: &'a Client,
    realm: &'a Realm,
) -> Result<Vec<&'a str>, Rejection> {
    let mut allowed = client
        .audience
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>();
    if allowed.is_empty() {
        allowed.extend(realm.audience.iter().map(String::as_str));
    }
    if allowed.is_empty() {
        allowed.push(match realm.dialect.default_audience {
            DefaultAudience::Issuer => realm.issuer.as_str(),
            DefaultAudience::Client => client.client_id.as_str(),
        });
    }
    let mut requested = Vec::new();
    for target in request
        .form
        .values("resource")
        .chain(request.form.values("audience"))
    {
        let known = allowed.iter().find(|known| **known == target);
        let target = *known.ok_or(Rejection::UnknownTarget)?;
        if !requested.contains(&target) {
            requested.push(target);
        }
    }
    Ok(if requested.is_empty() {
        allowed
    } else {
        requested
    })
}
