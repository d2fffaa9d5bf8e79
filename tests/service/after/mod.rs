//! What becomes of tokens after they are issued: RFC 7662, RFC 7009, not-before moments, and the
//! grants and parameters that came with them.

mod examples;
mod failures;
mod framing;
mod inactive;
mod introspection;
mod lessons;
mod not_before;
mod resources;
mod revocation;
mod trusted_user;

use std::cell::{Cell, RefCell};

use edge_token::auth_method::AuthMethod;
use edge_token::store::Store;

use super::people::{Asked, CALLBACK, PKCE, People, VERIFIER, claims_of, encoded, invalid_grant};
use super::signed::*;
use super::*;

/// The audience of `app`'s tokens, for which the client `api` answers.
const API: &str = "urn:api";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const TRUSTED_USER: &str = "client_authenticated_user";
const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";
pub(super) const DIALECTS: [&str; 4] = ["rfc9068", "keycloak", "screening-eagle", "light-oauth2"];

/// A realm with people in a dialect, with more members, and these clients:
///
/// - `app`, confidential, and `spa`, public, have tokens for [`API`];
/// - `machine` has them for itself;
/// - `api` answers for [`API`] and may exchange;
/// - `inspector` may know of every token, `other` of none.
pub(super) fn realm(dialect: &str, more: Value) -> People {
    let mut members = json!({
        "dialect": dialect, "introspection_clients": ["inspector"],
        "registration": { "grant_types": ["client_credentials"], "auth_methods": ["client_secret_basic"], "scopes": "read" },
    });
    members
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let mut people = People::with(members);
    people.place = match dialect {
        "keycloak" => keycloak,
        "screening-eagle" => screening_eagle,
        "light-oauth2" => light_oauth2,
        _ => |path| format!("/realms/default{path}"),
    };
    for id in ["app", "spa", "machine"] {
        people.register(id, |client| {
            client.audience = vec![API.to_owned()];
            if id == "spa" {
                make_public(client);
            }
            if id == "machine" {
                client.grant_types = vec!["client_credentials".into(), "refresh_token".into()];
            }
        });
    }
    people.register("api", |client| {
        client.grant_types = vec![EXCHANGE.to_owned()];
        client.resources = vec![API.to_owned()];
        client.audience = vec![API.to_owned(), "urn:next".to_owned()];
    });
    for id in ["inspector", "other"] {
        people.register(id, |client| client.grant_types.clear());
    }
    people
}

fn keycloak(path: &str) -> String {
    match path {
        "/register" => "/realms/default/clients-registrations/openid-connect".to_owned(),
        "/introspect" => keycloak("/token/introspect"),
        "/par" => keycloak("/ext/par/request"),
        path => {
            let path = path.replacen("/authorize", "/auth", 1);
            format!("/realms/default/protocol/openid-connect{path}")
        }
    }
}

fn screening_eagle(path: &str) -> String {
    match path {
        "/token" => "/api/id/v1/auth/token".to_owned(),
        path => format!("/realms/default{path}"),
    }
}

fn light_oauth2(path: &str) -> String {
    match (path, path.strip_prefix("/authorize")) {
        ("/token", _) => "/oauth2/token".to_owned(),
        (_, Some(rest)) => format!("/oauth2/code{rest}"),
        _ => format!("/realms/default{path}"),
    }
}

fn make_public(client: &mut Client) {
    client.secrets.clear();
    client.token_endpoint_auth_method = AuthMethod::None;
}

fn inactive() -> Value {
    json!({ "active": false })
}

fn invalid_client() -> (u16, String) {
    (401, "invalid_client".into())
}

fn unavailable() -> (u16, String) {
    (503, "temporarily_unavailable".into())
}

impl People {
    /// A POST of a form by a client with its secret.
    fn post_as(&self, id: &str, path: &str, form: &str) -> Answer {
        self.send(&Request {
            authorization: Some(&basic(id, SECRET)),
            ..post(path, form)
        })
    }

    fn introspect(&self, id: &str, token: &str) -> Answer {
        self.post_as(id, "/introspect", &format!("token={}", encoded(token)))
    }

    fn is_active(&self, token: &str) -> bool {
        let answer = self.introspect("inspector", token);
        assert_eq!(answer.status(), 200, "{}", answer.reason());
        answer.json()["active"].as_bool().unwrap()
    }

    fn revoke(&self, id: &str, token: &str) -> Answer {
        self.post_as(id, "/revoke", &format!("token={}", encoded(token)))
    }

    /// Tokens of a person for `app`.
    fn tokens(&self, scope: &str) -> Answer {
        let code = self.code("app", &format!("&scope={scope}"), json!({}));
        let tokens = self.redeem(&code, "");
        assert_eq!(tokens.status(), 200, "{}", tokens.reason());
        tokens
    }

    /// An access token of `machine` for itself.
    fn machine(&self) -> String {
        let answer = self.token("machine", "grant_type=client_credentials&scope=read");
        answer.text("access_token")
    }

    /// `api` exchanges a token that it got.
    fn exchange(&self, token: &str) -> Answer {
        let form = format!(
            "grant_type={EXCHANGE}&subject_token={token}&subject_token_type={ACCESS_TOKEN_TYPE}"
        );
        self.token("api", &form)
    }

    fn register_with(&self, token: &str) -> Answer {
        self.send(&Request {
            authorization: Some(&format!("Bearer {token}")),
            content_type: Some("application/json"),
            ..post("/register", r#"{"grant_types":["client_credentials"]}"#)
        })
    }

    /// Stores the not-before moments of the realm, or a text that is none.
    fn not_before(&self, record: impl ToString) {
        let store = &self.fixture.store;
        store.put_at("not-before/default".to_owned(), Ok(record.to_string()));
    }

    /// Sends over another store.
    fn send_over(&self, store: &impl Store, request: &Request<'_>) -> Answer {
        let path = (self.place)(request.path);
        let request = Request {
            authority: "auth.example",
            path: &path,
            ..*request
        };
        let fill_random = |octets: &mut [u8]| {
            self.draws.set(self.draws.get().wrapping_add(1));
            octets.fill(self.draws.get());
            Ok(())
        };
        self.fixture.send_over(store, &request, &fill_random)
    }

    /// A proof of [`CLIENT_KEY`] for a POST to the token endpoint, with a `jti` of its own.
    fn proof(&self, jti: &str) -> String {
        let url = format!("https://auth.example{}", (self.place)("/token"));
        let nonce = self.send(&Request {
            dpop: Some("x"),
            ..post("/token", "")
        });
        let nonce = nonce.header("dpop-nonce").unwrap().to_owned();
        Signed::proof(&url, &nonce).claim("jti", jti).text()
    }
}
