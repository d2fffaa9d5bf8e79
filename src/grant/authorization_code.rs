//! The authorization code grant (RFC 6749 §4.1.3, RFC 7636 §4.5): a client redeems the code that a
//! browser brought.

use super::{
    Outcome, TokenRequest, TokenResponse, allowed_audience, ask_family, issue, lifetime, owned,
    refresh_policy, requested_audience,
};
use crate::client::Client;
use crate::context::Context;
use crate::error::{Failure, Rejection};
use crate::family::Handle;
use crate::family::act::Redeem;
use crate::proof::confirmation::Confirmation;
use crate::realm::Realm;
use crate::store::Store;

/// Runs the grant. The family decides what RFC 6749 §4.1.3 and RFC 7636 §4.6 ask, in one step with
/// the use of the code; all that can fail for other reasons comes before.
pub(super) async fn run<S: Store>(
    request: &TokenRequest<'_>,
    client: &Client,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<TokenResponse, Failure> {
    // 1. The parameters (RFC 6749 §4.1.3). What is no code is an unknown one.
    let code = request
        .form
        .value("code")
        .ok_or(Rejection::InvalidRequest("The parameter code is missing."))?;
    let Handle { family, secret } = Handle::parse(code)?;
    // 2. The audience, within what the client may have (RFC 8707 §2.2), and a key to sign with.
    let audience = requested_audience(request.form, client, realm)?;
    let lifetime = lifetime(client, realm);
    realm.signing_key(context.now, lifetime)?;
    // 3. The code is used, and the first refresh token made.
    let text = |name| request.form.value(name).map(str::to_owned);
    let redeem = Redeem {
        code: secret,
        client_id: client.client_id.clone(),
        redirect_uri: text("redirect_uri"),
        redirect_uri_optional: realm.dialect.redirect_uri_optional,
        code_verifier: text("code_verifier"),
        audience,
        allowed_audience: owned(allowed_audience(client, realm)),
        access_until: context.now.plus(lifetime),
        refresh: refresh_policy(client, realm),
        confirmation: request.confirmation.clone(),
        // A client that authenticates is bound by that (RFC 9449 §5, RFC 8705 §4).
        refresh_confirmation: match client.is_confidential() {
            true => Confirmation::default(),
            false => request.confirmation.clone(),
        },
    };
    let granted = ask_family(family, redeem, client, realm, context).await?;
    // 4. The tokens (RFC 6749 §4.1.4).
    let outcome = Outcome::by_family(family, granted);
    issue(request, outcome, client, realm, context)
}
