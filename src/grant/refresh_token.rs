//! The refresh token grant (RFC 6749 §6), with rotation (RFC 9700 §4.14.2).

use super::{
    Outcome, TokenRequest, TokenResponse, added_scope, allowed_audience, ask_family, hidden_scope,
    issue, lifetime, owned, requested_audience,
};
use crate::client::Client;
use crate::context::Context;
use crate::error::{Failure, Rejection};
use crate::family::RefreshToken;
use crate::family::act::RefreshTokens;
use crate::realm::Realm;
use crate::scope::ScopeSet;
use crate::store::Store;

/// Runs the grant. The family decides, in one step with the rotation; all that can fail for other
/// reasons comes before.
pub(super) async fn run<S: Store>(
    request: &TokenRequest<'_>,
    client: &Client,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<TokenResponse, Failure> {
    // 1. The parameters. What is no refresh token is an unknown one.
    let token = request
        .form
        .value("refresh_token")
        .ok_or(Rejection::InvalidRequest(
            "The parameter refresh_token is missing.",
        ))?;
    let RefreshToken { family, part } = RefreshToken::parse(token)?;
    let scope = request.form.value("scope").map(ScopeSet::parse).transpose();
    let scope = scope.map_err(|_| Rejection::MalformedScope)?;
    let scope = scope.map(|scope| scope.without(&hidden_scope(client, realm)));
    // 2. The audience, within what the client may have (RFC 8707 §2.2), and a key to sign with.
    let audience = requested_audience(request.form, client, realm)?;
    let lifetime = lifetime(client, realm);
    realm.signing_key(context.now, lifetime)?;
    // 3. The token is used, and its successor made.
    let refresh = RefreshTokens {
        token: part,
        client_id: client.client_id.clone(),
        scope,
        added_scope: Some(added_scope(client, realm)),
        audience,
        allowed_audience: owned(allowed_audience(client, realm)),
        access_until: context.now.plus(lifetime),
        policy: realm.refresh_policy(client),
        confirmation: request.confirmation.clone(),
    };
    let granted = ask_family(family, refresh, client, realm, context).await?;
    // 4. The tokens.
    let outcome = Outcome::by_family(family, granted);
    issue(request, outcome, client, realm, context)
}
