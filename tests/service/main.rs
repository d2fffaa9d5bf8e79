//! The whole HTTP surface, natively: requests in, answers and log lines out, over a
//! [`MemoryStore`] that fails where it is told to.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may stop at what they do not expect"
)]

mod after;
mod assertions;
mod certificates;
mod client_auth;
mod configuration;
mod dialects;
mod documents;
mod dpop;
mod exchange;
mod failures;
mod framing;
mod grant;
mod jwt_bearer;
mod key_warnings;
mod kinds;
mod lessons;
mod limits;
mod lines;
mod outage;
mod people;
mod realms;
mod registration;
mod secrecy;
mod security;
mod signed;
mod trusted_issuers;
mod verifier;

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edge_token::client::{Client, ClientSecret, ClientSecretHash, StoredSecret};
use edge_token::context::FillRandom;
use edge_token::http::{Request, Response};
use edge_token::jose::SigningKey;
use edge_token::jose::es256::Es256;
use edge_token::name::{ClientId, RealmName};
use edge_token::proof::certificate::{ClientCertificate, Connection};
use edge_token::scope::ScopeSet;
use edge_token::service::{Log, Service};
use edge_token::store::{MemoryStore, Store, StoreError};
use edge_token::time::UnixTime;
use jwt_compact::{AlgorithmExt, UntrustedToken};
use serde_json::{Value, json};

/// The moment of every request that names no other.
const NOW: u64 = 1_800_000_000;
const ISSUER: &str = "https://auth.example/realms/default";
const SECRET: &str = "correct horse battery staple";
const CLIENT_SECRETS_KEY: &str = "0123456789abcdef0123456789abcdef";

/// A service under test with its storage.
struct Fixture {
    service: Service,
    store: MemoryStore,
    now: UnixTime,
    seen: secrecy::Seen,
}

/// An answer under test.
struct Answer {
    response: Response,
    log: Option<Log>,
}

impl Fixture {
    /// One realm named `default`, one good key, and the client `app` with [`SECRET`].
    fn new() -> Self {
        let fixture = Self::configured(json!({ "default": { "issuer": ISSUER } }), &secrets());
        fixture.register("app", |_| ());
        fixture
    }

    fn configured(realms: Value, secrets: &HashMap<&str, String>) -> Self {
        Self::with_variables(&[("REALMS", realms.to_string())], secrets)
    }

    fn with_variables(variables: &[(&str, String)], secrets: &HashMap<&str, String>) -> Self {
        let variables = variables
            .iter()
            .map(|(name, text)| ((*name).to_owned(), text.clone()));
        let service = Service::new(&variables.collect::<Vec<_>>(), &|name| {
            secrets.get(name).cloned()
        });
        Self {
            service,
            store: MemoryStore::default(),
            now: UnixTime::from_seconds(NOW),
            seen: secrecy::Seen::configured(secrets),
        }
    }

    /// Registers a client in the realm `default` that may use client_credentials for `read write`,
    /// changed as `change` has it.
    fn register(&self, id: &str, change: impl FnOnce(&mut Client)) {
        self.register_in("default", id, change);
    }

    /// The same in another realm.
    fn register_in(&self, realm: &str, id: &str, change: impl FnOnce(&mut Client)) {
        let id = ClientId::parse(id).unwrap();
        let mut client = Client::new(id.clone(), self.now, "test".to_owned());
        client.grant_types = vec!["client_credentials".to_owned()];
        client.scope = ScopeSet::parse("read write").unwrap();
        client.secrets = vec![stored_secret("s1", SECRET)];
        change(&mut client);
        let record = serde_json::to_string(&client).unwrap();
        self.store
            .put(&RealmName::parse(realm).unwrap(), &id, Ok(record));
    }

    /// Puts a record, or the failure to read it, in the realm `default`.
    fn put(&self, id: &ClientId, record: Result<String, StoreError>) {
        self.store
            .put(&RealmName::parse("default").unwrap(), id, record);
    }

    fn send(&self, request: &Request<'_>) -> Answer {
        self.send_with("auth.example", request, &|octets| {
            octets.fill(0x5a);
            Ok(())
        })
    }

    fn send_with(
        &self,
        authority: &str,
        request: &Request<'_>,
        fill_random: FillRandom<'_>,
    ) -> Answer {
        let request = Request {
            authority,
            ..*request
        };
        self.send_over(&self.store, &request, fill_random)
    }

    /// Sends over another store. Whatever comes, no secret is in the log or in an error.
    fn send_over(
        &self,
        store: &impl Store,
        request: &Request<'_>,
        fill_random: FillRandom<'_>,
    ) -> Answer {
        self.seen.request(request);
        let reply = self.service.respond(request, self.now, fill_random, store);
        let reply = pollster::block_on(reply);
        self.seen.answer(&reply.response, reply.log.as_ref());
        if let Some(log) = &reply.log {
            lines::check(log);
        }
        Answer {
            response: reply.response,
            log: reply.log,
        }
    }

    /// A token request of the client `app` with that form after its grant type.
    fn token(&self, form: &str) -> Answer {
        self.token_as(
            &basic("app", SECRET),
            &format!("grant_type=client_credentials{form}"),
        )
    }

    fn token_as(&self, authorization: &str, body: &str) -> Answer {
        self.send(&Request {
            authorization: Some(authorization).filter(|text| !text.is_empty()),
            ..post("/token", body)
        })
    }

    fn get(&self, path: &str) -> Answer {
        self.send(&Request {
            method: "GET",
            path,
            ..Request::default()
        })
    }
}

impl Answer {
    fn status(&self) -> u16 {
        self.response.status
    }

    fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self
            .response
            .headers
            .iter()
            .find(|(known, _)| *known == name)?;
        Some(value)
    }

    /// All that is sent.
    fn sent(&self) -> String {
        let Response { headers, body, .. } = &self.response;
        format!("{headers:?} {body}")
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.response.body).expect(&self.response.body)
    }

    /// Status and `error`.
    fn error(&self) -> (u16, String) {
        (
            self.status(),
            self.json()["error"].as_str().unwrap_or_default().to_owned(),
        )
    }

    /// The line of the log.
    fn log(&self) -> Value {
        match self.log.as_ref().expect("a line in the log") {
            Log::Info(line) | Log::Warning(line) | Log::Error(line) => {
                serde_json::from_str(line).unwrap()
            }
        }
    }

    fn reason(&self) -> String {
        self.log()["reason"].as_str().unwrap_or_default().to_owned()
    }

    /// Header and claims of the access token, its signature verified with the key of [`secrets`].
    fn access_token(&self) -> (Value, Value) {
        assert_eq!(self.status(), 200, "{}", self.response.body);
        let token = self.json()["access_token"].as_str().unwrap().to_owned();
        let key = *p256::ecdsa::SigningKey::from_slice(&[1; 32])
            .unwrap()
            .verifying_key();
        let untrusted = UntrustedToken::new(&token).unwrap();
        Es256.validator::<Value>(&key).validate(&untrusted).unwrap();
        let part = |index: usize| {
            let part = token.split('.').nth(index).unwrap();
            let octets = base64::engine::general_purpose::URL_SAFE_NO_PAD
                .decode(part)
                .unwrap();
            serde_json::from_slice(&octets).unwrap()
        };
        (part(0), part(1))
    }

    fn claims(&self) -> Value {
        self.access_token().1
    }
}

/// The secrets of a well-configured Worker: one key, good from long before to long after [`NOW`].
fn secrets() -> HashMap<&'static str, String> {
    HashMap::from([
        (
            "SIGNING_KEYS",
            jwk_set(&[&key(1, NOW - 1000, NOW + 1_000_000)]),
        ),
        ("CLIENT_SECRETS_KEY", CLIENT_SECRETS_KEY.to_owned()),
    ])
}

fn key(octet: u8, not_before: u64, expiration: u64) -> SigningKey {
    let [not_before, expiration] = [not_before, expiration].map(UnixTime::from_seconds);
    SigningKey::generate(&[octet; 32], not_before, expiration).unwrap()
}

fn jwk_set(keys: &[&SigningKey]) -> String {
    let keys = keys
        .iter()
        .map(|key| serde_json::to_value(key.to_private_jwk()).unwrap());
    json!({ "keys": keys.collect::<Vec<_>>() }).to_string()
}

fn stored_secret(id: &str, secret: &str) -> StoredSecret {
    let hash = ClientSecretHash::of_generated(&ClientSecret::new(secret.to_owned()), [7; 16]);
    StoredSecret {
        id: id.to_owned(),
        hash,
        not_before: None,
        expires_at: None,
    }
}

/// A connection in whose handshake that certificate was shown.
fn connection<'a>(certificate: &'a Option<ClientCertificate<'_>>) -> Option<&'a dyn Connection> {
    certificate.as_ref().map(|certificate| certificate as _)
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

fn post<'a>(path: &'a str, body: &'a str) -> Request<'a> {
    Request {
        method: "POST",
        path,
        content_type: Some("application/x-www-form-urlencoded"),
        body: body.as_bytes(),
        ..Request::default()
    }
}
