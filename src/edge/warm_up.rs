//! Requests that no caller sent, when an isolate starts.
//!
//! The runtime compiles each wasm function when it is first called, and the table of the P-256
//! generator is built at the first signature: together more CPU than a request may take on the
//! Free plan. So a made-up client gets a few tokens, from made-up storage, with a key that anybody
//! can guess; the answers go nowhere. `tests/e2e/start.mjs` measures what it saves.
//!
//! Nothing of the runtime is called: a panic here would keep the Worker from starting.

use futures_util::FutureExt as _;

use super::respond;
use super::store::EdgeStore;
use crate::client::{ClientSecret, ClientSecretHash};
use crate::http::Request;
use crate::jose::SigningKey;
use crate::service::Service;
use crate::store::Memory;
use crate::time::UnixTime;

/// How often it is served: until the runtime has optimised what every signature needs.
const ROUNDS: u32 = 34;
const NOW: UnixTime = UnixTime::from_seconds(1);
const REALMS: &str = r#"{"default":{"issuer":"https://localhost","scopes":"read"}}"#;

/// Serves the made-up request, as far as it goes.
pub(super) fn run() -> Option<()> {
    let signing_keys = made_up_signing_keys()?;
    let variables = [("REALMS".to_owned(), REALMS.to_owned())];
    let service = Service::new(&variables, &|name| {
        (name == "SIGNING_KEYS").then(|| signing_keys.clone())
    });
    let request = Request {
        method: "POST",
        authority: "localhost",
        path: "/token",
        authorization: Some("Basic d2FybS11cDp3YXJtLXVw"),
        content_type: Some("application/x-www-form-urlencoded"),
        body: b"grant_type=client_credentials&scope=read",
        ..Request::default()
    };
    let store = EdgeStore::MadeUp(made_up_record()?, Memory::default());
    let random = |_: &mut [u8]| Ok(());
    for _ in 0..ROUNDS {
        let reply = respond(&service, request, NOW, &random, &store).now_or_never();
        std::hint::black_box(reply?);
    }
    Some(())
}

fn made_up_signing_keys() -> Option<String> {
    let key = SigningKey::generate(&[1; 32], NOW, UnixTime::from_seconds(u64::from(u32::MAX)))?;
    let jwk = serde_json::to_string(&key.to_private_jwk()).ok()?;
    Some(format!(r#"{{"keys":[{jwk}]}}"#))
}

/// The record of the client `warm-up`, whose secret is `warm-up`.
fn made_up_record() -> Option<String> {
    let secret = ClientSecret::new("warm-up".to_owned());
    let hash = ClientSecretHash::of_generated(&secret, [0; 16]);
    let hash = serde_json::to_string(&hash).ok()?;
    Some(format!(
        r#"{{"version":1,"client_id":"warm-up","grant_types":["client_credentials"],"scope":"read",
            "token_endpoint_auth_method":"client_secret_basic",
            "secrets":[{{"id":"","hash":{hash}}}],"updated_at":1,"updated_by":""}}"#
    ))
}
