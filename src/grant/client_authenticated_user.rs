//! light-oauth2's grant `client_authenticated_user`: a client that the operator trusts says which
//! person it has authenticated itself. No RFC has it.

use serde_json::Map;

use super::{Outcome, TokenRequest, TokenResponse, issue_for, requested_audience, scope};
use crate::client::Client;
use crate::context::Context;
use crate::error::{Failure, Rejection};
use crate::family::Grant;
use crate::json::put;
use crate::person::{Person, is_short, is_sub};
use crate::realm::Realm;

/// Runs the grant. Storage is not asked.
pub(super) fn run<S>(
    request: &TokenRequest<'_>,
    client: &Client,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<TokenResponse, Failure> {
    let form = request.form;
    // 1. The client is trusted with it.
    if !client.trusted {
        return Err(Rejection::NotTrusted.into());
    }
    // 2. The person.
    let sub = form.value("userId").filter(|text| is_sub(text));
    let sub = sub.ok_or(Rejection::InvalidRequest(
        "The parameter userId must be 1 to 255 ASCII characters.",
    ))?;
    let user_type = form.value("userType").filter(|text| is_short(text));
    let user_type = user_type.ok_or(Rejection::InvalidRequest(
        "The parameter userType must be 1 to 255 octets.",
    ))?;
    let mut claims = Map::new();
    put(&mut claims, "user_type", user_type.into());
    if let Some(roles) = form.value("roles") {
        put(&mut claims, "roles", roles.into());
    }
    let person = Person {
        sub: sub.to_owned(),
        claims,
        auth_time: None,
        acr: None,
    };
    // 3. The scope and the audience, narrowed to what the client may have.
    let grant = Grant {
        scope: scope(form, client, realm)?,
        audience: requested_audience(form, client, realm)?,
        person: Some(person),
    };
    // 4. Claims of the client's own, of those that the realm lets it set.
    let mut claims = Map::new();
    for name in &realm.user_claims {
        if let Some(value) = form.value(name) {
            put(&mut claims, name, value.into());
        }
    }
    // 5. The token.
    let outcome = Outcome {
        claims,
        ..Outcome::of(grant)
    };
    issue_for(request, outcome, client, realm, context)
}
