//! The client credentials grant (RFC 6749 §4.4): a client asks for itself.

use super::{TokenRequest, TokenResponse, audience, scope};
use crate::access_token::AccessToken;
use crate::client::Client;
use crate::context::Context;
use crate::error::Failure;
use crate::realm::Realm;

/// Runs the grant, in the order of RFC 6749 §4.4.2 and §4.4.3. Storage is not asked.
pub(super) fn run<S>(
    request: &TokenRequest<'_>,
    client: &Client,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<TokenResponse, Failure> {
    // 1. "The client authentication is used as the authorization grant": nothing more to check.
    // 2. The scope (§3.3) and the audience (RFC 8707 §2.2), narrowed to what the client may have.
    let scope = scope(request, client, realm)?;
    let audience = audience(request, client, realm)?;
    // 3. The token, for the client itself (RFC 9068 §2.2: `sub` is then the client).
    let lifetime = client.access_token_ttl.unwrap_or(realm.access_token_ttl);
    let token = AccessToken {
        subject: client.subject(),
        audience,
        scope,
        lifetime,
    };
    // 4. "A refresh token SHOULD NOT be included" (§4.4.3).
    Ok(TokenResponse(token.issue(realm, client, context)?))
}
