//! Client registration (RFC 7591 §3): who has an initial access token registers clients, within what
//! the realm lets them ask for.

use serde_json::Value;

use super::caller;
use crate::client::registration::{SCOPE, information};
use crate::client::{ClientSecret, ClientSecretHash, StoredSecret};
use crate::context::Context;
use crate::error::{Failure, Fault, Rejection};
use crate::grant_type::GrantType;
use crate::http::{Request, Response};
use crate::json::put;
use crate::name::ClientId;
use crate::realm::Realm;
use crate::store::Store;

/// Registers a client.
///
/// # Errors
/// [`Failure`].
pub async fn respond<S: Store>(
    request: &Request<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Response, Failure> {
    let policy = realm.registration.as_ref().ok_or(Rejection::UnknownPath)?;
    // 1. The initial access token (§3): of this realm, for it, for this, and of a client itself.
    let (token, standing) = caller::access_token(request, realm, context).await?;
    if !token.is_for(&[realm.issuer.as_str().to_owned()]) {
        return Err(Rejection::InvalidAccessToken("not for this service").into());
    }
    if !token.scope.contains(SCOPE) {
        return Err(Rejection::InsufficientScope(SCOPE).into());
    }
    let by = standing.client;
    let person = standing.family.and_then(|family| family.grant.person);
    if person.is_some() || !token.is_of(&by) {
        return Err(Rejection::VoidByRecord("a person's").into());
    }
    // 2. Whoever got it may still use it, and gets tokens for itself at all.
    if !by.scope.contains(SCOPE) || !by.may_use(GrantType::ClientCredentials.name()) {
        return Err(Rejection::VoidByRecord("its client may not register any more").into());
    }
    let by = &by.client_id;
    context.audit.client_id = Some(by.to_string());
    // 3. The metadata (§2), an id and a secret.
    let metadata = super::object(request)?;
    let id = ClientId::parse(&context.uuid()?.to_string());
    let id = id.ok_or_else(|| Fault::Runtime("no id could be made".to_owned()))?;
    let by = format!("client {by}");
    let (mut client, ignored_keys) = policy
        .register(metadata, id, by, context.now)
        .map_err(Rejection::from)?;
    context.audit.ignored_keys = ignored_keys;
    let mut secret = None;
    if client.token_endpoint_auth_method.uses_secret() {
        let made = ClientSecret::generate(&context.random()?);
        let [a, b, c, d] = context.random()?;
        client.secrets.push(StoredSecret {
            id: format!("{:08x}", u32::from_be_bytes([a, b, c, d])),
            hash: ClientSecretHash::of_generated(&made, context.random()?),
            not_before: None,
            expires_at: None,
        });
        secret = Some(made);
    }
    // 4. It is stored, and told with its secret this once (§3.2.1).
    context.store.register(&realm.name, &client).await?;
    context.audit.registered = Some(client.client_id.to_string());
    context.audit.done = Some("registered");
    let mut information = information(&client);
    if let Some(secret) = secret {
        put(&mut information, "client_secret", secret.reveal().into());
        put(&mut information, "client_secret_expires_at", 0.into());
    }
    Ok(Response::not_stored(
        201,
        Value::Object(information).to_string(),
    ))
}
