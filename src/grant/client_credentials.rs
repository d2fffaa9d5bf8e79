//! The client credentials grant (RFC 6749 §4.4): a client asks for itself.

use super::{
    Outcome, TokenRequest, TokenResponse, issue, lifetime, refresh_policy, requested_audience,
    scope,
};
use crate::client::Client;
use crate::context::Context;
use crate::error::Failure;
use crate::family::act::Begin;
use crate::family::{Family, FamilyId, Grant, IssuedRefresh, OFFLINE_ACCESS, RefreshPolicy};
use crate::realm::Realm;
use crate::store::Store;

/// Runs the grant, in the order of RFC 6749 §4.4.2 and §4.4.3. Storage is asked only for a refresh
/// token.
pub(super) async fn run<S: Store>(
    request: &TokenRequest<'_>,
    client: &Client,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<TokenResponse, Failure> {
    // 1. "The client authentication is used as the authorization grant" (§4.4): nothing to check. The
    //    scope (§3.3) and the audience (RFC 8707 §2.2), narrowed to what the client may have.
    let grant = Grant {
        scope: scope(request.form, client, realm)?,
        audience: requested_audience(request.form, client, realm)?,
        person: None,
    };
    // 2. "A refresh token SHOULD NOT be included" (§4.4.3), but some dialects do.
    let policy = refresh_policy(client, realm)
        .filter(|_| realm.dialect.refreshes_client_credentials)
        .filter(|_| grant.scope.contains(OFFLINE_ACCESS));
    let (family, refresh) = match policy {
        Some(policy) => begin(&grant, &policy, client, realm, context).await?,
        None => (None, None),
    };
    // 3. The token, for the client itself (RFC 9068 §2.2: `sub` is then the client).
    let outcome = Outcome {
        family,
        refresh,
        ..Outcome::of(grant)
    };
    issue(request, outcome, client, realm, context)
}

/// Begins a family with its first refresh token.
async fn begin<S: Store>(
    grant: &Grant,
    policy: &RefreshPolicy,
    client: &Client,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<(Option<FamilyId>, Option<IssuedRefresh>), Failure> {
    let lifetime = lifetime(client, realm);
    realm.signing_key(context.now, lifetime)?;
    let id = context.family_id(realm)?;
    let (family, refresh) = Family::granted(
        context.secret()?,
        client.client_id.clone(),
        grant.clone(),
        &context.secret()?,
        policy,
        context.now.plus(lifetime),
        context.now,
    );
    context.act(realm, id, Begin { family }).await?;
    Ok((Some(id), Some(refresh)))
}
