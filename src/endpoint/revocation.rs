//! Token revocation (RFC 7009): a client says that it needs a token no more, or has lost it.

use super::caller;
use crate::client::Client;
use crate::context::Context;
use crate::error::{Failure, Rejection};
use crate::family::act::RevokeRefresh;
use crate::family::{RefreshToken, Refusal};
use crate::http::{Request, Response};
use crate::realm::Realm;
use crate::store::Store;
use crate::token::access_token::AccessToken;
use crate::token::issue::verify_id_token_hint;

/// Revokes a token of the client that asks. What is not good already needs no more (§2.2).
///
/// # Errors
/// [`Failure`]: the answer is 200 only when nothing is left to store.
pub async fn respond<S: Store>(
    request: &Request<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Response, Failure> {
    // 1. The token and the client (§2.1), which a public one only names.
    let form = super::form(request, realm)?;
    let token = form.value("token").ok_or(super::NO_TOKEN)?;
    let client = caller::authenticate(request, &form, realm, context).await?;
    let revoked = match RefreshToken::parse(token) {
        Ok(token) => refresh_token(token, &client, realm, context).await,
        // Neither of which it can be told.
        Err(Refusal::LaterFormat) => Err(Refusal::LaterFormat.into()),
        Err(_) => access_token(token, &client, realm, context).await,
    };
    if_good(revoked, context)?;
    context.audit.done = Some("revoked");
    Ok(Response::not_stored(200, "{}".to_owned()))
}

/// Revokes a refresh token, and takes its family along: access tokens included, as far as they are
/// asked about.
///
/// # Errors
/// [`Failure`].
pub(super) async fn refresh_token<S: Store>(
    RefreshToken { family, part }: RefreshToken,
    client: &Client,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<(), Failure> {
    caller::count_public(client, family, realm, context).await?;
    let revoke = RevokeRefresh {
        token: part,
        client_id: client.client_id.clone(),
    };
    context.act(realm, family, revoke).await
}

/// Revokes an access token: its name is remembered until it would have ended.
async fn access_token<S: Store>(
    token: &str,
    client: &Client,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<(), Failure> {
    match AccessToken::verify(realm, token, context.now) {
        Ok(token) if token.client_id != client.client_id => Err(Refusal::OtherClient.into()),
        Ok(token) => {
            // That it was revoked before is no error.
            let mark = token.mark(realm);
            context.consume(&mark).await?;
            context.audit.jti = Some(token.jti);
            Ok(())
        }
        Err(_) if verify_id_token_hint(realm, token).is_some() => {
            Err(Rejection::UnsupportedTokenType.into())
        }
        Err(unknown) => Err(unknown.into()),
    }
}

/// What was not good before is nobody's concern any more: the log says why.
///
/// # Errors
/// [`Failure`]: a good token of another client's, one that cannot be revoked, or a fault.
pub(super) fn if_good<S>(
    revoked: Result<(), Failure>,
    context: &mut Context<'_, S>,
) -> Result<(), Failure> {
    match revoked {
        Err(Failure::Rejection(
            why @ (Rejection::InvalidAccessToken(_)
            | Rejection::Refused(Refusal::Unknown | Refusal::Expired)),
        )) => {
            context.audit.refused = Some(why.to_string());
            Ok(())
        }
        revoked => revoked,
    }
}
